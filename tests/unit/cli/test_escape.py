"""Nothing that a terminal would act on gets through; everything else does."""

import itertools
import unicodedata

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.escape import TerminalText, json_text, many_lines, one_line


def test_escape_sequences_become_visible():
    assert one_line("\x1b[2Jboo\x07") == "\\x1b[2Jboo\\x07"
    assert one_line("a\nb\tc\rd") == "a\\nb\\tc\\rd"
    assert one_line("\x9b31m") == "\\x9b31m"
    assert one_line("safe \u202eexe.txt") == "safe \\u202eexe.txt"
    assert one_line("a\U000e0041b") == "a\\U000e0041b"
    assert one_line("\udce9") == "\\udce9"


def test_ordinary_text_of_any_script_stays():
    for text in ("plain", "naïve – “quoted”", "日本語 한국어 العربية", "👩\u200d👩\u200d👧 ok", "a b"):
        assert one_line(text) == text


def test_many_lines_keeps_newlines_and_tabs():
    assert many_lines("a\r\n\tb\rc\n") == "a\n\tb\\rc\n"


@given(st.text())
def test_no_control_character_survives(text):
    shown = one_line(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
    lines = many_lines(text)
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in lines if c not in "\n\t")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_keeps_its_value(text):
    shown = json_text(msgspec.json.encode({"text": text}).decode())
    assert msgspec.json.decode(shown) == {"text": text}
    assert not any(unicodedata.category(character) == "Cc" for character in shown)
    assert "\u202e" not in shown


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_a_log_in_pieces_shows_the_same_as_whole(data, cuts):
    whole = TerminalText().feed(data, final=True)
    pieces = TerminalText()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    text = "".join(pieces.feed(data[a:b]) for a, b in itertools.pairwise(edges))
    assert text + pieces.feed(b"", final=True) == whole
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in whole if c not in "\n\t")
