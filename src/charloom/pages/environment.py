"""The environment of templates: a package's own, and the styles of all pages."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from charloom.formatting import escape_controls


def make_environment(package: str) -> Environment:
    """Return the environment of the folder ``templates`` of a package.

    Values are escaped. The filter ``visible`` shows control characters as escapes. Templates can
    include ``palette.css``, ``base.css`` and ``heat.css``.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("charloom.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = escape_controls
    return environment
