"""A graph file → a document that can be submitted, every problem with its line.

What is here is for the one who has the file: the command line. The daemon sees documents only.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from orch_actors.protocol.errors import Problem, Refused
from orch_actors.protocol.spec import params as parameters
from orch_actors.protocol.spec import plain
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.spec.hints import closest
from orch_actors.protocol.spec.parse import parse_noting
from orch_actors.protocol.spec.places import Findings, Path, refuse, unnamed, where
from orch_actors.protocol.spec.shapes import found
from orch_actors.protocol.spec.syntax import SyntaxFault
from orch_actors.protocol.spec.work import BUILT_IN, PythonWork

#: Largest graph file in bytes.
MAX_FILE_BYTES: Final = 16 * 1024 * 1024

Format = Literal["yaml", "json", "toml"]

_SUFFIXES: Final[Mapping[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}


class LoadedGraph(Struct, frozen=True, kw_only=True):
    """A graph file, read."""

    #: Plain data, not yet known to be a graph.
    document: dict[str, Any]
    #: The file's folder, absolute; where the text came through a pipe, the current folder.
    base_dir: str
    #: The file as it is called in messages.
    name: str
    text: str
    format: Format


def check_file(
    path: str,
    params: Mapping[str, str] | None = None,
    *,
    workers: Mapping[str, str] = BUILT_IN,
) -> tuple[dict[str, Any], GraphSpec, str]:
    """Read, fill and parse a graph file.

    Args:
        path: the file, its format told by its suffix; "-" is stdin (YAML or JSON).
        params: values for the file's parameters.
        workers: as for `parse_graph`.

    Returns:
        The document to submit, with all parameters filled in; the graph; the absolute folder for relative paths.

    Raises:
        Refused: INVALID_GRAPH, with all problems and their lines.
    """
    loaded = _read(path)
    findings = Findings()
    document = parameters.fill(loaded.document, params or {}, findings)
    try:
        graph = parse_noting(document, findings, base_dir=loaded.base_dir, workers=workers)
    except Refused as refused:
        refuse(locate(refused.info.problems, loaded), loaded.name)
    if graph is not None and not findings:
        _note_missing_scripts(document, graph, findings)
    if graph is None or findings:
        _refuse(findings, loaded)
    return document, graph, loaded.base_dir


def _note_missing_scripts(document: Mapping[str, Any], graph: GraphSpec, findings: Findings) -> None:
    """A script that is not there. One that something before it may still write is left alone."""
    places = _places_of(document["tasks"])
    for task in graph.tasks:
        script = task.work.script if isinstance(task.work, PythonWork) else None
        if script is None or task.depends_on or "\n" in script or not script.endswith(".py") or "${" in script:
            continue
        path = os.path.join(task.cwd or "/", os.path.expanduser(script))
        # One that was made by foreach is written under the id that its own begins with.
        place = places.get(task.id) or next(at for name, at in places.items() if task.id.startswith(f"{name}-"))
        if os.path.isdir(task.cwd or "/") and not os.path.exists(path):
            findings.add((*place, "script"), f"there is no file {path}: expected a script's path, or its source")


def _places_of(tasks: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Path]:
    """Where each task is written, by its id; the longest ids first."""
    if isinstance(tasks, dict):
        places: dict[str, Path] = {name: ("tasks", name) for name in tasks}
    else:
        places = {raw["id"]: ("tasks", at) for at, raw in enumerate(tasks)}
    return dict(sorted(places.items(), key=lambda pair: -len(pair[0])))


def load_graph(path: str, *, params: Mapping[str, str] | None = None) -> LoadedGraph:
    """Read a graph file and fill in its parameters, without a look at what the document says.

    Raises:
        Refused: INVALID_GRAPH, with all problems and their lines.
    """
    loaded = read_graph(path)
    findings = Findings()
    document = parameters.fill(loaded.document, params or {}, findings)
    if findings:
        _refuse(findings, loaded)
    return replace(loaded, document=document)


def read_graph(path: str) -> LoadedGraph:
    """Read a graph file as it stands, parameters and all.

    Raises:
        Refused: INVALID_GRAPH; it cannot be read, or is not of its format. With lines.
    """
    loaded = _read(path)
    if not plain.is_plain(loaded.document):
        findings = Findings()
        for finding in plain.faults(loaded.document):
            findings.add(*finding)
        if findings:
            _refuse(findings, loaded)
    return loaded


def _read(path: str) -> LoadedGraph:
    """A file as it stands; what in it is no plain data is not looked at.

    Raises:
        Refused: INVALID_GRAPH; it cannot be read, or is not of its format. With lines.
    """
    name = "stdin" if path == "-" else path
    data, base_dir = _read_stdin() if path == "-" else _read_file(path)
    return read_bytes(data, _format_of(path), name=name, base_dir=base_dir)


def read_bytes(data: bytes, format_: Format | None, *, name: str, base_dir: str) -> LoadedGraph:
    """Read the content of a graph file; `format_` None: JSON where it is that, otherwise YAML.

    Raises:
        Refused: INVALID_GRAPH; with lines.
    """
    if len(data) > MAX_FILE_BYTES:
        raise _refused(f"{name} has more than the {MAX_FILE_BYTES} bytes that a graph file may have", "make it smaller")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(f"{name} is not UTF-8: byte {error.start}, in line {line}", "save it as UTF-8") from error
    if not text.strip():
        raise _refused(f"{name} is empty", "expected a graph: a mapping with `name` and `tasks`")
    try:
        document, format_ = _sniff(text) if format_ is None else (_READERS[format_](text), format_)
    except SyntaxFault as fault:
        what = fault.problems[0] if len(fault.problems) == 1 else f"{len(fault.problems)} problems"
        message = f"{name} cannot be read as {format_.upper() if format_ else 'YAML or JSON'}: {what}"
        raise Refused.because("INVALID_GRAPH", message, "correct it and try again", problems=fault.problems) from fault
    if not isinstance(document, dict):
        message = f"{name} is {found(document)}: expected a mapping with `name` and `tasks`"
        raise _refused(message, "write the graph as a mapping")
    return LoadedGraph(document=document, base_dir=base_dir, name=name, text=text, format=format_)


def _sniff(text: str) -> tuple[object, Format]:
    if text.lstrip().startswith("{"):
        try:
            return _read_json(text), "json"
        except SyntaxFault as fault:
            try:
                return _read_yaml(text), "yaml"  # it has mappings in braces, too
            except SyntaxFault:
                raise fault from None
    return _read_yaml(text), "yaml"


def locate(problems: tuple[Problem, ...], loaded: LoadedGraph) -> tuple[Problem, ...]:
    """The problems with their lines in the file; where nothing stands at a place, the line of what is around it."""
    wanted = [unnamed(problem.where) for problem in problems]
    lines = _lines_of(set(wanted), loaded)
    return tuple(
        problem if problem.line else replace(problem, line=lines.get(place, 0))
        for problem, place in zip(problems, wanted, strict=True)
    )


def _lines_of(wanted: set[str], loaded: LoadedGraph) -> dict[str, int]:
    """Text of a path → line of its longest beginning that stands in the file."""
    best: dict[str, tuple[int, int]] = {}
    around: dict[str, list[str]] = {}
    for place in wanted:
        for end in range(len(place) + 1):
            if end == len(place) or place[end] in ".[":
                around.setdefault(place[:end], []).append(place)
    try:
        for path, line in _PLACES[loaded.format](loaded.text):
            text = where(path)
            for place in around.get(text, ()):
                if len(text) > best.get(place, (0, 0))[0]:
                    best[place] = (len(text), line)
    except SyntaxFault:  # it was readable before; without a line a problem is still worth telling
        pass
    return {place: line for place, (_length, line) in best.items()}


def _refuse(findings: Findings, loaded: LoadedGraph) -> NoReturn:
    # In the order of the file; what has no line stays at the end.
    problems = sorted(locate(findings.problems(), loaded), key=lambda problem: problem.line or sys.maxsize)
    refuse(tuple(problems), loaded.name, count=len(findings))


def _refused(message: str, hint: str) -> Refused:
    return Refused.because("INVALID_GRAPH", message, hint)


# --- reading ---------------------------------------------------------------------------------------------------


def _format_of(path: str) -> Format | None:
    if path == "-":
        return None
    suffix = os.path.splitext(path)[1].lower()
    if suffix and suffix not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        raise _refused(f"{path}: the suffix {suffix} is of no graph file", f"expected one of {known}; or - for stdin")
    return _SUFFIXES.get(suffix)


def _read_stdin() -> tuple[bytes, str]:
    if sys.stdin is None:
        raise _refused("stdin is closed", "give a graph file")
    try:
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1), os.getcwd()
    except OSError as error:
        raise _refused(f"stdin cannot be read: {error.strerror}", "give a graph file") from error


def _read_file(path: str) -> tuple[bytes, str]:
    try:
        with open(path, "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            # A pipe (`<(make-graph)`) lies in a folder of no meaning.
            base_dir = os.path.dirname(os.path.abspath(path)) if regular else os.getcwd()
            return file.read(MAX_FILE_BYTES + 1), base_dir
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _meant(path: str) -> str:
    """`did you mean …?`, where a file of nearly that name is in the folder."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return ""
    meant = closest(name, [other for other in names if other != name])
    return f"did you mean {os.path.join(folder, meant)}?" if meant is not None else ""


def _unreadable(path: str, error: OSError | ValueError) -> Refused:
    match error.errno if isinstance(error, OSError) else None:
        case errno.ENOENT:
            return _refused(f"there is no file {path}", _meant(path) or "check the path; - reads stdin")
        case errno.EISDIR:
            return _refused(f"{path} is a folder", "give a graph file in it")
        case errno.EACCES:
            return _refused(f"{path} may not be read by you", "change its permissions")
        case _:
            reason = error.strerror if isinstance(error, OSError) else error
            return _refused(f"{path!r} cannot be read: {reason}", "check the path; - reads stdin")


# Each format is imported when it is met: YAML alone takes longer than the rest of a submission.


def _read_yaml(text: str) -> object:
    from orch_actors.protocol.spec.from_yaml import read_yaml  # noqa: PLC0415

    return read_yaml(text)


def _read_json(text: str) -> object:
    from orch_actors.protocol.spec.from_json import read_json  # noqa: PLC0415

    return read_json(text)


def _read_toml(text: str) -> object:
    from orch_actors.protocol.spec.from_toml import read_toml  # noqa: PLC0415

    return read_toml(text)


def _yaml_places(text: str) -> Iterator[tuple[Path, int]]:
    from orch_actors.protocol.spec.from_yaml import yaml_places  # noqa: PLC0415

    return yaml_places(text)


def _json_places(text: str) -> Iterator[tuple[Path, int]]:
    from orch_actors.protocol.spec.from_json import json_places  # noqa: PLC0415

    return json_places(text)


def _toml_places(text: str) -> Iterator[tuple[Path, int]]:
    from orch_actors.protocol.spec.from_toml import toml_places  # noqa: PLC0415

    return toml_places(text)


_READERS: Final[Mapping[Format, Callable[[str], object]]] = {
    "yaml": _read_yaml,
    "json": _read_json,
    "toml": _read_toml,
}
_PLACES: Final[Mapping[Format, Callable[[str], Iterator[tuple[Path, int]]]]] = {
    "yaml": _yaml_places,
    "json": _json_places,
    "toml": _toml_places,
}
