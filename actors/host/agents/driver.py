"""Running one agent: start its program, read it to its end, end it where it does not go, and leave the report.

The program has a process group of its own, so that what it leaves behind can be ended without ending ourselves. TERM to
the driver is passed on (an agent saves its session then); what survives that is found by the attempt's cookie, by the
host. Ends here: a program that lives on after its last word, one that is silent for too long, one that is over a bound
that it does not know, and one that has no hope.
"""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import IO, Final

from orch_actors.actors.host.agents.answer import json_in
from orch_actors.actors.host.agents.job import Job, Report
from orch_actors.actors.host.agents.streams import Stream, stream_named
from orch_actors.actors.host.agents.versions import version_fault
from orch_actors.actors.process.ending import Ending

#: Exit codes, where the program's own does not say it: it failed although it ended with 0; it could not be started.
FAILED: Final = 1
NOT_STARTED: Final = 127

#: Raw stream that is kept, and the end of stderr that is looked at; bytes.
_MAX_RAW: Final = 64 * 1024 * 1024
_MAX_STDERR: Final = 8_000

#: How programs say that they do not know a session.
_NO_SESSION: Final = re.compile(
    r"(no conversation found|session not found|no such session|unknown session)", re.IGNORECASE
)

#: How they say that they tripped over another's first start: opencode makes its database then, and of several that
#: start at once on a fresh machine some fail.
_TRIPPED: Final = re.compile(r"(Failed query:\s+(CREATE|ALTER|DROP|PRAGMA|INSERT)|database is locked)", re.IGNORECASE)

#: Waits before it is tried again then, in seconds; one for each further time.
_AGAIN_AFTER_S: Final = (1.0, 3.0)

#: Between TERM and KILL, where the driver itself ends its program.
_GRACE_S: Final = 5.0

#: How long the end of its stderr is waited for, once it has gone.
_LAST_WORDS_S: Final = 2.0

#: How long a program that waits for its quota is waited for: a short limit is over by then.
_WAITING_S: Final = 60.0

#: A line longer than this is cut: it is a tool's output, which nobody reads here.
_MAX_LINE: Final = 8 * 1024 * 1024


class Termination:
    """TERM or INT to the driver, passed on to its program, whichever that is by then.

    A thread does it, not a handler: one that came just before the main thread began to wait for the program's next
    line was seen with that line, and the program knew nothing of its grace (see actors/process/ending.py).
    """

    def __init__(self) -> None:
        self.came: Final = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._ending: Final = Ending(lambda _name, _error: None)

    def listen(self) -> None:
        """From now on; only from the main thread."""
        self._ending.listen(signal.SIGTERM, signal.SIGINT)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def is_for(self, process: "subprocess.Popen[bytes]") -> None:
        """This program is the one that runs now; it is told of what came before it started."""
        self._process = process
        if self.came.is_set():
            signal_group(process, signal.SIGTERM)

    def _listen(self) -> None:
        for _ in self._ending.signals():
            self.came.set()
            if self._process is not None:
                signal_group(self._process, signal.SIGTERM)


def signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Signal what a program and its children are, as far as they are still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class Driver:
    """One run. Threads read the program's two streams; all that is decided is decided in `run`."""

    def __init__(self, job: Job, termination: Termination, tries: int = 0) -> None:
        self._job: Final = job
        self._termination: Final = termination
        #: How often it has tripped before.
        self._tries: Final = tries
        self._stream: Final[Stream] = stream_named(job.stream)(job.options)
        #: What it says: lines of stdout and of stderr (the latter True); None: stdout is closed.
        self._lines: Final[queue.SimpleQueue[tuple[str, bool] | None]] = queue.SimpleQueue()
        self._stderr = b""
        self._raw_left = _MAX_RAW
        #: It was ended by us: class and message.
        self._ended_for: tuple[str, str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr_reader: threading.Thread | None = None

    def run(self) -> int:
        """The whole of it; the exit code for the attempt."""
        try:
            fault = version_fault(self._job)
            if not fault:
                self._start()
        except OSError as error:
            fault = f"{self._job.argv[0]} cannot be started: {error.strerror or error}"
        if fault:
            Report(cls="spawn", message=fault).write(self._job.report)
            _say(fault)
            return NOT_STARTED
        self._read_to_the_end()
        code = self._wait()
        if self._has_no_session(code):
            return self._begin_afresh()
        if self._has_tripped(code):
            _say("… it tripped over another's first start: once more")
            if not self._termination.came.wait(_AGAIN_AFTER_S[self._tries]):
                return Driver(self._job, self._termination, self._tries + 1).run()
        return self._close(code)

    def _termed(self) -> bool:
        return self._termination.came.is_set()

    def _has_tripped(self, code: int) -> bool:
        """It could not begin, as another one was beginning; nothing was done."""
        begun = self._termed() or self._ended_for or self._stream.report.session or self._stream.report.turns
        said = self._stderr.decode(errors="replace")
        return code != 0 and not begun and self._tries < len(_AGAIN_AFTER_S) and bool(_TRIPPED.search(said))

    def _has_no_session(self, code: int) -> bool:
        """The session that it was to go on with is not there (any more): nothing was done."""
        said = self._stderr.decode(errors="replace") + self._stream.report.text
        return self._job.fresh is not None and code != 0 and not self._termed() and bool(_NO_SESSION.search(said))

    def _begin_afresh(self) -> int:
        fresh = self._job.fresh or {}
        _say("… its session is not there any more: a new one begins")
        job = replace(self._job, argv=fresh["argv"], stdin=fresh["stdin"], fresh=None)
        return Driver(job, self._termination).run()

    # --- the program ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        given = self._job.stdin
        self._process = process = subprocess.Popen(
            self._job.argv,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self._job.env},
            process_group=0,
        )
        self._termination.is_for(process)
        threading.Thread(target=self._read_stdout, args=(process.stdout,), daemon=True).start()
        self._stderr_reader = threading.Thread(target=self._read_stderr, args=(process.stderr,), daemon=True)
        self._stderr_reader.start()
        if given is not None and process.stdin is not None:
            threading.Thread(target=_feed, args=(process.stdin, given.encode()), daemon=True).start()

    def _read_stdout(self, stream: IO[bytes]) -> None:
        try:
            with open(self._job.raw, "ab", buffering=0) as raw:
                while line := stream.readline(_MAX_LINE):
                    if self._raw_left > 0:
                        self._raw_left -= len(line)
                        with contextlib.suppress(OSError):  # a full disk: the report matters more
                            raw.write(line)
                    self._lines.put((_text(line), False))
        finally:
            self._lines.put(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        while line := stream.readline(_MAX_LINE):
            self._stderr = (self._stderr + line)[-_MAX_STDERR:]
            with contextlib.suppress(OSError):
                os.write(2, line)
            self._lines.put((_text(line), True))

    def _read_to_the_end(self) -> None:
        """Until its stdout is closed, or it was ended."""
        last_at = ended_at = time.monotonic()
        while True:
            until_at = self._due_at(last_at, ended_at)
            try:
                said = self._lines.get(timeout=None if until_at is None else max(0.0, until_at - time.monotonic()))
            except queue.Empty:
                if self._overdue(last_at):
                    return
                continue
            if said is None:
                return
            line, of_stderr = said
            if of_stderr:
                self._stream.complain(line)
                continue
            last_at = time.monotonic()
            for text in self._stream.take(line):
                _say(text)
            if self._stream.ended:
                ended_at = last_at
            if self._over_bounds():
                return

    def _due_at(self, last_at: float, ended_at: float) -> float | None:
        if self._stream.ended:
            return ended_at + self._job.after_result_s
        silence_s = self._silence_s()
        return None if silence_s is None else last_at + silence_s

    def _silence_s(self) -> float | None:
        """How long it may be silent now."""
        bound_s = self._job.silence_s
        if self._stream.waiting is None:
            return bound_s
        return _WAITING_S if bound_s is None else min(bound_s, _WAITING_S)

    def _overdue(self, last_at: float) -> bool:
        if self._stream.ended:  # it has said all: its end is not its failure
            self._end_program()
            return True
        silent_s, bound_s = time.monotonic() - last_at, self._silence_s()
        if bound_s is None or silent_s < bound_s:
            return False
        self._ended_for = self._stream.waiting or ("stalled", f"it said nothing for {silent_s:.0f} s")
        self._end_program()
        return True

    def _over_bounds(self) -> bool:
        job, report = self._job, self._stream.report
        if self._stream.hopeless:
            pass
        elif job.max_turns is not None and (report.turns or 0) >= job.max_turns and not self._stream.ended:
            self._ended_for = ("budget", f"it used its {job.max_turns} turns")
        elif job.budget_usd is not None and (report.cost_usd or 0.0) > job.budget_usd:
            self._ended_for = ("budget", f"it spent ${report.cost_usd:.4f} of ${job.budget_usd:g}")
        elif job.max_tokens is not None and _tokens(report) > job.max_tokens and not self._stream.ended:
            self._ended_for = ("budget", f"it used {_tokens(report)} of the {job.max_tokens} tokens that were left")
        else:
            return False
        self._end_program()
        return True

    def _end_program(self) -> None:
        self._signal(signal.SIGTERM)
        process = self._process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
        self._signal(signal.SIGKILL)  # what is left of its group

    def _signal(self, number: int) -> None:
        if self._process is not None:
            signal_group(self._process, number)

    def _wait(self) -> int:
        """Its exit code. What closed its stdout and does not go is ended, and with it what it left behind."""
        process = self._process
        assert process is not None  # noqa: S101 (it was started)
        try:
            code = process.wait(self._job.after_result_s)
        except subprocess.TimeoutExpired:
            self._end_program()
            code = process.wait()
        self._signal(signal.SIGTERM)
        if self._stderr_reader is not None:  # its last words say why it went; what it left behind may hold them open
            self._stderr_reader.join(_LAST_WORDS_S)
        return 128 - code if code < 0 else code

    # --- what is left -----------------------------------------------------------------------------------------------

    def _close(self, code: int) -> int:
        stream, job = self._stream, self._job
        if stream.ended and code > 128 and not self._termed():
            code = 0  # it had said its last word; it was ended for living on
        stream.close(code, self._stderr.decode(errors="replace"))
        report = stream.report
        if self._ended_for is not None:
            report.cls, report.message = self._ended_for
        self._hand_back(report)
        _say(_summary(report))
        report.write(job.report)
        if report.cls is None:
            return 0
        return code or FAILED

    def _hand_back(self, report: Report) -> None:
        """The files for those that come after, unless the agent wrote them itself."""
        job = self._job
        if report.text and not os.path.exists(job.summary):
            _put(job.summary, report.text)
        if report.cls is not None or os.path.exists(job.result):
            return
        answer = self._stream.answer()
        if answer is None and job.structured:
            answer = json_in(report.text)
            if answer is None:
                report.cls, report.message = (
                    "result",
                    "its answer holds no JSON, which was asked for, or several objects",
                )
                return
        _put(job.result, json.dumps({"text": report.text} if answer is None else answer))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\n")


def _tokens(report: Report) -> int:
    return (report.input_tokens or 0) + (report.output_tokens or 0)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), pipe:
        pipe.write(data)


def _put(path: str, text: str) -> None:
    draft = f"{path}.new"
    with open(draft, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    os.replace(draft, path)


def _summary(report: Report) -> str:
    """What it came to, in a line."""
    parts = [f"{report.turns} turns"] if report.turns is not None else []
    if report.cost_usd is not None:
        parts.append(f"${report.cost_usd:.4f}")
    if report.input_tokens is not None or report.output_tokens is not None:
        parts.append(f"{report.input_tokens or 0} tokens in, {report.output_tokens or 0} out")
    outcome = "done" if report.cls is None else f"{report.cls}: {report.message}"
    return f"— {outcome}" + (f" ({', '.join(parts)})" if parts else "")


def _say(text: str) -> None:
    data = (text + "\n").encode(errors="replace")
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


def main() -> int:
    """`python -m orch_actors.actors.host.agents JOB`."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m orch_actors.actors.host.agents JOB (a file; started for an attempt)\n")
        return 2
    try:
        job = Job.read(sys.argv[1])
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"not an agent's job: {error}\n")
        return NOT_STARTED
    termination = Termination()
    termination.listen()
    return Driver(job, termination).run()
