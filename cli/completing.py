"""What may stand where the cursor is: verbs, their options, and the ids of graphs, tasks and decisions that there are.

Asked by a shell each time that somebody presses tab: a daemon that is slow, or is not there, means no ids, never an
error. Of the graphs those that were submitted from here come first, and the newest of those.
"""

from typing import TYPE_CHECKING, Any, Final

from orch_actors.cli import app
from orch_actors.cli.mine import is_mine
from orch_actors.cli.session import Session
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.submitter import submitter

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: Verbs whose first words are graphs; and those whose first word is a graph or a task.
OF_GRAPHS: Final = frozenset({"status", "wait", "graph", "timeline", "add", "pause", "resume", "limit", "prune"})
OF_TASKS: Final = frozenset({"logs", "result", "why", "context", "cancel", "update", "retry", "ask"})

#: Of a request, so that nobody waits for a tab.
_PATIENCE_S: Final = 1.0
_MOST: Final = 200


def candidates(words: list[str]) -> list[str]:
    """What begins as the last of the words, and may stand there; the words are those behind the program's name."""
    *before, partial = words or [""]
    if not before:
        return _beginning(partial, [*app.VERBS, *app.MOUNTED])
    typed = _typed(before)
    if typed is None:
        return []
    if partial.startswith("-"):
        return _beginning(partial, _options(before))
    try:
        found = _ids(before[0], typed, partial)
    except (OrchError, OSError):
        found = []
    return _beginning(partial, found)[:_MOST]


def _beginning(partial: str, texts: list[str]) -> list[str]:
    return [text for text in texts if text.startswith(partial)]


def _command(before: list[str]) -> Any:
    """The verb, or the member of a group, that was typed."""
    command: Any = app.LazyVerbs(name="orch-actors").get_command(None, before[0])
    for word in before[1:]:
        members = vars(command or object).get("commands", {}) if command is not None else {}
        command = members.get(word, command)
    return command


def _options(before: list[str]) -> list[str]:
    command = _command(before)
    if command is None:
        return []
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    return sorted({*options, "--help"})


def _typed(before: list[str]) -> list[str] | None:
    """What was typed behind the verb that is neither an option nor the value of one; None: the value of one comes next,
    or a command of somebody else's.
    """
    parameters = vars(_command(before) or object).get("params", [])
    valued = {option for parameter in parameters if not vars(parameter).get("is_flag") for option in parameter.opts}
    found: list[str] = []
    words = iter(before[1:])
    for word in words:
        if word == "--" or (word.startswith("-") and word in valued and next(words, None) is None):
            return None
        if not word.startswith("-"):
            found.append(word)
    return found


def _ids(verb: str, typed: list[str], partial: str) -> list[str]:
    if verb in app.GROUPS:
        command = _command([verb])
        return [] if typed or command is None else list(command.commands)
    if verb == "decide":
        return _of_decisions(typed)
    many = verb in {"wait", "prune"}
    if verb not in OF_GRAPHS | OF_TASKS or (typed and not many):
        return []
    with Session().client(timeout_s=_PATIENCE_S) as client:
        graph, slash, _ = partial.partition("/")
        if slash:
            return [f"{graph}/{task.id}" for task in client.graph(graph).tasks] if verb in OF_TASKS else []
        return _of_graphs(client)


def _of_graphs(client: "Client") -> list[str]:
    name = submitter()
    graphs = client.status().graphs[::-1]
    return [graph.id for graph in sorted(graphs, key=lambda graph: not is_mine(graph, name))]


def _of_decisions(typed: list[str]) -> list[str]:
    with Session().client(timeout_s=_PATIENCE_S) as client:
        if not typed:
            return [decision.ref for decision in client.decisions()]
        return list(client.decision(typed[0]).options) if len(typed) == 1 else []
