"""The record: what may be claimed, what is read, and what is not trusted."""

import fcntl
import os
from pathlib import Path

import pytest

from orch_actors.actors.host import record
from orch_actors.actors.host.record import Header, Over, Running, Taken

HEADER = Header("g1/a/1", "boot", 10.0, 20.0)


def claimed(path: str) -> int:
    found = record.take(path)
    assert isinstance(found, Taken)
    record.write_header(found.fd, HEADER)
    return found.fd


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.1.jsonl")


def test_a_claim_is_had_once(path: str) -> None:
    fd = claimed(path)
    held = record.take(path)
    assert held == Running(held.seen)
    assert held.seen.header == HEADER
    assert record.probe(path) == held
    os.write(fd, b'{"pid":7}\n')
    os.close(fd)
    over = record.take(path)
    assert isinstance(over, Over)
    assert over.seen.pid == 7


def test_looking_claims_nothing(path: str) -> None:
    assert record.probe(path) is None
    assert not os.path.exists(path)
    os.close(claimed(path))
    assert record.probe(path) is None
    os.close(claimed(path))


def test_two_that_look_at_once_do_not_take_each_other_for_a_shim(path: str) -> None:
    fd = claimed(path)
    os.write(fd, b'{"pid":7}\n{"exit":0}\n')
    os.close(fd)
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert isinstance(record.take(path), Over)
    assert isinstance(record.probe(path), Over)
    os.close(looking)


def test_what_happened_between_the_two_locks_is_seen(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another host ran it from beginning to end after we saw that it had not begun."""
    os.close(claimed(path))
    lock = record._lock

    def late(fd: int, kind: int) -> bool:
        if kind == fcntl.LOCK_EX:
            with open(path, "a", encoding="ascii") as file:
                file.write('{"pid":7}\n{"exit":3}\n')
        return lock(fd, kind)

    monkeypatch.setattr(record, "_lock", late)
    found = record.take(path)
    assert isinstance(found, Over)
    assert found.seen.exit_code == 3


def test_the_same_between_creating_and_locking(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = record._lock

    def late(fd: int, kind: int) -> bool:
        if kind == fcntl.LOCK_EX:
            Path(path).write_text('{"pid":7}\n')
        return lock(fd, kind)

    monkeypatch.setattr(record, "_lock", late)
    assert isinstance(record.take(path), Over)


def test_what_was_claimed_before_is_not_made_anew(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        record.take(path, may_create=False)


def test_descriptors_are_not_inherited_and_not_leaked(path: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    fd = claimed(path)
    assert not os.get_inheritable(fd)
    for _ in range(3):
        record.take(path)
        record.probe(path)
        record.read(path)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    os.close(fd)


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe\n", b"[1]\n", b"{}\n", b'{"pid":"x"}\n', b"\0" * 100, b"[" * 5000])
def test_rubbish_is_no_fact(path: str, rubbish: bytes) -> None:
    Path(path).write_bytes(rubbish)
    seen = record.read(path)
    assert (seen.header, seen.pid, seen.exit_code) == (None, None, None)
