"""What a test run may not leave behind, and what it may not touch.

The whole run has a scratch folder of its own: TMPDIR, XDG_STATE_HOME (where the default home would be) and
XDG_RUNTIME_DIR lie in it. Whatever a test starts inherits these, and tasks keep TMPDIR, so at the end every living
process that names the scratch folder, or the run's `tmp_path`, is one that a test forgot; so is a file in the scratch
folder. Either fails the run. Processes are looked for where there is a /proc.
"""

import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says how busy the machine is, and nothing else.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

#: How long what is on its way out may take; only a run that would fail waits at all.
GONE_WITHIN_S = 15.0

SCRATCH = pytest.StashKey[str]()
BASE = pytest.StashKey[str]()


def pytest_configure(config):
    """Before anything is collected or started; the processes of pytest-xdist inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As `pytest &` in a script has it, and everything it starts; ctrl-C is among what is tested.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    # pytest's own folders stay where they are, for a look afterwards.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    # Short: sockets lie in it.
    scratch = tempfile.mkdtemp(prefix="oat-", dir="/tmp")
    config.stash[SCRATCH] = scratch
    os.environ.pop("ORCH_ACTORS_HOME", None)
    os.environ.update(TMPDIR=scratch, XDG_STATE_HOME=os.path.join(scratch, "state"), XDG_RUNTIME_DIR=scratch)
    # Whatever a test submits, from whatever folder, is of one session, so that `status` shows it.
    os.environ["ORCH_ACTORS_SESSION"] = "tests"
    tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    """Where `tmp_path` lies, for this run and its workers."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if SCRATCH in session.config.stash and factory is not None:
        session.config.stash[BASE] = str(factory.getbasetemp())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """After every fixture is torn down, and the workers of pytest-xdist are gone."""
    yield
    stash = session.config.stash
    if SCRATCH not in stash:
        return
    scratch = stash[SCRATCH]
    left = wait_until_gone([scratch, stash.get(BASE, scratch)]) + files_in(scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    if left:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.section("left behind by the tests", red=True)
        reporter.write_line("\n".join(left))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def wait_until_gone(folders):
    """What still runs in these folders, a line each."""
    until_at = time.monotonic() + GONE_WITHIN_S
    while (left := processes_in(folders)) and time.monotonic() < until_at:
        time.sleep(0.05)
    return left


def processes_in(folders):
    """Living processes, other than those this one stems from, that name a folder in arguments or environment."""
    if sys.platform != "linux":
        return []
    needles = [os.fsencode(folder) for folder in folders]
    apart = set(ancestors(os.getpid()))
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        arguments = read(pid, "cmdline")
        text = arguments + b"\0" + read(pid, "environ")
        if pid not in apart and any(needle in text for needle in needles):
            found.append(f"process {pid}: {arguments.replace(bytes(1), b' ').decode(errors='replace')[:200]}")
    return found


def ancestors(pid):
    while pid > 1:
        yield pid
        pid = int(read(pid, "stat").rpartition(b")")[2].split()[1] or 0)


def read(pid, part):
    """A file of a process; empty where it is gone, a zombie, or another user's."""
    try:
        return Path(f"/proc/{pid}/{part}").read_bytes()
    except OSError:
        return b""


def files_in(scratch):
    """Files. Not empty folders, nor sockets: a killed daemon leaves them, and whoever listens is found above."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(scratch) for name in names]
    return [f"file {path}" for path in found if not stat.S_ISSOCK(os.lstat(path).st_mode)]
