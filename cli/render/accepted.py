"""The answer to a submission, in a line."""

from orch_actors.cli.escape import one_line


def accepted_line(graph: str | None, name: str, tasks: int, *, existing: bool) -> str:
    """`g7  nightly  12 tasks`; without an id it was a dry run."""
    size = "1 task" if tasks == 1 else f"{tasks} tasks"
    if graph is None:
        return f"{one_line(name)}  {size}  good (dry run: nothing was begun)"
    return f"{graph}  {one_line(name)}  {size}" + ("  (submitted before with this key)" if existing else "")
