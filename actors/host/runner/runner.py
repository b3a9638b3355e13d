"""The zygote of an interpreter: forks one keeper and one worker process per attempt. Standard library only.

Runs in whatever CPython from 3.8 on a task names, so nothing of this package may be imported here, and nothing heavy:
what the zygote imports every attempt carries. It is single-threaded and never runs user code.

Descriptor 3 is the host's socket. For each attempt comes a length (4 bytes, big-endian) with three descriptors (record,
stdout, stderr), then that much JSON: the job.

    cwd, env           as the attempt is to have them; `env` is the whole environment
    umask              or none: the host's
    path               folders before sys.path
    args               list or mapping for `call`, list of texts for the others
    call               "package.module:function", or
    file               path of a script, or
    source             text of a script

The record's lock (see actors/host/record.py) lives with the keeper: it has a session of its own, survives TERM, the
zygote and the host, writes the pid line, forks the worker WITHOUT the record, and appends the exit line: the same
contract as the sh shim's. The worker leaves this module's loop and ends like any Python program, with atexit
handlers, its threads joined and its files flushed.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 8):  # noqa: UP036 (any interpreter that a task names may be started with this)
    sys.exit("it is Python {}.{}".format(*sys.version_info[:2]))

import array
import gc
import json
import linecache
import os
import signal
import socket
import traceback
import types

HOST = 3
#: Exit code of a keeper that could not write its pid line: the command was not run.
NO_RECORD = 111


def main() -> int:
    """Serve the host until it goes (exit code 0); in a worker: do the job, and return its exit code."""
    folder = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == folder:
        del sys.path[0]  # a job's `import runner` is not for us
    os.set_inheritable(HOST, False)
    host = socket.socket(fileno=HOST)
    # Keepers are nobody's zombies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    host.sendall(b"ready\n")
    while True:
        received = receive(host)
        if received is None:
            return 0
        job, fds = received
        if fork() == 0:
            host.close()
            return serve(json.loads(job), fds)
        for fd in fds:
            os.close(fd)


def fork() -> int:
    """Fork; -1 where no process is to be had: the lock then goes with the descriptors, and the host tries again."""
    try:
        return os.fork()
    except OSError:
        return -1


def receive(host: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next job and its descriptors; None when the host is gone."""
    fds = array.array("i")
    head = b""
    while len(head) < 4:
        data, ancillary, _, _ = host.recvmsg(4 - len(head), socket.CMSG_SPACE(3 * fds.itemsize))
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        if not data:
            return None
        head += data
    left = int.from_bytes(head, "big")
    pieces = []
    while left:
        data = host.recv(min(left, 1 << 20))
        if not data:
            return None
        pieces.append(data)
        left -= len(data)
    return b"".join(pieces), list(fds)


# --- the keeper -----------------------------------------------------------------------------------------------


def serve(job: dict, fds: list[int]) -> int:  # type: ignore[type-arg]
    """Keep one attempt: returns in the worker alone, with its exit code; the keeper ends here."""
    record, out, err = fds
    try:
        os.setsid()
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, outlive)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        mark(job["env"]["ORCH_ATTEMPT"])
        try:
            append(record, {"pid": os.getpid()})
        except OSError:
            os._exit(NO_RECORD)
        worker = os.fork()
        if worker:
            append(record, {"exit": exit_code(os.waitpid(worker, 0)[1])})
            os._exit(0)
    except BaseException:  # noqa: BLE001 (a bug here must neither go on as a worker nor serve the host)
        traceback.print_exc()
        os._exit(70)
    os.close(record)
    return work(job)


def outlive(_signum: int, _frame: types.FrameType | None) -> None:
    """What is meant for the worker must not end its keeper."""


def append(record: int, line: dict[str, int]) -> None:
    """One whole line; a write this short is not split but by a full disk."""
    data = (json.dumps(line, separators=(",", ":")) + "\n").encode()
    if os.write(record, data) != len(data):
        raise OSError("the record could not be written")


def exit_code(status: int) -> int:
    """As a shell has it: 128 + the number of the signal that ended it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def mark(cookie: str) -> None:
    """Put the attempt's cookie where the sweep for escapees looks: in the environment block of this process.

    That block stays what the zygote was started with, in all that are forked from it; it has a long ORCH_ATTEMPT to
    make room. Linux alone; elsewhere, and should it fail, only what has been exec'ed from here is found.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            block = file.read()
        name = b"ORCH_ATTEMPT="
        begin = 0 if block.startswith(name) else block.index(b"\0" + name) + 1
        end = block.index(b"\0", begin)
        text = name + cookie.encode()
        if len(text) >= end - begin:
            return
        with open("/proc/self/stat", "rb") as file:
            env_start = int(file.read().rpartition(b") ")[2].split()[47])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(env_start + begin)
            memory.write(text.ljust(end - begin, b"\0"))
    except (OSError, ValueError, IndexError):
        return


# --- the worker -----------------------------------------------------------------------------------------------


def work(job: dict) -> int:  # type: ignore[type-arg]
    """Do the job as a program of its own would; its exit code."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job["env"])
    # What is printed is there when it is looked at, and when the process is killed.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if job["umask"] is not None:
        os.umask(job["umask"])
    try:
        os.chdir(job["cwd"])
    except OSError as error:
        return complain(f"cannot enter the working directory {job['cwd']}: {error.strerror}")
    sys.path[:0] = job["path"]
    fresh_main()
    try:
        if "call" in job:
            return call(job["call"], job["args"])
        return script(job)
    except SystemExit as request:
        return requested(request)
    except BaseException as error:  # noqa: BLE001 (the job's own, whatever it is)
        print_traceback(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def fresh_main() -> types.ModuleType:
    """Give the job a `__main__` of its own; ours stays alive in `_OWN`."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    return module


def call(target: str, args: list | dict) -> int:  # type: ignore[type-arg]
    """Call "package.module:function" and hand back what it returns."""
    sys.argv = [""]
    module_name, _, dotted = target.partition(":")
    __import__(module_name)
    function: object = sys.modules[module_name]
    for name in dotted.split("."):
        if not hasattr(function, name):
            return complain(f"module {module_name} has no {dotted!r} ({getattr(function, '__file__', 'built in')})")
        function = getattr(function, name)
    if not callable(function):
        return complain(f"{target} is not a function but {type(function).__name__}")
    value = function(**args) if isinstance(args, dict) else function(*args)
    if isinstance(value, types.CoroutineType):
        import asyncio  # noqa: PLC0415 (slow: only for those who want it)

        value = asyncio.run(value)
    return 0 if value is None else hand_back(target, value)


def hand_back(target: str, value: object) -> int:
    """Write a returned value to the attempt's result file, whole or not at all."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return complain(f"{target} returned what JSON cannot hold ({type(value).__name__}): {error}")
    path = os.environ["ORCH_RESULT"]
    try:
        with open(path + ".part", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".part", path)
    except OSError as error:
        return complain(f"the result of {target} cannot be written to {path}: {error.strerror}")
    return 0


def script(job: dict) -> int:  # type: ignore[type-arg]
    """Run a file or source text as `__main__`."""
    module = sys.modules["__main__"]
    if "file" in job:
        name = job["file"]
        with open(name, "rb") as file:
            source = file.read()
        module.__dict__["__file__"] = name
        sys.argv = [name, *job["args"]]
    else:
        name = "<script>"
        source = job["source"].encode()
        linecache.cache[name] = (len(source), None, job["source"].splitlines(True), name)
        sys.argv = ["-c", *job["args"]]
    exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (the job)
    return 0


def requested(request: SystemExit) -> int:
    """The exit code of sys.exit(…), as the interpreter reads its argument."""
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    return complain(str(request.code))


def complain(text: str) -> int:
    """Say it on stderr; exit code 1."""
    sys.stderr.write(text + "\n")
    return 1


def print_traceback(error: BaseException) -> None:
    """The traceback without this file's frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    # What was printed before stands before it.
    sys.stdout.flush()
    traceback.print_exception(type(error), error, trace)


if __name__ == "__main__":
    _OWN = sys.modules["__main__"]  # whose functions we are; see fresh_main
    sys.exit(main())
