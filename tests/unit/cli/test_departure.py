"""Waiting for a process to be gone."""

import os
import subprocess
import threading

import pytest

from orch_actors.cli.daemon.departure import Departure


@pytest.fixture
def cat():
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    yield process
    process.stdin.close()
    process.wait(10)


def test_it_stays_and_then_goes(cat):
    with Departure(cat.pid) as departure:
        assert not departure.wait(0)
        assert not departure.wait(0.05)
        cat.stdin.close()
        assert departure.wait(10)
        assert departure.wait(0)


def test_gone_before(cat):
    cat.stdin.close()
    cat.wait(10)
    with Departure(cat.pid) as departure:
        assert departure.wait(0)


def test_without_pidfd(cat, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    with Departure(cat.pid) as departure:
        assert not departure.wait(0.1)
        cat.stdin.close()
        reaper = threading.Thread(target=cat.wait)
        reaper.start()
        assert departure.wait(10)
        reaper.join()
