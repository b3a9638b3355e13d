"""Every moment in the life of an attempt at which the supervisor, a worker host, or both may die, for each worker type.

One daemon has a task at each of the moments; then the victims are killed, all at once, and the world goes on: what was
decided stands, what ran is found again with its real end, nothing is done twice, and no time is hurried or forgotten.
(What is killed between two lines of our code: `stress crash`. States on disk, one by one: test_attempts.py.)
"""

import json
import os
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, alive, eventually

#: Leaves its group, heeds no TERM, and stays.
ESCAPES = "trap : TERM; echo $$ > escaped; touch sweep.1; until [ -e never ]; do sleep 0.01; done"

VICTIMS = ["supervisor", "host", "both"]
WORKERS = ["shell", "python"]

#: What a python task does that is to do the same as a shell text.
IN_PYTHON = "import subprocess, sys; sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))"


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


class Scene:
    """A daemon, a folder in which its tasks wait for files, and a way to kill."""

    def __init__(self, place, folder, worker, config=""):
        self.place, self.folder, self.worker = place, folder, worker
        Path(place.home.config).write_text(f"{config}[workers.shell]\nlimit = 20\n[workers.python]\nlimit = 20\n")
        self.daemon = place.start().ready()
        self.client = place.client()

    def task(self, name, line, **options):
        """A task that runs a text for sh, in a process of its worker type."""
        work = {"command": line} if self.worker == "shell" else {"script": IN_PYTHON, "args": [line]}
        return {"id": name, "worker": self.worker, "cwd": str(self.folder), **work, **options}

    def submit(self, *tasks, **more):
        return self.client.submit({"name": "g", "tasks": list(tasks), **more}).graph

    def there(self, *names):
        """Wait until these files are there."""
        for name in names:
            eventually((self.folder / name).exists, name)

    def touch(self, *names):
        for name in names:
            (self.folder / name).touch()

    def kill(self, victims):
        """KILL them, at once, and have a daemon again; it and a host of ours answer."""
        hosts = self.daemon.hosts()
        for pid in hosts if victims != "supervisor" else []:
            os.kill(pid, signal.SIGKILL)
        if victims != "host":
            self.daemon.kill()
        eventually(lambda: not any(map(alive, hosts)), "the hosts are gone")

    def revive(self, victims):
        if victims != "host":
            self.daemon = self.place.start().ready()

    def tasks(self, graph):
        return {task.id: task for task in self.client.graph(graph).tasks}

    def stopping(self, graph):
        """Ids of the tasks whose attempt is being ended."""
        tasks = self.tasks(graph).items()
        return {name for name, task in tasks if task.attempts and task.attempts[-1].state == "stopping"}

    def shim(self, graph, name):
        """The pid in the record of its first attempt."""
        record = Path(self.tasks(graph)[name].attempts[0].stdout).with_suffix(".jsonl")
        return next(line["pid"] for line in map(json.loads, record.read_text().splitlines()) if "pid" in line)

    def ended(self, graph):
        """Its tasks, once it is over."""
        self.client.wait([graph], timeout_s=2 * DEADLINE_S)
        return self.tasks(graph)

    def ran(self):
        """How often each task has begun."""
        return Counter((self.folder / "effects").read_text().split())

    def close(self):
        self.client.close()


@pytest.fixture(params=WORKERS)
def scene(request, place, tmp_path):
    made = Scene(place, tmp_path, request.param)
    yield made
    made.close()


def until(name):
    return f"until [ -e {name} ]; do sleep 0.01; done"


def begun(name):
    return f"echo {name} >> effects"


@pytest.mark.parametrize("victims", VICTIMS)
def test_each_moment(scene, victims):
    graph = scene.submit(
        scene.task("runs", f"{begun('runs')}; touch runs.1; {until('go')}; exit 7"),
        scene.task("ends", f"{begun('ends')}; touch ends.1; {until('end')}; echo 5 > $ORCH_RESULT"),
        scene.task(
            "valid", begun("valid"), validate={"command": f"echo x >> checks; touch valid.1; {until('go')}"}, grace=0.2
        ),
        scene.task("grace", f"trap '' TERM; {begun('grace')}; touch grace.1; {until('go')}", grace=60),
        scene.task(
            "sweep",
            # What got away from its group does not heed TERM: the sweep takes as long as the grace.
            f"{begun('sweep')}; setsid sh -c '{ESCAPES}' & wait",
            grace=3,
        ),
        scene.task("asks", f"{begun('asks')}; exit 3", on_fail="ask"),
        scene.task("later", begun("later"), depends_on=["runs", "ends"]),
        scene.task("clean", begun("clean"), depends_on=[{"task": "grace", "on": "finished"}]),
        limits={"parallel": 9},
    )
    scene.there("runs.1", "ends.1", "valid.1", "grace.1", "sweep.1")
    (decision,) = eventually(lambda: scene.client.decisions(graph))
    escaped = int(eventually((scene.folder / "escaped").read_text))
    for name in ("grace", "sweep"):
        scene.client.cancel(graph, name)
    eventually(lambda: scene.stopping(graph) == {"grace", "sweep"})
    scene.kill(victims)
    scene.touch("end")
    scene.revive(victims)
    eventually(lambda: scene.client.status() is not None)
    assert scene.client.decisions(graph) == (decision,)
    eventually(lambda: not alive(escaped), "the sweep is carried on")
    scene.touch("go")
    scene.client.decide(decision.ref, "fail")
    tasks = scene.ended(graph)
    assert {name: task.state for name, task in tasks.items()} == {
        "runs": "failed",
        "ends": "done",
        "valid": "done",
        "grace": "cancelled",
        "sweep": "cancelled",
        "asks": "failed",
        "later": "skipped",
        "clean": "done",
    }
    codes = {name: tasks[name].attempts[0].exit_code for name in ("runs", "ends", "valid", "asks")}
    assert codes == {"runs": 7, "ends": 0, "valid": 0, "asks": 3}
    assert scene.client.result(graph, "ends").value == 5
    assert all(len(task.attempts) <= 1 for task in tasks.values())
    assert scene.ran() == dict.fromkeys(["runs", "ends", "valid", "grace", "sweep", "asks", "clean"], 1)
    assert scene.daemon.term() == 0


@pytest.mark.parametrize("victims", VICTIMS)
def test_the_shim_dies_as_well(scene, victims):
    """Pid line, no exit line, lock free: what is left is swept, and it goes by what the task says of the unknown."""
    policies = ("ask", "rerun", "fail")
    graph = scene.submit(
        *(
            scene.task(
                name,
                f"{begun(name)}; n=$(grep -c {name} effects); echo $$ > {name}.$n.pid; touch {name}.$n; {until('go')}",
                on_unknown=name,
                grace=0.5,
            )
            for name in policies
        )
    )
    scene.there(*(f"{name}.1" for name in policies))
    shims = [scene.shim(graph, name) for name in policies]
    commands = [int((scene.folder / f"{name}.1.pid").read_text()) for name in policies]
    scene.kill(victims)
    for pid in shims:
        os.kill(pid, signal.SIGKILL)
    scene.revive(victims)
    (decision,) = eventually(lambda: scene.client.decisions(graph))
    assert (decision.kind, decision.task) == ("unknown", "ask")
    eventually(lambda: not any(map(alive, commands)), "what they ran is swept")
    scene.there("rerun.2")
    scene.touch("go")
    scene.client.decide(decision.ref, "accept")
    tasks = scene.ended(graph)
    assert {name: (task.state, [a.state for a in task.attempts]) for name, task in tasks.items()} == {
        "ask": ("done", ["unknown"]),
        "rerun": ("done", ["unknown", "done"]),
        "fail": ("failed", ["unknown"]),
    }
    assert scene.ran() == {"ask": 1, "rerun": 2, "fail": 1}
    assert scene.daemon.term() == 0


#: Long enough that half of it is left after the kill; each check tells "from its start" from "from the adoption".
WHOLE_S = 9.0
DIES_AFTER_S = 5.0


@pytest.mark.parametrize("victims", VICTIMS)
def test_no_time_is_hurried_or_forgotten(scene, victims):
    never = until("never")
    graph = scene.submit(
        scene.task("timeout", f"touch timeout.1; {never}", timeout=WHOLE_S, grace=0.2),
        scene.task("idle", f"echo said; touch idle.1; {never}", idle_timeout=WHOLE_S, grace=0.2),
        scene.task("deadline", f"touch deadline.1; {never}", deadline=WHOLE_S, grace=0.2),
        scene.task("again", f"{begun('again')}; touch again.1; exit $((2 - $(grep -c again effects)))",
                   retry={"attempts": 2, "backoff": WHOLE_S}),
        scene.task("asked", "touch asked.1", approve=True, ask={"deadline": WHOLE_S, "default": "approve"}),
        limits={"parallel": 9},
    )  # fmt: skip
    walled = scene.submit(scene.task("walled", f"touch walled.1; {never}", grace=0.2), limits={"wall": WHOLE_S})
    begun_at = time.monotonic()
    scene.there("timeout.1", "idle.1", "deadline.1", "again.1", "walled.1")
    late_s = time.monotonic() - begun_at
    eventually(lambda: time.monotonic() - begun_at > DIES_AFTER_S)
    scene.kill(victims)
    scene.revive(victims)
    tasks = scene.ended(graph) | scene.ended(walled)
    took = {name: tasks[name].attempts[-1].duration_s for name in ("timeout", "idle", "deadline", "walled")}
    events = scene.client.events(0, limit=1000).events
    stamps = {(event.kind, event.task, event.attempt): stamp(event.time_utc) for event in events}
    again = stamps["attempt_starting", "again", 2] - stamps["retry_scheduled", "again", 2]
    asked = stamps["decision_answered", "asked", None] - stamps["decision_asked", "asked", None]
    assert {name: task.class_ for name, task in tasks.items()} == {
        "timeout": "timeout",
        "idle": "idle_timeout",
        "deadline": "deadline",
        "again": None,
        "asked": None,
        "walled": None,
    }
    assert (tasks["again"].state, tasks["asked"].state, tasks["walled"].state) == ("done", "done", "cancelled")
    for name, seconds in {**took, "again": again, "asked": asked}.items():
        assert WHOLE_S - late_s - 0.5 <= seconds < WHOLE_S + DIES_AFTER_S - 0.5, f"{name} took {seconds} s"
    assert not (scene.folder / "asked.1").exists() or asked >= WHOLE_S - 0.5
    assert scene.daemon.term() == 0


def stamp(text):
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("worker", WORKERS)
def test_what_was_printed_while_nobody_watched_counts(place, tmp_path, worker):
    scene = Scene(place, tmp_path, worker, "output_limit = 2000\n")
    graph = scene.submit(
        scene.task(
            "prints", f"touch on; {until('print')}; head -c 5000 /dev/zero; touch printed; {until('never')}", grace=0.2
        )
    )
    scene.there("on")
    scene.kill("both")
    scene.touch("print")
    scene.there("printed")
    scene.revive("both")
    (task,) = scene.ended(graph).values()
    assert (task.state, task.class_) == ("failed", "output_limit")
    scene.close()
    assert scene.daemon.term() == 0


@pytest.mark.parametrize("worker", WORKERS)
def test_the_machine_restarted(place, tmp_path, worker):
    """Another boot id: nobody is signalled, and only an exit line tells how it ended."""
    scene = Scene(place, tmp_path, worker)
    graph = scene.submit(
        scene.task("runs", f"{begun('runs')}; echo $$ > pid; touch runs.1; {until('go')}"),
        scene.task("ends", f"{begun('ends')}; touch ends.1; {until('end')}; exit 4"),
    )
    scene.there("runs.1", "ends.1")
    scene.kill("both")
    scene.touch("end")
    ends = Path(place.home.attempts)
    eventually(lambda: any('"exit":4' in path.read_text() for path in ends.rglob("*.jsonl")))
    scene.daemon = place.start(
        "from orch_actors.actors.process import boot\nboot.boot_id = lambda: 'another'\n"
    ).ready()
    (decision,) = eventually(lambda: scene.client.decisions(graph))
    assert (decision.kind, decision.task) == ("unknown", "runs")
    assert "the machine restarted" in decision.evidence["message"]
    assert alive(int((tmp_path / "pid").read_text())), "its pid may be anybody's"
    assert scene.tasks(graph)["ends"].attempts[0].exit_code == 4
    scene.touch("go")
    scene.client.decide(decision.ref, "fail")
    scene.ended(graph)
    assert scene.ran() == {"runs": 1, "ends": 1}
    scene.close()
    assert scene.daemon.term() == 0
