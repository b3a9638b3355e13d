"""`version`. (`fast.py` answers it without coming here, unless it stands among other options.)"""

from orch_actors.cli.about import tell_version
from orch_actors.cli.options import HomeOption, JsonOption

EXAMPLES = """
orch-actors version
orch-actors version --json      {"version", "protocol", "python", "daemon": {"version", "pid"} or null}
"""


def command(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Show the version; and that of the daemon, where one runs and is of another."""
    return tell_version(as_json=as_json, home=home)
