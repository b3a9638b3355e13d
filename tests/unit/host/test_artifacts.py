"""What an attempt left of what it promised: what patterns find, references to it, and what is refused."""

import hashlib
import os
import subprocess

import pytest

from orch_actors.actors.host import artifacts
from orch_actors.actors.host.artifacts import NotKept, collect


class Stop(Exception):
    pass


def go_on():
    pass


@pytest.fixture
def folder(tmp_path):
    for name in ("dist/b.whl", "dist/a.whl", "dist/.hidden.whl", "dist/deep/c.whl", "dist/.git/d.whl", "notes [1].md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("dist/a.whl")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "broken.whl").symlink_to("gone")
    os.mkfifo(tmp_path / "dist/pipe.whl")
    return tmp_path


def names(folder, *patterns):
    return [os.path.relpath(file.path, folder) for file in collect(str(folder), patterns, go_on)]


def test_a_reference_is_path_digest_and_size(folder):
    (found,) = collect(str(folder), ["dist/a.whl"], go_on)
    assert found.path == str(folder / "dist/a.whl")
    assert found.sha256 == hashlib.sha256(b"dist/a.whl").hexdigest()
    assert found.size == 10


def test_a_file_of_many_pieces(folder):
    data = os.urandom(3 * 1024 * 1024 + 17)
    (folder / "large").write_bytes(data)
    (found,) = collect(str(folder), ["large"], go_on)
    assert (found.sha256, found.size) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("empty", ["empty"]),
        ("./dist/../empty", ["empty"]),
        ("link", ["link"]),
        ("notes [1].md", ["notes [1].md"]),
        ("dist/*.whl", ["dist/a.whl", "dist/b.whl"]),
        ("dist/[!b].whl", ["dist/a.whl"]),
        ("dist/?.whl", ["dist/a.whl", "dist/b.whl"]),
        ("dist/.*.whl", ["dist/.hidden.whl"]),
        ("d*/deep/*", ["dist/deep/c.whl"]),
        ("*/../empty", ["empty"]),
        ("circle/dist/a.*", ["circle/dist/a.whl"]),
        ("**/*.whl", ["dist/a.whl", "dist/b.whl", "dist/deep/c.whl"]),
        ("**/**//c.whl", ["dist/deep/c.whl"]),
        ("dist/**", ["dist/a.whl", "dist/b.whl", "dist/deep/c.whl"]),
    ],
)
def test_what_a_pattern_finds(folder, pattern, found):
    assert names(folder, pattern) == found
    assert names(folder, f"{folder}/{pattern}") == found


def test_each_file_once_in_the_patterns_order(folder):
    assert names(folder, "dist/b.whl", "dist/*.whl", "empty", "dist/./b.whl") == ["dist/b.whl", "dist/a.whl", "empty"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("gone", "artifact gone is not there"),
        ("broken.whl", "artifact broken.whl is not there"),
        ("dist", "artifact dist is a folder: name its files, such as dist/**"),
        ("dist/pipe.whl", "artifact dist/pipe.whl is no regular file"),
        ("*.tar", "artifact *.tar matches no file"),
        ("gone/*", "artifact gone/* matches no file"),
        ("empty/*", "artifact empty/* matches no file"),
        ("*.whl", "artifact *.whl matches no file"),
        ("a" * 5000, "cannot be looked at: File name too long"),
        ("a\0b", "cannot be looked at: "),
    ],
)
def test_a_promise_that_is_not_kept(folder, pattern, says):
    with pytest.raises(NotKept) as refused:
        names(folder, "empty", pattern)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", [b"line\nbreak", b"\xff", b"esc\x1b[2J", "a\u2028b".encode()])
def test_a_name_that_cannot_be_written_down(folder, name):
    (folder / os.fsdecode(b"odd-" + name)).touch()
    with pytest.raises(NotKept, match="no line of UTF-8") as refused:
        names(folder, "odd-*")
    assert str(refused.value).isprintable()


def test_bounds(folder, monkeypatch):
    with open(folder / "sparse", "wb") as file:
        file.truncate(artifacts.MOST_BYTES + 1)
    with pytest.raises(NotKept, match=r"17,179,869,185 bytes: at most"):
        names(folder, "sparse")
    for number in range(artifacts.MOST_FILES + 1):
        (folder / f"many-{number}").touch()
    with pytest.raises(NotKept, match="more than 200 files"):
        names(folder, "many-*")
    assert len(names(folder, "many-1*")) == 111
    monkeypatch.setattr(artifacts, "MOST_PATH_BYTES", 1000)
    with pytest.raises(NotKept, match="more than 1,000 bytes together"):
        names(folder, "many-1*")
    monkeypatch.setattr(artifacts, "MOST_LOOKED_AT", 100)
    with pytest.raises(NotKept, match="more than 100 files would be looked at"):
        names(folder, "*.md")


def test_a_deep_tree(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        with pytest.raises(NotKept, match="matches no file"):
            names(tmp_path, "**/x*")
    finally:  # Python's own rmtree, and so pytest's, is not up to it
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_what_changes_while_it_is_read(folder):
    large = folder / "large"
    large.write_bytes(b"x" * 3_000_000)
    looks = iter(range(100))

    def write_on():
        if next(looks) == 1:
            with large.open("ab") as file:
                file.write(b"y")

    with pytest.raises(NotKept, match="changed while it was read"):
        collect(str(folder), ["large"], write_on)


@pytest.mark.parametrize("pattern", ["large", "**/*.none"])
def test_it_stops_when_it_is_told(folder, pattern):
    (folder / "large").write_bytes(b"x" * 3_000_000)

    def stop():
        raise Stop

    with pytest.raises(Stop):
        collect(str(folder), [pattern], stop)
