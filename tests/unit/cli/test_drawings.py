"""A graph's form as text, Mermaid, dot and JSON: golden texts, and readers that take them apart again."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch_actors.cli.layout import Layout
from orch_actors.cli.render.dag import dag_text
from orch_actors.cli.render.diagram import COLOURS, dot_text, graph_document, mermaid_text
from orch_actors.cli.render.style import PLAIN, Style
from orch_actors.cli.render.width import display_width
from orch_actors.protocol.views import GraphView, TaskView

from . import sample_views as sample

ASCII = Style(unicode=False)


def task(name, state="pending", *needs, **more):
    ids = tuple(need.partition(":")[0] for need in needs)
    conditions = {need.partition(":")[0]: need.partition(":")[2] for need in needs if ":" in need}
    fields = {"worker": "shell", "reason": "", "depends_on": ids, "conditions": conditions, **more}
    return TaskView(id=name, state=state, **fields)


def graph(*tasks, name="nightly", state="running"):
    counts = {}
    for each in tasks:
        counts[each.state] = counts.get(each.state, 0) + 1
    return GraphView(
        id="g7", name=name, state=state, goal="", reason="", counts=counts, submitted_utc=sample.at(0), ended_utc=None,
        tasks=tasks, version=3,
    )  # fmt: skip


def nightly():
    return graph(
        task("late", "skipped", "build", "deploy"),
        task("fetch", "done"),
        task("build", "failed", "fetch", reason="exit code 2"),
        task("clean", "done", "build:failed"),
        task("deploy", "blocked", "fetch", title='Deploy "it" <now> & \\n ]', decision="d1"),
    )


def test_text():
    assert dag_text(nightly(), PLAIN).splitlines() == [
        "g7  nightly  ▶ running  5 tasks in 3 levels  2 done, 1 failed, 1 skipped, 1 blocked",
        "",
        "1  ✓ fetch",
        "2    ✗ build    ← fetch",
        "2    ? deploy   ← fetch",
        "3      – late   ← build, deploy",
        "3      ✓ clean  ← build (failed)",
    ]


def test_plain_text_fits():
    lines = dag_text(nightly(), Style(unicode=False, width=30)).splitlines()
    assert "2    x build    <- fetch" in lines
    assert all(display_width(line) <= 30 for line in lines)


def test_many_dependencies_and_levels():
    many = graph(*(task(f"t{n}") for n in range(9)), task("all", "pending", *(f"t{n}" for n in range(9))))
    assert dag_text(many, PLAIN).splitlines()[-1].endswith("← t0, t1, t2, t3, t4, t5 and 3 more")
    chain = graph(*(task(f"t{n}", "pending", *([f"t{n - 1}"] if n else [])) for n in range(2000)))
    last = dag_text(chain, PLAIN).splitlines()[-1]
    assert last == f"2000  {'  ' * 12}· t1999  ← t1998"


def test_mermaid():
    assert mermaid_text(nightly()).splitlines() == [
        "flowchart TD",
        '  n0["– late<br/>skipped"]',
        '  n1["✓ fetch<br/>done"]',
        '  n2["✗ build<br/>failed"]',
        '  n3["✓ clean<br/>done"]',
        '  n4["#63; deploy<br/>blocked by d1<br/>Deploy #34;it#34; #60;now#62; #38; #92;n #93;"]',
        "  n2 --> n0",
        "  n4 --> n0",
        "  n1 --> n2",
        '  n2 -. "failed" .-> n3',
        "  n1 --> n4",
        "  classDef blocked fill:#fff8e1,stroke:#ff8f00,color:#000",
        "  class n4 blocked",
        "  classDef done fill:#e8f5e9,stroke:#2e7d32,color:#000",
        "  class n1,n3 done",
        "  classDef failed fill:#ffebee,stroke:#c62828,color:#000",
        "  class n2 failed",
        "  classDef skipped fill:#fafafa,stroke:#bdbdbd,color:#000",
        "  class n0 skipped",
    ]


DEPLOY = (
    '  "deploy" [label="&#63; deploy\\nblocked by d1\\nDeploy &#34;it&#34; &#60;now&#62; &#38; &#92;&#92;n &#93;", '
    'fillcolor="#fff8e1", color="#ff8f00"];'
)


def test_dot():
    assert dot_text(nightly()).splitlines() == [
        'digraph "g7" {',
        '  graph [label="g7 nightly: running", labelloc=t, rankdir=TB];',
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
        '  "late" [label="– late\\nskipped", fillcolor="#fafafa", color="#bdbdbd"];',
        '  "fetch" [label="✓ fetch\\ndone", fillcolor="#e8f5e9", color="#2e7d32"];',
        '  "build" [label="✗ build\\nfailed", fillcolor="#ffebee", color="#c62828"];',
        '  "clean" [label="✓ clean\\ndone", fillcolor="#e8f5e9", color="#2e7d32"];',
        DEPLOY,
        '  "build" -> "late";',
        '  "deploy" -> "late";',
        '  "fetch" -> "build";',
        '  "build" -> "clean" [label="failed", style=dashed];',
        '  "fetch" -> "deploy";',
        "}",
    ]


def test_document():
    document = graph_document(nightly())
    assert (document["id"], document["name"], document["state"], document["version"]) == ("g7", "nightly", "running", 3)
    assert document["nodes"][4] == {
        "id": "deploy", "worker": "shell", "state": "blocked", "title": 'Deploy "it" <now> & \\n ]', "reason": "",
        "level": 1, "attempts": 0, "decision": "d1",
    }  # fmt: skip
    assert {"from": "build", "to": "clean", "on": "failed"} in document["edges"]
    assert [node["level"] for node in document["nodes"]] == [2, 0, 1, 2, 1]


# --- reading them again: whatever names and titles hold, the form that comes out is the one that went in -------------


def read_dot(text):
    """Nodes with labels, and edges, of the part of dot that is written here; anything else is a fault."""
    quoted = r'"((?:[^"\\]|\\n)*)"'
    nodes, edges = {}, []
    first, *lines, last = text.splitlines()
    assert re.fullmatch(rf"digraph {quoted} {{", first)
    assert last == "}"
    for line in lines:
        if re.fullmatch(rf"  (graph|node) \[(\w+=({quoted}|\w+)(, )?)+\];", line):
            continue
        if found := re.fullmatch(rf"  {quoted} \[label={quoted}, fillcolor={quoted}, color={quoted}\];", line):
            nodes[found[1]] = entities(found[2].replace("\\n", "\n"), "&#")
        else:
            found = re.fullmatch(rf"  {quoted} -> {quoted}( \[label={quoted}, style=dashed\])?;", line)
            assert found, line
            edges.append((found[1], found[2], found[4] or "done"))
    return nodes, edges


def read_mermaid(text):
    """The same for Mermaid; node ids become those of the tasks, which labels begin with."""
    nodes, edges, classes = {}, [], {}
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    for line in lines:
        if found := re.fullmatch(r'  (n\d+)\["([^"\[\]`{}|]*)"\]', line):
            assert set(re.findall(r"<[^>]*>", found[2])) == {"<br/>"}
            nodes[found[1]] = entities(found[2].replace("<br/>", "\n"), "#")
        elif found := re.fullmatch(r'  (n\d+) (?:-->|-\. "(\w+)" \.->) (n\d+)', line):
            edges.append((found[1], found[3], found[2] or "done"))
        elif found := re.fullmatch(r"  class ((?:n\d+,?)+) (\w+)", line):
            classes |= dict.fromkeys(found[1].split(","), found[2])
        else:
            assert re.fullmatch(r"  classDef \w+ fill:#\w{6},stroke:#\w{6},color:#000", line), line
    return nodes, edges, classes


def entities(text, lead):
    return re.sub(rf"{re.escape(lead)}(\d+);", lambda found: chr(int(found[1])), text)


texts = st.text(max_size=30)
ids = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,5}", fullmatch=True)


@st.composite
def graphs(draw):
    names = draw(st.lists(ids, min_size=1, max_size=8, unique=True))
    tasks = []
    for number, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=3)) if number else []
        ends = [draw(st.sampled_from(["", ":failed", ":finished"])) for _ in needs]
        state = draw(st.sampled_from(sorted(COLOURS)))
        made = task(name, state, *map("".join, zip(needs, ends, strict=True)), title=draw(texts))
        tasks.append(made)
    return graph(*draw(st.permutations(tasks)), name=draw(texts))


def edges_of(view):
    return sorted((name, each.id, each.conditions.get(name, "done")) for each in view.tasks for name in each.depends_on)


@settings(deadline=None)
@given(graphs())
def test_dot_can_be_read_again(view):
    nodes, edges = read_dot(dot_text(view))
    assert sorted(edges) == edges_of(view)
    assert list(nodes) == [each.id for each in view.tasks]
    assert all(label.splitlines()[0].endswith(f" {name}") for name, label in nodes.items())


@settings(deadline=None)
@given(graphs())
def test_mermaid_can_be_read_again(view):
    nodes, edges, classes = read_mermaid(mermaid_text(view))
    name_of = {node: label.splitlines()[0].partition(" ")[2] for node, label in nodes.items()}
    assert list(name_of.values()) == [each.id for each in view.tasks]
    assert sorted((name_of[a], name_of[b], on) for a, b, on in edges) == edges_of(view)
    assert {name_of[node]: state for node, state in classes.items()} == {each.id: each.state for each in view.tasks}


@settings(deadline=None)
@given(graphs())
def test_levels(view):
    layout = Layout(view)
    assert all(layout.level_of[edge.from_] < layout.level_of[edge.to] for edge in layout.edges)
    for each in view.tasks:
        needed = [layout.level_of[name] for name in each.depends_on]
        assert layout.level_of[each.id] == (max(needed) + 1 if needed else 0)
    assert sorted(each.id for level in layout.levels for each in level) == sorted(each.id for each in view.tasks)
    text = dag_text(view, PLAIN)
    assert len(text.splitlines()) == len(view.tasks) + 2


@pytest.mark.parametrize(
    "draw", [dag_text, lambda view, _style: mermaid_text(view), lambda view, _style: dot_text(view)]
)
def test_nothing_from_outside_reaches_the_terminal(draw):
    view = graph(task("a", title="\x1b[2J\u202e"), name="\x1b]0;x\x07\n")
    text = draw(view, PLAIN)
    assert not set(text) & set("\x1b\x07\u202e")
    assert draw(view, ASCII)
