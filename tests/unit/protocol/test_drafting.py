"""A graph that is built in code is the document that somebody would have written."""

import pytest

from orch_actors.protocol import Draft
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.protocol.submission import submission


def test_a_draft_is_a_document():
    draft = Draft("numbers", goal="g", limits={"parallel": 2})
    fetch = draft.shell("fetch", "seq 3", timeout="1m")
    mean = draft.python("mean", call="statistics:fmean", args=[[1, 2]], after=[fetch])
    draft.shell("report", ["echo", mean.result(), fetch.result("a.0")], after=[mean, "fetch"])
    draft.agent("look", "Look at it.", after=[fetch.failed(), mean.finished()], max_turns=3)
    assert dict(draft) == {
        "name": "numbers",
        "goal": "g",
        "limits": {"parallel": 2},
        "tasks": [
            {"id": "fetch", "command": "seq 3", "timeout": "1m"},
            {
                "id": "mean",
                "depends_on": ["fetch"],
                "worker": "python",
                "call": "statistics:fmean",
                "args": [[1, 2]],
            },
            {
                "id": "report",
                "depends_on": ["mean", "fetch"],
                "command": ["echo", "${tasks.mean.result}", "${tasks.fetch.result.a.0}"],
            },
            {
                "id": "look",
                "depends_on": [{"task": "fetch", "on": "failed"}, {"task": "mean", "on": "finished"}],
                "worker": "claude",
                "prompt": "Look at it.",
                "max_turns": 3,
            },
        ],
    }
    sent = submission(draft, key=None, base_dir="/", environment={}, dry_run=False)
    assert len(parse_graph(sent.graph, base_dir="/").tasks) == 4
    assert repr(draft) == "<Draft numbers: fetch, mean, report, look>"


def test_what_only_a_draft_can_know():
    draft = Draft("d")
    assert repr(draft) == "<Draft d: no tasks>"
    first = draft.shell("a", "true")
    with pytest.raises(ValueError, match="there is a task 'a' already"):
        draft.shell("a", "true")
    with pytest.raises(ValueError, match="'b' comes after 'c', which is not there"):
        draft.shell("b", "true", after=[first, "c"])
    assert len(draft["tasks"]) == 1
