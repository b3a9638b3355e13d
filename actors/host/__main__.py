"""`python -m orch_actors.actors.host CONFIG`: see HostConfig in protocol/hostwire.py."""

import os
import sys

from orch_actors.actors.host.process import read_config, run
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.visible import one_line


def main() -> None:
    """Run a host; exit code 100 or 111 where its configuration or the machine is at fault."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m orch_actors.actors.host CONFIG (JSON; started by the daemon)\n")
        sys.exit(2)
    try:
        run(read_config(sys.argv[1]))
    except EnvironmentFault as fault:
        sys.stderr.write(one_line(f"{fault.message}: {fault.hint}") + "\n")
        sys.stderr.flush()
        os._exit(fault.exit_code)


if __name__ == "__main__":
    main()
