"""The four faults of the script that this grew out of: each is shown not to happen, through the command line.

1. Options of a task were silently dropped.
2. Dependents of a failed or cancelled task were pending for ever, so the graph never ended.
3. Commands were applied again after a restart.
4. One decision released every blocked task.
"""

import json
import os
import subprocess

import pytest

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.messages import AddTasks, Decide, RetryTasks, SubmitGraph
from orch_actors.protocol.spec.graph import GraphSpec, Limits, TaskSpec

from .conftest import eventually
from .graphs import ended, open_decision, states, submit, task, tasks, until, view

OVER = {"done", "failed", "cancelled", "skipped"}


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


#: A shell command that hands back an object with this value.
RESULT = """printf '{"n": %s}' > $ORCH_RESULT"""


# --- 1: every option takes effect ---------------------------------------------------------------------------------

#: Option → the test here that sees it take effect. A new option has no place here until somebody has seen it.
SEEN = {
    "id": "test_what_it_does_and_where",
    "worker": "test_what_it_does_and_where",
    "kind": "test_worker_types_of_the_configuration",
    "work": "test_what_it_does_and_where",
    "title": "test_what_it_does_and_where",
    "cwd": "test_what_it_does_and_where",
    "worktree": "test_worktree",
    "env": "test_what_it_does_and_where",
    "secrets": "test_secrets",
    "depends_on": "test_conditions",
    "timeout": "test_timeout",
    "idle_timeout": "test_idle_timeout",
    "deadline": "test_deadline",
    "grace": "test_grace",
    "retry": "test_retry",
    "validate": "test_validate",
    "artifacts": "test_artifacts",
    "on_fail": "test_on_fail",
    "on_unknown": "test_on_unknown",
    "priority": "test_priority",
    "approve": "test_approve_and_ask",
    "ask": "test_approve_and_ask",
    "judge": "test_judge_and_decisions",
    "decisions": "test_judge_and_decisions",
    "resources": "test_resources",
    "exclusive": "test_exclusive",
    "graph.name": "test_what_it_does_and_where",
    "graph.tasks": "test_what_it_does_and_where",
    "graph.goal": "test_what_it_does_and_where",
    "graph.tolerant": "test_on_fail",
    "graph.callbacks": "test_callbacks_and_files",
    "graph.files": "test_callbacks_and_files",
    "budget": "test_budgets",
    "limits.parallel": "test_parallel",
    "limits.attempts": "test_budgets",
    "limits.usd": "test_budgets_of_agents",
    "limits.tokens": "test_budgets_of_agents",
    "limits.wall": "test_wall",
}


def test_every_option_is_seen():
    options = {
        *TaskSpec.__struct_fields__,
        *(f"graph.{name}" for name in GraphSpec.__struct_fields__ if name != "limits"),
        *(f"limits.{name}" for name in Limits.__struct_fields__),
    }
    assert options <= set(SEEN), "an option that no test here has seen at work"
    assert set(SEEN.values()) <= set(globals())


def events_of(cli, graph):
    return cli("events", "--graph", graph, "--json").lines


def only(cli, *more, state, **options):
    """Run one task to its end; its view."""
    graph = submit(cli, task("a", *more, **options))
    ended(cli, graph, state)
    return tasks(cli, graph)["a"]


def test_what_it_does_and_where(shared, tmp_path):
    graph = submit(
        shared,
        task("one", "echo $WHO; pwd", env={"WHO": "me"}, cwd=str(tmp_path), title="The first"),
        {"id": "two", "worker": "python", "call": "os.path:join", "args": ["a", "b"]},
        name="named",
        goal="all of it",
    )
    ended(shared, graph)
    assert shared("logs", f"{graph}/one").out == f"me\n{os.path.realpath(tmp_path)}\n"
    assert shared("result", f"{graph}/two").json == "a/b"
    found = view(shared, graph)
    assert (found["name"], found["goal"]) == ("named", "all of it")
    assert [(each["id"], each["worker"], each["title"]) for each in found["tasks"]] == [
        ("one", "shell", "The first"),
        ("two", "python", ""),
    ]


def test_worktree(shared, tmp_path):
    """Each in a folder and on a branch of its own; it goes when nobody can miss it, and not before."""
    repository = tmp_path / "work"
    git = ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / "text").write_text("one\n")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "1"], check=True)
    commit = "git -c user.name=n -c user.email=e commit -qam 2"
    graph = submit(
        shared,
        task("clean", "cat text; echo x > text; git checkout -q .", worktree=True),
        task("dirty", 'echo two >> text; pwd; test "$ORCH_BRANCH" = "$(git branch --show-current)"', worktree=True),
        task("commits", f"echo three >> text; {commit}", worktree=True),
        task("sees", "cat ${tasks.dirty.worktree}/text; git show ${tasks.commits.branch}:text", "dirty", "commits"),
        task("elsewhere", worktree=True, cwd=str(tmp_path)),
        cwd=str(repository),
    )
    ended(shared, graph, "failed")
    found = tasks(shared, graph)
    assert "is in none: `git init` there" in found["elsewhere"]["reason"]
    assert shared("logs", f"{graph}/sees").out == "one\ntwo\none\nthree\n"
    assert (repository / "text").read_text() == "one\n"
    places = {name: found[name]["worktree"] for name in ("clean", "dirty", "commits")}
    assert shared("logs", f"{graph}/dirty").out == places["dirty"] + "\n"
    assert all(map(os.path.isdir, places.values()))
    assert places["dirty"] in shared("context", f"{graph}/dirty").out
    shared("prune", graph)
    eventually(lambda: not os.path.exists(places["clean"]))
    shared("down")
    shared("up")  # looks again at what it kept
    assert [os.path.exists(path) for path in places.values()] == [False, True, True]

    def branches():
        listed = subprocess.run(
            [*git, "branch", "--format=%(refname:short)"], capture_output=True, text=True, check=True
        )
        return set(listed.stdout.split())

    eventually(lambda: found["clean"]["branch"] not in branches())
    assert {found["dirty"]["branch"], found["commits"]["branch"]} <= branches()


def test_worker_types_of_the_configuration(cli, tmp_path):
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write('[workers.shell]\nlimit = 8\n[workers.heavy]\nkind = "shell"\nlimit = 1\n')
    log = tmp_path / "log"
    job = f"echo + >> {log}; sleep 0.1; echo - >> {log}"
    graph = submit(cli, *(task(f"t{n}", job, worker="heavy") for n in range(4)))
    ended(cli, graph)
    assert (len(lines(log)), overlap(log)) == (8, 1)
    assert {each["worker"] for each in view(cli, graph)["tasks"]} == {"heavy"}


def test_secrets(shared, tmp_path):
    (tmp_path / "token").write_text("hush-hush\n")
    command = f'test "$TOKEN" = "$(cat {tmp_path}/token)" && echo "it is $TOKEN" && exit 9'
    found = only(shared, command, secrets={"TOKEN": {"file": str(tmp_path / "token")}}, state="failed")
    assert found["attempts"][0]["exit_code"] == 9


def test_callbacks_and_files(shared, tmp_path):
    """And more of them in test_courier.py."""
    tells = {"on": "graph_ended", "append": str(tmp_path / "told")}
    graph = submit(shared, task("a"), callbacks=[tells], files=str(tmp_path))
    ended(shared, graph)
    eventually(lambda: lines(tmp_path / "told") and os.path.exists(tmp_path / graph / "outbox.jsonl"))


def test_foreach(shared):
    """Written in the document only: the daemon knows the tasks that come of it."""
    graph = submit(
        shared,
        task("each", "echo ${item.name} ${index}", foreach=[{"name": "a b"}, {"name": "$HOME"}]),
        task("after", "true", "each"),
    )
    ended(shared, graph)
    assert states(shared, graph) == {"each-1": "done", "each-2": "done", "after": "done"}
    assert shared("logs", f"{graph}/each-1").out == "a b 1\n"
    assert shared("logs", f"{graph}/each-2").out == "$HOME 2\n"
    assert tasks(shared, graph)["after"]["depends_on"] == ["each-1", "each-2"]


def test_results_of_others(shared):
    graph = submit(
        shared,
        task("build", RESULT % '"a b"'),
        task("use", "echo ${tasks.build.result.n} $N", "build", env={"N": "${tasks.build.result}"}),
    )
    ended(shared, graph)
    assert shared("logs", f"{graph}/use").out == 'a b {"n":"a b"}\n'


def test_conditions(shared):
    graph = submit(
        shared,
        task("bad", "exit 1"),
        task("good"),
        task("if-done", "true", "bad:done"),
        task("if-failed", "true", "bad:failed"),
        task("if-finished", "true", "bad:finished", "good:finished"),
        task("if-good-failed", "true", "good:failed"),
    )
    ended(shared, graph, "failed")
    found = states(shared, graph)
    assert (found["if-done"], found["if-failed"]) == ("skipped", "done")
    assert (found["if-finished"], found["if-good-failed"]) == ("done", "skipped")


def test_timeout(shared):
    found = only(shared, "sleep 80", timeout="300ms", state="failed")
    assert found["class"] == "timeout"
    assert found["attempts"][0]["class"] == "timeout"


def test_idle_timeout(shared):
    talking = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done"
    graph = submit(shared, task("silent", "sleep 81", idle_timeout="600ms"), task("talks", talking, idle_timeout=30))
    ended(shared, graph, "failed")
    found = tasks(shared, graph)
    assert (found["silent"]["class"], found["talks"]["state"]) == ("idle_timeout", "done")


def test_deadline(shared):
    """It counts waiting and retries, so no single attempt needs to be long."""
    found = only(shared, "exit 1", deadline="1s", retry={"attempts": 1000, "backoff": "100ms"}, state="failed")
    assert found["class"] == "deadline"
    assert 1 < len(found["attempts"]) < 1000


def test_grace(shared, tmp_path):
    """After a TERM that it does not heed, KILL; with a long grace it gets to say goodbye."""
    stubborn = "trap '' TERM; while :; do sleep 0.1; done"
    graceful = f"trap 'sleep 0.5; touch {tmp_path}/bye; exit 0' TERM; while :; do sleep 0.1; done"
    graph = submit(
        shared,
        task("stubborn", stubborn, grace="200ms", timeout="300ms"),
        task("graceful", graceful, grace=30, timeout="300ms"),
    )
    ended(shared, graph, "failed")
    found = tasks(shared, graph)
    assert {each["class"] for each in found.values()} == {"timeout"}
    assert found["stubborn"]["attempts"][0]["duration_s"] < 4  # the default would be five seconds
    assert (tmp_path / "bye").exists()


def test_retry(shared, tmp_path):
    log = tmp_path / "log"
    policy = {"attempts": 3, "backoff": "300ms", "factor": 2, "max_backoff": "400ms"}
    graph = submit(shared, task("a", f"echo x >> {log}; exit 9", retry=policy))
    ended(shared, graph, "failed")
    assert len(tasks(shared, graph)["a"]["attempts"]) == len(lines(log)) == 3
    scheduled = [event for event in events_of(shared, graph) if event["kind"] == "retry_scheduled"]
    assert [event["data"]["delay_s"] for event in scheduled] == [0.3, 0.4]


def test_retry_by_class_and_code(shared):
    graph = submit(
        shared,
        task("by-class", "exit 1", retry={"attempts": 3, "on": ["timeout"]}),
        task("by-code", "exit 1", retry={"attempts": 3, "exit_codes": [75]}),
        task("this-code", "exit 75", retry={"attempts": 3, "exit_codes": [75]}),
    )
    ended(shared, graph, "failed")
    counted = {name: len(each["attempts"]) for name, each in tasks(shared, graph).items()}
    assert counted == {"by-class": 1, "by-code": 1, "this-code": 3}


@pytest.mark.parametrize(
    ("bad", "good", "validate"),
    [
        ("true", "echo x > out", {"files": ["out"]}),
        (": > out", "echo x > out", {"files": ["out"]}),
        ("echo nothing", "echo all 12 passed", {"pattern": r"\d+ passed"}),
        ("echo 1 > n", "echo 2 > n", {"command": "grep -q 2 n"}),
        ("echo 1 > n", "echo 2 > n", {"command": ["grep", "-q", "2", "n"]}),
        (RESULT % '"x"', RESULT % "3", {"schema": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}}),
        ("true", RESULT % "3", {"schema": {"type": "object"}}),
    ],
)
def test_validate(shared, tmp_path, bad, good, validate):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
    graph = submit(
        shared,
        task("bad", bad, validate=validate, cwd=str(tmp_path / "bad"), retry={"attempts": 2, "on": ["validation"]}),
        task("good", good, validate=validate, cwd=str(tmp_path / "good")),
        task("after", "true", "bad"),
    )
    ended(shared, graph, "failed")
    found = tasks(shared, graph)
    assert (found["good"]["state"], found["after"]["state"]) == ("done", "skipped")
    assert (found["bad"]["class"], len(found["bad"]["attempts"])) == ("validation", 2)
    assert found["bad"]["attempts"][0]["exit_code"] == 0


def test_artifacts(shared, tmp_path):
    """A promise that is not kept is a failure; who comes after finds what was left."""
    graph = submit(
        shared,
        task("bad", "true", artifacts="gone"),
        task("good", "echo x > 'a b'", artifacts="a*"),
        task("use", 'grep -q "a b" "$ORCH_ARTIFACTS"', "good"),
        cwd=str(tmp_path),
    )
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"bad": "failed", "good": "done", "use": "done"}
    assert tasks(shared, graph)["bad"]["class"] == "validation"


def test_on_fail(shared):
    rest = (task("after", "true", "bad"), task("apart", "sleep 0.1"))
    graph = submit(shared, task("bad", "exit 1", on_fail="fail"), *rest)
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"bad": "failed", "after": "skipped", "apart": "done"}
    graph = submit(shared, task("bad", "exit 1", on_fail="continue"), *rest)
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"bad": "failed", "after": "done", "apart": "done"}
    graph = submit(shared, task("bad", "exit 1", on_fail="continue"), *rest, tolerant=True)
    ended(shared, graph, "done")
    graph = submit(
        shared, task("bad", "exit 1", on_fail="cancel_graph"), task("long", "sleep 82"), task("z", "true", "long")
    )
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"bad": "failed", "long": "cancelled", "z": "cancelled"}
    graph = submit(shared, task("bad", "exit 1", on_fail="ask"), *rest)
    decision = open_decision(shared, graph)
    assert states(shared, graph)["after"] == "pending"
    shared("decide", decision["ref"], "continue")
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"bad": "failed", "after": "done", "apart": "done"}


def test_on_unknown(cli, tmp_path):
    """A shim that was killed with its command leaves nobody who knows how it ended."""
    jobs = {name: tmp_path / name for name in ("ask", "rerun", "fail")}
    graph = submit(
        cli,
        *(
            task(name, f"echo $$ >> {log}; test $(wc -l < {log}) = 2 || sleep 83", on_unknown=name)
            for name, log in jobs.items()
        ),
    )
    eventually(lambda: all(lines(log) for log in jobs.values()))
    for log in jobs.values():
        os.killpg(os.getpgid(int(lines(log)[0])), 9)
    until(cli, graph, ask="blocked", rerun="done", fail="failed")
    assert tasks(cli, graph)["fail"]["class"] == "unknown"
    decision = open_decision(cli, graph, "ask")
    assert (decision["kind"], lines(jobs["ask"])[1:]) == ("unknown", [])  # never run again in silence
    cli("decide", decision["ref"], "rerun")
    until(cli, graph, ask="done")
    ended(cli, graph, "failed")


def test_priority(cli, tmp_path):
    log = tmp_path / "log"
    cli("up")
    cli("limit", "--worker", "shell", "1")
    cli("pause", "--worker", "shell")
    ranks = {"low": -5, "none": 0, "high": 7, "middle": 3}
    graph = submit(cli, *(task(name, f"echo {name} >> {log}", priority=rank) for name, rank in ranks.items()))
    cli("resume", "--worker", "shell")
    ended(cli, graph)
    assert lines(log) == ["high", "middle", "none", "low"]


def test_approve_and_ask(shared):
    graph = submit(
        shared, task("a", approve=True, ask={"question": "Really?", "deadline": "200ms", "default": "approve"})
    )
    ended(shared, graph)
    (decision,) = shared("decisions", graph, "--all", "--json").json
    assert (decision["question"], decision["default"], decision["by"]) == ("Really?", "approve", "deadline")


def test_judge_and_decisions(shared):
    """A verdict that an exit code does not give, and a decision that a program takes."""
    verdict = {
        "verdict": "fail",
        "criteria": [{"id": "c1", "status": "unmet", "evidence": "seen"}],
        "findings": [{"severity": "block", "what": "no good"}],
    }
    judge = {"worker": "shell", "command": f"echo '{json.dumps(verdict)}' > $ORCH_RESULT", "criteria": ["good"]}
    by_program = {"by": "judge", "worker": "shell", "command": """echo '{"choice": "accept"}' > $ORCH_RESULT"""}
    graph = submit(
        shared,
        task("judged", judge=judge),
        task("decided", "exit 1", on_fail="ask", decisions=by_program),
    )
    until(shared, graph, judged="blocked", decided="done")
    assert open_decision(shared, graph)["task"] == "judged"  # what is to become of it
    (decision,) = [each for each in shared("decisions", graph, "--all", "--json").json if each["task"] == "decided"]
    assert decision["choice"] == "accept"
    shared("cancel", graph)


def overlap(log):
    """Most that were between their `+` and `-` at once."""
    now = most = 0
    for line in lines(log):
        now += 1 if line == "+" else -1
        most = max(most, now)
    return most


def test_resources(cli, tmp_path):
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write("[workers.shell]\nlimit = 8\n[resources]\ngpu = 2\n")
    log = tmp_path / "log"
    job = f"echo + >> {log}; sleep 0.2; echo - >> {log}"
    graph = submit(cli, *(task(f"t{n}", job, resources={"gpu": 1}) for n in range(5)))
    ended(cli, graph)
    assert overlap(log) == 2
    refused = cli("submit", "-", "--json", code=4, text=json.dumps(
        {"name": "n", "tasks": [{"id": "a", "command": "true", "resources": {"gpu": 3}}]}
    )).error  # fmt: skip
    assert "gpu" in refused["message"]


def test_exclusive(shared, tmp_path):
    log = tmp_path / "log"
    job = f"echo + >> {log}; sleep 0.1; echo - >> {log}"
    graph = submit(shared, *(task(f"t{n}", job, exclusive=["db"]) for n in range(4)))
    ended(shared, graph)
    assert (len(lines(log)), overlap(log)) == (8, 1)


def test_parallel(shared, tmp_path):
    log = tmp_path / "log"
    job = f"echo + >> {log}; sleep 0.2; echo - >> {log}"
    graph = submit(shared, *(task(f"t{n}", job) for n in range(6)), limits={"parallel": 2})
    ended(shared, graph)
    assert overlap(log) == 2


def test_wall(shared):
    graph = submit(shared, task("long", "sleep 84"), task("z", "true", "long"), limits={"wall": "500ms"})
    ended(shared, graph, "failed")
    assert set(states(shared, graph).values()) == {"cancelled"}


def stopped_by_a_budget(shared, graph, name):
    """How many attempts the task had, once a budget had let no more of them start."""
    reason = shared("why", f"{graph}/{name}", "--json").json["reason"]
    assert reason["class"] == "budget", reason
    return len(tasks(shared, graph)[name]["attempts"])


def test_budgets(shared):
    graph = submit(shared, task("a", "exit 1", retry={"attempts": 5, "backoff": 0}, budget={"attempts": 2}))
    ended(shared, graph, "failed")
    assert stopped_by_a_budget(shared, graph, "a") == 2
    graph = submit(shared, task("a", "true"), task("b", "true", "a"), limits={"attempts": 1})
    ended(shared, graph, "failed")
    assert stopped_by_a_budget(shared, graph, "b") == 0


AGENT = '''
[workers.stub]
kind = "agent"
argv = ["sh", "-c", """cat >> prompts; echo '{"text": "said", "usd": 0.5, "in": 30}'"""]
stdin = "prompt"
output = "jsonl"
text = "text"
cost = "usd"
input_tokens = "in"
'''


@pytest.mark.parametrize("limits", [{"usd": 0.4}, {"tokens": 20}])
def test_budgets_of_agents(cli, tmp_path, limits):
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write(AGENT)
    work = {"worker": "stub", "prompt": "say it", "cwd": str(tmp_path)}
    graph = submit(cli, {"id": "a", **work}, {"id": "b", "depends_on": ["a"], **work}, limits=limits)
    ended(cli, graph, "failed")
    assert stopped_by_a_budget(cli, graph, "a") == 1  # it spent more than there was, which it could not know
    assert tasks(cli, graph)["b"]["attempts"] == []


# --- 2: every graph ends ------------------------------------------------------------------------------------------


def ragged():
    """Every way for a task to end, each with dependents under every condition, two deep."""
    ways = {
        "fails": task("fails", "exit 1"),
        "late": task("late", "sleep 85", timeout="300ms"),
        "unstartable": task("unstartable", "true", cwd="/nonexistent"),
        "invalid": task("invalid", "true", validate={"files": ["/nonexistent"]}),
        "forgiven": task("forgiven", "exit 1", on_fail="continue"),
        "rejected": task("rejected", "true", approve=True, ask={"deadline": "300ms"}),
        "cancelled": task("cancelled", "sleep 86"),
        "good": task("good", "true"),
    }
    found = list(ways.values())
    for name in ways:
        for end in ("done", "failed", "finished"):
            found.append(task(f"{name}.{end}", "true", f"{name}:{end}"))
            found.append(task(f"{name}.{end}.next", "true", f"{name}.{end}"))
    found.append(task("all", "true", *(f"{name}:finished" for name in ways)))
    found.append(task("none", "true", *ways))
    return found


def expected(name):
    """What becomes of a dependent, from its name alone."""
    way, _, rest = name.partition(".")
    end = rest.removesuffix(".next")
    passes = {
        "good": {"done", "finished"},
        "forgiven": {"done", "failed", "finished"},
        "cancelled": {"finished"},
        "rejected": {"finished"},
    }.get(way, {"failed", "finished"})
    return "done" if end in passes else "skipped"


@pytest.mark.parametrize("killed", [False, True])
def test_dependents_of_whatever_ended_come_to_an_end(cli, killed):
    graph = submit(cli, *ragged())
    until(cli, graph, cancelled="running")
    if killed:
        cli.kill_daemon()
        cli("up")
    cli("cancel", f"{graph}/cancelled")
    ended(cli, graph, "failed")
    found = states(cli, graph)
    assert set(found.values()) <= OVER
    wrong = {name: state for name, state in found.items() if "." in name and state != expected(name)}
    assert wrong == {}
    assert (found["all"], found["none"]) == ("done", "skipped")


def test_a_cancelled_graph_ends(cli):
    graph = submit(cli, *ragged())
    until(cli, graph, cancelled="running")
    cli("cancel", graph)
    ended(cli, graph, "cancelled")
    assert set(states(cli, graph).values()) <= OVER


def test_a_graph_that_was_edited_ends(cli):
    """Tasks that are added to what has ended, in whichever way, follow their conditions at once."""
    graph = submit(cli, task("bad", "exit 1"), task("good", "true"), task("skipped", "true", "bad"))
    ended(cli, graph, "failed")
    for name, after in {"a": "bad", "b": "bad:failed", "c": "skipped", "d": "skipped:finished", "e": "good"}.items():
        cli("add", graph, "--id", name, "--after", after, "--", "true")
        assert ended(cli, graph, "failed")
    found = states(cli, graph)
    assert [found[name] for name in "abcde"] == ["skipped", "done", "skipped", "done", "done"]


# --- 3: a restart applies nothing again ------------------------------------------------------------------------------


def settled(cli):
    """All that commands have come to, without what changes by itself."""
    graphs = [view(cli, each["id"]) for each in cli("status", "--json").json["graphs"]]
    decisions = cli("decisions", "--all", "--json").json
    return graphs, decisions


def test_commands_are_not_applied_again(cli, tmp_path):
    effects = tmp_path / "effects"
    effects.mkdir()
    mark = f"mktemp {effects}/$ORCH_TASK-$ORCH_ATTEMPT_NUMBER-XXXXXX"
    graph = submit(
        cli,
        task("first", mark),
        task("asked", mark, "first", approve=True),
        task("bad", f"{mark}; exit 1"),
        task("waits", mark, approve=True),
        task("never", mark, "waits"),
    )
    open_decision(cli, graph, "waits")
    cli("decide", open_decision(cli, graph, "asked")["ref"], "approve", "--note", "once")
    until(cli, graph, asked="done", bad="failed")
    cli("add", graph, "--id", "more", "--after", "first", "--", "sh", "-c", mark)
    cli("update", f"{graph}/never", "title=changed", "command=true")
    cli("retry", f"{graph}/bad")
    cli("limit", graph, "3")
    until(cli, graph, more="done", bad="failed")
    eventually(lambda: len(list(effects.iterdir())) == 5)
    before = settled(cli)
    events = events_of(cli, graph)
    for _ in range(3):
        cli.kill_daemon()
        cli("up")
        assert settled(cli) == before
    assert events_of(cli, graph) == events
    names = sorted(path.name.rpartition("-")[0] for path in effects.iterdir())
    assert names == ["asked-1", "bad-1", "bad-2", "first-1", "more-1"]
    assert len(before[1]) == 2
    cli("cancel", graph)
    ended(cli, graph, "cancelled")
    assert len(list(effects.iterdir())) == 5


def test_a_command_that_is_sent_again_after_a_restart_has_its_first_answer(cli, tmp_path):
    effects = tmp_path / "effects"
    effects.mkdir()
    document = {
        "name": "once",
        "tasks": [
            task("a", f"mktemp {effects}/XXXXXX; exit 1"),
            task("gate", "true", approve=True),
        ],
    }
    cli("up")
    with Client(cli.home, client_id="me", timeout_s=30) as client:
        submitting, adding = new_id(), new_id()
        submitted = client.request(SubmitGraph(graph=document, base_dir="/"), command_id=submitting)
        until(cli, submitted.graph, a="failed")
        ref = open_decision(cli, submitted.graph)["ref"]
        sent = {
            submitting: SubmitGraph(graph=document, base_dir="/"),
            new_id(): RetryTasks(graph=submitted.graph, task="a"),
            adding: AddTasks(graph=submitted.graph, tasks=(task("b", f"mktemp {effects}/XXXXXX"),)),
            new_id(): Decide(ref=ref, choice="approve"),
        }
        answers = {name: client.request(do, command_id=name) for name, do in sent.items()}
        assert answers[submitting] == submitted
        ended(cli, submitted.graph, "failed")
        for _ in range(2):
            cli.kill_daemon()
            cli("up")
            assert {name: client.request(do, command_id=name) for name, do in sent.items()} == answers
        with pytest.raises(Refused) as refused:
            client.request(sent[submitting], command_id=adding)
        assert refused.value.info.code == "ID_CONFLICT"
    assert len(cli("status", "--all", "--json").json["graphs"]) == 1
    found = tasks(cli, submitted.graph)
    assert {name: len(each["attempts"]) for name, each in found.items()} == {"a": 2, "gate": 1, "b": 1}
    assert len(list(effects.iterdir())) == 3


def test_running_tasks_are_not_started_again(cli, tmp_path):
    effects = tmp_path / "effects"
    effects.mkdir()
    os.mkfifo(tmp_path / "go")
    graph = submit(
        cli, *(task(f"t{n}", f"mktemp {effects}/t{n}-XXXXXX; read x < go; true", cwd=str(tmp_path)) for n in range(3))
    )
    eventually(lambda: len(list(effects.iterdir())) == 3)
    for _ in range(2):
        cli.kill_daemon()
        cli("up")
    until(cli, graph, t0="running", t1="running", t2="running")
    with open(tmp_path / "go", "w"):
        pass
    ended(cli, graph)
    assert len(list(effects.iterdir())) == 3
    assert {len(each["attempts"]) for each in tasks(cli, graph).values()} == {1}


# --- 4: a decision releases its own task ------------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
def test_one_decision_releases_its_own_task(cli, killed):
    """Five tasks of three kinds in two graphs, all blocked; they are answered one by one, and not in order."""
    jobs = [
        task("approve-1", approve=True),
        task("approve-2", approve=True),
        task("failed-1", 'test -e "$ORCH_ANSWER"', on_fail="ask"),
        task("failed-2", 'test -e "$ORCH_ANSWER"', on_fail="ask"),
        task("asks", 'test -e "$ORCH_ANSWER" || echo "Go on?" > $ORCH_QUESTION'),
    ]
    graphs = [submit(cli, *jobs), submit(cli, *jobs)]

    def found():
        listed = {(each["graph"], each["task"]): each for each in cli("decisions", "--json").json}
        return listed if len(listed) == 10 else None

    decisions = eventually(found)
    blocked = set(decisions)
    assert len({each["ref"] for each in decisions.values()}) == 10
    if killed:
        cli.kill_daemon()
        cli("up")
        assert found() == decisions
    for graph, name in sorted(blocked, key=lambda key: (key[1][-1], key[0], key[1])):
        decision = decisions[graph, name]
        choice = {"approve": "approve", "failure": "retry", "question": "yes"}[decision["kind"]]
        cli("decide", decision["ref"], choice)
        blocked.discard((graph, name))
        until(cli, graph, **{name.replace("-", "_"): "done"})
        still = {(each["graph"], each["task"]) for each in cli("decisions", "--json").json}
        assert still == blocked
        for other in graphs:
            now = states(cli, other)
            assert {task_id for task_id, state in now.items() if state == "blocked"} == {
                task_id for where, task_id in blocked if where == other
            }
    for graph in graphs:
        ended(cli, graph)
