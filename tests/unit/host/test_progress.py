"""How far an attempt says that it is: whatever is in the file."""

import os

import pytest

from orch_actors.actors.host.progress import MAX_TEXT, Progress, read_progress


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"text": "half", "percent": 50}', Progress("half", 50.0)),
        (b'{"percent": 5}', Progress("", 5.0)),
        (b'{"text": "half", "percent": 500}', Progress('{"text": "half", "percent": 500}')),
        (b"one\ntwo\n\n", Progress("two")),
        (b"  a \t b\0c ", Progress("a b c")),
        (b"\xff\xfe", Progress("\ufffd\ufffd")),
        (b"x" * 9000, Progress("x" * MAX_TEXT)),
        (b"", None),
        (b" \n ", None),
        (b'{"text": ""}', None),
        (b"[" * 3000, Progress("[" * MAX_TEXT)),
    ],
)
def test_what_is_read(tmp_path, data, said):
    (tmp_path / "p").write_bytes(data)
    assert read_progress(str(tmp_path / "p")) == said


def test_what_is_no_file_says_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "none", "."):
        assert read_progress(str(tmp_path / name)) is None
