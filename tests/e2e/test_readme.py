"""What the README shows happens."""

import json
import subprocess
import sys
import time

import pytest
import readme

BROKEN = """\
name: broken
tasks:
  - id: build
    comand: make
  - id: test
    command: make test
    depends_on: [bild]
"""


def test_the_graph_file(cli, write):
    file = write(readme.blocks("yaml")[0])
    ran = cli("run", file, "--param", "last=100", "--json").json
    assert {task["id"]: task["state"] for task in ran["tasks"]} == dict.fromkeys(
        ("fetch", "count", "mean", "total", "report"), "done"
    )
    assert cli("result", "nightly/mean").json == 2.5
    assert cli("logs", "nightly/total").out == "5050 in all\n"
    assert cli("logs", "nightly/count").out.split() == ["100", "numbers.txt"]


def test_the_failing_graph(cli, write):
    ran = cli("run", write(readme.blocks("json")[0], "graph.json"), "--json", code=1).json
    build, test = ran["tasks"]
    assert (build["state"], len(build["attempts"]), build["class"]) == ("failed", 2, "exit")
    assert test["state"] == "skipped"
    assert "build" in test["reason"]


SAID = [
    "done 2.0\n",
    "a done\nb done\n",
    "g1 slow failed (1 failed): 1 of 1 tasks failed ('build',)\n",
]


@pytest.mark.parametrize(
    ("text", "said"), list(zip(readme.blocks("python"), SAID, strict=True)), ids=["plain", "async", "loop"]
)
def test_the_clients(cli, daemon_home, tmp_path, text, said):
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=cli.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, said, "")


def test_a_key(cli, write):
    file = write(readme.blocks("yaml")[0])
    words = ("submit", file, "--key", "nightly-2026-01-31", "--json")
    first, second = cli(*words).json, cli(*words).json
    assert (first.pop("existing"), second.pop("existing")) == (False, True)
    assert first == second
    told = [json.loads(line) for text in readme.blocks("console") for line in text.splitlines() if line[:1] == "{"]
    assert all(set(line) == {*first, "existing"} for line in told)


def test_the_broken_graph(cli, write):
    """The session's complaint is what is really said, to the letter."""
    file = write(BROKEN, "broken.yaml")
    ran = cli("submit", file, code=4)
    shown = readme.blocks("console")[0].partition("broken.yaml\n")[2]
    assert ran.err.replace(file, "broken.yaml") == shown


def test_the_life_of_a_graph(cli, write, tmp_path):
    """The README's commands on its second graph, in its order."""
    cli("submit", write(readme.blocks("yaml")[1], "ship.yaml"))
    cli("wait", "ship", "--timeout", "0.1s", code=124)
    (asked,) = until(lambda: cli("decisions", "--json").json)
    assert (asked["graph"], asked["task"], asked["question"], asked["default"]) == (
        "g1",
        "deploy",
        "Ship it?",
        "reject",
    )
    assert "Ship it?" in cli("why", "ship/deploy").out
    cli("update", "ship/deploy", "timeout=5m", "retry={attempts: 2}")
    cli("add", "ship", "--id", "announce", "--after", "deploy", "--", "echo", "shipped")
    cli("decide", "d1", "approve", "--note", "after the freeze")
    cli("wait", "ship", "--timeout", "1m")
    states = {task["id"]: task["state"] for task in cli("status", "ship", "--json").json["tasks"]}
    assert states.pop("roll-back") == "skipped"
    assert set(states.values()) == {"done"}
    assert {"unit-core", "unit-cli", "announce"} < set(states)
    assert (tmp_path / "live.tar").read_text() == "tar\n"


def until(look, deadline_s=20):
    """What `look` finds, as soon as it finds anything."""
    end_at = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < end_at
    return found
