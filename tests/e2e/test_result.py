"""`result`."""

GRAPH = """
{"name": "results", "tasks": [
  {"id": "value", "worker": "python", "call": "builtins:dict", "args": {"files": 812, "name": "é\\u202e"}},
  {"id": "file", "command": "echo '[1, 2]' > \\"$ORCH_RESULT\\""},
  {"id": "none", "command": "true"}
]}
"""


def test_results(shared):
    graph = shared("run", "-", "--json", text=GRAPH).json["id"]
    assert shared("result", f"{graph}/value").json == {"files": 812, "name": "é\u202e"}
    assert "\u202e" not in shared("result", f"{graph}/value").out
    assert shared("result", f"{graph}/file").out == "[1,2]\n"
    found = shared("result", f"{graph}/file", "--json").json
    assert found == {"graph": graph, "task": "file", "attempt": 1, "value": [1, 2], "usage": None}
    assert shared("result", f"{graph}/none", "--json", code=4).error["code"] == "NO_RESULT"


def test_wrong(shared):
    assert shared("result", "g999/a", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("result", code=2).err
    assert shared("result", "/a", "--json", code=2).error["code"] == "USAGE"
