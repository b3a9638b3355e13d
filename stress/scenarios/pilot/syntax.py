"""A task of the pilot, for the python worker: do the sources of a folder parse?

A file that does not is a finding, not a failure of the task. Nothing of what is looked at is executed: Python is
compiled, shell scripts go through `sh -n`, JSON and TOML through the standard library, YAML through PyYAML's event
parser where it is installed (events: no objects are built, so an alias bomb expands nothing).
"""

import json
import os
import shutil
import subprocess
import tomllib
import warnings
from collections.abc import Callable
from typing import Any, Final

from orch_actors.stress.scenarios.pilot.folders import Found, hand_on, looked_into, shown

#: Larger files are data rather than source; they are counted as not checked.
LARGEST: Final = 4 << 20
SHELL_LIMIT_S: Final = 20.0
MOST_FINDINGS: Final = 500

#: path, first bytes → what is wrong with it (None: nothing).
Checker = Callable[[str, bytes], str | None]


class NotChecked(Exception):
    """There is nothing here to check it with."""


def check(folder: str, out: str) -> dict[str, Any]:
    """How many files of each kind were checked, and each that does not parse, with the first thing wrong."""
    walk = looked_into(folder)
    checked: dict[str, int] = {}
    not_checked: dict[str, int] = {}
    findings: list[dict[str, str]] = []
    for found in walk.files():
        try:
            kind, content = _kind(found)
            if kind is None:
                continue
            wrong = CHECKERS[kind](found.path, content)
        except NotChecked as reason:
            not_checked[str(reason)] = not_checked.get(str(reason), 0) + 1
        except OSError:
            walk.unreadable.append(found.shown)
        else:
            checked[kind] = checked.get(kind, 0) + 1
            if wrong is not None:
                findings.append({"file": found.shown, "kind": kind, "what": shown(wrong)[:300]})
    value = {
        "checked": dict(sorted(checked.items())),
        "findings": findings[:MOST_FINDINGS],
        "finding_count": len(findings),
        "not_checked": dict(sorted(not_checked.items())),
        "left_out": walk.left_out,
        "unreadable": walk.unreadable,
    }
    return hand_on(out, "syntax", value)


def _kind(found: Found) -> tuple[str | None, bytes]:
    """What to check a file as, by its suffix, otherwise by its first line; and its content."""
    kind = SUFFIXES.get(os.path.splitext(found.path)[1].lower())
    if kind is None and os.path.splitext(found.path)[1]:
        return None, b""
    if found.size > LARGEST:
        if kind is None:
            return None, b""
        raise NotChecked(f"larger than {LARGEST >> 20} MiB")
    with open(found.path, "rb") as file:
        content = file.read(128)
        if content.startswith(b"#!"):
            kind = _kind_of_program(content.split(b"\n", 1)[0]) or kind
        return kind, content if kind is None else content + file.read()


def _kind_of_program(first_line: bytes) -> str | None:
    words = first_line[2:].split()
    program = os.path.basename(words[0]) if words else b""
    if program == b"env":
        program = next((word for word in words[1:] if not word.startswith(b"-") and b"=" not in word), b"")
    if program.startswith(b"python"):
        return "python"
    return {b"sh": "sh", b"dash": "sh", b"bash": "bash"}.get(program)


def _python(path: str, content: bytes) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, shown(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno or 0}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return None


def _json(_path: str, content: bytes) -> str | None:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _toml(_path: str, content: bytes) -> str | None:
    try:
        tomllib.loads(content.decode("utf-8").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _yaml(_path: str, content: bytes) -> str | None:
    try:
        import yaml
    except ImportError:
        raise NotChecked("YAML: PyYAML is not installed") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for _event in yaml.parse(content, Loader=loader):
            pass
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return " ".join(str(error).split())
    return None


def _shell(program: str) -> Checker:
    def run(path: str, _content: bytes) -> str | None:
        if shutil.which(program) is None:
            raise NotChecked(f"shell: {program} is not installed")
        try:
            # Absolute, so that a name that begins with `-` is no option.
            done = subprocess.run(
                [program, "-n", os.path.abspath(path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SHELL_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotChecked(f"shell: {program} -n took more than {SHELL_LIMIT_S:.0f} s") from None
        if done.returncode == 0:
            return None
        message = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        return message.removeprefix(f"{os.path.abspath(path)}: ") or f"{program} -n exits {done.returncode}"

    return run


CHECKERS: Final[dict[str, Checker]] = {
    "python": _python,
    "sh": _shell("sh"),
    "bash": _shell("bash"),
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
}
SUFFIXES: Final = {
    ".py": "python", ".pyi": "python", ".sh": "sh", ".bash": "bash",
    ".json": "json", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
