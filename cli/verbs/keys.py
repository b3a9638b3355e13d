"""`keys`: who may come by TCP."""

from typing import Annotated, Final

import typer

from orch_actors.cli import faults
from orch_actors.cli import keys as keyring
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json

GROUP: Final = """Keys for clients that come by TCP: from another account, or another machine.

The daemon listens there if config.toml says so, and lets in who holds a key that is on the list. Whoever does can run
commands as you. Changes take effect at once, for connections that stand, too.
"""

EXAMPLES = """
orch-actors keys new laptop                      make a key; prints what the client needs
orch-actors keys new laptop -o - | ssh laptop 'umask 077; cat > orch.json'
orch-actors --key-file orch.json status          and there, use it
orch-actors keys list
orch-actors keys revoke laptop
"""

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the client is called.")]


def new(  # noqa: PLR0917 (typer calls it by name)
    name: NameArgument,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="TCP", help="Where the client reaches it.  [default: as it listens]"),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="For the key file; - is stdout.  [default: in the home]"),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="KEY", help="Make it for the daemon elsewhere that has this public key."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a key, allow it, and write the file that the client needs."""
    said = session(home, as_json)
    if server is not None:
        made = keyring.new_for_elsewhere(name, server=server, endpoint=endpoint, output=output)
    else:
        made = keyring.new(said, name, endpoint=endpoint, output=output)
    if made.file == "-":
        say_json(made.key)
    elif said.as_json:
        key = made.key
        shown = {"name": key.name, "endpoint": key.endpoint, "server": key.server, "public": key.public}
        say_json({**shown, "file": made.file, "allowed": made.allowed})
    else:
        from orch_actors.cli.render.keys import new_key_text

        say(new_key_text(made))
    return faults.GOOD


def list_(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """List who may come: names and public keys."""
    said = session(home, as_json)
    found = keyring.listed(said)
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.output import stdout_style
        from orch_actors.cli.render.keys import key_list_text

        say(key_list_text(found, stdout_style()))
    return faults.GOOD


def allow(
    name: NameArgument,
    public: Annotated[str, typer.Argument(metavar="KEY", help="Its public key, 40 characters.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Allow a client that has made its key itself (there: `keys new --server`)."""
    said = session(home, as_json)
    keyring.allow(said, name, public)
    if said.as_json:
        say_json({"name": name, "public": public, "allowed": True})
    else:
        say(f"{name} may come from now on")
    return faults.GOOD


def revoke(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Take a client off the list: it is refused from now on, and hears no more events."""
    said = session(home, as_json)
    public = keyring.revoke(said, name)
    if said.as_json:
        say_json({"name": name, "public": public, "allowed": False})
    else:
        say(f"{name} is kept out from now on")
    return faults.GOOD


MEMBERS: Final = {"new": new, "list": list_, "allow": allow, "revoke": revoke}
