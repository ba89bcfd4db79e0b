"""The WebAssembly kernel is its source text, compiled, and has no relaxed instructions."""

import base64
import re

import pytest
from webassembly import MODULE, SOURCE, compile_kernel, javascript_module, strip_custom_sections

import charloom.network.exact as arithmetic


def test_the_module_is_the_compiled_source() -> None:
    kernel = compile_kernel()
    if kernel is None:
        pytest.skip("no compiler of WebAssembly is installed: apt install wabt")
    assert MODULE.read_text("utf-8") == javascript_module(kernel), "python tests/webassembly.py"


def test_no_instruction_may_fuse_a_product_and_a_sum() -> None:
    code = re.sub(r";;.*", "", SOURCE.read_text("utf-8"))
    assert "relaxed" not in code
    assert not re.search(r"madd|fma\b", code)


def test_the_constants_are_those_of_the_engine() -> None:
    code = SOURCE.read_text("utf-8")
    for name in ("INVERSE_LN2", "LN2_LOW", "Q1", "Q2", "Q3", "Q4"):
        bits = getattr(arithmetic, name).view("u4")
        assert f"i32x4 {' '.join([f'0x{bits:08x}'] * 4)}" in code
    assert str(float(arithmetic.LN2_HIGH)) in code
    assert "12582912" in code
    assert arithmetic.ROUND_TO_INTEGER == 12582912  # noqa: PLR2004


def test_custom_sections_are_stripped() -> None:
    text = "".join(re.findall(r'^  "(.*)"', MODULE.read_text("utf-8"), re.MULTILINE))
    kernel = base64.b64decode(text)
    named = kernel + b"\x00\x80\x01" + bytes(128)
    assert strip_custom_sections(named) == kernel == strip_custom_sections(kernel)
