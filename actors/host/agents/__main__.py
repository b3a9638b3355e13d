"""`python -m orch_actors.actors.host.agents JOB`: see the package."""

import sys

from orch_actors.actors.host.agents.driver import main

if __name__ == "__main__":
    sys.exit(main())
