"""The bench over the machine alone: what it times are completions, every one of them, to the graph's end."""

import pytest

from orch_actors.protocol.spec.check import Node, check_graph
from orch_actors.stress.bench.measures import MEASURES, Bench, Size
from orch_actors.stress.bench.stimulus import Course, graph_of


@pytest.mark.parametrize("tasks", [4, 20, 31])
def test_every_task_is_completed_once(tasks):
    course = Course(tasks)
    assert all(course.complete() > 0 for _ in range(tasks))
    with pytest.raises(IndexError):
        course.complete()


def test_half_of_the_graph_waits():
    graph = graph_of(100)
    assert [len(task.depends_on) for task in graph.tasks] == [0] * 50 + [2] * 50
    wrong = []
    nodes = [Node(task.id, tuple(dependency.task for dependency in task.depends_on)) for task in graph.tasks]
    check_graph(nodes, lambda *problem: wrong.append(problem))
    assert not wrong


def test_the_figure_stands_beside_the_small_graph(tmp_path):
    size = Size(rounds=2, large=400, small=100, completions=10)
    (found,) = MEASURES["stimulus_cost"](Bench(size, str(tmp_path)))
    assert found.reference_name == "100 tasks"
    assert found.value > 0
    assert found.ratio == pytest.approx(found.value / found.reference, rel=0.01)
    assert found.bound == "≤ 1.3× reference"
    assert len(found.rounds) == 2
    # What is timed must not run out of tasks of the kind that others wait for.
    assert Size().rounds * Size().completions <= Size().small // 2


def test_the_context_of_a_large_graph_is_timed_and_held_within_its_bounds(tmp_path):
    (found,) = MEASURES["context"](Bench(Size(rounds=2), str(tmp_path)))
    assert found.bound == "≤ 50 ms"
    assert found.note == "L0 and L1 of 1,000 tasks"
    assert 0 < found.value < 5000
