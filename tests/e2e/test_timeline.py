"""`timeline`."""

import json

import jsonschema

from .conftest import eventually
from .graphs import ended, submit, task, tasks


def test_text_and_json(shared):
    graph = submit(shared, task("bad", "exit 3", retry={"attempts": 2}), task("after", "true", "bad"))
    ended(shared, graph, "failed")
    text = shared("timeline", graph).out
    lines = text.splitlines()
    assert lines[0].startswith(f"{graph}  t  ✗ failed  ")
    assert lines[3].startswith("✗ bad    ")
    assert lines[3].endswith(" in 2")
    assert "▒" in lines[3]
    assert lines[4].startswith("– after")
    assert lines[-1] == "▒ failed"
    document = shared("timeline", graph, "--json").json
    assert set(document) == {"graph", "name", "state", "submitted_utc", "span_s", "rows"}
    bad, after = document["rows"]
    assert [(bar["attempt"], bar["state"], bar["exit_code"]) for bar in bad["bars"]] == [
        (1, "failed", 3),
        (2, "failed", 3),
    ]
    assert after["bars"] == []
    assert all(0 <= bar["start_s"] <= document["span_s"] for bar in bad["bars"])


#: What Chrome's "Trace Event Format" asks of complete events and of metadata, in its JSON array form.
TRACE = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "ph", "ts", "pid", "tid", "args"],
        "properties": {
            "name": {"type": "string"},
            "cat": {"type": "string"},
            "ph": {"enum": ["X", "M"]},
            "ts": {"type": "integer", "minimum": 0},
            "dur": {"type": "integer", "minimum": 0},
            "pid": {"type": "integer"},
            "tid": {"type": "integer"},
            "args": {"type": "object"},
        },
        "additionalProperties": False,
        "if": {"properties": {"ph": {"const": "X"}}},
        "then": {"required": ["cat", "dur"]},
        "else": {
            "properties": {
                "name": {"enum": ["process_name", "thread_name"]},
                "args": {"required": ["name"], "properties": {"name": {"type": "string"}}},
            }
        },
    },
}


def test_chrome(shared, tmp_path):
    graph = submit(shared, task("a"), task("b", "exit 1", "a"))
    ended(shared, graph, "failed")
    path = tmp_path / "trace.json"
    assert shared("timeline", graph, "--chrome", "--output", str(path)).out == ""
    trace = json.loads(path.read_text())
    assert trace == json.loads(shared("timeline", graph, "--chrome").out)
    jsonschema.validate(trace, TRACE)
    assert {event["args"]["name"] for event in trace if event["ph"] == "M"} == {f"{graph} t", "a", "b"}
    trace = [event for event in trace if event["ph"] == "X"]
    assert [event["name"] for event in trace] == ["a/1", "b/1"]
    assert trace[0]["ts"] + trace[0]["dur"] <= trace[1]["ts"] + 1_000_000
    assert trace[1]["args"]["state"] == "failed"
    took = tasks(shared, graph)["a"]["attempts"][0]["duration_s"]
    assert abs(trace[0]["dur"] - took * 1_000_000) <= 1


def test_what_still_runs_goes_up_to_now(shared):
    graph = submit(shared, task("long", "sleep 73"))

    def lasted():
        (row,) = shared("timeline", graph, "--json").json["rows"]
        return row["bars"][0]["duration_s"] if row["bars"] else 0

    first = eventually(lasted)
    eventually(lambda: lasted() > first)
    assert "▶" in shared("timeline", graph).out.splitlines()[3]
    shared("cancel", graph)


def test_wrong(shared):
    assert shared("timeline", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "takes a graph" in shared("timeline", "g1/a", code=2).err
