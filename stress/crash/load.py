"""What clients do in every cell: little, and always the same; it comes through every place that can fail."""

from typing import Final

from orch_actors.stress.chaos.jobs import PROGRAMS, Document, Job, Patience, Step

PATIENT: Final = Patience(wait_s=60.0, settle=True)


def load(effects: str) -> tuple[tuple[Job, ...], ...]:
    """The jobs of each agent.

    Args:
        effects: the file in which tasks leave a line as they begin and end.
    """
    return (_first(effects), _second(effects)), (_third(effects),)


def _document(name: str, effects: str, tasks: list[Document]) -> Document:
    return {"name": name, "cwd": PROGRAMS, "defaults": {"env": {"EFFECTS": effects}}, "tasks": tasks}


def _shell(name: str, *words: str, **more: object) -> Document:
    return {"id": name, "command": ["sh", "act.sh", *words], **more}


def _step(verb: str, token: str = "", **more: object) -> Step:
    import msgspec

    return msgspec.convert({"verb": verb, "after_s": 0.02, "patience": PATIENT, "token": token, **more}, Step)


def _job(name: str, document: Document, *steps: Step, key: str | None = None) -> Job:
    return Job(name=name, key=key, document=document, patience=PATIENT, steps=steps, last=(), answers=(0.0,) * 4)


def _first(effects: str) -> Job:
    """A chain over both worker types, one that fails first, and edits."""
    tasks = [
        _shell("t1", "0.100", "0"),
        {"id": "t2", "worker": "python", "script": "act.py", "args": ["0.05", "0"], "depends_on": ["t1"]},
        _shell("t3", "0.020", "7", "0", retry={"attempts": 2}),
        _shell("t4", "0.010", "0", depends_on=["t2", "t3"]),
    ]
    added = {**_shell("added-1", "0.010", "5"), "env": {"EFFECTS": effects}}
    return _job(
        "first",
        _document("first", effects, tasks),
        _step("update", "update-1", task="t4"),
        _step("add", "add-1", tasks=(added,)),
        _step("repeat"),
        key="key-first",
    )


def _second(effects: str) -> Job:
    """Submitted when the first is over: another life may serve it."""
    tasks = [_shell("t1", "0.000", "3"), _shell("t2", "0.010", "0")]
    return _job("second", _document("second", effects, tasks), _step("repeat"))


def _third(effects: str) -> Job:
    """One that is ended while it runs, one that asks, one that is validated."""
    tasks = [
        _shell("t1", "hang", grace=0.2),
        _shell("t2", "0.010", "ask", "0"),
        _shell("t3", "0.010", "0", validate={"command": "true", "schema": {"required": ["attempt"]}}),
        {"id": "t4", "worker": "python", "script": "act.py", "args": ["0.05", "4"]},
    ]
    pause = _step("look")
    return _job("third", _document("third", effects, tasks), pause, pause, _step("cancel_task", "cancel-1", task="t1"))
