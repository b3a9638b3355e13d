"""`result`."""

import hashlib
import json
import os

from .conftest import eventually

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
    rest = {"usage": None, "artifacts": [], "worktree": "", "branch": ""}
    assert found == {"graph": graph, "task": "file", "attempt": 1, "value": [1, 2], **rest}
    assert shared("result", f"{graph}/none", "--json", code=4).error["code"] == "NO_RESULT"


def test_artifacts(shared, tmp_path):
    tasks = [
        {"id": "build", "command": "mkdir dist; echo one > dist/a; echo two > 'dist/b ü'", "artifacts": "dist/*"},
        {"id": "use", "command": 'cp "$ORCH_ARTIFACTS" "$ORCH_RESULT"; cat "$ORCH_CONTEXT"', "depends_on": "build"},
        {"id": "keep", "command": "echo 1 > k", "artifacts": {"paths": "k", "copy": True}, "depends_on": "build"},
        {"id": "spoil", "command": "rm k", "depends_on": "keep"},
        {
            "id": "words",
            "command": "cat ${tasks.build.artifacts} ${tasks.keep.artifacts.0}",
            "depends_on": ["build", "keep", "spoil"],
        },
        {"id": "promise", "command": "true", "artifacts": ["dist/a", "dist/gone"], "depends_on": "build"},
    ]
    text = json.dumps({"name": "left", "tasks": tasks, "cwd": str(tmp_path)})
    graph = shared("run", "-", "--json", text=text, code=1).json["id"]
    found = shared("result", f"{graph}/build", "--json").json
    assert found["value"] is None
    one = {"path": f"{tmp_path}/dist/a", "sha256": hashlib.sha256(b"one\n").hexdigest(), "size": 4, "source": ""}
    assert found["artifacts"][0] == one
    assert shared("result", f"{graph}/use").json == {"tasks": {"build": found["artifacts"]}, "left_out": []}
    assert shared("logs", f"{graph}/words").out == "one\ntwo\n1\n"
    (kept,) = shared("result", f"{graph}/keep", "--json").json["artifacts"]
    assert (kept["source"], kept["size"]) == (f"{tmp_path}/k", 2)
    assert f"{tmp_path}/dist/a (4 bytes)" in shared("logs", f"{graph}/use").out
    lines = shared("result", f"{graph}/build", "--artifacts").out
    assert lines == "".join(f"{file['sha256']}  {file['path']}\n" for file in found["artifacts"])
    assert "--artifacts" in shared("result", f"{graph}/build").err
    assert one["sha256"] in shared("context", f"{graph}/build", "--layer", "2").out
    (failed,) = (task for task in shared("status", graph, "--json").json["tasks"] if task["id"] == "promise")
    assert failed["class"] == "validation"
    assert "artifact dist/gone is not there" in failed["reason"]
    assert os.path.exists(kept["path"])
    shared("prune", graph)
    eventually(lambda: not os.path.exists(kept["path"]))


def test_wrong(shared):
    assert shared("result", "g999/a", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("result", code=2).err
    assert shared("result", "/a", "--json", code=2).error["code"] == "USAGE"
