"""`progress`, of the command line and of the clients."""

import sys

from .conftest import eventually
from .graphs import ended, tasks


def attempt(cli, graph):
    return tasks(cli, graph)["sh"]["attempts"][-1]


def test_from_inside_a_task(cli):
    until = "while [ ! -e {} ]; do sleep 0.1; done"
    python = f"from orch_actors.protocol import Client; Client({cli.home!r}).progress('half of it', 50)"
    says = (f'{sys.executable} -c "{python}"', "echo '90 %' > $ORCH_PROGRESS")
    command = "; ".join((says[0], until.format("go"), says[1], until.format("on")))
    graph = cli("submit", "--json", "--", "sh", "-c", command, cwd=cli.home).json["graph"]
    eventually(lambda: attempt(cli, graph)["percent"] == 50, within=20)
    assert attempt(cli, graph)["progress"] == "half of it"
    assert "50 %, half of it" in cli("status", graph).out
    assert cli("why", f"{graph}/sh", "--json").json["reason"]["percent"] == 50
    assert '"attempt_progressed"' in cli("events", "--since", "0", "--json").out
    open(f"{cli.home}/go", "w").close()
    eventually(lambda: attempt(cli, graph)["progress"] == "90 %", within=20)
    cli.kill_daemon()
    cli("up")
    assert attempt(cli, graph)["progress"] == "90 %"
    open(f"{cli.home}/on", "w").close()
    ended(cli, graph)


def test_elsewhere_and_without_a_word(cli, monkeypatch, tmp_path):
    assert "no running task" in cli("progress", "x", code=2).err
    cli.env["ORCH_PROGRESS"] = str(tmp_path / "said")
    assert "nothing to say" in cli("progress", code=2).err
    assert cli("progress", "x", "--json").json == {"graph": None, "task": None, "text": "x", "percent": None}
    assert (tmp_path / "said").read_text() == '{"text":"x","percent":null}'
    cli.env["ORCH_PROGRESS"] = str(tmp_path / "gone" / "said")
    assert "cannot be written" in cli("progress", "x", code=2).err
