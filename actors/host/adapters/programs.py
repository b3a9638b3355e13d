"""Finding a program before it is started, so that its absence is told in a sentence and not as exit code 127."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from orch_actors.actors.host.place import CannotSpawn

#: Where to look when the environment has no PATH.
DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def find_program(name: str, env: Mapping[str, str], cwd: str) -> str:
    """Absolute path of a program that exec would take for `name`, in this environment and folder.

    Raises:
        CannotSpawn: there is none, or it may not be executed; says where was looked.
    """
    if "/" in name:
        path = os.path.join(cwd, name)
        _check(name, path)
        return path
    for path in _candidates(name, env, cwd):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise CannotSpawn(f"program {name!r} is not found on the task's PATH ({env.get('PATH', DEFAULT_PATH)})")


def _candidates(name: str, env: Mapping[str, str], cwd: str) -> Iterator[str]:
    for folder in env.get("PATH", DEFAULT_PATH).split(":"):
        # An empty entry means the current folder (POSIX).
        yield os.path.join(cwd, folder, name)


def _check(name: str, path: str) -> None:
    try:
        os.stat(path)
    except OSError as error:
        raise CannotSpawn(f"program {name!r} cannot be run: {error.strerror or error}") from error
    if not os.path.isfile(path):
        raise CannotSpawn(f"program {name!r} is not a file")
    if not os.access(path, os.X_OK):
        raise CannotSpawn(f"program {name!r} is not executable (chmod +x, or name its interpreter)")
