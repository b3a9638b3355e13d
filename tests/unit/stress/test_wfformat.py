"""Recorded workflows: reading, refusing, the lower bound, the graph."""

import json

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import is_id
from orch_actors.stress.wfformat import Step, Workflow, as_graph, read_workflow, valid_id


def document(tasks, **more):
    """`tasks`: id → (parents, seconds)."""
    return {
        "name": "My Flow",
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {
                "tasks": [{"id": name, "name": name, "parents": parents} for name, (parents, _) in tasks.items()]
            },
            "execution": {
                "makespanInSeconds": 99.5,
                "tasks": [{"id": name, "runtimeInSeconds": seconds} for name, (_, seconds) in tasks.items()],
            },
        },
        **more,
    }


DIAMOND = {"a": ([], 1.0), "b": (["a"], 2), "c": (["a"], 5.5), "d": (["b", "c"], 0.5)}


def read(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_workflow(data, "flow.json")


def problems(value):
    with pytest.raises(Refused) as caught:
        read(value)
    info = caught.value.info
    assert info.code == "INVALID_GRAPH"
    assert "flow.json" in info.message
    assert info.hint
    return [str(problem) for problem in info.problems]


def test_it_is_read():
    flow = read(document(DIAMOND))
    assert flow.name == "my-flow"
    assert flow.recorded_makespan_s == 99.5
    assert flow.steps == (
        Step("a", "a", (), 1.0),
        Step("b", "b", ("a",), 2.0),
        Step("c", "c", ("a",), 5.5),
        Step("d", "d", ("b", "c"), 0.5),
    )


def test_children_count_as_well_as_parents():
    value = document({"a": ([], 1), "b": ([], 2)})
    value["workflow"]["specification"]["tasks"][0]["children"] = ["b"]
    assert read(value).steps[1].parents == ("a",)


def test_the_lower_bound_is_the_longer_of_path_and_work():
    flow = read(document(DIAMOND))
    assert flow.work_s == 9.0
    assert flow.critical_path() == (7.0, ("a", "c", "d"))
    assert flow.lower_bound_s(1) == 9.0
    assert flow.lower_bound_s(2) == 7.0
    assert flow.lower_bound_s(1, speed=10) == pytest.approx(0.9)


def test_the_lower_bound_of_independent_tasks_is_work_over_slots():
    flow = read(document({f"t{number}": ([], 1) for number in range(10)}))
    assert flow.lower_bound_s(4) == 2.5
    assert flow.lower_bound_s(100) == 1.0


def test_a_long_chain_takes_no_stack():
    chain = {f"t{n}": ([f"t{n - 1}"] if n else [], 1) for n in range(5000)}
    assert read(document(chain)).critical_path()[0] == 5000


def test_the_graph_sleeps_and_keeps_the_dependencies():
    graph = as_graph(read(document(DIAMOND)), speed=10, slots=3)
    assert graph.limits.parallel == 3
    commands = {task.id: task.work.command for task in graph.tasks}
    assert commands == {
        "a": "sleep 0.100000",
        "b": "sleep 0.200000",
        "c": "sleep 0.550000",
        "d": "sleep 0.050000",
    }
    assert {task.id: [d.task for task_d in [task] for d in task_d.depends_on] for task in graph.tasks} == {
        "a": [],
        "b": ["a"],
        "c": ["a"],
        "d": ["b", "c"],
    }


def test_ids_are_made_valid_and_stay_different():
    names = ["A b", "a-b", "a b", "ü", "..", "x" * 100, "x" * 101, "_ID0001", "a-b-2"]
    flow = read(document({name: ([], 1) for name in names}))
    ids = [step.id for step in flow.steps]
    assert len(set(ids)) == len(names)
    assert all(is_id(name) for name in ids)
    assert [step.recorded_id for step in flow.steps] == names
    assert ids == [step.id for step in read(document({name: ([], 1) for name in names})).steps]


def test_valid_id_leaves_a_valid_one_alone():
    assert valid_id("blastall_id000002", set()) == "blastall_id000002"
    assert valid_id("blastall_id000002", {"blastall_id000002"}) == "blastall_id000002-2"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "workflow.specification.tasks: is missing"),
        (b"{}", "workflow.execution.tasks: is missing"),
        (b'{"workflow": 3}', "workflow.specification.tasks: is missing"),
        (b'{"workflow": {"specification": {"tasks": []}}}', "workflow.specification.tasks: is empty"),
    ],
)
def test_wrong_files_are_refused(data, says):
    assert any(says in problem for problem in problems(data))


def test_every_problem_is_told_at_once_with_its_place():
    value = document({"a": (["zz"], 1), "b": ([], -1), "c": ([], True), "d": ([], "1")})
    value["workflow"]["specification"]["tasks"] += [{"id": "e"}, {"id": 7}, "x", {"id": "a", "parents": "b"}]
    value["workflow"]["execution"]["tasks"] += [{"id": "b", "runtimeInSeconds": 1}, {"runtimeInSeconds": 1}]
    told = "\n".join(problems(value))
    for expected in (
        "specification.tasks[0].parents: 'zz' is no task",
        "execution.tasks[1].runtimeInSeconds: -1",
        "execution.tasks[2].runtimeInSeconds: True",
        "execution.tasks[3].runtimeInSeconds: '1'",
        "'e' has no run time",
        "specification.tasks[5].id: expected a text",
        "specification.tasks[6].id: expected a text",
        "specification.tasks[7].id: 'a' is there twice",
        "specification.tasks[7].parents: expected a list",
        "execution.tasks[4].id: 'b' is there twice",
        "execution.tasks[5].id: expected a text",
    ):
        assert expected in told, expected


def test_a_circle_is_refused_and_shown():
    (problem,) = problems(document({"a": (["c"], 1), "b": (["a"], 1), "c": (["b"], 1)}))
    assert "circle" in problem
    assert "→" in problem


def test_a_task_that_waits_for_itself_is_a_circle():
    assert "circle" in problems(document({"a": (["a"], 1)}))[0]


def test_many_problems_are_cut():
    value = document({f"t{n}": (["zz"], 1) for n in range(500)})
    assert len(problems(value)) == 50


def test_a_workflow_by_hand_has_a_bound():
    flow = Workflow("w", (Step("a", "a", (), 3.0),))
    assert flow.lower_bound_s(1) == 3.0
    assert flow.recorded_makespan_s is None
