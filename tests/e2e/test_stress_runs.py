"""`stress run`, `replay` and `bench`, whole: real daemons, real processes, real kills."""

import contextlib
import glob
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from orch_actors.stress.daemon import command_line, processes_of

LIMIT_S = 240


@pytest.fixture
def stress(tmp_path):
    """Runs the verb in an empty folder, with temporary files of its own; nothing of it may be left afterwards."""
    temporary = tmp_path / "t"
    temporary.mkdir()
    here = tmp_path / "here"
    here.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary)}
    env.pop("ORCH_ACTORS_HOME", None)

    def run(*words, code=0):
        done = subprocess.run(
            [*command_line(), "stress", *words],
            cwd=here,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    run.here = here
    run.env = env
    yield run
    left, files = processes_of(str(temporary)), os.listdir(temporary)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert (left, files) == ((), [])


def checked(report, checks):
    assert report["ok"] is True
    assert report["failed"] == []
    assert len(report["checks"]) >= checks
    assert all(check["ok"] for check in report["checks"])
    assert report["home"] is None
    return report


def test_pilot_surveys_a_folder(stress, tmp_path):
    folder = tmp_path / "surveyed \n$HOME 'x'"
    (folder / "deep").mkdir(parents=True)
    (folder / "good.py").write_text("x = 1\n")
    (folder / "deep" / "good again.py").write_text("x = 1\n")
    (folder / "deep" / "bad.sh").write_text("if\n")
    out = tmp_path / "out"
    words = ("run", "pilot", "--folder", str(folder), "--out", str(out), "--report", str(tmp_path / "report.json"))
    report = checked(json.loads(stress(*words, "--json")), 20)
    assert report == json.loads((tmp_path / "report.json").read_text())
    assert report["state"] == "done"
    assert {task["id"] for task in report["view"]["tasks"] if task["worker"] == "shell"} == {"inventory"}
    text = (out / "health.md").read_text()
    assert "deep/bad.sh" in text
    assert "good again.py" in text
    assert os.listdir(stress.here) == []


def test_pilot_says_where_its_report_is(stress):
    told = stress("run", "pilot", "--folder", str(stress.here))
    assert "checks hold" in told
    (line,) = [line for line in told.split("\n") if line.startswith("health report: ")]
    path = line.removeprefix("health report: ")
    assert path.startswith(str(stress.here / "orch-actors-reports" / "pilot-"))
    assert os.path.isfile(path)
    (line,) = [line for line in told.split("\n") if line.startswith("report: ")]
    with open(line.removeprefix("report: "), encoding="utf-8") as file:
        checked(json.load(file), 20)


def test_stress_comes_out_as_expected(stress, tmp_path):
    out = tmp_path / "out"
    report = checked(json.loads(stress("run", "stress", "--json", "--out", str(out))), 60)
    assert report["tasks"] == 40 + 4  # four are added while it runs
    assert report["kills"] == []
    # The view is that of `status --json`: the checks are only as good as what they look at.
    states = {task["id"]: task["state"] for task in report["view"]["tasks"]}
    assert states["cancelled"] == "cancelled"
    assert states["retry"] == "done"
    lines = (out / "effects.log").read_text().split("\n")
    assert sum(line.endswith("/retry/3 end") for line in lines) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_stress_comes_out_the_same_while_everything_is_killed(stress, seed):
    words = ("run", "stress", "--kills", "3", "--seed", str(seed), "--json")
    report = checked(json.loads(stress(*words)), 60)
    victims = [kill["victim"] for kill in report["kills"]]
    assert len(victims) == 3
    assert victims[0] == victims[2] == "supervisor"
    assert victims[1] in ("shell", "python")
    assert len({kill["pid"] for kill in report["kills"]}) == 3


def test_a_named_home_is_left_as_it_was_found(stress, tmp_path):
    home = str(tmp_path / "h")
    try:
        subprocess.run([*command_line(), "up", "--home", home], capture_output=True, check=True, timeout=LIMIT_S)
        report = json.loads(stress("run", "pilot", "--folder", str(stress.here), "--home", home, "--json"))
        assert report["ok"]
        assert report["home"] == home
        status = subprocess.run(
            [*command_line(), "status", "--home", home, "--json"], capture_output=True, check=True, timeout=LIMIT_S
        )
        (graph,) = json.loads(status.stdout)["graphs"]
        assert (graph["name"], graph["state"]) == ("pilot", "done")
    finally:
        subprocess.run([*command_line(), "down", "--kill", "--home", home], check=True, timeout=LIMIT_S)


def workflow(tmp_path):
    """Two chains that meet."""
    times = {"Start it": 1.0, "left 1": 2.0, "left 2": 2.0, "right": 3.0, "end": 0.5}
    parents = {
        "left 1": ["Start it"],
        "left 2": ["left 1"],
        "right": ["Start it"],
        "end": ["left 2", "right"],
    }
    document = {
        "name": "Two Chains",
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {"tasks": [{"id": name, "parents": parents.get(name, [])} for name in times]},
            "execution": {
                "makespanInSeconds": 6.0,
                "tasks": [{"id": name, "runtimeInSeconds": seconds} for name, seconds in times.items()],
            },
        },
    }
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_replay(stress, tmp_path):
    report = json.loads(stress("replay", workflow(tmp_path), "--speed", "10", "--slots", "2", "--json"))
    assert report["ok"] is True
    assert report["tasks"] == 5
    assert report["slots"] == 2
    assert report["critical_path_s"] == 0.55
    assert report["work_s"] == 0.85
    assert report["lower_bound_s"] == 0.55
    # No schedule beats the bound: a figure below it would be a fault of the measuring.
    assert report["makespan_s"] >= report["lower_bound_s"]
    assert report["ratio"] == pytest.approx(report["makespan_s"] / report["lower_bound_s"], abs=0.01)


def test_replay_with_more_slots_than_a_daemon_has_by_default(stress, tmp_path):
    told = stress("replay", workflow(tmp_path), "--speed", "100", "--slots", "64")
    assert "64 slots" in told
    assert "checks hold" in told


def test_bench_quick_takes_every_figure(stress):
    report = json.loads(stress("bench", "--quick", "--json"))
    names = [figure["name"] for figure in report["figures"]]
    assert names == [
        "submit → accepted, p50",
        "submit → accepted, p95",
        *(["MCP orch_submit, p50"] if find_spec("mcp") else []),
        "shell tasks",
        "chain, a hop",
        "cold `orch-actors submit`",
        "idle memory (PSS)",
        "idle CPU",
        "complete a task",
        "open a journal",
        "… from a snapshot",
        "context",
        "memory, second half",
    ]
    assert report["ok"] is None
    assert all(figure["value"] > 0 for figure in report["figures"] if figure["name"] != "idle CPU")
    bare = {"idle CPU", "context"}  # held to a bound alone
    assert all(figure["reference"] > 0 for figure in report["figures"] if figure["name"] not in bare)
    memory = report["figures"][-1]
    assert [at for at, _ in memory["curve"]] == list(range(100, 2_001, 100))
    assert max(high for _, high in memory["curve"]) == max(memory["value"], memory["reference"])
    assert "10 graphs with 250 tasks are kept" in memory["note"]
    assert memory["ratio"] < 1.2  # a bound of memory, not of speed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["measuring", "home", "lock", "journal"])
def test_stopped_at_any_moment_it_leaves_nothing_behind(stress, number, when):
    """At its beginning; when there is a home; when the daemon has taken it; when it writes."""
    process = subprocess.Popen(
        [*command_line(), "stress", "bench", "--only", "chain"],
        cwd=stress.here,
        env=stress.env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    signs = {"measuring": "*", "home": "oas-*", "lock": "oas-*/lock", "journal": "oas-*/journal/*"}
    with process:
        assert process.stderr.readline() == "measuring chain …\n"
        until_at = time.monotonic() + LIMIT_S
        while not glob.glob(os.path.join(stress.env["TMPDIR"], signs[when])):
            assert process.poll() is None
            assert time.monotonic() < until_at
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 130


def test_started_through_the_interpreter_it_is_the_same(stress):
    code = "import sys; from orch_actors.cli.entry import main; sys.exit(main(['stress', 'list']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT_S)
    assert done.stdout == stress("list")
