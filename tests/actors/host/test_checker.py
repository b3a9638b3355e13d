"""The search of outputs in windows: the same answer as over the whole text."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.actors.host import checker

WINDOW, MARGIN = 40, 6

#: Patterns whose matches, with what they look at, span less than MARGIN.
PATTERNS = [
    "ab", "^ab$", "b$", "^b", r"\Aab", r"ab\Z", r"\Z", r"\A", "$^", "a(?!b)", "(?<!a)b", "(?<=^a)b", r"\bab\b", "a\nb",
    "aaaa", "^$", "c",
]  # fmt: skip


def pieces(text: str, sizes: list[int]) -> Iterator[str]:
    for size in sizes:
        yield text[:size]
        text = text[size:]
    yield text


@given(
    text=st.text(alphabet="ab\n ", max_size=300),
    sizes=st.lists(st.integers(0, 60), max_size=12),
    pattern=st.sampled_from(PATTERNS),
)
def test_windows_give_the_same_answer_as_the_whole(text: str, sizes: list[int], pattern: str) -> None:
    compiled = re.compile(pattern, re.MULTILINE)
    expected = compiled.search(text) is not None
    assert checker.is_found(compiled, pieces(text, sizes), WINDOW, MARGIN) == expected


@pytest.mark.parametrize("where", [0, WINDOW - 1, WINDOW, WINDOW + MARGIN - 1, WINDOW + MARGIN, 2 * WINDOW, 295])
@pytest.mark.parametrize("pattern", ["abc", "(?<=x)abc(?=x)", "x?abcx?"])
def test_a_match_is_found_wherever_it_is(where: int, pattern: str) -> None:
    text = "x" * where + "abc" + "x" * (300 - where)
    if where == 0 and pattern.startswith("(?<"):
        text = "x" + text
    assert checker.is_found(re.compile(pattern), pieces(text, [1] * 200), WINDOW, MARGIN)


def test_it_does_not_outlive_its_timeout_by_much_when_nobody_ends_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("a" * 60 + "b")
    job = {"out": str(out), "timeout_s": 1 - checker._LONGER_S, "pattern": "^(a|a)*$"}
    ran = subprocess.run([sys.executable, "-P", checker.__file__], input=json.dumps(job).encode(), check=False)
    assert ran.returncode == -signal.SIGALRM


def test_large_outputs_in_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "out"
    line = ("ü" * 50 + "\n").encode()
    path.write_bytes(line * 400_000 + b"the end")  # 40 MB
    tracemalloc.start()
    try:
        assert checker.pattern_fault("^the end$", str(path)) == ""
        assert checker.pattern_fault("^the beginning", str(path)) == "is not found in stdout"
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_an_output_that_grows_is_read_to_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")
    reading = checker.text_of(str(path))
    assert next(reading) == "before"
    path.write_text("before and after")
    assert "".join(reading) == ""
