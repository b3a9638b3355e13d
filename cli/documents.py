"""Where a document goes that a verb makes: to stdout, or into a file that was named with --output."""

import os

from orch_actors.cli import faults
from orch_actors.cli.output import note, say


def put(text: str, path: str | None, what: str) -> None:
    """Print `text`, or write it to `path` and say so on stderr. A file appears whole or not at all.

    Raises:
        CommandFault: the file cannot be written.
    """
    if path is None or path == "-":
        say(text)
        return
    beside = f"{path}.{os.getpid()}.part"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(beside, path)
    except OSError as error:
        if os.path.exists(beside):
            os.unlink(beside)
        raise faults.environment(f"cannot write {path}: {error.strerror or error}", "name another --output") from error
    note(f"{what} written to {path}")
