"""A graph's form for drawing tools: Mermaid, Graphviz's dot, and JSON.

Nothing from outside stands unquoted: nodes are called n0, n1, … in Mermaid; in both, every character of a label that
could mean something to the tool is written by its number. In dot a backslash is written twice: Graphviz reads the
numbers before it looks for escapes.
"""

from typing import Any, Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.layout import Layout
from orch_actors.cli.render.style import Style, symbol
from orch_actors.protocol.views import GraphView, TaskView

#: State → fill and border.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    "pending": ("#f4f4f4", "#9e9e9e"),
    "ready": ("#e0f7fa", "#00838f"),
    "running": ("#e3f2fd", "#1565c0"),
    "judging": ("#ede7f6", "#5e35b1"),
    "blocked": ("#fff8e1", "#ff8f00"),
    "done": ("#e8f5e9", "#2e7d32"),
    "failed": ("#ffebee", "#c62828"),
    "cancelled": ("#fff3e0", "#e65100"),
    "skipped": ("#fafafa", "#bdbdbd"),
}

#: What needs no number, besides letters and digits of any script.
_HARMLESS: Final = frozenset(" .,:_-()/")

_FINE: Final = Style()


def mermaid_text(view: GraphView) -> str:
    """A Mermaid flowchart; an edge that is not about `done` carries its condition."""
    layout = Layout(view)
    node_of = {task.id: f"n{number}" for number, task in enumerate(view.tasks)}
    lines = ["flowchart TD"]
    lines += [f'  {node_of[task.id]}["{"<br/>".join(_by_number(line, "#") for line in _label(task))}"]'
              for task in view.tasks]  # fmt: skip
    for edge in layout.edges:
        arrow = "-->" if edge.on == "done" else f'-. "{_by_number(edge.on, "#")}" .->'
        lines.append(f"  {node_of[edge.from_]} {arrow} {node_of[edge.to]}")
    for state, (fill, border) in COLOURS.items():
        members = [node_of[task.id] for task in view.tasks if task.state == state]
        if members:
            lines.append(f"  classDef {state} fill:{fill},stroke:{border},color:#000")
            lines.append(f"  class {','.join(members)} {state}")
    return "\n".join(lines)


def dot_text(view: GraphView) -> str:
    """A digraph for Graphviz; an edge that is not about `done` is dashed and carries its condition."""
    layout = Layout(view)
    title = _dot_text(one_line(f"{view.id} {view.name}: {view.state}"))
    lines = [
        f'digraph "{_by_number(view.id, "&#")}" {{',
        f'  graph [label="{title}", labelloc=t, rankdir=TB];',
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
    ]
    for task in view.tasks:
        fill, border = COLOURS.get(task.state, ("#ffffff", "#000000"))
        label = "\\n".join(_dot_text(line) for line in _label(task))
        lines.append(f'  {_dot_id(task.id)} [label="{label}", fillcolor="{fill}", color="{border}"];')
    for edge in layout.edges:
        how = "" if edge.on == "done" else f' [label="{_dot_text(edge.on)}", style=dashed]'
        lines.append(f"  {_dot_id(edge.from_)} -> {_dot_id(edge.to)}{how};")
    return "\n".join([*lines, "}"])


def graph_document(view: GraphView) -> dict[str, Any]:
    """`graph --json`: nodes with their state and level, edges with their condition."""
    layout = Layout(view)
    return {
        "id": view.id,
        "name": view.name,
        "state": view.state,
        "version": view.version,
        "nodes": [
            {
                "id": task.id,
                "worker": task.worker,
                "state": task.state,
                "title": task.title,
                "reason": task.reason,
                "level": layout.level_of[task.id],
                "attempts": len(task.attempts),
                "decision": task.decision,
            }
            for task in view.tasks
        ],
        "edges": [{"from": edge.from_, "to": edge.to, "on": edge.on} for edge in layout.edges],
    }


def _label(task: TaskView) -> list[str]:
    """The lines of a node: symbol, id and state, its title, and the decision that it waits for."""
    lines = [f"{symbol(task.state, _FINE)} {task.id}", task.state]
    if task.decision is not None:
        lines[1] += f" by {task.decision}"
    if task.title:
        lines.append(one_line(task.title)[:80])
    return lines


def _dot_text(text: str) -> str:
    return _by_number(text, "&#").replace("&#92;", "&#92;&#92;")


def _dot_id(task: str) -> str:
    return f'"{_by_number(task, "&#")}"'


def _by_number(text: str, lead: str) -> str:
    """`text` with all but the harmless written by number: `#34;` for Mermaid, `&#34;` for dot."""
    return "".join(
        character
        if character.isalnum() or character in _HARMLESS or character in _SYMBOLS
        else f"{lead}{ord(character)};"
        for character in one_line(text)
    )


_SYMBOLS: Final = frozenset(symbol(state, _FINE) for state in COLOURS) - {"?", ""}
