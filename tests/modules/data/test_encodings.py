"""The suggested encoding is that of the bytes; texts are long enough for statistics or plain."""

import pytest

from charloom.data.encodings import suggest_encoding, utf16_without_mark

RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья по-своему. "
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
CHINESE = "学而时习之,不亦说乎?有朋自远方来,不亦乐乎?人不知而不愠,不亦君子乎?"
POLISH = "Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig. Święta są piękne. "


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It\u2019s \u20ac 5", "cp1252"),
        ("na\u00efve \u00e9t\u00e9", "latin-1"),
        ("\u00e9t\u00e9 \u00e0 la pla\u00e7e, o\u00f9 \u00eatre f\u00eat\u00e9 " * 9, "latin-1"),
        ("\u201eSch\u00f6ne Gr\u00fc\u00dfe\u201c, \u00fcber \u20ac und \u00c4pfel " * 9, "cp1252"),
        (RUSSIAN * 3, "cp1251"),
        (RUSSIAN * 3, "koi8-r"),
        (JAPANESE * 3, "shift-jis"),
        (JAPANESE * 3, "euc-jp"),
        (CHINESE * 3, "gb18030"),
        (POLISH * 4, "cp1250"),
        (RUSSIAN, "utf-16"),
        ("plain", "utf-16-le"),
        ("plain", "utf-32"),
    ],
)
def test_the_suggestion_decodes_the_text(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    bad = next((n for n, byte in enumerate(content) if byte > 0x7F), 0)
    suggestion = suggest_encoding(content, content[bad:])
    assert content.decode(suggestion).removeprefix("\ufeff") == text


@pytest.mark.parametrize("head", [b"", b"a", b"plain", b"\0\0\0\0", b"a\0b", bytes(range(256))])
def test_other_bytes_are_not_taken_for_utf16(head: bytes) -> None:
    assert utf16_without_mark(head) is None
