"""Compile the WebAssembly kernel of the JavaScript engine, and write it as a JavaScript module.

    python tests/webassembly.py

Needs wat2wasm of wabt (Debian's package wabt) or the Python package wasmtime.
"""

import base64
import importlib
import shutil
import subprocess
import tempfile
import textwrap
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "src/charloom/exchange/javascript"
SOURCE: Final = FOLDER / "simd_kernel.wat"
MODULE: Final = FOLDER / "simd_bytes.js"
COLUMNS: Final = 94
_CUSTOM: Final = 0
"""The id of sections without meaning for the program, such as names."""


def compile_kernel() -> bytes | None:
    """Return the compiled kernel without custom sections; None if no compiler is installed."""
    if shutil.which("wat2wasm"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kernel.wasm"
            subprocess.run(["wat2wasm", str(SOURCE), "-o", str(path)], check=True)
            return strip_custom_sections(path.read_bytes())
    try:
        wasmtime = importlib.import_module("wasmtime")
    except ModuleNotFoundError:
        return None
    return strip_custom_sections(bytes(wasmtime.wat2wasm(SOURCE.read_text("utf-8"))))


def strip_custom_sections(module: bytes) -> bytes:
    """Return a WebAssembly module without its custom sections.

    After 8 bytes, each section has an id, its size in LEB128 (7 bits a byte, lowest first), and its
    content.
    """
    result, position = module[:8], 8
    while position < len(module):
        begin, size, shift = position, 0, 0
        position += 1
        while True:
            byte = module[position]
            size |= (byte & 0x7F) << shift
            shift, position = shift + 7, position + 1
            if byte < 0x80:
                break
        position += size
        if module[begin] != _CUSTOM:
            result += module[begin:position]
    return result


def javascript_module(kernel: bytes) -> str:
    """Return the JavaScript module that holds a compiled kernel."""
    lines = textwrap.wrap(base64.b64encode(kernel).decode("ascii"), COLUMNS)
    return (
        "/** simd_kernel.wat, compiled and in base64. Written by tests/webassembly.py. */\n"
        "export const SIMD_KERNEL =\n" + " +\n".join(f'  "{line}"' for line in lines) + ";\n"
    )


if __name__ == "__main__":
    compiled = compile_kernel()
    if compiled is None:
        raise SystemExit("no compiler is installed: apt install wabt, or pip install wasmtime")
    MODULE.write_text(javascript_module(compiled), "utf-8")
