"""Context in layers: what is said, within which bounds, and that nothing is cut in silence."""

import time

import pytest
from core_world import World, task
from msgspec import Raw

from orch_actors.actors.context import layers
from orch_actors.actors.context.parts import BUDGETS, Part, assemble
from orch_actors.actors.context.reading import read_some, shown
from orch_actors.protocol.views import Artifact, Usage


def nothing(_path, _characters, _tail):
    return ""


def text_of(parts, budget, read=nothing):
    text, cut = assemble(parts, budget, read)
    assert len(text) <= budget
    return text, cut


def test_parts_are_put_together_and_told_apart():
    parts = [Part("one line"), Part("a\nb", "two:"), Part("", "nothing:"), Part(label="file:", path="/f")]
    text, cut = text_of(parts, 100, lambda path, _most, _tail: f"read {path}")
    assert text == "one line\ntwo:\na\nb\nfile: read /f"
    assert cut == 0


@pytest.mark.parametrize("budget", [1, 10, 50, 90, 100, 200, 500, 1000])
def test_what_is_cut_is_said(budget):
    parts = [Part("x" * 120), Part("y" * 120), Part("z" * 400, most=300)]
    text, cut = text_of(parts, budget)
    assert (cut > 0) == (text.replace("\n", "") != "x" * 120 + "y" * 120 + "z" * 400)
    if cut and budget >= 200:
        assert "cut" in text


def test_of_a_log_the_end_matters():
    text, cut = text_of([Part("a" * 500 + "the end", tail=True, most=100)], 1000)
    assert text.endswith("the end")
    assert text.startswith("[… cut …]")
    assert cut > 400


def world_of(*tasks, **top):
    world = World()
    world.submit(*tasks, **top)
    return world


def test_a_headline_is_one_line_within_its_bound():
    world = world_of(task("a", retry={"attempts": 1}), name="n" * 128)
    world.end("a", 1, message="m")
    assert layers.headline(world.state, world.get("a")) == "g1/a failed (exit): exit code 1"
    for node in (world.get("a"), world.state.graphs["g1"]):
        line = layers.headline(world.state, node)
        assert len(line) <= 256
        assert "\n" not in line


def test_an_overview_tells_outcome_files_and_what_helps():
    world = world_of(task("a", title="Build it"), task("b", "a"))
    world.end("a", 3, tail="boom", usage=Usage(turns=2, cost_usd=0.5, input_tokens=7))
    parts = layers.of_task(world.state, world.get("a"), 1, "/f")
    text, cut = text_of(parts, BUDGETS[1], lambda path, _most, _tail: "I tried." if path.endswith(".summary") else "")
    assert "g1/a failed (exit): exit code 3" in text
    assert "what: Build it" in text
    assert "$0.5000, 7 tokens in, 0 out, 2 turns" in text
    assert "summary, in its own words: I tried." in text
    assert "the end of its output: boom" in text
    assert "/f/a.1.out" in text
    assert "orch-actors retry g1/a" in text
    assert cut == 0


def test_a_graph_tells_what_matters_now():
    world = world_of(task("ok"), task("bad", on_fail="ask"), task("later", "bad"), goal="Ship it.")
    world.end("bad", 1)
    text, _ = text_of(layers.of_graph(world.state, world.state.graphs["g1"], 1, "/f"), BUDGETS[1])
    assert "goal: Ship it." in text
    assert "to decide: d1: bad failed: exit code 1. What now? (retry | fail" in text
    assert "next: orch-actors decisions g1" in text


def test_details_hold_results_decisions_and_verdicts():
    world = world_of(task("a", on_fail="ask", retry={"attempts": 2}))
    world.end("a", 1)
    world.end("a", 1)
    world.decide("d1", "retry", "once more")
    world.end("a", result=Raw(b'{"x":1}'))
    text, _ = text_of(layers.of_task(world.state, world.get("a"), 2, "/f"), BUDGETS[2])
    assert "attempt 3: done" in text
    assert 'result: {"x":1}' in text
    assert "retry by me once more" in text


def test_artifacts_are_named_and_in_detail_with_their_digests():
    world = world_of(task("a", artifacts=["d/*"]), task("b", "a"))
    left = tuple(Artifact(path=f"/srv/d/{n}", sha256=f"{n:064}", size=n) for n in range(1, 90))
    world.end("a", artifacts=left)
    overview, cut = text_of(layers.of_task(world.state, world.get("a"), 1, "/f"), BUDGETS[1])
    assert "artifacts:\n/srv/d/1 (1 bytes)\n/srv/d/2 (2 bytes)\n" in overview
    assert "[… cut …]" in overview
    assert cut > 0
    details, _ = text_of(layers.of_task(world.state, world.get("a"), 2, "/f"), BUDGETS[2])
    assert f"{2:064}  /srv/d/2 (2 bytes)" in details
    assert "/srv/d/1 (1 bytes)" in text_of(layers.before(world.state, world.get("b"), "/f"), BUDGETS[2])[0]


def test_a_thousand_tasks_within_bounds_and_time():
    world = World(limits={"shell": 1000})
    world.submit(*[task(f"t{number}") for number in range(1000)], goal="many")
    for number in range(600):
        world.machine.handle(_over(f"t{number}", number % 2), world.now)
    graph = world.state.graphs["g1"]
    begun_at = time.perf_counter()
    line, _ = text_of(layers.of_graph(world.state, graph, 0, "/f"), BUDGETS[0])
    text, _ = text_of(layers.of_graph(world.state, graph, 1, "/f"), BUDGETS[1])
    took_s = time.perf_counter() - begun_at
    assert "300 done, 300 failed, 400 running" in line
    assert "and 292 more failed" in text
    assert took_s < 5  # the figure itself is the bench's


def _over(name, code):
    from core_world import over

    return over("g1", name, 1, code)


def test_a_task_starts_with_what_those_before_it_came_to():
    world = World(limits={"shell": 40})
    world.submit(*[task(f"t{number}") for number in range(30)], task("last", *[f"t{number}" for number in range(30)]))
    for number in range(30):
        world.end(f"t{number}", result=Raw(b'"' + b"r" * 3000 + b'"'))
    text, cut = text_of(layers.before(world.state, world.get("last"), "/f"), layers.MAX_BEFORE)
    assert "g1/t0 done" in text
    assert cut > 0
    assert "… cut" in text


def test_what_has_a_copy_without_secrets_is_read_from_it(tmp_path):
    path = tmp_path / "a.1.summary"
    path.write_text("hush")
    assert read_some(str(path), 100, False) == "hush"
    (tmp_path / "a.1.summary.told").write_text("***")
    assert read_some(str(path), 100, False) == "***"
    world = world_of(task("a", secrets={"T": {"env": "T"}}))
    assert shown(world.get("a"), str(path)) == f"{path}.told"
    assert read_some(str(tmp_path / "gone.told"), 100, True) == ""
