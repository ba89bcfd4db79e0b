import jinja2
import pytest

from charloom.pages.environment import make_environment


def test_values_are_escaped_and_controls_visible() -> None:
    environment = make_environment("charloom.report")
    template = environment.from_string("{{ a }} {{ b|visible }}")
    assert template.render(a="<b>&", b="\x1b[2J") == "&lt;b&gt;&amp; &lt;0x1B&gt;[2J"
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ a }}").render()


def test_every_package_has_the_common_styles() -> None:
    for package in ("charloom.report", "charloom.exchange"):
        environment = make_environment(package)
        for name in ("palette.css", "base.css", "heat.css"):
            assert environment.get_template(name).render()
