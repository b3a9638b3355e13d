"""What an attempt with secrets wrote, with these blotted out: copies for those who are shown it.

A summary and an output are shown to the tasks that come after, to judges and, as a context, to whoever asks; some of
these are programs of other people's. Nobody but the host of an attempt knows the values, and that only while it is at
it. So the host leaves, as the attempt ends and before that is told, `<file>.told` beside each of them; of a task with
secrets those are read in the files' place, and where there is none nothing is. The files themselves, and so `logs`,
stay as the task wrote them.
"""

import os
from typing import Final

from orch_actors.actors.host import logbook
from orch_actors.actors.host.leavings import read_bounded, read_tail, write_file
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.record import Paths

#: Ends of the names of such copies; see also actors/context/reading.py.
TOLD: Final = ".told"

#: Of a longer file so much of its beginning and its end is copied, in bytes and characters.
_END: Final = 64 * 1024


def leave_blotted(paths: Paths, mask: Mask) -> None:
    """Write the copies. A file that cannot be copied is not shown."""
    for path in (paths.summary, paths.out, paths.err):
        try:
            if os.path.lexists(path):
                write_file(path + TOLD, _blotted(path, mask).encode(errors="replace"))
        except OSError as error:
            logbook.warning("{} is not shown to anybody: {}", path, error.strerror or error)


def _blotted(path: str, mask: Mask) -> str:
    if not mask.complete:
        return f"(left out: it was adopted, and its secrets are not known here; see {path})\n"
    data = read_bounded(path, 2 * _END + 1) or b""
    if len(data) <= 2 * _END:
        return mask.text(data.decode(errors="replace"))
    head = mask.text(data[:_END].decode(errors="replace"))
    # One that is cut in two would not be known again.
    return f"{head[: len(head) - mask.longest]}\n[… cut …]\n{read_tail(path, mask, _END)}\n"
