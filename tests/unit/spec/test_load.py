"""Graph files: formats, lines, and everything that can be wrong with a file before it is a graph."""

import io
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.spec.load import MAX_FILE_BYTES, check_file, load_graph, read_bytes, read_graph
from orch_actors.protocol.spec.parse import parse_graph


class Files:
    """Writes graph files and checks them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str | bytes, name: str = "g.yaml") -> str:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def spec(self, text: str, name: str = "g.yaml", **params: str) -> GraphSpec:
        document, spec, base_dir = check_file(self.write(text, name), params)
        assert base_dir == str(self.folder)
        assert "params" not in document
        assert parse_graph(document, base_dir=base_dir) == spec
        return spec

    def refusal(self, text: str | bytes, name: str = "g.yaml", **params: str) -> ErrorInfo:
        with pytest.raises(Refused) as caught:
            check_file(self.write(text, name), params)
        assert caught.value.info.code == "INVALID_GRAPH"
        assert caught.value.info.hint
        return caught.value.info

    def lines(self, text: str, name: str = "g.yaml", **params: str) -> list[tuple[int, str]]:
        return [(problem.line, problem.where) for problem in self.refusal(text, name, **params).problems]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


YAML = """\
name: demo
params:
  who: {default: world, description: whom to greet}
defaults:
  env: {PY: 3.10, X: yes, H: 0x10, N: 5}
tasks:
  - id: hello
    command: echo "${params.who} $${HOME} $HOME"
    timeout: 1m30s
  - id: after
    command: [sh, -c, exit]
    depends_on: hello
"""
JSON = {
    "name": "demo",
    "defaults": {"env": {"PY": "3.10", "X": "yes", "H": "0x10", "N": 5}},
    "tasks": [
        {"id": "hello", "command": 'echo "world ${HOME} $HOME"'.replace("${", "$${"), "timeout": 90},
        {"id": "after", "command": ["sh", "-c", "exit"], "depends_on": "hello"},
    ],
}
TOML = """\
name = "demo"
[defaults.env]
PY = "3.10"
X = "yes"
H = "0x10"
N = 5
[[tasks]]
id = "hello"
command = 'echo "world $${HOME} $HOME"'
timeout = "90s"
[[tasks]]
id = "after"
command = ["sh", "-c", "exit"]
depends_on = "hello"
"""


def test_the_three_formats_say_the_same(files: Files) -> None:
    spec = files.spec(YAML)
    assert spec.tasks[0].env == {"PY": "3.10", "X": "yes", "H": "0x10", "N": "5"}
    assert spec.tasks[0].work.problems() == []
    assert files.spec(json.dumps(JSON, indent=1), "g.json") == spec
    assert files.spec(TOML, "g.toml") == spec
    assert files.spec(json.dumps(JSON), "g.yml") == spec
    assert files.spec(YAML, "no-suffix") == spec
    assert files.spec(json.dumps(JSON), "no-suffix") == spec
    assert files.spec("\ufeff" + YAML) == spec


def test_load_graph_fills_and_looks_no_further(files: Files) -> None:
    loaded = load_graph(files.write("params: {n: 1}\nanything: ${params.n}"), params={"n": "2"})
    assert loaded.document == {"anything": 2}
    assert loaded.base_dir == str(files.folder)
    with pytest.raises(Refused):
        load_graph(files.write("anything: ${params.n}"))


def test_relative_paths_belong_to_the_file(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write("name: x\ntasks: {a: {command: x, cwd: sub}}")
    monkeypatch.chdir(files.folder.parent)
    _document, spec, base_dir = check_file(os.path.join(files.folder.name, "g.yaml"))
    assert base_dir == str(files.folder)
    assert spec.tasks[0].cwd == str(files.folder / "sub")


# --- stdin ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [YAML, json.dumps(JSON), "{name: x, tasks: {a: {command: x}}}"])
def test_stdin(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    _document, spec, base_dir = check_file("-")
    assert spec.tasks
    assert base_dir == str(tmp_path)


def test_stdin_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"name": "x",\n "tasks": [}')))
    with pytest.raises(Refused, match="stdin cannot be read as YAML or JSON: line 2"):
        check_file("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Refused, match="closed"):
        check_file("-")


def test_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reading, writing = os.pipe()
    os.write(writing, YAML.encode())
    os.close(writing)
    try:
        _document, _spec, base_dir = check_file(f"/dev/fd/{reading}")
    finally:
        os.close(reading)
    assert base_dir == str(tmp_path)


# --- lines ----------------------------------------------------------------------------------------------------


def test_lines_in_yaml(files: Files) -> None:
    text = """\
name: x
gaol: y
defaults:
  env:
    OK: "1"
    ORCH_A: x
tasks:
  - id: a
    command: >
      several
      lines
    retry: {attempts: 3,
            backof: 1}
  - command: x
    id: b
    depends_on:
    - a
    - nope

  - id: c
"""
    assert files.lines(text) == [
        (2, "gaol"),
        (6, "defaults.env.ORCH_A"),
        (13, "tasks[0] (a).retry.backof"),
        (18, "tasks[1] (b).depends_on[1]"),
        (20, "tasks[2] (c).command"),
    ]


def test_lines_in_yaml_by_id(files: Files) -> None:
    assert files.lines("name: x\ntasks:\n  a:\n    command: x\n    x: 1\n  b: {command: x,\n  timeout: y}\n") == [
        (5, "tasks.a.x"),
        (7, "tasks.b.timeout"),
    ]


def test_lines_in_json(files: Files) -> None:
    text = """\
{"name": "x", "tasks": [
  {"id": "a", "command": ["a,]}\\"", [1],
    5], "args": [{"x": []}, {}]},
  {"id": "b",

   "retry":
     {"attempts": 0}, "command": "x"},
  3
]}"""
    assert files.lines(text, "g.json") == [
        (2, "tasks[0] (a).command[1]"),
        (3, "tasks[0] (a).command[2]"),
        (3, "tasks[0] (a).args"),
        (7, "tasks[1] (b).retry.attempts"),
        (8, "tasks[2]"),
    ]


def test_lines_in_toml(files: Files) -> None:
    text = '''\
name = "x"
[limits]
paralel = 3
[[tasks]]
id = "a"
command = """
timeout = 3
"""
"when" = 2024-01-01
[tasks.retry]
attempts = 0
[[tasks]]
id = "b"
'''
    assert files.lines(text, "g.toml") == [
        (3, "limits.paralel"),
        (9, "tasks[0] (a).when"),
        (11, "tasks[0] (a).retry.attempts"),
        (12, "tasks[1] (b).command"),
    ]


def test_lines_of_parameters(files: Files) -> None:
    text = "name: x\nparams:\n  need:\ntasks:\n  - id: a\n    command: ${params.other}\n    timeout: ${params.need}\n"
    assert files.lines(text) == [(3, "params.need"), (6, "tasks[0] (a).command")]


# --- no document at all ---------------------------------------------------------------------------------------


def test_files_that_cannot_be_read(files: Files) -> None:
    folder = str(files.folder)
    files.write(YAML)
    for path, words in (
        (folder + "/none.yaml", "there is no file"),
        (folder, "is a folder"),
        (folder + "/g.yaml/x", "cannot be read"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(Refused, match=words) as caught:
            check_file(path)
        assert caught.value.info.hint
    assert "suffix .txt" in files.refusal(YAML, "g.txt").message
    with pytest.raises(Refused) as caught:
        check_file(folder + "/g.yml")
    assert caught.value.info.hint == f"did you mean {folder}/g.yaml?"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(files: Files) -> None:
    path = files.write(YAML)
    os.chmod(path, 0)
    with pytest.raises(Refused, match="may not be read"):
        check_file(path)


def test_contents_that_are_no_document(files: Files) -> None:
    assert "is empty" in files.refusal(" \n\n").message
    assert "not UTF-8: byte 8, in line 2" in files.refusal(b"name: x\n\xff").message
    assert "is a list" in files.refusal("- a").message
    assert "the text 'hello'" in files.refusal("hello").message
    assert "16777216 bytes" in files.refusal(b"x" * (MAX_FILE_BYTES + 1)).message


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("g.yaml", "a: b: c", 1, "mapping values"),
        ("g.yaml", "name: x\n\ttasks: y", 2, "a tab"),
        ("g.yaml", "name: x\ntasks:\n\t- a", 3, "a tab stands where YAML wants spaces"),
        ("g.yaml", "name: x\ngoal: [1, 2", 2, "expected ',' or ']'"),
        ("g.yaml", "name: x\ngoal: a\x01b", 2, "control character"),
        ("g.yaml", "name: x\n---\nname: y", 2, "second document"),
        ("g.yaml", "name: x\nname: y", 2, "`name` is there twice"),
        ("g.yaml", "name: x\ntasks:\n- {id: a, id: b}", 3, "`id` is there twice"),
        ("g.yaml", "a: 1\nb: &x 2", 2, "anchor &x"),
        ("g.yaml", "a: 1\nb: *x", 2, "alias *x"),
        ("g.yaml", "a: 1\nb: !!python/name:os.system x", 2, "!!python/name"),
        ("g.yaml", "a: 1\nb: !own {}", 2, "!own"),
        ("g.yaml", "a: 1\nb: !!int x", 2, "no !!int"),
        ("g.yaml", "a: 1\n? [1]\n: 2", 2, "used as a key"),
        ("g.yaml", "a:\n " + "[" * 200, 2, "deeper than 64"),
        ("g.json", '{"a": 1,\n "a": 2}', 2, "`a` is there twice"),
        ("g.json", '{"a": {"b": 1,\n "\\u0062": 2}}', 2, "`b` is there twice"),
        ("g.json", '{"a": 1,\n}', 2, "property name"),
        ("g.json", '{"a": 1} {', 1, "Extra data"),
        ("g.json", '{"a":\n "\\ud800"}', 1, "surrogate"),
        ("g.json", '{"a": ' + "[" * 100_000, 0, "deeper than 64"),
        ("g.json", '{"a": ' + "1" * 10_000 + "}", 0, "number"),
        ("g.toml", "a = 1\na = 2", 2, "overwrite"),
        ("g.toml", "a = 1\nb = ", 2, "Invalid value"),
        ("g.toml", "a = 1\nb = [1", 2, "array"),
        ("g.toml", "a = 1979-99-99", 0, ""),
        ("g.toml", "a = " + "[" * 100_000, 0, "deeper than 64"),
        ("g.toml", "a = " + "1" * 10_000, 0, "number"),
        ("g.toml", "x = 1\n" + "a." * 20_000 + "a = 1", 2, "deeper than 64"),
        ("g.toml", "[" + "a . " * 20_000 + "a]", 1, "deeper than 64"),
        ("g.toml", "x = {" + "\"a\".'a'." * 20_000 + "a = 1}", 1, "deeper than 64"),
        ("g.yaml", "a: " + "{a: " * 100_000, 1, "deeper than 64"),
        ("g.yaml", "a:\n - " + "- " * 100_000, 2, "deeper than 64"),
        ("g.yaml", "a: &x {b: 1}\n", 1, "anchor"),
        ("g.yaml", "a: {b: 1, b: 2}\n", 1, "twice"),
    ],
)
def test_contents_that_are_not_of_their_format(files: Files, name: str, text: str, line: int, words: str) -> None:
    info = files.refusal(text, name)
    if line:
        assert [problem.line for problem in info.problems] == [line], info
    assert words in info.problems[0].message
    assert "g." in info.message


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("g.json", '{"limits":\n {"wall": NaN}}', 2, "nan"),
        ("g.json", '{"limits": 1,\n "name": -Infinity}', 2, "-inf"),
        ("g.toml", "name = 1\ngoal = nan", 2, "nan"),
        ("g.yaml", "name: 1\ngoal: .inf", 2, "inf"),
    ],
)
def test_a_number_that_json_does_not_know_has_its_line_and_hides_nothing(
    files: Files, name: str, text: str, line: int, words: str
) -> None:
    found = files.refusal(text, name).problems
    assert [problem.line for problem in found if f"is {words}, which is no number" in problem.message] == [line]
    assert any("is missing" in problem.message for problem in found)


def test_several_syntax_problems_at_once(files: Files) -> None:
    info = files.refusal("a: &x 1\nb: *x\nb: !t 2\n")
    assert [problem.line for problem in info.problems] == [1, 2, 3, 3]
    assert "4 problems" in info.message


def test_an_alias_bomb_is_cheap(files: Files) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert len(files.refusal("\n".join(lines)).problems) <= 50


def test_bombs_are_refused_before_the_memory_grows(files: Files) -> None:
    bombs = {
        "g.yaml": "a: " + "[" * 2_000_000,
        "h.yaml": "? " * 1_000_000,
        "g.json": '{"a":' * 500_000,
        "g.toml": "a." * 30_000 + "a = 1",
        "h.toml": "a = " + "{a = " * 500_000,
    }
    for name, text in bombs.items():
        path = files.write(text, name)
        tracemalloc.start()
        try:
            with pytest.raises(Refused):
                read_graph(path)
            assert tracemalloc.get_traced_memory()[1] < 8 * len(text) + 2 * MAX_FILE_BYTES, name
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        f"goal = '{'a.' * 100}'",
        f'goal = """\n{"a." * 100}\n\\"""{"a." * 100}"""',
        f"goal = '''\n{'a.' * 100}'''",
        f"# {'a.' * 100}\ngoal = 'x'",
    ],
)
def test_dots_in_texts_and_comments_of_toml_are_no_keys(files: Files, text: str) -> None:
    assert "goal" in read_graph(files.write(f'name = "n"\n{text}\n', "g.toml")).document


# --- YAML 1.2 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0755", "0755"),
        ("0o17", 15),
        ("0xfF", 255),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ('!!int "12"', 12),
        ("!!float 1", 1),
        ("<<", "<<"),
        ("=", "="),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, {a: b}, []]", [1, {"a": "b"}, []]),
    ],
)
def test_scalars(text: str, value: object) -> None:
    loaded = read_bytes(f"x: {text}".encode(), "yaml", name="x", base_dir="/")
    assert loaded.document == {"x": value}
    assert type(loaded.document["x"]) is type(value)


def test_keys_are_text() -> None:
    loaded = read_bytes(b"on: 1\n8080: 2\ntrue: 3\n~: 4\n<<: 5", "yaml", name="x", base_dir="/")
    assert loaded.document == {"on": 1, "8080": 2, "true": 3, "~": 4, "<<": 5}


def test_numbers_that_become_text_keep_their_spelling() -> None:
    text = """
params: {v: 1.10, n: 3, w: {default: 1.10}}
defaults: {env: {V: 1.10}}
tasks: [{env: {V: 1.10}, args: [1.10]}]
env: 1.10
"""
    assert read_bytes(text.encode(), "yaml", name="x", base_dir="/").document == {
        "params": {"v": "1.10", "n": 3, "w": {"default": "1.10"}},
        "defaults": {"env": {"V": "1.10"}},
        "tasks": [{"env": {"V": "1.10"}, "args": [1.1]}],
        "env": 1.1,
    }


def test_yaml_is_imported_for_yaml_only(files: Files) -> None:
    path = files.write(json.dumps(JSON), "g.json")
    code = (
        "import sys; from orch_actors.protocol.spec.load import check_file; check_file(sys.argv[1]);"
        "sys.exit(f'imported: {found}' if (found := {'yaml', 'tomllib', 'difflib'} & set(sys.modules)) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_script_that_is_not_there(files: Files) -> None:
    text = """\
name: x
tasks:
  - id: a
    worker: python
    foreach: [1, 2]
    script: no-such-${item}.py
  - {id: a-b, worker: python, script: neither.py}
  - {id: c, worker: python, depends_on: a, script: made-by-a.py}
  - {id: d, worker: python, script: "print(1)"}
"""
    assert files.lines(text) == [
        (6, "tasks[0] (a).script"),
        (6, "tasks[0] (a).script"),
        (7, "tasks[1] (a-b).script"),
    ]
    by_id = (
        text.replace("  - id: a\n", "  a:\n").replace("  - {id: a-b, ", "  a-b: {").replace("  - {id: c, ", "  c: {")
    )
    by_id = by_id.replace("  - {id: d, ", "  d: {")
    assert [line for line, _ in files.lines(by_id)] == [6, 6, 7]
