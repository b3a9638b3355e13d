"""`graph`."""

import json

from .graphs import ended, submit, task


def made(cli):
    graph = submit(
        cli, task("bad", "exit 3"), task("mend", "true", "bad:failed"), task("last", "true", "bad", "mend"), name='a"b'
    )
    ended(cli, graph, "failed")
    return graph


def test_text(shared):
    graph = made(shared)
    assert shared("graph", graph).out.splitlines() == [
        f'{graph}  a"b  ✗ failed  3 tasks in 3 levels  1 done, 1 failed, 1 skipped',
        "",
        "1  ✗ bad",
        "2    ✓ mend    ← bad (failed)",
        "3      – last  ← bad, mend",
    ]
    assert shared("graph", graph, "--format", "text").out == shared("graph", graph).out


def test_json(shared):
    graph = made(shared)
    document = shared("graph", graph, "--json").json
    assert document == json.loads(shared("graph", graph, "--format", "json").out)
    assert set(document) == {"id", "name", "state", "version", "nodes", "edges"}
    assert {node["id"]: (node["state"], node["level"]) for node in document["nodes"]} == {
        "bad": ("failed", 0), "mend": ("done", 1), "last": ("skipped", 2),
    }  # fmt: skip
    assert document["edges"] == [
        {"from": "bad", "to": "mend", "on": "failed"},
        {"from": "bad", "to": "last", "on": "done"},
        {"from": "mend", "to": "last", "on": "done"},
    ]


def test_for_drawing_tools(shared):
    graph = made(shared)
    mermaid = shared("graph", graph, "--format", "mermaid").out
    assert mermaid.startswith("flowchart TD\n")
    assert '  n0 -. "failed" .-> n1\n' in mermaid
    dot = shared("graph", graph, "--format", "dot").out
    assert dot.startswith(f'digraph "{graph}" {{\n')
    assert '  "bad" -> "mend" [label="failed", style=dashed];\n' in dot
    assert "a&#34;b" in dot


def test_into_a_file(shared, tmp_path):
    graph = made(shared)
    path = tmp_path / "g.dot"
    ran = shared("graph", graph, "--format", "dot", "-o", str(path))
    assert ran.out == ""
    assert str(path) in ran.err
    assert path.read_text() == shared("graph", graph, "--format", "dot").out


def test_wrong(shared):
    assert shared("graph", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("graph", "g1", "--format", "svg", code=2).err
    assert "takes a graph" in shared("graph", "g1/a", code=2).err
    assert "--json and --format" in shared("graph", "g1", "--json", "--format", "dot", code=2).error["message"]
