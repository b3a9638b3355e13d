"""Keys of clients that come by TCP, in words."""

from typing import TYPE_CHECKING

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style
from orch_actors.cli.render.table import table
from orch_actors.cli.words import quote

if TYPE_CHECKING:
    from orch_actors.cli.keys import KeyList, NewKey


def new_key_text(made: "NewKey") -> str:
    """What was made, and what to do with it."""
    key, file = made.key, one_line(made.file)
    lines = [f"key {key.name} for {one_line(key.endpoint)}: {file}"]
    if made.allowed:
        lines.append("Give the client that file, and nobody else: whoever has it can run commands as you. There:")
    else:
        lines.append(f"To be allowed by the daemon's owner: orch-actors keys allow {key.name} {quote(key.public)}")
        lines.append("Then:")
    lines += [f"  orch-actors --key-file {quote(file)} status", f'  Client(key_file="{file}")']
    if not made.listening:
        lines.append("The daemon does not listen by TCP yet; config.toml of its home:")
        lines += ["  [listen]", '  tcp = "tcp://127.0.0.1:7447"', "Then: orch-actors down; orch-actors up"]
    return "\n".join(lines)


def key_list_text(found: "KeyList", style: Style) -> str:
    """The daemon's key and address, and who may come."""
    where = "does not listen by TCP" if found.listen is None else f"listens at {found.listen[0]}"
    lines = [f"the daemon {where}; its public key: {found.server or 'none yet'}"]
    if not found.allowed:
        return "\n".join([*lines, "nobody may come by TCP"])
    rows = [(client.name, client.public, one_line(client.file or "")) for client in found.allowed]
    return "\n".join([*lines, table(("NAME", "PUBLIC KEY", "KEY FILE"), rows, style)])
