"""`journal`: what is on disk, read and tended without the daemon; the words of the command line.

The journal's forms belong to the daemon's side, so the work is done by its program (`cli/daemon/journal.py` starts it),
and the command line only shows what that one says. The place for a new member: a function here, its line in MEMBERS,
and an action of the same name in `actors/journal/__main__.py`. (`compact` alone asks the daemon: it is the writer.)
"""

import os
from typing import Annotated, Final

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.daemon.journal import INSPECTION, ask_program
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import note, say, say_json, stdout_style
from orch_actors.cli.session import Session
from orch_actors.cli.words import split_target

GROUP: Final = "The journal on disk: what it says, what it consists of. Works with and without a daemon."

EXAMPLES = """
orch-actors journal show                  its newest lines
orch-actors journal show --task nightly/total
orch-actors journal show --since 1041     what comes after that sequence
orch-actors journal show --json           {"folder", "lines", "more"}
orch-actors journal files                 what it consists of
orch-actors journal files --json          {"folder", "journal", "files"}
orch-actors journal verify                read all of it; exit code 1: it is damaged, and where
orch-actors journal salvage               what could be saved of a damaged one, and what is lost
orch-actors journal salvage --accept-data-loss
orch-actors journal compact               have the daemon make a snapshot now, so that its next start is quick
orch-actors journal compact --json        {"snapshot", "segment", "bytes", "made_utc", …}
"""


def _of_a_journal(home: str | None, as_json: bool) -> Session:
    """The session of a home in which there is a journal, or one that a salvage was interrupted in."""
    said = session(home, as_json)
    if not os.path.isdir(said.place.journal) and not os.path.isdir(said.place.salvage):
        raise faults.environment(
            f"there is no journal yet: {said.place.journal}: No such file or directory",
            f"the first start begins one: {said.typed('up')}; or name another home: --home DIR",
            faults.ENVIRONMENT_FOR_NOW,
        )
    return said


def files(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """List the files of the journal: how large, from which sequence and event on."""
    said = _of_a_journal(home, as_json)
    found = ask_program(said, "files")
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.render.journal import files_table

        say(files_table(found, stdout_style()))
    return faults.GOOD


def show(  # noqa: PLR0917 (its options)
    graph: Annotated[str | None, typer.Option("--graph", metavar="GRAPH", help="Of this graph alone.")] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="GRAPH/TASK", help="Of this task alone.")] = None,
    since: Annotated[
        int | None, typer.Option("--since", metavar="SEQUENCE", min=0, help="The first after it, not the newest.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many lines at the most.")] = 50,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the journal's lines, what is broken among them, too. GRAPH is an id, or a name."""
    words = ["--limit", str(limit), *_of_graph_or_task(graph, task)]
    said = _of_a_journal(home, as_json)
    if since is not None:
        words += ["--since", str(since)]
    found = ask_program(said, "show", *words, program=INSPECTION)
    if said.as_json:
        say_json(found)
        return faults.GOOD
    from orch_actors.cli.render.journal import lines_text

    if found["more"]:
        note(f"there are more: --limit {2 * limit} shows them")
    say(lines_text(found, stdout_style()))
    return faults.GOOD


def _of_graph_or_task(graph: str | None, task: str | None) -> list[str]:
    if task is None:
        return [] if graph is None else ["--graph", graph]
    if graph is not None:
        raise faults.usage("--graph and --task exclude each other", "for a task: --task GRAPH/TASK")
    of, name, _ = split_target(task)
    if name is None:
        raise faults.usage(f"{task!r} names no task", f"for the whole graph: --graph {of}")
    return ["--graph", of, "--task", name]


def verify(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Read all of the journal, and say each place that is damaged, and what is whole. Exit code 1: it is damaged.

    Changes nothing; a daemon may run.
    """
    said = _of_a_journal(home, as_json)
    found = ask_program(said, "verify")
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.render.damage import survey_text

        say(survey_text(found, stdout_style(), said.typed("journal", "salvage")))
    return faults.GOOD if found["verdict"] in _SOUND else faults.NOT_DONE


def salvage(
    accept: Annotated[
        bool, typer.Option("--accept-data-loss", help="Do it: what is shown without this is lost.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Go on with what is whole of a damaged journal; without --accept-data-loss only say what would be lost.

    No daemon may run. The damaged journal is kept, in the home's folder `salvage`. If it is interrupted, the same
    command finishes it.
    """
    said = _of_a_journal(home, as_json)
    found = ask_program(said, "salvage", *(["--accept"] if accept else []), program=INSPECTION)
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.render.damage import salvage_text

        say(salvage_text(found, said.typed("journal", "salvage", "--accept-data-loss"), said.typed("up")))
    return faults.GOOD


#: Verdicts with which a daemon starts.
_SOUND: Final = ("whole", "torn")


def compact(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Have a snapshot made of the journal as it is now, by the daemon; it does so itself with every closed segment.

    Files of the journal that neither a start nor a reader of events needs go with it: [retention] in config.toml says
    how many events are kept.
    """
    from orch_actors.cli.compacting import see_compacted

    said = session(home, as_json)
    with said.client() as client:
        found = see_compacted(client)
    if said.as_json:
        say_json(msgspec.structs.asdict(found))
    elif found.snapshot:
        say(f"{one_line(found.snapshot)}: segments up to {found.segment}, {found.bytes:,} bytes")
    else:
        say("the journal has nothing to compact yet")
    return faults.GOOD


MEMBERS: Final = {"show": show, "files": files, "verify": verify, "salvage": salvage, "compact": compact}
