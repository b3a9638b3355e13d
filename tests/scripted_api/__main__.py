"""`python -m scripted_api FILE [PORT]`, in the folder tests: serve the scripts of a JSON file, for a try by hand."""

import json
import sys
import threading
from pathlib import Path

from . import ScriptedApi

if __name__ == "__main__":
    scripts = json.loads(Path(sys.argv[1]).read_text())
    with ScriptedApi(scripts, int(sys.argv[2]) if len(sys.argv) > 2 else 0) as api:
        sys.stdout.write(f"{api.url}\n")
        sys.stdout.flush()
        threading.Event().wait()
