"""How the system says that there is no room: on the disk, for this user, in a file. For all processes of ours. Pure."""

import errno
from typing import Final

#: Failure class of an attempt that could not begin for that reason: protocol/spec/failures.py.
DISK_FULL: Final = "disk_full"

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_no_room(error: BaseException | None) -> bool:
    """Whether this is what it means."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM
