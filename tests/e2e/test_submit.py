"""`submit`."""

import json
import os
import signal
import subprocess

import pytest

from .conftest import PROGRAM, eventually, say_go

GRAPH = """
name: demo
params: {word: null}
tasks:
  - {id: one, command: "echo ${params.word}"}
  - {id: two, command: "true", depends_on: [one]}
"""

WRONG = """\
name: demo
tasks:
  - id: one
    command: "true"
    timout: 5m
  - id: one
    command: "true"
  - id: three
    command: "true"
    depends_on: [four]
    timeout: soon
"""


def test_a_file(cli, write):
    ran = cli("submit", write(GRAPH), "--param", "word=hello")
    graph = ran.out.split()[0]
    assert ran.out == f"{graph}  demo  2 tasks\n"
    assert cli("wait", graph).code == 0
    assert cli("logs", f"{graph}/one").out == "hello\n"


def test_json_and_name(shared, write):
    answer = shared("submit", write(GRAPH), "--param", "word=x", "--name", "other", "--json").json
    assert answer == {"graph": answer["graph"], "name": "other", "tasks": 2, "existing": False, "dry_run": False}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"name": "j", "tasks": [{"id": "a", "command": "true"}]}', "graph.json"),
        ('name = "t"\n[[tasks]]\nid = "a"\ncommand = ["true"]\n', "graph.toml"),
    ],
)
def test_other_formats(shared, write, text, name):
    assert shared("submit", write(text, name), "--json").json["tasks"] == 1


def test_stdin(shared):
    graph = shared("submit", "-", "--json", "--param", "word=hi", text=GRAPH).json["graph"]
    assert shared("wait", graph).code == 0


def test_a_command_with_its_options(shared, tmp_path):
    ran = shared(
        *("submit", "--json", "--name", "mine", "--env", "WORD=a b", "--cwd", str(tmp_path), "--timeout", "50s"),
        *("--retry", "2", "--", "sh", "-c", 'echo "$WORD"; pwd; echo x >> n; test $(wc -l < n) = 2'),
    )
    graph = ran.json["graph"]
    assert ran.json["name"] == "mine"
    shared("wait", graph)
    assert shared("logs", graph).out == f"a b\n{tmp_path}\n"
    assert len(shared("status", graph, "--json").json["tasks"][0]["attempts"]) == 2


def test_words_go_to_the_command_as_they_stand(shared):
    graph = shared("submit", "--json", "--", "printf", "%s|", "--json", "-x", "--", "", "a b", "$HOME").json["graph"]
    shared("wait", graph)
    assert shared("logs", graph).out == "--json|-x|--||a b|$HOME|"


def test_a_timeout_takes_effect(shared):
    graph = shared("submit", "--json", "--timeout", "300ms", "--", "sleep", "63").json["graph"]
    shared("wait", graph, code=1)
    task = shared("status", graph, "--json").json["tasks"][0]
    assert task["class"] == "timeout"


def test_a_key_makes_it_once(shared, write):
    path = write(GRAPH)
    first = shared("submit", path, "--param", "word=k", "--key", "nightly", "--json").json
    again = shared("submit", path, "--param", "word=k", "--key", "nightly", "--json").json
    assert again == {**first, "existing": True}
    other = shared("submit", path, "--param", "word=l", "--key", "nightly", "--json", code=4)
    assert other.error["code"] == "KEY_CONFLICT"


def test_a_dry_run_starts_nothing(cli, write):
    ran = cli("submit", write(GRAPH), "--param", "word=x", "--dry-run")
    assert ran.out == "demo  2 tasks  good (dry run: nothing was begun)\n"
    assert os.listdir(cli.home) == []
    cli("up")
    answer = cli("submit", write(GRAPH), "--param", "word=x", "--dry-run", "--json").json
    assert answer == {"graph": None, "name": "demo", "tasks": 2, "existing": False, "dry_run": True}
    assert cli("status", "--json").json["graphs"] == []


def test_no_start(cli, write):
    ran = cli("submit", "--no-start", "--json", "--", "true", code=3)
    assert ran.error["code"] == "UNAVAILABLE"
    assert os.listdir(cli.home) == []


def test_all_problems_at_once_with_their_lines(cli, write):
    path = write(WRONG)
    ran = cli("submit", path, code=4)
    assert ran.out == ""
    for part in ("line 5", "timout", "line 6", "four", "soon"):
        assert part in ran.err, part
    error = cli("submit", path, "--json", code=4).error
    assert error["code"] == "INVALID_GRAPH"
    assert len(error["problems"]) >= 4
    assert {"where", "message", "line"} <= set(error["problems"][0])
    assert os.listdir(cli.home) == []  # it was found here, no daemon was started for it


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["submit"], 2, "nothing to submit"),
        (["submit", "--"], 2, "no command behind --"),
        (["submit", "a.yaml", "--", "true"], 2, "both a file"),
        (["submit", "sleep", "60"], 2, "submit --help"),
        (["submit", "/nonexistent.yaml"], 4, "/nonexistent.yaml"),
        (["submit", "make"], 2, "submit -- make"),
        (["submit", "/tmp"], 4, "/tmp"),
        (["submit", "--retry", "0", "--", "true"], 2, "--retry"),
        (["submit", "--retry", "x", "--", "true"], 2, "--retry"),
        (["submit", "--timeout", "soon", "--", "true"], 2, "--timeout"),
        (["submit", "--env", "X", "--", "true"], 2, "--env"),
        (["submit", "--param", "a=1", "--", "true"], 2, "--param"),
        (["submit", "--cwd", "/nonexistent", "--", "true"], 2, "/nonexistent"),
        (["submit", "--env", "A=1", "g.yaml"], 2, "--env"),
        (["submit", "--dry", "g.yaml"], 2, "--dry"),
        (["sumbit", "g.yaml"], 2, "submit"),
    ],
)
def test_wrong_words(shared, words, code, part):
    assert part in shared(*words, code=code).err
    error = shared("--json", *words, code=code).error
    assert error["code"] in {"USAGE", "INVALID_GRAPH"}
    assert error["hint"]


@pytest.mark.parametrize("text", ["", "[1, 2]", "name: [", "a: &x 1\nb: *x", "name: x", "\x00", "{" * 5000])
def test_rubbish(shared, text):
    error = shared("submit", "-", "--json", text=text, code=4).error
    assert error["code"] == "INVALID_GRAPH"


def test_a_parameter_that_is_missing_or_unknown(shared, write):
    assert "word" in shared("submit", write(GRAPH), code=4).err
    assert "wrd" in shared("submit", write(GRAPH), "--param", "word=x", "--param", "wrd=x", code=4).err


def test_words_that_are_not_utf8(shared):
    ran = subprocess.run(
        [PROGRAM, "submit", "--", "echo", b"caf\xe9"], env=shared.env, capture_output=True, check=False, timeout=60
    )
    assert ran.returncode == 2
    assert ran.stderr == b"error: 'caf\\udce9' is not UTF-8\nhint: give it in UTF-8\n"


def test_a_folder_that_is_gone(cli, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone}; exec {PROGRAM} submit -- true"
    ran = subprocess.run(["sh", "-c", script], cwd=gone, env=cli.env, capture_output=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert b"the current folder was deleted" in ran.stderr


def test_the_submitting_shell_is_killed_with_its_whole_session(cli, tmp_path):
    """Neither the daemon that it started nor the task minds."""
    os.mkfifo(tmp_path / "go")
    command = f"{PROGRAM} submit -- sh -c 'read x < go; echo done > end'; sleep 100"
    shell = subprocess.Popen(
        ["sh", "-c", command], cwd=tmp_path, env=cli.env, start_new_session=True, stdout=subprocess.PIPE
    )
    graph = shell.stdout.readline().split()[0].decode()
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    session = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _session(int(pid)) == shell.pid]
    assert shell.pid in session
    for pid in session:
        os.kill(pid, signal.SIGKILL)
    shell.wait(10)
    shell.stdout.close()
    say_go(tmp_path / "go")
    summary = cli("wait", graph, "--timeout", "20s", "--json").json["graphs"][0]
    assert summary["state"] == "done"
    assert (tmp_path / "end").read_text() == "done\n"


def _session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def test_from_inside_a_task(cli):
    """What a task submits is known as its child, and is cancelled with it."""
    inner = json.dumps({"name": "inner", "tasks": [{"id": "x", "command": "sleep 71"}]})
    command = f"echo '{inner}' | {PROGRAM} submit - --json > \"$ORCH_RESULT\"; sleep 72"
    outer = cli("submit", "--json", "--", "sh", "-c", command).json["graph"]

    def children():
        return cli("status", outer, "--json").json["children"]

    eventually(children)
    (inside,) = children()
    assert cli("status", inside, "--json").json["parent"] == f"{outer}/sh/1"
    assert f"from inside: {outer}/sh/1" in cli("status", inside).out
    assert cli("cancel", outer, "--json").json["graphs"] == [inside]
    cli("wait", inside, "--timeout", "30s", code=1)
