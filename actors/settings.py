"""The daemon's settings: `config.toml` in the home. Unknown keys are refused, by name.

[workers.shell]
limit = 8      # attempts of this type that may run at once
"""

import os
import tomllib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.spec.work import WORK


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One worker type."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    workers: dict[str, WorkerSettings] = {}

    def limits(self) -> dict[str, int]:
        """Worker type → how many attempts may run at once; by default a few more than there are processors."""
        processors = os.cpu_count() or 1
        found: dict[str, int] = {}
        for worker in WORK:
            limit = self.workers.get(worker, WorkerSettings()).limit
            found[worker] = limit if limit is not None else max(4, 2 * processors)
        return found


def load_settings(path: str) -> Settings:
    """Read the file; none means defaults.

    Raises:
        EnvironmentFault: it cannot be read, is no TOML, or says something unknown.
    """
    try:
        with open(path, "rb") as file:
            settings = msgspec.convert(tomllib.load(file), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise EnvironmentFault(
            f"{path}: {error}", "correct it; README, Configuration, shows what it may hold"
        ) from error
    for worker in settings.workers:
        if worker not in WORK:
            raise EnvironmentFault(
                f"{path}: there is no worker type {worker!r}", f"the worker types are {', '.join(WORK)}"
            )
    return settings
