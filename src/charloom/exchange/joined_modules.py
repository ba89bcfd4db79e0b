"""ES modules joined to one script.

A page that is opened from disk cannot load other files. The modules of ``javascript``, ``page`` and
``embedded`` are written for it: a name is declared in one module only, imports are named and not
renamed, and a comment has lines of its own. Anything else raises ValueError.
"""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
"""The folder of the folders of modules."""
_IMPORT: Final = re.compile(r'^import (?:\{[\w, \n]+\} from )?"(\.[\w./]+\.js)";\n', re.MULTILINE)
_REEXPORT: Final = re.compile(r'^export \{[\w, \n]+\} from "(\.[\w./]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:function\*?|class|const|let) \w)", re.MULTILINE
)
_DECLARED: Final = re.compile(r"^(?:async )?(?:const|let|class|function\*?) (\w+)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^[ ]*(?:/\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_CAST: Final = re.compile(r"/\*\* @type [^\n]*?\*/ ?")
_BLANK_LINES: Final = re.compile(r"\n{2,}")
_LEFT_OVER: Final = re.compile(r"^(?:import|export)\b.*|\bimport\(.*", re.MULTILINE)


def join_modules(entry: str) -> str:
    """Return the code of a module and of all that it imports, without comments.

    ``entry`` is its path within ``exchange``, such as "page/program.js". An imported module comes
    before those that import it. The result is the text of a classic script, in strict mode.
    """
    codes: dict[Path, str] = {}
    _add((FOLDER / entry).resolve(), codes, ())
    code = "".join(codes.values())
    names = _DECLARED.findall(code)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"a name is declared in two modules: {', '.join(twice)}")
    if left := _LEFT_OVER.search(code):
        raise ValueError(f"a statement cannot be joined: {left.group(0)!r}")
    return '"use strict";\n' + _BLANK_LINES.sub("\n", code)


def _add(path: Path, codes: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in above:
        raise ValueError(f"{path.name} imports itself by way of {above[-1].name}")
    if path in codes:
        return
    code = _CAST.sub("", _COMMENT.sub("", path.read_text("utf-8")))
    for name in [*_IMPORT.findall(code), *_REEXPORT.findall(code)]:
        _add((path.parent / name).resolve(), codes, (*above, path))
    codes[path] = _EXPORT.sub("", _REEXPORT.sub("", _IMPORT.sub("", code)))
