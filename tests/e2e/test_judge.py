"""Judges, end to end: a verdict that sends work back, and one that nobody can use."""

import json

from .graphs import ended, open_decision

JUDGE = """
import json, os
seen = json.load(open(os.environ["ORCH_CONTEXT"]))
heard = "heard: 0" not in seen["untrusted"]["output"]
found = {"id": "c1", "status": "met" if heard else "unmet", "evidence": "its output"}
verdict = {"verdict": "pass" if heard else "fail", "criteria": [found], "feedback": "hear me"}
json.dump(verdict, open(os.environ["ORCH_RESULT"], "w"))
"""


def judged(cli, tmp_path, judge, command, **task):
    file = tmp_path / "graph.json"
    document = {"name": "judged", "tasks": [{"id": "a", "command": command, "judge": judge, **task}]}
    file.write_text(json.dumps(document))
    return cli("submit", str(file), "--json").json["graph"]


def test_a_verdict_sends_it_back_with_words(cli, tmp_path):
    judge = {"worker": "python", "script": JUDGE, "criteria": ["it has heard"]}
    command = 'echo "heard: $(cat "$ORCH_FEEDBACK" 2>/dev/null | wc -l)"'
    graph = judged(cli, tmp_path, judge, command, retry={"attempts": 2})
    ended(cli, graph)
    tasks = {task["id"]: task for task in cli("status", graph, "--json").json["tasks"]}
    assert [attempt["verdict"]["outcome"] for attempt in tasks["a"]["attempts"]] == ["fail", "pass"]
    assert tasks["a#judge-2"]["state"] == "done"
    assert "judged" in cli("why", f"{graph}/a").out
    assert cli("why", f"{graph}/a#judge-1", "--json").json["state"] == "done"


def test_rubbish_is_asked_about_and_its_task_alone_waits(cli, tmp_path):
    judge = {"worker": "shell", "command": "echo PASS", "criteria": ["it is good"], "attempts": 1}
    graph = judged(cli, tmp_path, judge, 'echo \'{"verdict": "pass"}\'')
    ref = open_decision(cli, graph, "a")["ref"]
    cli("decide", ref, "fail")
    assert ended(cli, graph, "failed")["counts"] == {"failed": 1}
