"""`submit`: hand a graph file or one command to the daemon, and say under which id it was taken.

The same function serves typer's verb and the fast path, so both mean the same. Free of typer, and of anything that a
cold start can do without.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import listener
from orch_actors.cli.output import say, say_json
from orch_actors.cli.session import Session
from orch_actors.cli.words import id_from, quote, read_duration, read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orch_actors.protocol.client import Client
    from orch_actors.protocol.messages import GraphAccepted


class Submission(Struct, frozen=True, kw_only=True):
    """What was typed after `submit` (or `run`), not yet looked at."""

    home: str | None = None
    as_json: bool = False
    no_start: bool = False
    #: A graph file, or "-" for stdin; None: a command.
    file: str | None = None
    #: The words behind `--`; None: there was no `--`.
    words: tuple[str, ...] | None = None
    key: str | None = None
    param: tuple[str, ...] = ()
    dry_run: bool = False
    name: str | None = None
    timeout: str | None = None
    retry: int | None = None
    env: tuple[str, ...] = ()
    cwd: str | None = None


class Prepared(Struct, frozen=True, kw_only=True):
    """A graph that has passed every check that needs no daemon."""

    document: dict[str, Any]
    #: Absolute; relative paths in the document are read from here.
    base_dir: str
    name: str
    tasks: int


def prepare(submission: Submission) -> Prepared:
    """Read and check what is to be submitted.

    Raises:
        CommandFault: the arguments make no sense together.
        Refused: the document has problems; they carry their lines.
    """
    words, file = submission.words, submission.file
    if words is not None and file is not None:
        raise faults.usage(f"both a file ({file}) and a command were given", "give one of them")
    if words is not None:
        return _prepare_command(submission, words)
    if file is None:
        raise faults.usage(
            "nothing to submit",
            "give a graph file, - for stdin, or a command behind --: orch-actors submit -- make all",
        )
    return _prepare_file(submission, file)


def _prepare_file(submission: Submission, file: str) -> Prepared:
    for option, value in (
        ("--timeout", submission.timeout),
        ("--retry", submission.retry),
        ("--env", submission.env or None),
        ("--cwd", submission.cwd),
    ):
        if value is not None:
            raise faults.usage(f"{option} is for a command behind --", "in a graph, say it in the file")
    if file == "-" and sys.stdin is not None and sys.stdin.isatty():
        print("reading a graph from the terminal; end it with ctrl-D", file=sys.stderr)
    from orch_actors.protocol.spec.load import check_file

    params = read_pairs(submission.param, "--param")
    if "/" not in file and "." not in file and file != "-" and not os.path.exists(file):
        raise faults.usage(f"there is no file {file}", f"to run a command: orch-actors submit -- {quote(file)} …")
    if _session(submission).by_tcp:
        return _prepare_for_elsewhere(submission, file, params)
    document, graph, base_dir = check_file(file, params, workers=worker_types(submission.home))
    name = graph.name
    if submission.name is not None:
        document, name = {**document, "name": submission.name}, submission.name
    return Prepared(document=document, base_dir=base_dir, name=name, tasks=len(graph.tasks))


def _prepare_for_elsewhere(submission: Submission, file: str, params: dict[str, str]) -> Prepared:
    """For a daemon on another machine: what it knows of worker types and files is not to be known here."""
    from orch_actors.protocol.spec.load import load_graph

    loaded = load_graph(file, params=params)
    document = loaded.document if submission.name is None else {**loaded.document, "name": submission.name}
    tasks = document.get("tasks")
    count = len(tasks) if isinstance(tasks, list | dict) else 0
    return Prepared(document=document, base_dir=loaded.base_dir, name=str(document.get("name", "")), tasks=count)


def _session(submission: Submission) -> Session:
    return Session(home=submission.home, as_json=submission.as_json)


def worker_types(home: str | None) -> "Mapping[str, str]":
    """The worker types of a home, each with its kind; the settings are only read where there are some."""
    from orch_actors.protocol.homes import Home

    config = Home(home).config
    if not os.path.exists(config):
        from orch_actors.protocol.spec.work import BUILT_IN

        return BUILT_IN
    from orch_actors.protocol.settings import load_settings

    return load_settings(config).worker_types()


def _prepare_command(submission: Submission, words: tuple[str, ...]) -> Prepared:
    if not words or not words[0]:
        raise faults.usage("there is no command behind --", "for example: orch-actors submit -- make all")
    if submission.param:
        raise faults.usage("--param is for graph files", "the shell fills in the words of a command")
    task: dict[str, Any] = {"id": id_from(os.path.basename(words[0]), "task"), "command": list(words)}
    if submission.timeout is not None:
        task["timeout"] = read_duration(submission.timeout, "--timeout")
    if submission.retry is not None:
        if submission.retry < 1:
            raise faults.usage(f"--retry {submission.retry}: expected 1 or more", "1 means: try once")
        task["retry"] = {"attempts": submission.retry}
    if submission.env:
        task["env"] = read_pairs(submission.env, "--env")
    base_dir = _folder(submission.cwd)
    name = submission.name if submission.name is not None else str(task["id"])
    return Prepared(document={"name": name, "tasks": [task]}, base_dir=base_dir, name=name, tasks=1)


def _folder(cwd: str | None) -> str:
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise faults.usage("the current folder was deleted", "change to another one, or give --cwd DIR") from None
    folder = os.path.normpath(os.path.join(here, os.path.expanduser(cwd))) if cwd else here
    if not os.path.isdir(folder):
        raise faults.usage(f"--cwd {folder} is no folder", "give one that exists")
    return folder


def send(client: "Client", submission: Submission, prepared: Prepared) -> "GraphAccepted":
    """Submit it."""
    return client.submit(prepared.document, key=submission.key, base_dir=prepared.base_dir, dry_run=submission.dry_run)


def submit(submission: Submission) -> int:
    """The verb.

    Returns:
        The exit code.
    """
    prepared = prepare(submission)
    session = _session(submission)
    if submission.dry_run and not (submission.no_start or session.by_tcp) and listener(session.place) is None:
        # Nothing is to be begun, so no daemon either. All that it would check was checked by `prepare`.
        _tell(prepared.name, prepared.tasks, submission, graph=None, existing=False)
        return faults.GOOD
    with session.client(start=not submission.no_start) as client:
        accepted = send(client, submission, prepared)
    _tell(accepted.name, accepted.tasks, submission, graph=accepted.graph or None, existing=accepted.existing)
    return faults.GOOD


def _tell(name: str, tasks: int, submission: Submission, *, graph: str | None, existing: bool) -> None:
    if submission.as_json:
        say_json({"graph": graph, "name": name, "tasks": tasks, "existing": existing, "dry_run": submission.dry_run})
        return
    from orch_actors.cli.render.accepted import accepted_line

    say(accepted_line(graph, name, tasks, existing=existing))
