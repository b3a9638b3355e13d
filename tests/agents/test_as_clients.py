"""Agents as clients: the real programs submit by tool or by shell, are killed, and others find what completed, once."""

import json
import os
import shutil
import subprocess
import sysconfig

import pytest
from agent_stage import _NOWHERE, PATIENCE_S, Programs, _variables
from daemon_harness import Place, eventually
from scripted_api import ScriptedApi

pytest.importorskip("mcp", reason="the extra orch-actors[mcp] is not installed")

PROGRAM = os.path.join(sysconfig.get_path("scripts"), "orch-actors")
WORK = "sleep 2; exit 4"
WAITING = {"call": "WaitForMcpServers", "input": {}}
#: Of a graph of one task that fails: submitted, ready, starting, attempt ended, task ended, graph ended.
THROUGH = 6


def by_mcp(prefix):
    """Calls of tools, as the program names them."""
    return {
        "submit": {"call": f"{prefix}orch_submit", "input": {"command": WORK, "name": "qzx-orphan"}},
        "wait": {"call": f"{prefix}orch_wait", "input": {"timeout": 40}},
        "inbox": {"call": f"{prefix}orch_inbox", "input": {}},
        "ack": {"call": f"{prefix}orch_inbox", "input": {"ack": THROUGH}},
    }


def by_shell():
    """The same in a shell."""

    def run(*words):
        return {"call": "Bash", "input": {"command": f"{PROGRAM} {' '.join(words)}", "description": "orch-actors"}}

    return {
        "submit": run("submit", "--name", "qzx-orphan", "--", "sh", "-c", f"'{WORK}'"),
        "wait": run("wait", "--timeout", "40s", "||", "true"),
        "inbox": run("inbox", "--json"),
        "ack": run("inbox", "--done", str(THROUGH), "--json"),
    }


def scripts_of(calls):
    """What three sessions do; before the first tool, Claude Code waits for servers that it is still connecting to."""
    first = [calls["first"]] if "first" in calls else []
    return {
        "leave": [*first, calls["submit"], {"hang": True}],
        "find": [*first, calls["wait"], calls["inbox"], calls["ack"], {"say": "found"}],
        "again": [*first, calls["inbox"], {"say": "nothing"}],
    }


class Scene(Place):
    """A home without a daemon, a folder of work, and a program that asks the scripted API."""

    def __init__(self, kind, calls):
        super().__init__()
        self.kind = kind
        self.programs = Programs().__enter__()
        self.api = ScriptedApi(scripts_of(calls)).__enter__()
        self.work = os.path.join(self.programs.root, "work")
        os.mkdir(self.work)
        variables = _variables(kind, self.api)
        server = [PROGRAM, "mcp", "--home", self.home.path]
        self.words = [os.path.join(self.programs.folder, kind)]
        if kind == "claude":
            document = {"mcpServers": {"orch-actors": {"command": server[0], "args": server[1:]}}}
            self.words += ["-p", "--output-format", "json", "--strict-mcp-config", "--mcp-config", json.dumps(document)]
            self.words += ["--allowedTools", "mcp__orch-actors", "Bash", "--"]
        else:
            settings = json.loads(variables["OPENCODE_CONFIG_CONTENT"])
            settings["mcp"] = {"orch-actors": {"type": "local", "command": server, "enabled": True}}
            variables["OPENCODE_CONFIG_CONTENT"] = json.dumps(settings)
            self.words += ["run", "--format", "json", "-m", "test/m"]
        self.env = {
            **_NOWHERE,
            **variables,
            "PATH": os.environ["PATH"],
            "HOME": self.programs.home,
            "TMPDIR": self.programs.scratch,
            "ORCH_ACTORS_HOME": self.home.path,
        }

    def begin(self, script):
        """Start the program on a script."""
        return subprocess.Popen(
            [*self.words, f"[script:{script}] go"],
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def told(self, script):
        """What the program sent last on a script: the results of its tools among it."""
        return json.dumps(self.api.scripts.of(script)[-1][1]["messages"])

    def whole(self, script):
        """Run the program to its end."""
        process = self.begin(script)
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, out.decode(errors="replace")[-2000:]
        return self.told(script)

    def close(self):
        self.api.__exit__()
        subprocess.run([PROGRAM, "down", "--kill", "--home", self.home.path], capture_output=True, check=False)
        try:
            super().close()
        finally:
            self.programs.__exit__()
            shutil.rmtree(self.programs.root, ignore_errors=True)


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("claude", {"first": WAITING, **by_mcp("mcp__orch-actors__")}),
        ("claude", by_shell()),
        ("opencode", by_mcp("orch-actors_")),
    ],
    ids=["claude-mcp", "claude-shell", "opencode-mcp"],
)
def test_one_submits_and_is_killed_another_finds_what_completed(kind, calls):
    scene = Scene(kind, calls)
    try:
        first = scene.begin("leave")
        try:
            scene.api.scripts.wait_for("leave", 2 + ("first" in calls), PATIENCE_S)
            assert "g1" in scene.told("leave"), scene.told("leave")[-700:]
        finally:
            os.killpg(first.pid, 9)
            first.communicate()
        eventually(lambda: first.poll() is not None)
        found = scene.whole("find")
        assert "qzx-orphan failed" in found, found[-1500:]
        bodies = [body for _, body in scene.api.scripts.of("find")]
        results = json.dumps(bodies[-1]["messages"][-1])  # of the acknowledgement
        assert "qzx-orphan" not in results
        assert "qzx-orphan" not in json.dumps(json.loads(scene.whole("again"))[-1])
    finally:
        scene.close()
