"""The python worker, end to end: calls, scripts, results, tracebacks, other interpreters, and its runner's death."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from host_harness import FakeSupervisor, Host, alive, eventually

from orch_actors.protocol.hostwire import AttemptEnded, StartAttempt

JOBS = """
import asyncio, os, signal, subprocess, sys, threading, time

def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}

class Deep:
    class Deeper:
        @staticmethod
        def tell():
            return "deep"

NUMBER = 5

async def later(value):
    await asyncio.sleep(0)
    return value

async def fails_later():
    await asyncio.sleep(0)
    raise KeyError("later")

def nothing():
    print("printed")

def by_hand():
    with open(os.environ["ORCH_RESULT"], "w") as file:
        file.write('"by hand"')

def unjsonable():
    return {"when": object()}

def nan():
    return float("nan")

def outer():
    print("before")
    inner()

def inner():
    try:
        raise ValueError("first")
    except ValueError as error:
        raise RuntimeError("second") from error

def leave(code):
    sys.exit(code)

def wait():
    print("ready", flush=True)
    time.sleep(600)

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait()

def tidy():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
    try:
        wait()
    finally:
        print("tidy")

def flee():
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open("escapee", "w") as file:
            file.write(str(os.getpid()))
        os.close(1); os.close(2)
        time.sleep(600)
        os._exit(0)
    while not (os.path.exists("escapee") and open("escapee").read()):
        time.sleep(0.01)
    wait()

def until_go():
    with open("effect", "a") as file:
        file.write("ran\\n")
    print("ready", flush=True)
    while not os.path.exists("go"):
        time.sleep(0.01)
    return "went"

def late_words():
    import atexit
    atexit.register(lambda: print("atexit"))
    threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
    sys.stdout.write("no newline")

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    (supervisor.cwd / "jobs.py").write_text(JOBS)
    return supervisor.start_host("python")


def call(supervisor: FakeSupervisor, host: Host, what: str, args: Any = (), **work: Any) -> AttemptEnded:
    return host.run(supervisor.launch({"call": what, "args": args if isinstance(args, dict) else list(args), **work}))


def value(ended: AttemptEnded) -> Any:
    assert (ended.ending, ended.exit_code, ended.result_fault) == ("exit", 0, ""), ended
    return None if ended.result is None else msgspec.msgpack.decode(ended.result)


# --- calls -------------------------------------------------------------------------------------------------------


def test_what_a_function_returns_is_the_result(supervisor: FakeSupervisor, host: Host) -> None:
    args = [1, "ü", None, {"a": [True]}]
    assert value(call(supervisor, host, "jobs:echo", args)) == {"args": args, "kwargs": {}}
    assert value(call(supervisor, host, "jobs:echo", {"x": 1})) == {"args": [], "kwargs": {"x": 1}}
    assert value(call(supervisor, host, "jobs:Deep.Deeper.tell")) == "deep"
    assert value(call(supervisor, host, "jobs:later", ["soon"])) == "soon"
    assert value(call(supervisor, host, "jobs:by_hand")) == "by hand"
    assert call(supervisor, host, "jobs:nothing").result is None
    assert supervisor.out(supervisor.launches[-1]) == "printed\n"


@pytest.mark.parametrize(
    ("what", "args", "says"),
    [
        ("jobs:unjsonable", [], "JSON cannot hold"),
        ("jobs:nan", [], "JSON cannot hold"),
        ("jobs:missing", [], "has no 'missing'"),
        ("jobs:NUMBER", [], "not a function"),
        ("no_such_module:f", [], "No module named 'no_such_module'"),
        ("jobs:nothing", [1], "takes 0 positional arguments"),
        ("jobs:leave", ["a last word"], "a last word"),
    ],
)
def test_what_goes_wrong_is_on_stderr(
    supervisor: FakeSupervisor, host: Host, what: str, args: list[Any], says: str
) -> None:
    ended = call(supervisor, host, what, args)
    assert (ended.ending, ended.exit_code, ended.result) == ("exit", 1, None)
    err = supervisor.err(supervisor.launches[-1])
    assert says in err
    assert "runner.py" not in err


def test_a_traceback_has_the_tasks_own_frames_alone(supervisor: FakeSupervisor, host: Host) -> None:
    assert call(supervisor, host, "jobs:outer").exit_code == 1
    launch = supervisor.launches[-1]
    err = supervisor.err(launch)
    assert err.startswith("Traceback (most recent call last):")
    assert err.rstrip().endswith("RuntimeError: second")
    assert "ValueError: first" in err
    assert "in outer" in err
    assert "in inner" in err
    assert "runner.py" not in err
    assert supervisor.out(launch) == "before\n"
    assert call(supervisor, host, "jobs:fails_later").exit_code == 1
    assert "KeyError: 'later'" in supervisor.err(supervisor.launches[-1])


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (None, 0), (3, 3), (256 + 7, 7), (-1, 255)])
def test_sys_exit(supervisor: FakeSupervisor, host: Host, code: int | None, seen: int) -> None:
    assert call(supervisor, host, "jobs:leave", [code]).exit_code == seen


def test_it_ends_like_any_program(supervisor: FakeSupervisor, host: Host) -> None:
    """Threads are joined, atexit runs, everything is flushed."""
    assert call(supervisor, host, "jobs:late_words").exit_code == 0
    assert supervisor.out(supervisor.launches[-1]) == "no newlinethread\natexit\n"


def test_a_signal_is_128_plus(supervisor: FakeSupervisor, host: Host) -> None:
    ended = call(supervisor, host, "jobs:die")
    assert (ended.ending, ended.exit_code) == ("exit", 137)


# --- scripts -----------------------------------------------------------------------------------------------------


def test_an_inline_script(supervisor: FakeSupervisor, host: Host) -> None:
    source = "import sys\nassert __name__ == '__main__'\nprint(sys.argv[1:])\ndef f():\n    raise ValueError('x')\nf()"
    launch = supervisor.launch({"script": source, "args": ["a", "b c"]})
    assert host.run(launch).exit_code == 1
    assert supervisor.out(launch) == "['a', 'b c']\n"
    err = supervisor.err(launch)
    assert "raise ValueError('x')" in err  # the line itself, though there is no file
    assert "runner.py" not in err
    broken = supervisor.launch({"script": "def f(:\n  pass"})
    assert host.run(broken).exit_code == 1
    assert "SyntaxError" in supervisor.err(broken)
    assert "runner.py" not in supervisor.err(broken)


def test_a_script_file(supervisor: FakeSupervisor, host: Host) -> None:
    (supervisor.cwd / "tool.py").write_text("import sys, jobs\nprint(__file__, sys.argv, jobs.NUMBER)\nsys.exit(4)\n")
    launch = supervisor.launch({"script": "tool.py", "args": ["x"]})
    assert host.run(launch).exit_code == 4
    path = str(supervisor.cwd / "tool.py")
    assert supervisor.out(launch) == f"{path} {[path, 'x']} 5\n"
    missing = host.run(supervisor.launch({"script": "missing.py"}))
    assert missing.ending == "spawn"
    assert "missing.py is not there" in missing.message


def test_folder_path_and_environment(supervisor: FakeSupervisor, host: Host) -> None:
    lib, early = supervisor.folder / "lib", supervisor.folder / "early"
    for folder, number in ((lib, 1), (early, 2)):
        folder.mkdir()
        (folder / "there.py").write_text(f"NUMBER = {number}\n")
    show = "import os, sys, there, json; print(json.dumps([os.getcwd(), sys.path, there.NUMBER, dict(os.environ)]))"
    launch = supervisor.launch({"script": show, "path": [str(lib)]}, env={"PYTHONPATH": str(early), "TZ": "Asia/Tokyo"})
    assert host.run(launch).exit_code == 0, supervisor.err(launch)
    cwd, path, number, environ = msgspec.json.decode(supervisor.out(launch))
    assert cwd == str(supervisor.cwd)
    assert path[:3] == [str(supervisor.cwd), str(lib), str(early)]
    assert number == 1
    assert environ == {
        **launch.env,
        "ORCH_ATTEMPT": f"{supervisor.journal[-12:]}:{launch.attempt}",
        "ORCH_GRAPH": "g1",
        "ORCH_TASK": launch.attempt.split("/")[1],
        "ORCH_ATTEMPT_NUMBER": "1",
        "ORCH_RESULT": str(supervisor.file(launch, ".result")),
        "ORCH_SUMMARY": str(supervisor.file(launch, ".summary")),
        "ORCH_PROGRESS": str(supervisor.file(launch, ".progress")),
        "ORCH_QUESTION": str(supervisor.file(launch, ".question")),
        "ORCH_ACTORS_HOME": str(supervisor.home),
    }


def test_variables_that_an_interpreter_reads_as_it_starts(supervisor: FakeSupervisor, host: Host) -> None:
    source = "import sys, time; print(sys.flags.optimize, time.tzname[0]); assert False"
    one = supervisor.launch({"script": source}, env={"PYTHONOPTIMIZE": "1", "TZ": "XYZ3"})
    assert host.run(one).exit_code == 0
    assert supervisor.out(one) == "1 XYZ\n"
    two = supervisor.launch({"script": source}, env={"TZ": "ABC3"})
    assert host.run(two).exit_code == 1
    assert supervisor.out(two) == "0 ABC\n"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0, 0o666)])
def test_umask(supervisor: FakeSupervisor, host: Host, umask: int, mode: int) -> None:
    launch = supervisor.launch({"script": "open('made', 'w').close()"}, umask=umask)
    assert host.run(launch).exit_code == 0
    assert (supervisor.cwd / "made").stat().st_mode & 0o777 == mode
    assert supervisor.file(launch, ".out").stat().st_mode & 0o777 == 0o600


def test_attempts_do_not_see_each_other(supervisor: FakeSupervisor, host: Host) -> None:
    leak = supervisor.launch({"script": "import os, sys; os.environ['LEAK'] = '1'; sys.leak = 1; os.chdir('/')"})
    assert host.run(leak).exit_code == 0
    look = "import os, sys; print('LEAK' in os.environ, hasattr(sys, 'leak'), sorted(os.listdir('/proc/self/fd')))"
    launch = supervisor.launch({"script": look})
    assert host.run(launch).exit_code == 0
    assert supervisor.out(launch) == "False False ['0', '1', '2', '3']\n"  # 3: the folder itself


# --- stopping ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "grace_s", "code", "out"),
    [("wait", 20.0, 143, "ready\n"), ("stubborn", 0.2, None, "ready\n"), ("tidy", 20.0, 9, "ready\ntidy\n")],
)
def test_stop(  # noqa: PLR0917 (two fixtures, three parameters)
    supervisor: FakeSupervisor, host: Host, what: str, grace_s: float, code: int | None, out: str
) -> None:
    launch = supervisor.launch({"call": f"jobs:{what}"}, grace_s=grace_s)
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.file(launch, ".out").exists() and supervisor.out(launch))
    ended = host.stop(launch)
    assert (ended.ending, ended.exit_code) == ("killed", code)
    assert supervisor.out(launch) == out
    assert supervisor.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="found by /proc")
def test_an_escapee_that_never_execs_is_swept(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch({"call": "jobs:flee"}, grace_s=0.2)
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.file(launch, ".out").exists() and supervisor.out(launch))
    escapee = int((supervisor.cwd / "escapee").read_text())
    assert alive(escapee)
    assert host.stop(launch).ending == "killed"
    assert not alive(escapee)


# --- death -------------------------------------------------------------------------------------------------------


def zygote_of(host: Host) -> int:
    """The one child of a python host."""
    children = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children")
    tasks = Path(f"/proc/{host.process.pid}/task")
    found = [int(pid) for task in tasks.iterdir() for pid in (task / children.name).read_text().split()]
    assert len(found) == 1, found
    return found[0]


def until_running(supervisor: FakeSupervisor, host: Host) -> Any:
    launch = supervisor.launch({"call": "jobs:until_go"})
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.file(launch, ".out").exists() and supervisor.out(launch))
    return launch


def test_a_killed_runner_takes_no_attempt_with_it_and_is_replaced(supervisor: FakeSupervisor, host: Host) -> None:
    launch = until_running(supervisor, host)
    first = zygote_of(host)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not alive(first))
    assert value(call(supervisor, host, "jobs:echo")) == {"args": [], "kwargs": {}}
    assert zygote_of(host) != first
    (supervisor.cwd / "go").touch()
    assert msgspec.msgpack.decode(host.ended(launch.attempt).result or b"") == "went"


def test_a_runner_that_dies_with_a_job_in_flight(supervisor: FakeSupervisor, host: Host) -> None:
    """Stopped, so that the job is with it and not begun; then killed: the job goes to the next one."""
    call(supervisor, host, "jobs:nothing")
    zygote = zygote_of(host)
    os.kill(zygote, signal.SIGSTOP)
    launch = supervisor.launch({"script": "print('ran')"})
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.record(launch), "the claim")
    os.kill(zygote, signal.SIGKILL)
    assert host.ended(launch.attempt).exit_code == 0
    assert supervisor.out(launch) == "ran\n"


def test_a_stop_while_the_job_is_in_flight(supervisor: FakeSupervisor, host: Host) -> None:
    call(supervisor, host, "jobs:nothing")
    zygote = zygote_of(host)
    os.kill(zygote, signal.SIGSTOP)
    launch = supervisor.launch({"script": "import time; time.sleep(600)"}, grace_s=0.2)
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.record(launch), "the claim")
    from orch_actors.protocol.hostwire import StopAttempt

    host.send(StopAttempt(attempt=launch.attempt))
    os.kill(zygote, signal.SIGCONT)
    assert host.ended(launch.attempt).ending == "killed"


def test_the_host_dies_and_another_adopts(supervisor: FakeSupervisor, host: Host) -> None:
    launch = until_running(supervisor, host)
    pid, zygote = supervisor.pid(launch), zygote_of(host)
    host.kill()
    eventually(lambda: not alive(zygote), "the runner ends with its host")
    second = supervisor.start_host("python")
    second.adopt(launch)
    assert second.adopted(launch.attempt).pid == pid
    (supervisor.cwd / "go").touch()
    assert msgspec.msgpack.decode(second.ended(launch.attempt).result or b"") == "went"
    assert (supervisor.cwd / "effect").read_text() == "ran\n"


# --- interpreters ------------------------------------------------------------------------------------------------


def test_an_interpreter_of_its_own(supervisor: FakeSupervisor, host: Host) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", supervisor.cwd / "env"], check=True)
    launch = supervisor.launch(
        {"script": "import sys; print(sys.prefix)", "interpreter": "env/bin/python"},
    )
    assert host.run(launch).exit_code == 0, supervisor.err(launch)
    assert supervisor.out(launch).strip() == str(supervisor.cwd / "env")
    own = supervisor.launch({"script": "import sys; print(sys.prefix)"})
    assert host.run(own).exit_code == 0
    assert supervisor.out(own).strip() == sys.prefix


def test_interpreters_that_are_none(supervisor: FakeSupervisor, host: Host) -> None:
    missing = host.run(supervisor.launch({"script": "1", "interpreter": "no-such-python"}))
    assert missing.ending == "spawn"
    assert "no-such-python" in missing.message
    other = host.run(supervisor.launch({"script": "1", "interpreter": "/bin/true"}))
    assert other.ending == "spawn"
    assert "does not run as Python" in other.message
    broken = supervisor.cwd / "broken"
    broken.write_text("#!/bin/sh\necho it has no library >&2\nexit 1\n")
    broken.chmod(0o700)
    told = host.run(supervisor.launch({"script": "1", "interpreter": "./broken"}))
    assert "it has no library" in told.message


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13", "3.14"])
def test_other_versions(supervisor: FakeSupervisor, host: Host, version: str) -> None:
    """Those that are installed."""
    interpreter = shutil.which(f"python{version}")
    if interpreter is None or subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"no Python {version}")
    assert value(call(supervisor, host, "jobs:later", ["soon"], interpreter=interpreter)) == "soon"
    assert call(supervisor, host, "jobs:outer", interpreter=interpreter).exit_code == 1
    assert "runner.py" not in supervisor.err(supervisor.launches[-1])


def test_spawn_failures_are_sentences(supervisor: FakeSupervisor, host: Host) -> None:
    missing = host.run(supervisor.launch({"script": "1"}, cwd=str(supervisor.folder / "missing")))
    assert (missing.ending, "working directory" in missing.message) == ("spawn", True)
    both = host.run(supervisor.launch({"script": "1", "call": "a:b"}))
    assert (both.ending, "either" in both.message) == ("spawn", True)
