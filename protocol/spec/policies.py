"""Policies of a task that the types of its fields let through, and that would do nothing or not what was meant.

Pure. Only new documents are held against this: what was accepted once, and stands in a journal, is not refused by what
a later version knows better.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from orch_actors.protocol.spec.check import RESERVED_ENV
from orch_actors.protocol.spec.failures import CHOICES, FAILURES, FINAL_FAILURES
from orch_actors.protocol.spec.graph import Artifacts, Asking, Budget, Limits, Retry, TaskSpec, Validate
from orch_actors.protocol.spec.hints import did_you_mean, listed
from orch_actors.protocol.spec.judging import Deciding
from orch_actors.protocol.spec.places import Finding
from orch_actors.protocol.spec.work import AGENTS, command_fault, text_fault

#: Longest regular expression, and longest question, in characters.
MAX_PATTERN: Final = 2000
MAX_QUESTION: Final = 4000

#: Names or patterns of one task's artifacts, and characters of one.
MAX_ARTIFACTS: Final = 64
MAX_ARTIFACT: Final = 1000

#: Secrets of one task.
MAX_SECRETS: Final = 64

#: What a shell hands on.
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_ZERO: Final = "is 0, which would end it at once: leave it out where there is to be no bound"


def check_policies(task: TaskSpec) -> Iterator[Finding]:
    """What is wrong with a task's policies; paths begin in the task."""
    for name, bound in (("timeout", task.timeout), ("idle_timeout", task.idle_timeout), ("deadline", task.deadline)):
        if bound == 0:
            yield Finding((name,), _ZERO)
    for name, value in task.env.items():
        fault = text_fault(value)
        if fault is not None:
            yield Finding(("env", name), fault)
    for index, lock in enumerate(task.exclusive):
        if not lock.strip():
            yield Finding(("exclusive", index), "is empty: expected a name that other tasks share")
    for resource in task.resources:
        if not resource.strip():
            yield Finding(("resources", resource), "a resource has an empty name")
    yield from _secrets(task)
    yield from _retry(task.retry)
    if task.validate is not None:
        yield from _validate(task.validate)
    if task.artifacts != Artifacts():
        yield from _artifacts(task.artifacts)
    if task.ask != Asking():
        yield from _ask(task)
    if task.budget != Budget():
        yield from _budget(task)


def check_wall(limits: Limits) -> Iterator[Finding]:
    """What is wrong with a graph's bounds; paths begin in the graph."""
    if limits.wall == 0:
        yield Finding(("limits", "wall"), _ZERO)


def _budget(task: TaskSpec) -> Iterator[Finding]:
    if task.budget.wall == 0:
        yield Finding(("budget", "wall"), "is 0: it would never be started; leave it out where there is to be no bound")
    judges = [form for form in (task.judge, task.decisions) if form is not None and form != Deciding()]
    kinds = [task.kind or task.worker, *(form.kind or form.worker for form in judges)]
    for name, amount in (("usd", task.budget.usd), ("tokens", task.budget.tokens)):
        if amount is not None and AGENTS.isdisjoint(kinds):
            yield Finding(("budget", name), f"never matters: only agents spend it, and a {task.worker} task is none")


def _secrets(task: TaskSpec) -> Iterator[Finding]:
    if len(task.secrets) > MAX_SECRETS:
        yield Finding(("secrets",), f"are {len(task.secrets)}: expected at most {MAX_SECRETS}")
    for name, secret in task.secrets.items():
        path = ("secrets", name)
        if not _VARIABLE.fullmatch(name):
            yield Finding(path, "is no name that every program can be given: expected letters, digits and _")
        elif name.startswith(RESERVED_ENV):
            yield Finding(path, f"is reserved: variables beginning with {RESERVED_ENV} are set for the task")
        elif name in task.env:
            yield Finding(path, "is in `env` as well: a variable has one value")
        given = {"env": secret.env, "file": secret.file, "command": secret.command}
        sources = [key for key, value in given.items() if value is not None]
        if len(sources) != 1:
            what = " and ".join(f"`{key}`" for key in sources) or "nothing"
            yield Finding(path, f"says {what}: expected one of `env`, `file`, `command`")
        if secret.env is not None and not _VARIABLE.fullmatch(secret.env):
            yield Finding((*path, "env"), "is no name of a variable: expected the NAME of one, never the value itself")
        if secret.file is not None and not secret.file.strip():
            yield Finding((*path, "file"), "is empty: expected the path of a file")
        fault = None if secret.command is None else command_fault(secret.command)
        if fault is not None:
            yield Finding((*path, "command"), fault)


def _retry(retry: Retry) -> Iterator[Finding]:
    for index, name in enumerate(retry.on):
        if name in FINAL_FAILURES:
            yield Finding(("retry", "on", index), f"`{name}` is never tried again: {FINAL_FAILURES[name]}")
        elif name not in FAILURES:
            known = [known for known in FAILURES if known not in FINAL_FAILURES]
            meant = did_you_mean(name, known)
            yield Finding(("retry", "on", index), f"no failure class is called {name!r}{meant or f': {listed(known)}'}")
    for index, code in enumerate(retry.exit_codes):
        if not 1 <= code <= 255:
            yield Finding(("retry", "exit_codes", index), f"is {code}: a failure has an exit code from 1 to 255")
    if retry.exit_codes and retry.on and "exit" not in retry.on:
        yield Finding(("retry", "exit_codes"), "never matter, since `on` does not name `exit`: add it there")


def _validate(validate: Validate) -> Iterator[Finding]:
    if validate == Validate(timeout=validate.timeout):
        yield Finding(("validate",), "says nothing that must hold: expected `command`, `files`, `pattern` or `schema`")
    if validate.command is not None:
        fault = command_fault(validate.command)
        if fault is not None:
            yield Finding(("validate", "command"), fault)
    for index, file in enumerate(validate.files):
        if not file.strip():
            yield Finding(("validate", "files", index), "is empty: expected the path of a file")
    if validate.pattern is not None:
        fault = pattern_fault(validate.pattern)
        if fault is not None:
            yield Finding(("validate", "pattern"), fault)
    if validate.timeout == 0:
        yield Finding(("validate", "timeout"), "is 0: the validation would never be done in time")


def _artifacts(artifacts: Artifacts) -> Iterator[Finding]:
    if not artifacts.paths:
        yield Finding(("artifacts", "copy"), "never matters: name the files, in `paths`")
    if len(artifacts.paths) > MAX_ARTIFACTS:
        said = f"are {len(artifacts.paths)}: expected at most {MAX_ARTIFACTS}; a pattern names many files"
        yield Finding(("artifacts", "paths"), said)
    for index, pattern in enumerate(artifacts.paths):
        place = ("artifacts", "paths", index)
        if not pattern.strip():
            yield Finding(place, "is empty: expected the path of a file, or a pattern such as dist/*.whl")
        elif len(pattern) > MAX_ARTIFACT:
            yield Finding(place, f"has {len(pattern)} characters: expected at most {MAX_ARTIFACT}")


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a regular expression, if anything."""
    if not pattern:
        return "is empty, and so is found anywhere: expected a regular expression"
    if len(pattern) > MAX_PATTERN:
        return f"has {len(pattern)} characters: expected at most {MAX_PATTERN}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python may read differently
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression that Python reads: {error}"
    return None


def _ask(task: TaskSpec) -> Iterator[Finding]:
    ask = task.ask
    if len(ask.question) > MAX_QUESTION:
        yield Finding(("ask", "question"), f"has {len(ask.question)} characters: expected at most {MAX_QUESTION}")
    if ask.deadline == 0:
        yield Finding(
            ("ask", "deadline"), "is 0: nobody could answer in time; leave it out where there is to be no bound"
        )
    if ask.default is None:
        return
    comes_up = {"approve": task.approve, "failure": task.on_fail == "ask", "unknown": task.on_unknown == "ask"}
    comes_up["judge"] = task.judge is not None
    options = list(dict.fromkeys(option for about, asked in comes_up.items() if asked for option in CHOICES[about]))
    if ask.default in options:
        return
    needed = {"approve": "approve: true", "failure": "on_fail: ask", "unknown": "on_unknown: ask", "judge": "judge"}
    elsewhere = [f"`{needed[about]}`" for about, choices in CHOICES.items() if ask.default in choices]
    if elsewhere:
        hint = f"comes up only with {' or '.join(elsewhere)}"
    elif options:
        hint = f"is no option of what is asked about this task{did_you_mean(ask.default, options)}: {listed(options)}"
    else:
        hint = "answers nothing: this task never asks"
    yield Finding(("ask", "default"), f"{ask.default!r} {hint}")
