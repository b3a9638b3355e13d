"""`mcp`: the tools by the SDK's own client, in memory and over stdio; restarts of the server and of the daemon."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

pytest.importorskip("mcp", reason="the extra orch-actors[mcp] is not installed")

from mcp_harness import stdio, talk

from orch_actors.cli.mcp.lasting import LastingClient
from orch_actors.cli.mcp.server import build
from orch_actors.cli.mcp.tools import TOOLS, Desk
from orch_actors.protocol.homes import Home

from .conftest import PROGRAM

HUGE = "x" * 50_000


@pytest.fixture
def server(shared, tmp_path):
    """A server in this process, for the shared home."""
    with LastingClient(Home(shared.home)) as client:
        yield build(Desk(client=client, folder=str(tmp_path)))


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_what_is_there(server, mode):
    async def look(agent):
        assert "orch_inbox" in agent.client.instructions
        listed = (await agent.client.list_tools()).tools
        assert [tool.name for tool in listed] == list(TOOLS)
        for tool in listed:
            assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
            assert tool.description
        # What an agent pays for having it connected, in each of its turns.
        assert sum(len(tool.model_dump_json()) for tool in listed) < 20_000
        assert len(agent.client.instructions) < 3_000

    talk(server, look, mode=mode)


def test_a_graph_from_beginning_to_end(server):
    async def work(agent):
        tasks = [
            {"id": "a", "command": 'echo hello; echo \'{"n": [1, {"x": 7}]}\' > "$ORCH_RESULT"'},
            {"id": "b", "command": "exit 3", "depends_on": ["a"]},
            {"id": "c", "command": "true", "depends_on": ["b"]},
        ]
        graph = {"name": "whole", "tasks": tasks}
        assert (await agent("orch_submit", graph=graph, dry_run=True))["graph"] == ""
        done = await agent("orch_submit", graph=graph, key="whole-1")
        assert (await agent("orch_submit", graph=graph, key="whole-1"))["existing"]
        id_ = done["graph"]
        waited = await agent("orch_wait", graphs=[id_], timeout=30)
        assert [line["state"] for line in waited["ended"]] == ["failed"]
        assert (await agent("orch_result", task=f"{id_}/a"))["value"] == {"n": [1, {"x": 7}]}
        assert (await agent("orch_result", task=f"{id_}/a", path="n.1.x"))["value"] == 7
        assert (await agent("orch_logs", task=f"{id_}/a"))["text"] == "hello\n"
        assert f"{id_}/b failed (exit)" in (await agent("orch_status", id=id_))["text"]
        changed = await agent("orch_retry", id=f"{id_}/b", set={"command": "true"})
        assert changed["changes"]
        await agent("orch_add", graph=id_, tasks=[{"id": "d", "command": "true", "depends_on": ["c"]}])
        assert [line["state"] for line in (await agent("orch_wait", graphs=[id_], timeout=30))["ended"]] == ["done"]
        (item,) = [item for item in (await agent("orch_inbox"))["items"] if item["graph"] == id_]
        assert item["ended"]
        assert id_ in [line["graph"] for line in (await agent("orch_status"))["graphs"]]

    talk(server, work)


def test_questions_and_an_end(server):
    async def work(agent):
        graph = {"name": "asks", "tasks": [{"id": "a", "command": "sleep 60", "approve": True}]}
        id_ = (await agent("orch_submit", graph=graph))["graph"]
        (asked,) = (await agent("orch_decisions", graph=id_))["decisions"]
        assert asked["options"] == ["approve", "reject"]
        assert (await agent("orch_status"))["decisions"] >= 1
        answered = await agent("orch_decisions", ref=asked["ref"], choice="approve")
        assert answered["choice"] == "approve"
        waited = await agent("orch_wait", timeout=0.2)
        assert waited["timed_out"]
        assert id_ in [line["graph"] for line in waited["running"]]
        assert (await agent("orch_cancel", id=id_, reason="enough"))["changes"] == ["cancelled a"]
        assert (await agent("orch_wait", graphs=[id_], timeout=30))["ended"][0]["state"] == "cancelled"

    talk(server, work)


def test_progress_while_it_waits(server, tmp_path):
    heard = []

    async def on_progress(done, total, message):
        heard.append((done, total, message))

    async def work(agent):
        (tmp_path / "graph.yaml").write_text(
            "name: p\ntasks: {a: {command: 'true'}, b: {command: sleep 1.5, depends_on: a}}"
        )
        id_ = (await agent("orch_submit", file="graph.yaml"))["graph"]
        await agent.raw("orch_wait", on_progress, graphs=[id_], timeout=30)

    talk(server, work)
    assert heard[-1] == (2, 2, "2 done")
    assert all(total == 2 for _, total, _ in heard)


def test_answers_are_bounded(server):
    async def work(agent):
        big = json.dumps({"deep": {"a": HUGE, "b": 1}})
        tasks = [
            {"id": "big", "command": f"cat <<'E' > \"$ORCH_RESULT\"\n{big}\nE\n"},
            {"id": "loud", "command": "yes '\"quoted\" \x1b[31m' | head -c 300000; echo needle-1; echo needle-2"},
            {"id": "asks", "command": "true", "approve": True, "ask": {"question": "q" * 3900}},
            *({"id": f"t{n}-{'n' * 50}", "command": "exit 1", "on_fail": "continue"} for n in range(80)),
        ]
        name = "n" * 128
        id_ = (await agent("orch_submit", graph={"name": name, "goal": HUGE, "tasks": tasks}))["graph"]
        for _ in range(25):
            await agent("orch_submit", command="true", name=name)
        await agent("orch_wait", timeout=1)
        for layer in range(4):
            await agent("orch_status", id=id_, layer=layer)
        assert (await agent("orch_status"))["more"] > 0
        while (
            "loud" not in (told := await agent("orch_status", id=f"{id_}/loud", layer=0))["text"]
            or "done" not in told["text"]
        ):
            await agent("orch_wait", graphs=[id_], timeout=0.2)
        cut = await agent("orch_result", task=f"{id_}/big")
        assert cut["cut"] > 0
        assert "deep" in cut["next"]
        assert (await agent("orch_result", task=f"{id_}/big", path="deep.b"))["value"] == 1
        page = await agent("orch_logs", task=f"{id_}/loud", offset=0, limit=8000)
        assert page["next_offset"] > 0
        assert (await agent("orch_logs", task=f"{id_}/loud", offset=page["next_offset"]))["offset"] == page[
            "next_offset"
        ]
        found = await agent("orch_logs", task=f"{id_}/loud", pattern="needle-[12]$")
        assert [line.split(": ")[1] for line in found["text"].splitlines()] == ["needle-1", "needle-2"]
        await agent("orch_decisions")
        await agent("orch_inbox")
        assert (await agent("orch_cancel", id=id_))["graph"] == id_

    talk(server, work)


WRONG = [
    ("orch_submit", {}, "nothing to submit"),
    ("orch_submit", {"command": "true", "file": "x"}, "file and command"),
    ("orch_submit", {"graph": {"name": "x", "tasks": [{"id": "a", "comand": "x"}]}}, "did you mean `command`?"),
    (
        "orch_submit",
        {"graph": {"name": "x", "tasks": [{"id": f"a{n}", "x": HUGE} for n in range(50)]}},
        "INVALID_GRAPH",
    ),
    ("orch_submit", {"graph": {"name": "x", "tasks": []}, "params": {"a": "b"}}, "no parameter 'a'"),
    ("orch_submit", {"file": "nowhere.yaml"}, "nowhere.yaml"),
    ("orch_submit", {"command": "true", "folder": "/no/where"}, "no folder"),
    ("orch_submit", {"comand": "true"}, "orch_submit takes: graph, file, command"),
    ("orch_submit", {"command": 7}, "Expected `str"),
    ("orch_status", {"id": "g999"}, "orch_status without id lists"),
    ("orch_status", {"id": "g999", "layer": 9}, "<= 3"),
    ("orch_result", {"task": "g999/a"}, "UNKNOWN_GRAPH"),
    ("orch_result", {"task": "g999"}, "GRAPH/TASK"),
    ("orch_logs", {"task": "g999/a"}, "UNKNOWN_GRAPH"),
    ("orch_logs", {"task": "g999/a", "stream": "x"}, "stream"),
    ("orch_logs", {"task": "g999/a", "pattern": "("}, "regular expression"),
    ("orch_wait", {"graphs": ["g999"]}, "UNKNOWN_GRAPH"),
    ("orch_wait", {"timeout": 100000}, "<= 600"),
    ("orch_add", {"graph": "g999", "tasks": [{"id": "a", "command": "true"}]}, "UNKNOWN_GRAPH"),
    ("orch_cancel", {"id": "g999"}, "UNKNOWN_GRAPH"),
    ("orch_retry", {"id": "g999"}, "UNKNOWN_GRAPH"),
    ("orch_retry", {"id": "g999", "set": {"timeout": 5}}, "one task"),
    ("orch_decisions", {"ref": "d999"}, "both ref and choice"),
    ("orch_decisions", {"ref": "d999", "choice": "yes"}, "orch_decisions lists"),
    ("orch_inbox", {"ack": 10**9}, "NOT_ALLOWED"),
    ("orch_nothing", {}, "the tools are: orch_submit"),
]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"), WRONG, ids=[f"{tool}-{number}" for number, (tool, *_) in enumerate(WRONG)]
)
def test_errors_say_what_to_do(server, tool, arguments, said):
    async def work(agent):
        assert said in await agent.error(tool, **arguments)

    talk(server, work, mode="legacy")  # whose client checks no tool's name


def test_it_starts_the_daemon_and_survives_its_restart(cli, tmp_path):
    async def work(agent):
        first = await agent("orch_submit", command="sleep 1; echo slept", name="first")
        cli.kill_daemon()
        second = await agent("orch_submit", command=["true"], name="second")
        assert (first["graph"], second["graph"]) == ("g1", "g2")
        waited = await agent("orch_wait", timeout=30)
        assert "timed_out" not in waited
        cli("down")
        assert (await agent("orch_logs", task="g1/sleep"))["text"] == "slept\n"

    talk(stdio(cli, tmp_path), work)


def test_a_second_server_finds_what_completed(cli, tmp_path):
    """Nothing is lost with the first one, and nothing told again once it was acknowledged."""
    first = subprocess.Popen(
        [PROGRAM, "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=cli.env,
        cwd=tmp_path,
    )
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    submit = {"name": "orch_submit", "arguments": {"command": "sleep 0.3; exit 4", "name": "lost-and-found"}}
    for message in (
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": submit},
    ):
        first.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    first.stdin.flush()
    while json.loads(first.stdout.readline() or '{"id": 2}').get("id") != 2:
        pass
    first.kill()
    first.communicate()

    async def find(agent):
        await agent("orch_wait", timeout=30)
        told = await agent("orch_inbox")
        assert [(item["state"], item["failed"]) for item in told["items"]] == [("failed", ["g1/sleep"])]
        assert (await agent("orch_inbox"))["items"] == told["items"]
        return told["through"]

    through = talk(stdio(cli, tmp_path), find)

    async def acknowledge(agent):
        assert "items" not in await agent("orch_inbox", ack=through)

    talk(stdio(cli, tmp_path), acknowledge)


def test_a_home_that_cannot_be(cli, tmp_path):
    (tmp_path / "file").write_text("")
    env = {**cli.env, "ORCH_ACTORS_HOME": str(tmp_path / "file" / "home")}

    async def work(agent):
        assert "could not be started" in await agent.error("orch_status")

    parameters = stdio(cli, tmp_path)
    parameters.env = env
    talk(parameters, work)


def test_without_the_extra(cli, tmp_path):
    program = "import sys; sys.modules['mcp'] = None; from orch_actors.cli.entry import main; sys.exit(main(['mcp']))"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=cli.env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 100
    assert "pip install 'orch-actors[mcp]'" in ran.stderr


def test_settings_are_printed(cli, tmp_path):
    claude = cli("mcp", "config", "claude", cwd=tmp_path)
    command = json.loads(claude.out)["mcpServers"]["orch-actors"]
    assert command["args"] == ["mcp"]
    assert os.access(command["command"], os.X_OK)
    assert json.loads(cli("mcp", "config", "opencode").out)["mcp"]["orch-actors"]["type"] == "local"
    assert tomllib.loads(cli("mcp", "config", "codex").out)["mcp_servers"]["orch-actors"]["args"] == ["mcp"]
    assert "known are: claude, opencode, codex" in cli("mcp", "config", "emacs", code=2).err
    homed = json.loads(cli("mcp", "config", "claude", "--home", "h", cwd=tmp_path).out)
    assert homed["mcpServers"]["orch-actors"]["args"] == ["mcp", "--home", str(tmp_path / "h")]


@pytest.mark.parametrize(
    ("agent", "file", "before", "kept"),
    [
        ("claude", ".mcp.json", '{"mcpServers": {"other": {"command": "x"}}, "more": 1}', '"other"'),
        ("opencode", "opencode.json", '{"model": "m"}', '"model": "m"'),
        ("codex", "config.toml", 'model = "m"\n[mcp_servers.other]\ncommand = "x"\n', 'model = "m"'),
    ],
)
def test_settings_are_installed_beside_others(cli, tmp_path, agent, file, before, kept):  # noqa: PLR0917
    env = {"cwd": tmp_path, "CODEX_HOME": str(tmp_path)}
    path = tmp_path / file
    cli("mcp", "config", agent, "--install", **env)
    assert "orch-actors" in path.read_text()
    path.write_text(before)
    cli("mcp", "config", agent, "--install", **env)
    whole = path.read_text()
    assert kept in whole
    assert "orch-actors" in whole
    assert "there already" in cli("mcp", "config", agent, "--install", **env).out
    assert path.read_text() == whole
    assert "other settings" in cli("mcp", "config", agent, "--install", "--home", "elsewhere", **env, code=100).err
    path.write_text("{ not this")
    assert "cannot be merged" in cli("mcp", "config", agent, "--install", **env, code=100).err
    assert path.read_text() == "{ not this"
    assert sorted(os.listdir(tmp_path)) == [file]
