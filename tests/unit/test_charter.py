"""What the code may not do, read off its syntax trees: formats that run code, names from outside, stray processes.

What imports may say is in pyproject.toml (import-linter); here stands what imports do not show.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "cli", "protocol", "stress")

#: Whoever writes the bytes runs the code.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
UNSAFE_METHODS = {"recv_pyobj", "send_pyobj"}
UNSAFE_YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
UNSAFE_LOADERS = {"Loader", "UnsafeLoader", "FullLoader", "CLoader", "CUnsafeLoader", "CFullLoader"}
UNSAFE_CALLS = {"eval", "exec", "__import__"}
BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}
NAMES_FROM_OUTSIDE = UNSAFE_CALLS | {f"{function} by name" for function in BY_NAME}

#: Ways to start a process that are no module of their own.
STARTS = {"fork", "forkpty", "system", "popen", "startfile"}
START_PREFIXES = ("exec", "spawn", "posix_spawn")

#: (file, what is found) → why it may stand there. An entry that nothing needs any more fails.
ALLOWED = {
    ("actors/host/spawning.py", "starts a process"): "the shims and the runner",
    ("actors/host/runner/runner.py", "starts a process"): "a warm interpreter forks one for each attempt",
    ("cli/daemon/launch.py", "starts a process"): "the daemon, in the background",
    ("cli/daemon/daemon.py", "starts a process"): "up --foreground becomes the daemon",
    ("stress/rigged/crowd.py", "starts a process"): "forks a crowd of daemons, which are to start at once",
    ("stress/bench/rivals.py", "starts a process"): "posix_spawn, as a reference",
}

#: Runs what the user names, in a process of the attempt's own: there, names from outside are the very job.
RUNS_USER_CODE = "actors/host/runner/runner.py"

#: What the core may import; everything else would be a way out of it. Within the charter: no clock, file, or thread.
CORE_MAY_IMPORT = {
    "collections",
    "dataclasses",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "msgspec",
    "re",
    "typing",
    "zlib",
    "orch_actors.actors.core",
    "orch_actors.protocol",
}

#: Names that say nothing of what is inside.
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "base", "misc"}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found, f"no sources in {folders}"
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Modules that are imported anywhere in it, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


def findings(source: str) -> Iterator[tuple[str, int]]:
    """Everything in it that is banned: what, and its line."""
    tree = ast.parse(source)
    for module, line in imports(tree):
        if module.partition(".")[0] in UNSAFE_MODULES:
            yield f"imports {module}", line
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from ((what, node.lineno) for what in of_attribute(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from ((what, node.lineno) for what in of_call(node.func.id, node.args))
        elif isinstance(node, ast.ImportFrom):
            yield from ((what, node.lineno) for what in of_import(node))


def of_attribute(node: ast.Attribute) -> Iterator[str]:
    module = node.value.id if isinstance(node.value, ast.Name) else ""
    if node.attr in UNSAFE_METHODS:
        yield node.attr
    if module == "yaml" and node.attr in UNSAFE_YAML | UNSAFE_LOADERS:
        yield f"yaml.{node.attr}"
    if module == "builtins" and node.attr in UNSAFE_CALLS:
        yield node.attr
    if module == "os" and starts(node.attr):
        yield "starts a process"


def of_call(function: str, arguments: list[ast.expr]) -> Iterator[str]:
    if function in UNSAFE_CALLS:
        yield function
    named = arguments[1] if len(arguments) > 1 else None
    if function in BY_NAME and not (isinstance(named, ast.Constant) and isinstance(named.value, str)):
        yield f"{function} by name"


def of_import(node: ast.ImportFrom) -> Iterator[str]:
    names = {alias.name for alias in node.names}
    if node.module == "os" and any(starts(name) for name in names):
        yield "starts a process"
    if node.module == "yaml":
        yield from (f"yaml.{name}" for name in names & (UNSAFE_YAML | UNSAFE_LOADERS))
    if node.module == "builtins":
        yield from names & UNSAFE_CALLS


def starts(name: str) -> bool:
    return name in STARTS or name.startswith(START_PREFIXES)


def found_in(*folders: str) -> list[tuple[str, str, int]]:
    found = [(name_of(path), what, line) for path in sources(*folders) for what, line in findings(path.read_text())]
    return [one for one in found if one[0] != RUNS_USER_CODE or one[1] not in NAMES_FROM_OUTSIDE]


def test_nothing_banned_in_what_runs():
    banned = [found for found in found_in("actors", "protocol", "cli") if found[:2] not in ALLOWED]
    assert banned == []


def test_the_stress_package_starts_processes_in_named_modules():
    starting = [found for found in found_in("stress") if found[1] == "starts a process"]
    assert [found for found in starting if found[:2] not in ALLOWED] == []


def test_every_exception_is_needed():
    assert set(ALLOWED) - {found[:2] for found in found_in(*PACKAGES)} == set()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "imports pickle"),
        ("from shelve import open", "imports shelve"),
        ("def f():\n import marshal", "imports marshal"),
        ("socket.recv_pyobj()", "recv_pyobj"),
        ("yaml.load(text)", "yaml.load"),
        ("from yaml import unsafe_load", "yaml.unsafe_load"),
        ("yaml.load_all(text, Loader=yaml.Loader)", "yaml.Loader"),
        ("eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("__import__(name)", "__import__"),
        ("getattr(actor, message.type)(message)", "getattr by name"),
        ("getattr(actor, f'_on_{name}')", "getattr by name"),
        ("setattr(self, *pair)", "setattr by name"),
        ("os.posix_spawn('/bin/sh', [], {})", "starts a process"),
        ("from os import execv", "starts a process"),
        ("os.system('true')", "starts a process"),
    ],
)
def test_the_check_finds(source, what):
    assert what in [found for found, _ in findings(source)]


@pytest.mark.parametrize("source", ["yaml.safe_load(text)", "getattr(stream, 'reconfigure', None)", "os.getpid()"])
def test_the_check_lets_pass(source):
    assert list(findings(source)) == []


def test_the_core_imports_what_it_may():
    strange = [
        (name_of(path), module, line)
        for path in sources("actors/core")
        for module, line in imports(ast.parse(path.read_text()))
        if not any(module == may or module.startswith(may + ".") for may in CORE_MAY_IMPORT)
    ]
    assert strange == []


def test_the_runner_needs_only_the_standard_library():
    (runner,) = sources("actors/host/runner")[1:]
    needed = {module.partition(".")[0] for module, _ in imports(ast.parse(runner.read_text()))}
    assert needed <= sys.stdlib_module_names


def test_names_say_what_is_inside():
    named = {path.relative_to(ROOT) for path in sources(*PACKAGES)}
    assert [path for path in named if {path.stem, path.parent.name} & EMPTY_NAMES] == []
