"""What every Python task of a campaign runs; see act.sh. Arguments: SECONDS CODE..."""

import os
import sys
import time


def mark(what: str) -> None:
    """A line in the file of effects; one write, so that lines do not mix."""
    attempt = "/".join(os.environ[name] for name in ("ORCH_GRAPH", "ORCH_TASK", "ORCH_ATTEMPT_NUMBER"))
    fd = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{attempt} {what}\n".encode())
    os.close(fd)


if __name__ == "__main__":
    mark("begin")
    codes = sys.argv[2:]
    code = int(codes[min(int(os.environ["ORCH_ATTEMPT_NUMBER"]), len(codes)) - 1])
    time.sleep(float(sys.argv[1]))
    mark(f"end {code}")
    sys.exit(code)
