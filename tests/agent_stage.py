"""A stage for agents' tests: the real claude and opencode under a real daemon, against a scripted API on loopback.

The programs are looked for in the folder that ORCH_ACTORS_AGENTS names (`.ci/agents` installs them, and names it).
Nothing of a person's own is touched: each stage has a home of its own for the programs, and they see no variable but
those that it sets.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from daemon_harness import Place, eventually
from scripted_api import ScriptedApi

FOLDER = "ORCH_ACTORS_AGENTS"

#: The programs are large, and the machine may be busy.
PATIENCE_S = 300.0

#: Whatever is not on loopback goes to a port that nobody listens at.
_NOWHERE = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
    "npm_config_offline": "true",
}


class Stage(Place):
    """A daemon whose agents ask a scripted API. Graphs are documents; prompts name their script."""

    def __init__(self, scripts, extra=lambda _stage: ""):
        super().__init__()
        self.programs = os.environ[FOLDER]
        self.root = tempfile.mkdtemp(prefix="oag-")
        self.agents_home = os.path.join(self.root, "home")
        self.work = os.path.join(self.root, "work")
        self.scratch = os.path.join(self.root, "tmp")
        for folder in (self.agents_home, self.work, self.scratch):
            os.mkdir(folder)
        self._prepare()
        self.api = ScriptedApi(scripts)
        self.api.__enter__()
        Path(self.home.config).write_text(self.settings() + extra(self))
        self.daemon = self.start().ready()
        self.orders = self.client()

    def _prepare(self):
        """A first start makes opencode's database; several at once trip over each other there."""
        env = {**_NOWHERE, "HOME": self.agents_home, "TMPDIR": self.scratch, "PATH": os.environ["PATH"]}
        command = [os.path.join(self.programs, "opencode"), "session", "list"]
        subprocess.run(command, env=env, cwd=self.work, stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE_S)

    def settings(self):
        """config.toml, by which both programs are the ones that were named, and see this API alone."""
        return "".join(f"[workers.{kind}]\n{self.worker(kind)}" for kind in ("claude", "opencode"))

    def worker(self, kind, **more):
        """The lines of one worker type of this kind."""
        apart = {"HOME": self.agents_home, "TMPDIR": self.scratch}
        env = {**self.variables(kind), **_NOWHERE, **apart, **more.pop("env", {})}
        lines = {
            "program": os.path.join(self.programs, kind),
            **({"model": "test/m"} if kind == "opencode" else {}),
            **more,
        }
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        inner = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
        return f"{text}env = {{ {inner} }}\n"

    def variables(self, kind):
        """What points it to the scripted API."""
        if kind == "claude":
            return {
                "ANTHROPIC_BASE_URL": self.api.url,
                "ANTHROPIC_API_KEY": "x",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            }
        options = {"baseURL": f"{self.api.url}/v1", "apiKey": "x"}
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "options": options,
            "models": {"m": {"cost": {"input": 1, "output": 2}}},
        }
        return {
            "OPENCODE_CONFIG_CONTENT": json.dumps({"provider": {"test": provider}}),
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        }

    def submit(self, *tasks, **top):
        """Hand over a graph; its id."""
        document = {"name": "agents", "defaults": {"timeout": PATIENCE_S}, "tasks": list(tasks), **top}
        return self.orders.submit(document, base_dir=self.work).graph

    def run(self, *tasks, **top):
        """Hand over a graph and wait for its end; its view."""
        return self.end(self.submit(*tasks, **top))

    def end(self, graph):
        self.orders.wait([graph], timeout_s=PATIENCE_S)
        return self.orders.graph(graph)

    def until(self, condition, why):
        """The first true value of a condition."""
        until_at = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < until_at, f"not within {PATIENCE_S} s: {why}"
            time.sleep(0.2)
        return found

    def worker_type(self, name, kind, **more):
        """config.toml of one more worker type, that waits for nobody else."""
        return f"[workers.{name}]\nkind = {json.dumps(kind)}\n{self.worker(kind, **more)}"

    def log(self, view, task, attempt=0):
        return self.orders.read_log(view.id, task, attempt=attempt).data.decode()

    def result(self, view, task):
        return self.orders.result(view.id, task).value

    def close(self):
        self.orders.shutdown(kill=True)
        self.orders.close()
        try:
            eventually(lambda: self.daemon.process.poll() is not None, "the daemon ends")
        finally:
            self.api.__exit__()
            super().close()
            shutil.rmtree(self.root, ignore_errors=True)


def task_of(view, name):
    return next(task for task in view.tasks if task.id == name)
