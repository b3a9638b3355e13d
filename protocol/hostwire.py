"""Supervisor ⇄ worker host: the messages between the process that decides and those that run things.

Neither side acknowledges. What gets lost with a dying process is found again on disk: the supervisor hands a
new host all attempts in flight (AdoptAttempt), and the host reads from each attempt's record what became of it
(design: "Attempts survive us"). Every message may therefore come twice; the receiver ignores what it knows.
"""

from typing import Any, Final, Literal

from msgspec import Struct

from orch_actors.protocol.codec import Decoder
from orch_actors.protocol.views import ActorView, Artifact, Usage


class HostMessage(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Anything between supervisor and host."""


class Launch(Struct, frozen=True, kw_only=True):
    """All that is needed to run one attempt, or to find out what became of it."""

    #: `g1/build/2`
    attempt: str
    #: Absolute folder of the graph's attempts; the supervisor has created it.
    folder: str
    #: File names begin with this: `<stem>.jsonl` (the record), `.out`, `.err`, `.result`.
    stem: str
    #: What kind of work it is (empty: the one that the worker type is named after), and the kind's own part of the
    #: task, as a document (protocol/spec/work.py).
    kind: str = ""
    work: dict[str, Any]
    #: What the configuration says of the worker type (protocol/settings.py, WorkerSettings), as a document.
    settings: dict[str, Any] = {}
    #: Absolute working directory; with `worktree` the folder in the repository that the one in the worktree stands for.
    cwd: str
    #: Where files are that it names for its host to read, where that is another folder than `cwd`.
    given_in: str = ""
    #: Its git worktree, which is made before it starts, and the branch of that; empty: it has none.
    worktree: str = ""
    branch: str = ""
    #: The whole environment, but for the ORCH_* variables that the host adds.
    env: dict[str, str]
    #: Variables whose values the host finds (protocol/spec/graph.py, Secret), as documents.
    secrets: dict[str, dict[str, Any]] = {}
    #: File mode creation mask; None: that of the host, which keeps everything from others.
    umask: int | None = None
    #: Seconds between TERM and KILL.
    grace_s: float
    #: `validate` as a document (protocol/spec/graph.py): checked by the host after an exit with code 0.
    validate: dict[str, Any] | None = None
    #: Files that it is to leave: paths or patterns, relative to `cwd`.
    artifacts: tuple[str, ...] = ()
    #: They are to be copied, if they have no more bytes together; None: referenced where they are.
    copies_limit: int | None = None
    #: Longest silence of stdout and stderr, in seconds.
    idle_timeout_s: float | None = None
    #: Most that stdout and stderr may hold together, in bytes.
    output_limit: int | None = None
    #: The answer to the task's decision, for the file that ORCH_ANSWER names: {ref, question, choice, note}.
    answer: dict[str, Any] | None = None
    #: Of an agent: its session, and whether it is to be gone on with; empty: the program chooses one.
    session: str = ""
    resume: bool = False
    #: Why the attempt before failed, for the next one to do better.
    feedback: str = ""
    #: What the tasks that it depends on came to (context layer L1).
    context: str = ""
    #: The artifacts of those tasks, for the file that ORCH_ARTIFACTS names: {tasks, left_out}; empty: there are none.
    given: dict[str, Any] = {}
    #: Of an agent: dollars and tokens that are left of its budget and its graph's.
    left_usd: float | None = None
    left_tokens: int | None = None
    #: Boot id under which the attempt was decided.
    boot: str


class StartAttempt(HostMessage, frozen=True, kw_only=True, tag="start_attempt"):
    """Run it, once. Answers: AttemptEnded. (A record that exists already makes it an adoption.)"""

    launch: Launch


class AdoptAttempt(HostMessage, frozen=True, kw_only=True, tag="adopt_attempt"):
    """It may be running, over, or never begun: find out and act by the crash matrix.

    Answers: AttemptAdopted where it runs, AttemptEnded where it is over, both in turn where it ends later.
    """

    launch: Launch
    #: Its kill was decided before: carry on with that.
    stopping: bool = False
    #: Why it cannot be begun, should it turn out that it never was: a result that it refers to is not there any more.
    #: Its launch then has the references as they are written.
    unfilled: str = ""


class StopAttempt(HostMessage, frozen=True, kw_only=True, tag="stop_attempt"):
    """TERM to its group, after the grace KILL, then sweep escapees. Answer: AttemptEnded."""

    attempt: str


class DescribeActors(HostMessage, frozen=True, kw_only=True, tag="describe_actors"):
    """Answer: ActorsDescribed with the same ticket."""

    ticket: int


class Ping(HostMessage, frozen=True, kw_only=True, tag="ping"):
    """Give a sign of life. Answer: Pong, from the Worker actor, in its turn."""


class StopHost(HostMessage, frozen=True, kw_only=True, tag="stop_host"):
    """Go, and leave the attempts running."""


ToHost = StartAttempt | AdoptAttempt | StopAttempt | DescribeActors | Ping | StopHost


class HostReady(HostMessage, frozen=True, kw_only=True, tag="host_ready"):
    """The host can take work."""

    worker: str
    pid: int


class AttemptAdopted(HostMessage, frozen=True, kw_only=True, tag="attempt_adopted"):
    """It was found running."""

    attempt: str
    pid: int
    #: Seconds that it has run, by the monotonic clock.
    elapsed_s: float


class AttemptExceeded(HostMessage, frozen=True, kw_only=True, tag="attempt_exceeded"):
    """It broke a bound that only the host can see; it runs on until StopAttempt. Told once for each kind."""

    attempt: str
    #: The failure class.
    kind: Literal["idle_timeout", "output_limit"]
    message: str


class AttemptProgressed(HostMessage, frozen=True, kw_only=True, tag="attempt_progressed"):
    """It says something else of how far it is; told every two seconds at the most."""

    attempt: str
    text: str = ""
    percent: float | None = None


class Question(Struct, frozen=True, kw_only=True):
    """What a task asks by the file that ORCH_QUESTION names (JSON with these fields, or plain text: the question)."""

    question: str
    options: tuple[str, ...] = ("yes", "no")
    default: str | None = None
    #: Seconds.
    deadline: float | None = None


#: How an attempt was over. `exit`: by itself, with `exit_code`. `killed`: by StopAttempt. `spawn`: it never
#: began, `message` says why. `lost`: it began, and how it ended cannot be known.
Ending = Literal["exit", "killed", "spawn", "lost"]


class AttemptEnded(HostMessage, frozen=True, kw_only=True, tag="attempt_ended"):
    """It is over, and nothing of it runs any more (but for what it left behind on purpose)."""

    attempt: str
    ending: Ending
    exit_code: int | None = None
    message: str = ""
    #: Wall stamps in seconds since the epoch; the duration is monotonic.
    started_utc: float = 0.0
    ended_utc: float = 0.0
    duration_s: float = 0.0
    #: The JSON value in its result file, where it left one; encoded once more, as msgpack. (Not Raw: msgspec cannot
    #: decode `Raw | None`.)
    result: bytes | None = None
    #: Why the result file cannot be used, where it left one that cannot.
    result_fault: str = ""
    #: Why it is not valid, where it exited 0 and its `validate` does not hold.
    invalid: str = ""
    #: It asks before it goes on (whatever its exit code).
    question: Question | None = None
    #: The last lines of stderr, else stdout, of an attempt that did not succeed; at most 2,000 characters.
    tail: str = ""
    #: The last lines of what its validation command printed, where it is not valid; at most as many.
    checked: str = ""
    #: Files that it was to leave, where it is valid.
    artifacts: tuple[Artifact, ...] = ()
    #: Its failure class, where the host knows it better than the supervisor could tell from the rest.
    cls: str = ""
    #: Of an agent.
    usage: Usage | None = None
    session: str = ""
    #: Where its quota is used up: when there is more, in seconds since the epoch.
    reset_utc: float | None = None


class ActorsDescribed(HostMessage, frozen=True, kw_only=True, tag="actors_described"):
    """See DescribeActors; the root is the Worker actor."""

    ticket: int
    root: ActorView


class Pong(HostMessage, frozen=True, kw_only=True, tag="pong"):
    """See Ping."""


ToSupervisor = HostReady | Pong | AttemptAdopted | AttemptExceeded | AttemptProgressed | AttemptEnded | ActorsDescribed

TO_HOST: Final[Decoder[ToHost]] = Decoder(ToHost)  # type: ignore[arg-type]
TO_SUPERVISOR: Final[Decoder[ToSupervisor]] = Decoder(ToSupervisor)  # type: ignore[arg-type]


class HostConfig(Struct, frozen=True, kw_only=True):
    """The one argument (JSON) that a host process is started with: `python -m orch_actors.actors.host CONFIG`.

    Its stdin is a pipe that the supervisor holds open: at its end the host leaves at once, without a word.
    """

    worker: str
    #: Endpoint of the supervisor's ROUTER for hosts; the host's routing id is `name`.
    endpoint: str
    name: str
    home: str
    journal: str
    boot: str
    log_level: str = "INFO"
