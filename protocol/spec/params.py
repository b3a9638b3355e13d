"""Parameters of a graph file: `params` declares them, `${params.key}` in any text is filled in.

Filling happens before a graph is submitted; what travels has no `params` any more. A text that is nothing but
`${params.n}` takes the type of the declared default where the value given allows it (`n: 4`, `--param n=8`: the
number 8); within a longer text the value stands as text, as it is: in a command for sh, hand it in by `env`, or quote
it, where it may hold more than a word. `$${params.n}` is a literal `${params.n}`; it stays escaped until the attempt
starts, so that nobody on the way takes it for a reference that was forgotten (references.py). All else that begins
with `$` is somebody else's business and stays.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from orch_actors.protocol.spec.hints import did_you_mean, listed
from orch_actors.protocol.spec.places import Findings, Path
from orch_actors.protocol.spec.plain import MAX_DEPTH
from orch_actors.protocol.spec.shapes import found

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME_RULE: Final = "letters, digits, _ and -, at most 64, not beginning with a digit"

#: An escape, or a reference; the reference's name may be anything, so that a wrong one is seen.
_REFERENCE: Final = re.compile(r"\$\$\{params\.|\$\{params\.([^}]*)\}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)

Scalar = str | int | float | bool


class Parameter(Struct, frozen=True, kw_only=True):
    """A declared parameter."""

    name: str
    #: None: it has to be given.
    default: Scalar | None = None
    description: str = ""


def declared(document: Mapping[str, Any], findings: Findings) -> dict[str, Parameter]:
    """The parameters that a document declares; what is wrong with the declarations is noted."""
    raw = document.get("params", {})
    if not isinstance(raw, dict):
        findings.add(("params",), f"is {found(raw)}: expected a mapping of names to defaults")
        return {}
    parameters = {}
    for name, declaration in raw.items():
        if not _NAME.fullmatch(name):
            findings.add(("params", name), f"is no name for a parameter: expected {_NAME_RULE}")
        parameters[name] = _declaration(name, declaration, findings)
    return parameters


def _declaration(name: str, raw: object, findings: Findings) -> Parameter:
    path: Path = ("params", name)
    if not isinstance(raw, dict):
        return Parameter(name=name, default=_default(raw, path, findings))
    for field in raw:
        if field not in ("default", "description"):
            meant = did_you_mean(field, ("default", "description"))
            findings.add((*path, field), f"is an unknown field{meant or '; known are `default` and `description`'}")
    description = raw.get("description", "")
    if not isinstance(description, str):
        findings.add((*path, "description"), f"is {found(description)}: expected text")
        description = ""
    default = _default(raw.get("default"), (*path, "default"), findings)
    return Parameter(name=name, default=default, description=description)


def _default(raw: object, path: Path, findings: Findings) -> Scalar | None:
    if raw is None or isinstance(raw, (str, int, float)):
        return raw
    findings.add(path, f"is {found(raw)}: expected a text, a number, true or false")
    return None


def fill(document: Mapping[str, Any], given: Mapping[str, str], findings: Findings) -> dict[str, Any]:
    """A copy of the document with its parameters filled in, and without `params`.

    Args:
        document: plain data (see plain.py).
        given: values from the command line.
        findings: takes what is wrong; a text with something wrong stays as it is, and its path is closed, since
            nothing else can be said about it.
    """
    parameters = declared(document, findings)
    values: dict[str, Scalar] = {}
    for name, parameter in parameters.items():
        if name in given:
            values[name] = typed(given[name], parameter.default)
        elif parameter.default is not None:
            values[name] = parameter.default
        elif not findings.within(("params", name)):
            findings.add(("params", name), f"is required: give it with --param {name}=VALUE")
    for name in given:
        if name not in parameters:
            known = f"declared are {listed(parameters)}" if parameters else "the document declares none"
            meant = did_you_mean(name, parameters)
            findings.add(("params",), f"there is no parameter {name!r}{meant or f': {known}'}")
    filling = _Filling(parameters, values, findings)
    return {key: filling.of(value, (key,)) for key, value in document.items() if key != "params"}


def typed(text: str, default: Scalar | None) -> Scalar:
    """A value from the command line, of the default's type where it can be read so; otherwise the text."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if isinstance(default, (int, float)) and len(text) < 100:
        number = _NUMBER.fullmatch(text.strip())
        if number is not None:
            return float(text) if number[1] or number[2] else int(text)
    return text


class _Filling:
    """One pass over a document."""

    def __init__(self, parameters: Mapping[str, Parameter], values: Mapping[str, Scalar], findings: Findings) -> None:
        self._parameters = parameters
        self._values = values
        self._findings = findings

    def of(self, value: object, path: Path) -> object:
        """A value, filled."""
        if isinstance(value, str):
            return self._text(value, path) if "${params." in value else value
        if len(path) > MAX_DEPTH:
            return value  # plain.py has something to say about this
        if isinstance(value, dict):
            return {self._key(key, path): self.of(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    def _key(self, key: str, path: Path) -> str:
        if "${params." in key:
            self._findings.add((*path, key), "parameters are filled into values, not into names")
        return key

    def _text(self, text: str, path: Path) -> Scalar:
        if _REFERENCE.sub("", text).find("${params.") >= 0:
            self._findings.add(path, "`${params.` has no `}`: expected ${params.key}, or $${params. for a literal one")
            self._findings.closed.add(path)
            return text
        names = {match[1] for match in _REFERENCE.finditer(text) if match[1] is not None}
        for name in sorted(names - self._parameters.keys()):
            meant = did_you_mean(name, self._parameters)
            hint = meant or "; declare it under `params`"
            self._findings.add(path, f"refers to an undeclared parameter {name!r}{hint}")
        if not names <= self._values.keys():
            self._findings.closed.add(path)
            return text  # a missing value is told at its declaration
        whole = _REFERENCE.fullmatch(text)
        if whole is not None and whole[1] is not None:
            return self._values[whole[1]]
        return _REFERENCE.sub(lambda match: match[0] if match[1] is None else _as_text(self._values[match[1]]), text)


def _as_text(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)
