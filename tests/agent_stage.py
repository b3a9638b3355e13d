"""A stage for agents' tests: the real claude and opencode under a real daemon, against a scripted API on loopback.

The programs are looked for in the folder that ORCH_ACTORS_AGENTS names (`.ci/agents` installs them, and names it).
Nothing of a person's own is touched: each stage has a home of its own for the programs, and they see no variable but
those that it sets.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from daemon_harness import Place, alive, eventually
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


class Programs:
    """The two programs, with a home of their own; from `with` to its end."""

    def __init__(self):
        self.folder = os.environ[FOLDER]
        self.root = tempfile.mkdtemp(prefix="oag-")
        self.home, self.scratch = (os.path.join(self.root, name) for name in ("home", "tmp"))

    def __enter__(self):
        for folder in (self.home, self.scratch):
            os.mkdir(folder)
        # A first start makes opencode's database; several at once trip over each other there.
        env = {**_NOWHERE, "HOME": self.home, "TMPDIR": self.scratch, "PATH": os.environ["PATH"]}
        command = [os.path.join(self.folder, "opencode"), "session", "list"]
        subprocess.run(command, env=env, cwd=self.root, stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE_S)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def settings(self, api):
        """config.toml, by which both worker types run these programs and see this API alone."""
        return "".join(self.worker(kind, kind, api) for kind in ("claude", "opencode"))

    def worker(self, name, kind, api, *, env=(), **more):
        """The lines of one worker type of this kind; `env` and `more` are of its own."""
        apart = {"HOME": self.home, "TMPDIR": self.scratch}
        variables = {**_variables(kind, api), **_NOWHERE, **apart, **dict(env)}
        model = {"model": "test/m"} if kind == "opencode" else {}
        lines = {"program": os.path.join(self.folder, kind), **model, **more}
        if name != kind:
            lines["kind"] = kind
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
        inner = ", ".join(f"{key} = {json.dumps(value)}" for key, value in variables.items())
        return f"[workers.{name}]\n{text}env = {{ {inner} }}\n"


def _variables(kind, api):
    """What points a program to the scripted API."""
    if kind == "claude":
        return {
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": "x",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{api.url}/v1", "apiKey": "x"},
        "models": {name: {"cost": {"input": 1, "output": 2}} for name in "mn"},
    }
    return {
        "OPENCODE_CONFIG_CONTENT": json.dumps({"provider": {"test": provider}}),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }


class Stage(Place):
    """A daemon whose agents ask a scripted API. Graphs are documents; prompts name their script."""

    def __init__(self, scripts, extra=lambda _programs, _api: ""):
        super().__init__()
        self.programs = Programs().__enter__()
        self.work = os.path.join(self.programs.root, "work")
        os.mkdir(self.work)
        self.api = ScriptedApi(scripts).__enter__()
        Path(self.home.config).write_text(self.programs.settings(self.api) + extra(self.programs, self.api))
        self.daemon = self.start().ready()
        self.orders = self.client()

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

    def attempt_processes(self, graph, task, number=1):
        """Pid → command line of an attempt's living processes: those with its mark, in order of their pids."""
        marks = (f":{graph}/{task}/{number}\0".encode(), f"ORCH_ACTORS_HOME={self.home.path}\0".encode())
        found = {}
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                if all(mark in environment for mark in marks) and alive(pid):
                    found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return found

    def files(self):
        """What lies in the folder of the tasks."""
        return [path for path in Path(self.work).rglob("*") if path.is_file()]

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
            self.programs.__exit__()


def task_of(view, name):
    return next(task for task in view.tasks if task.id == name)
