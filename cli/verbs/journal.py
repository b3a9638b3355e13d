"""`journal`: what is on disk, read and tended without the daemon; the words of the command line.

The journal's forms belong to the daemon's side, so the work is done by its program (`cli/journal.py` starts it), and
the command line only shows what that one says. The place for a new member: a function here, its line in MEMBERS, and
an action of the same name in `actors/journal/__main__.py`.
"""

from typing import Annotated, Final

import typer

from orch_actors.cli import faults
from orch_actors.cli.journal import INSPECTION, ask_program
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import note, say, say_json, stdout_style
from orch_actors.cli.words import split_target

GROUP: Final = "The journal on disk: what it says, what it consists of. Works with and without a daemon."

EXAMPLES = """
orch-actors journal show                  its newest lines
orch-actors journal show --task nightly/total
orch-actors journal show --since 1041     what comes after that sequence
orch-actors journal show --json           {"folder", "lines", "more"}
orch-actors journal files                 what it consists of
orch-actors journal files --json          {"folder", "journal", "files"}
"""


def files(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """List the files of the journal: how large, from which sequence and event on."""
    said = session(home, as_json)
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
    said = session(home, as_json)
    words = ["--limit", str(limit), *_of_graph_or_task(graph, task)]
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


MEMBERS: Final = {"show": show, "files": files}
