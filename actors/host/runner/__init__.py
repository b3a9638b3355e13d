"""The Python runner. runner.py is a program of its own, run by any interpreter; nothing here imports it."""

import os
from typing import Final

#: Its path.
RUNNER: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runner.py")
