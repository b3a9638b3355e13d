"""Children: spawned by many at once, and each end told once; what cannot be started says why.

In processes of their own: a reaper takes all children of its process.
"""

import subprocess
import sys

import pytest

BEGIN = """
import os, signal, threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from orch_actors.actors.host.children import Children

children = Children()
children.start_reaping()
ends, told = Counter(), threading.Condition()

def on_exit(of):
    def tell(status):
        with told:
            ends[of, status] += 1
            told.notify_all()
    return tell

def wait_for(number):
    with told:
        assert told.wait_for(lambda: ends.total() >= number, 60), ends

def sh(text, of="x", env=None, actions=()):
    env = {"PATH": os.environ["PATH"]} if env is None else env
    return children.spawn("/bin/sh", ["sh", "-c", text], env, actions, on_exit(of))
"""


def alone(script):
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + script], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_many_at_once_and_each_end_is_told_once():
    """Beside ones that cannot be loaded, whose process libc itself has reaped, or the reaper has seen."""
    alone("""
def one(number):
    if number % 3 == 0:
        try:
            children.spawn("/nowhere", ["x"], {}, (), on_exit("never"))
        except FileNotFoundError:
            return
        raise AssertionError("it was started")
    sh(f"exit {number % 5}", number)

with ThreadPoolExecutor(16) as crew:
    list(crew.map(one, range(300)))
wait_for(200)
assert ends == {(number, (number % 5) << 8): 1 for number in range(300) if number % 3}, ends
assert not children._on_exit and not children._spawning
""")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is os.posix_spawn, which keeps it")
def test_the_lock_of_python_is_free_while_a_program_is_loaded(tmp_path):
    """It opens a pipe for writing first, which waits for a reader: a thread that looks for it until it is there."""
    path = tmp_path / "pipe"
    alone(f"""
path = {str(path)!r}
os.mkfifo(path)

def is_ours(name):
    try:
        with open(f"/proc/{{name}}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1]) == os.getpid()
    except OSError:
        return False

def read():
    while not any(is_ours(name) for name in os.listdir("/proc") if name.isdecimal()):
        pass
    os.close(os.open(path, os.O_RDONLY))

reader = threading.Thread(target=read)
reader.start()
children.spawn("/bin/sh", ["sh", "-c", ":"], {{}}, [(os.POSIX_SPAWN_OPEN, 1, path, os.O_WRONLY, 0)], on_exit("x"))
wait_for(1)
reader.join(10)
""")


def test_it_has_a_session_and_the_signals_of_its_own():
    out = alone("""
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
pid = sh("ps -o sid= -p $$ 2>/dev/null || echo $$; grep -E '^Sig(Blk|Ign)' /proc/self/status; echo $$")
wait_for(1)
print(pid)
""").split()
    assert len({out[0], out[-1], out[-2]}) == 1
    if sys.platform == "linux":
        ignored = int(out[out.index("SigIgn:") + 1], 16)
        assert int(out[out.index("SigBlk:") + 1], 16) == 0
        assert ignored & (1 << 12 | 1 << 1) == 0  # PIPE and INT


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ('sh("a\\0b")', "ValueError"),
        ('sh("true", env={"A": "b\\0c"})', "ValueError"),
        ('sh("true", env={"": "b"})', "ValueError"),
        ('sh("true", env={"A=B": "c"})', "ValueError"),
        ('sh("true", env={"A": "b" * 10_000_000})', "OSError"),
        ('sh("true", actions=[(os.POSIX_SPAWN_OPEN, 1, "/nowhere/out", os.O_WRONLY, 0)])', "FileNotFoundError"),
        ('children.spawn("/etc/passwd", ["x"], {}, (), on_exit("x"))', "PermissionError"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_says_why_and_leaves_nothing(what, error):
    out = alone(f"""
try:
    {what}
except (OSError, ValueError) as error:
    print(type(error).__name__)
assert not children._on_exit and not children._spawning
sh("exit 4", "next")
wait_for(1)
assert ends == {{("next", 4 << 8): 1}}
""")
    assert out.split() == [error]


def test_text_that_is_no_utf8_comes_through():
    out = alone("""
read, write = os.pipe()
sh("echo \\udcff; echo $A; echo \\u00e9", env={"A": "\\udcfe"}, actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
wait_for(1)
print(os.read(read, 100))
""")
    assert out.strip() == repr(b"\xff\n\xfe\n\xc3\xa9\n")
