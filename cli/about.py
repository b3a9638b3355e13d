"""`version`: what this is. Imports next to nothing."""

import sys

from orch_actors.protocol.version import PROTOCOL_VERSION, VERSION


def tell_version(*, as_json: bool) -> int:
    """Print it; the exit code."""
    if not as_json:
        print(f"orch-actors {VERSION}")
        return 0
    python = ".".join(str(part) for part in sys.version_info[:3])
    # Plain ASCII words throughout: no encoder is needed.
    print(f'{{"version":"{VERSION}","protocol":{PROTOCOL_VERSION},"python":"{python}"}}')
    return 0
