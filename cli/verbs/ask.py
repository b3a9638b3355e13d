"""`ask`: a running task asks for a decision; the words of the command line. The work is in `asking.py`."""

from typing import Annotated

import typer

from orch_actors.cli.asking import Inquiry, ask
from orch_actors.cli.options import HomeOption, JsonOption, TimeoutOption, session

EXAMPLES = """
orch-actors ask "Drop the old table?" --wait           prints the choice: yes or no
case $(orch-actors ask "Which region?" --option eu --option us --wait) in eu) … ;; us) … ;; esac
orch-actors ask "Go on?" --default no --deadline 1h    prints the decision's ref; go on with other work
orch-actors ask "Go on?" --wait --json                 {"ref", "graph", "task", "choice", "note", "by"}
"""


def command(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What people read.")],
    *,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="TEXT", help="A possible answer; repeat it.  [default: yes, no]"),
    ] = None,
    default: Annotated[
        str | None,
        typer.Option("--default", metavar="TEXT", help="The answer at the deadline.  [default: the first option]"),
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="TIME", help="How long the question stands: 90s, 1h.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the answer and print it.")] = False,
    timeout: TimeoutOption = None,
    graph: Annotated[
        str | None, typer.Option("--graph", metavar="GRAPH", help="Of the asking task.  [default: $ORCH_GRAPH]")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="TASK", help="The asking task.  [default: $ORCH_TASK]")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Ask for a decision, from inside a running task.

    The task runs on. With --wait the answer goes to stdout, and a note that came with it to stderr.
    """
    return ask(
        session(home, as_json),
        Inquiry(
            question=question,
            options=tuple(option or ()),
            default=default,
            deadline=deadline,
            graph=graph,
            task=task,
            wait=wait,
            timeout=timeout,
        ),
    )
