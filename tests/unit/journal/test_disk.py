"""The operating system's disk: what is asked of the kernel, call by call."""

import fcntl
import os
import sys

import pytest

from orch_actors.actors.journal.disk import RealDisk


@pytest.fixture
def calls(monkeypatch):
    """What was synced: the name of the call, and the file."""
    made = []

    def noting(name, real):
        def call(fd, *arguments):
            made.append((name, os.readlink(f"/proc/self/fd/{fd}")) if os.path.exists("/proc/self/fd") else (name, ""))
            return real(fd, *arguments)

        return call

    for name in ("fsync", "fdatasync"):
        if hasattr(os, name):
            monkeypatch.setattr(os, name, noting(name, getattr(os, name)))
    if sys.platform == "darwin":
        monkeypatch.setattr(fcntl, "fcntl", noting("fcntl", fcntl.fcntl))
    return made


def test_a_file_is_synced_by_the_call_that_reaches_the_medium(tmp_path, calls):
    disk = RealDisk()
    fd = disk.create(str(tmp_path / "file"))
    disk.append(fd, b"x")
    assert calls == []
    disk.sync(fd)
    disk.close(fd)
    ((name, path),) = calls
    assert name == ("fcntl" if sys.platform == "darwin" else "fdatasync")
    assert path in ("", str(tmp_path / "file"))


def test_a_folder_is_synced(tmp_path, calls):
    RealDisk().sync_folder(str(tmp_path))
    ((name, path),) = calls
    assert name == "fsync"
    assert path in ("", str(tmp_path))


def test_overwriting_changes_bytes_in_their_place(tmp_path):
    disk, path = RealDisk(), tmp_path / "file"
    path.write_bytes(b"0123456789")
    disk.overwrite(str(path), 3, b"abc")
    assert path.read_bytes() == b"012abc6789"
    with pytest.raises(FileNotFoundError):
        disk.overwrite(str(tmp_path / "none"), 0, b"x")


def test_what_is_there_is_never_created_again(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        RealDisk().create(str(path))
    assert path.read_bytes() == b"somebody's"
