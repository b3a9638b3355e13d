"""`secrets` in a document: what it may say, what is refused, and that no message repeats what nobody should read."""

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.graph import Secret
from orch_actors.protocol.spec.parse import parse_graph

CANARY = "hunter2-canary"


def read(**task: object):
    document = {"name": "n", "tasks": [{"id": "a", "command": "true", **task}]}
    return parse_graph(document, base_dir="/")


def problems(document: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        parse_graph(document, base_dir="/")
    assert CANARY not in str(caught.value.info)
    return [(problem.where, problem.message) for problem in caught.value.info.problems]


def faults(**task: object) -> list[tuple[str, str]]:
    return problems({"name": "n", "tasks": [{"id": "a", "command": "true", **task}]})


@pytest.mark.parametrize(
    "source", [{"env": "API_KEY"}, {"file": "~/.key"}, {"command": ["pass", "x"]}, {"command": "pass x"}]
)
def test_each_source(source: dict[str, object]) -> None:
    spec = read(secrets={"TOKEN": source})
    (task,) = spec.tasks
    (secret,) = task.secrets.values()
    assert secret == Secret(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in source.items()}
    )
    assert to_document(spec)["tasks"][0]["secrets"] == {"TOKEN": source}


@pytest.mark.parametrize(
    ("secrets", "where", "words"),
    [
        ({"T": CANARY}, "tasks[0] (a).secrets.T", "never the value itself"),
        ({"T": ["x"]}, "tasks[0] (a).secrets.T", "never the value itself"),
        ({"T": {}}, "tasks[0] (a).secrets.T", "says nothing"),
        ({"T": {"env": "A", "file": "b"}}, "tasks[0] (a).secrets.T", "`env` and `file`"),
        ({"T": {"value": "x"}}, "tasks[0] (a).secrets.T.value", "unknown field"),
        ({"T": {"env": "hunter2-canary!"}}, "tasks[0] (a).secrets.T.env", "NAME"),
        ({"T": {"file": " "}}, "tasks[0] (a).secrets.T.file", "empty"),
        ({"T": {"command": []}}, "tasks[0] (a).secrets.T.command", "empty"),
        ({"ORCH_T": {"env": "A"}}, "tasks[0] (a).secrets.ORCH_T", "reserved"),
        ({"my.token": {"env": "A"}}, "tasks[0] (a).secrets.my.token", "letters, digits"),
        ({"T": {"env": "A", "shell": "x"}}, "tasks[0] (a).secrets.T.shell", "unknown field"),
        ({f"T{n}": {"env": "A"} for n in range(65)}, "tasks[0] (a).secrets", "at most 64"),
        ({"T": {"file": "${tasks.b.result}"}}, "tasks[0] (a).secrets.T.file", "stays as it is"),
    ],
)
def test_what_is_refused(secrets: dict[str, object], where: str, words: str) -> None:
    found = faults(secrets=secrets)
    assert [place for place, _ in found] == [where], found
    assert words in found[0][1]


def test_a_variable_has_one_value() -> None:
    assert faults(env={"T": "1"}, secrets={"T": {"env": "A"}})[0][0] == "tasks[0] (a).secrets.T"
    found = problems(
        {
            "name": "n",
            "defaults": {"secrets": {"T": {"env": "A"}}},
            "tasks": [{"id": "a", "command": "true", "env": {"T": "1"}}],
        }
    )
    assert [place for place, _ in found] == ["defaults.secrets.T"]


def test_defaults_are_merged_name_by_name() -> None:
    spec = parse_graph(
        {
            "name": "n",
            "defaults": {"secrets": {"A": {"env": "OF_ALL"}, "B": {"env": "OF_ALL"}}},
            "tasks": [
                {"id": "a", "command": "true"},
                {"id": "b", "command": "true", "secrets": {"B": {"file": "f"}, "C": {"env": "OWN"}}},
            ],
        },
        base_dir="/",
    )
    of_all = Secret(env="OF_ALL")
    assert spec.tasks[0].secrets == {"A": of_all, "B": of_all}
    assert spec.tasks[1].secrets == {"A": of_all, "B": Secret(file="f"), "C": Secret(env="OWN")}


def test_each_item_its_own() -> None:
    spec = read(foreach=["X", "Y"], secrets={"TOKEN": {"env": "${item}_TOKEN"}})
    assert [task.secrets["TOKEN"].env for task in spec.tasks] == ["X_TOKEN", "Y_TOKEN"]


def test_another_name_for_it() -> None:
    assert "did you mean `secrets`?" in faults(secret={"T": {"env": "A"}})[0][1]
