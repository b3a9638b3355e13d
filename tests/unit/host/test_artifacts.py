"""What an attempt left of what it promised: what patterns find, references to it, and what is refused."""

import errno
import hashlib
import os
import subprocess

import pytest

from orch_actors.actors.host import artifacts
from orch_actors.actors.host.artifacts import NotKept, collect
from orch_actors.actors.host.copies import Copies


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


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(folder, tmp_path_factory):
    return Copies(str(tmp_path_factory.mktemp("home") / "a.1.left"), str(folder), 1000)


def left_in(folder, copies):
    root = os.path.normpath(copies.place_of(str(folder)))
    return sorted(os.path.join(where, name) for where, _, names in os.walk(root) for name in names)


def test_copies_stand_as_the_files_did(folder, copies, tmp_path_factory):
    apart = tmp_path_factory.mktemp("apart") / "b.bin"
    apart.write_bytes(b"apart")
    (folder / "dist/a.whl").chmod(0o755)
    found = collect(str(folder), ["dist/**", str(apart), "link"], go_on, copies)
    root = os.path.normpath(copies.place_of(str(folder)))
    assert [os.path.relpath(file.path, root) for file in found] == [
        "dist/a.whl", "dist/b.whl", "dist/deep/c.whl", f"_{apart}", "link",
    ]  # fmt: skip
    assert [file.source for file in found] == [
        *(str(folder / "dist" / name) for name in ("a.whl", "b.whl", "deep/c.whl")), str(apart), str(folder / "link"),
    ]  # fmt: skip
    for file in found:
        with open(file.path, "rb") as copy:
            data = copy.read()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.size)
        assert os.stat(file.path).st_mode & 0o777 == (0o500 if file.path.endswith(("a.whl", "link")) else 0o400)
    (folder / "dist/b.whl").write_text("another")
    with open(found[1].path) as copy:
        assert copy.read() == "dist/b.whl"


def test_copies_are_whole_or_none(folder, copies):
    (folder / "large").write_bytes(b"x" * 1001)
    with pytest.raises(NotKept, match=r"1,001 bytes, and at most 1,000 are copied: .*copies_limit"):
        collect(str(folder), ["large"], go_on, copies)
    beats = iter([None, None, Stop()])

    def stop_at_the_third():
        if (beat := next(beats)) is not None:
            raise beat

    with pytest.raises(Stop):
        collect(str(folder), ["dist/a.whl", "dist/b.whl", "empty", "dist/deep/c.whl"], stop_at_the_third, copies)
    assert left_in(folder, copies) == []


def test_an_unfinished_copy_is_begun_anew(folder, copies):
    copies.begin()
    os.mkdir(copies.place_of(str(folder / "dist")))
    for name in ("dist/a.whl", "stale"):
        with open(copies.place_of(str(folder / name)), "w") as half:
            half.write("half")
    (found,) = collect(str(folder), ["dist/a.whl"], go_on, copies)
    assert left_in(folder, copies) == [found.path]
    with open(found.path) as copy:
        assert copy.read() == "dist/a.whl"


def test_what_cannot_be_copied_is_not_kept(folder, copies, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(artifacts.os, "write", full)
    with pytest.raises(NotKept, match="artifacts cannot be copied: the disk is full"):
        collect(str(folder), ["dist/a.whl"], go_on, copies)
    monkeypatch.undo()
    assert left_in(folder, copies) == []
