"""Applies each sabotage to a copy of the tree and runs the tests that must see it.

The copy is found before whatever is installed, since PYTHONPATH names a folder of links to it; that this holds is
checked first. So is that the tests are green without a sabotage: a red one would prove nothing. A sabotage is caught
if tests fail (pytest's exit code 1); anything else, a text that does not stand there, no tests, an error in collecting
them, no end, is a fault of the sabotage itself, and as bad as one that survives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sabotage.sabotages import SABOTAGES, Sabotage

ROOT = Path(__file__).parents[2]

PACKAGES = ("actors", "cli", "protocol", "stress")

#: What is not part of the tree.
LEFT_OUT = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build", "dist")

#: For the tests of one sabotage.
LIMIT_S = 300.0

TESTS_FAILED = 1


@dataclass(frozen=True)
class Outcome:
    """What came of one: caught, survived, or a fault of the sabotage itself."""

    name: str
    breaks: str
    verdict: str
    seconds: float
    #: The first test that saw it, or what went wrong.
    said: str


class Misapplied(Exception):
    """The text does not stand in the file exactly once."""


def sabotaged(source: str, sabotage: Sabotage) -> str:
    """The file's text with the change in it.

    Raises:
        Misapplied: see there.
    """
    count = source.count(sabotage.old)
    if count != 1:
        raise Misapplied(f"{sabotage.name}: its text stands {count} times in {sabotage.path}")
    return source.replace(sabotage.old, sabotage.new)


class Copy:
    """A copy of the tree in a temporary folder; a context manager."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="sabotage-"))
        self.tree = self.folder / "tree"
        shutil.copytree(ROOT, self.tree, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "PYTHONPATH": str(self._links()),
            "PYTHONDONTWRITEBYTECODE": "1",  # a sabotage may be as long and as old as what it replaces
        }
        return self

    def _links(self) -> Path:
        """A folder in which the packages have the names that they have installed."""
        package = self.folder / "links" / "orch_actors"
        package.mkdir(parents=True)
        for name in PACKAGES:
            (package / name).symlink_to(self.tree / name)
        return package.parent

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def used(self) -> str:
        """Where the code is imported from."""
        code = "import orch_actors.actors.journal.writer as module; print(module.__file__)"
        return self._run([sys.executable, "-c", code]).stdout.strip()

    def test(self, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Run them until the first failure."""
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", f"--basetemp={self.folder / 'pytest'}"]
        return self._run([sys.executable, "-m", "pytest", *options, *tests])

    def try_out(self, sabotage: Sabotage) -> Outcome:
        """Break it, test it, mend it."""
        path, begun_at = self.tree / sabotage.path, time.monotonic()
        source = path.read_text()
        try:
            path.write_text(sabotaged(source, sabotage))
            verdict, said = judged(self.test(sabotage.tests))
        except Misapplied as fault:
            verdict, said = "FAULTY", str(fault)
        except subprocess.TimeoutExpired:
            verdict, said = "FAULTY", f"its tests did not end within {LIMIT_S:.0f} s"
        finally:
            path.write_text(source)
        return Outcome(sabotage.name, sabotage.breaks, verdict, round(time.monotonic() - begun_at, 1), said)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.tree, env=self._env, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )


def judged(run: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """A verdict on a sabotage by how its tests ended, and the line that tells most."""
    lines = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if run.returncode == TESTS_FAILED:
        return "caught", lines[0] if lines else "(no line tells of it)"
    if run.returncode == 0:
        return "SURVIVED", "its tests are green"
    tail = (run.stdout + run.stderr).strip().splitlines()[-1:] or ["nothing was said"]
    return "FAULTY", f"pytest ended with {run.returncode}: {(lines or tail)[0]}"


def faults_before(copy: Copy, chosen: tuple[Sabotage, ...]) -> list[str]:
    """What stands in the way of any verdict."""
    used = copy.used()
    if not os.path.realpath(used).startswith(os.path.realpath(copy.tree) + os.sep):
        return [f"the copy is not what is tested: {used}"]
    tests = tuple(sorted({test for sabotage in chosen for test in sabotage.tests}))
    try:
        clean = copy.test(tests)
    except subprocess.TimeoutExpired:
        return [f"without any sabotage the tests did not end within {LIMIT_S:.0f} s: let nothing else run meanwhile"]
    return [] if clean.returncode == 0 else [f"red without any sabotage: {judged(clean)[1]}"]


def chosen_of(names: list[str]) -> tuple[Sabotage, ...]:
    """Those of these names, or all.

    Raises:
        LookupError: there is none of such a name.
    """
    known = {sabotage.name: sabotage for sabotage in SABOTAGES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LookupError(f"there is no sabotage {unknown[0]!r}; --list names them")
    return tuple(known[name] for name in names) or SABOTAGES
