"""Plans from a seed: several graphs, each with free tasks strewn over a random DAG, and scenes for the client.

The same seed, number of tasks and folder give the same plans. Graphs are of kinds, by turns:

    plain      free tasks and scenes
    calm       nothing fails for good
    tolerant   all that fails is forgiven
    again      free tasks; when the graph has ended, all that failed or was cancelled runs again
    canceller  one task ends the graph when it fails
    cancelled  the client ends the graph
    wall       the graph's own time is over in the middle of its work
"""

from random import Random
from typing import Any, Final, Literal

from msgspec.structs import replace

from orch_actors.stress.scenarios.marathon import flavours
from orch_actors.stress.scenarios.marathon.flavours import Made, cues
from orch_actors.stress.scenarios.marathon.plan import Act, Action, Cue, GraphPlan
from orch_actors.stress.scenarios.marathon.scenes import ONCE, SCENES, MakeScene

#: What the daemon is configured with.
RESOURCES: Final = {"gpu": 2, "memory": 4}
LOCKS: Final = ("deploy", "database")
SLOTS: Final = 6
OUTPUT_LIMIT: Final = 200_000

#: Tasks of one graph, about; and graphs of one marathon at most.
SIZE: Final = 20
MOST_GRAPHS: Final = 16

#: A task depends on some of so many that stand before it.
NEAR: Final = 15

#: So that some are over by then and some are not.
WALL_S: Final = 1.0
WALL_S_A_TASK: Final = 0.02

Kind = Literal["plain", "calm", "tolerant", "again", "canceller", "cancelled", "wall"]
KINDS: Final[tuple[Kind, ...]] = (
    "plain",
    "canceller",
    "again",
    "plain",
    "cancelled",
    "calm",
    "wall",
    "plain",
    "tolerant",
    "plain",
)

Document = dict[str, Any]


def make_plans(tasks: int, seed: int, folder: str) -> list[GraphPlan]:
    """Plans of so many tasks together, those that the client adds included.

    Args:
        tasks: at least 20.
        seed: any number.
        folder: where the tasks write, absolute; a shell must not need to quote it.
    """
    rng = Random(seed)
    turns = list(SCENES)
    rng.shuffle(turns)
    count = max(1, min(MOST_GRAPHS, tasks // SIZE))
    sizes = [tasks // count + (number < tasks % count) for number in range(count)]
    return [
        _Maker(Random(rng.getrandbits(64)), KINDS[number % len(KINDS)], folder, turns).graph(
            f"marathon-{number + 1}", size
        )
        for number, size in enumerate(sizes)
    ]


def program(acts: tuple[Act, ...]) -> list[str]:
    """The command of a task that does these acts."""
    return ["sh", "act.sh", *(act.shell for act in acts)]


class _Maker:
    """Makes one graph."""

    def __init__(self, rng: Random, kind: Kind, folder: str, turns: list[MakeScene]) -> None:
        """`turns` are the scenes, whose turn is next first; shared by all graphs, so that all get theirs."""
        self._turns: Final = turns
        self._rng: Final = rng
        self._kind: Final = kind
        self._folder: Final = folder
        self._tasks: Final[list[Document]] = []
        self._acts: Final[dict[str, tuple[Act, ...]]] = {}
        self._script: Final[list[Cue]] = []
        #: Free tasks: whether each is likely to fail.
        self._free: Final[dict[str, bool]] = {}
        #: Free tasks that hand back a result: its `n`.
        self._results: Final[dict[str, str]] = {}
        #: Scenes that have had their turn.
        self._once: set[MakeScene] = set()
        #: Tasks that there will be.
        self._count = 0

    def graph(self, name: str, size: int) -> GraphPlan:
        """The whole."""
        reserved = self._kind in ("again", "canceller", "cancelled", "wall")
        wanted = size - reserved
        number = 0
        while self._count < wanted:
            number += 1
            left = wanted - self._count
            if self._kind == "plain" and self._rng.random() < 0.16:
                self._scene(f"s{number}", left)
            else:
                self._strew(f"t{number}", left)
        if reserved:
            self._put_last()
        if self._kind == "again":
            self._script.append(Cue(when="graph_ended", task=None, actions=(Action(verb="retry"),)))
        limits: Document = {} if self._rng.random() < 0.4 else {"parallel": self._rng.randint(2, 5)}
        if self._kind == "wall":
            limits["wall"] = WALL_S + size * WALL_S_A_TASK
        document = {
            "name": name,
            "goal": f"A part of a marathon ({self._kind}).",
            "limits": limits,
            "tolerant": self._kind == "tolerant",
            "defaults": {"env": {"DIR": self._folder}},
            "tasks": self._tasks,
        }
        return GraphPlan(
            document=document,
            acts=self._acts,
            script=tuple(self._script),
            cut=self._kind in ("canceller", "cancelled", "wall"),
        )

    # --- free tasks ---------------------------------------------------------------------------------------------------

    def _strew(self, name: str, left: int) -> None:
        """One free task, where there is room for its copies too."""
        if self._results and self._rng.random() < 0.08:
            self._refer(name)
            return
        weights = flavours.REPEATABLE if self._kind == "again" else flavours.FREE
        while True:
            (flavour,) = self._rng.choices(list(weights), list(weights.values()))
            made = flavour(self._rng, self._folder)
            if len(made.fields.get("foreach", [0])) <= left and self._suits(made):
                break
        self._put(name, made, self._dependencies())
        if flavour is flavours.RESULT:
            self._results[name] = made.acts[0].shell

    def _suits(self, made: Made) -> bool:
        """Whether this kind of graph has such tasks."""
        if self._kind == "calm":
            return not made.fails
        if self._kind == "tolerant":
            return not made.fails or made.fields.get("on_fail") == "continue" or made.choice == "continue"
        return True

    def _put(self, name: str, made: Made, dependencies: list[Any]) -> None:
        document = {
            "id": name,
            "command": list(made.program) or program(made.acts),
            **({"depends_on": dependencies} if dependencies else {}),
            **({"env": made.env} if made.env else {}),
            **made.fields,
            **self._decoration(),
        }
        self._tasks.append(document)
        self._acts[name] = made.acts
        self._script.extend(cues(name, made))
        self._free[name] = made.fails
        self._count += len(made.fields.get("foreach", [0]))

    def _dependencies(self) -> list[Any]:
        """Some of the tasks near by, with conditions that have a chance."""
        near = list(self._free)[-NEAR:]
        chosen = self._rng.sample(near, min(len(near), self._rng.choice([0, 1, 1, 2, 2, 3])))
        return [self._condition(name) for name in chosen]

    def _condition(self, name: str) -> Any:
        if self._free[name]:
            weights = [5, 5, 0 if self._kind == "calm" else 1]
        else:
            weights = [0 if self._kind in ("calm", "tolerant") else 1, 5, 40]
        (on,) = self._rng.choices(["failed", "finished", "done"], weights)
        return name if on == "done" and self._rng.random() < 0.8 else {"task": name, "on": on}

    def _decoration(self) -> Document:
        """Options that say when it runs, and nothing about how it ends."""
        found: Document = {}
        if self._rng.random() < 0.3:
            found["priority"] = self._rng.randint(-5, 5)
        if self._rng.random() < 0.12:
            found["resources"] = {"memory": self._rng.choice([1, 1.5, 4])}
        if self._rng.random() < 0.08:
            found["resources"] = {**found.get("resources", {}), "gpu": self._rng.choice([1, 2])}
        if self._rng.random() < 0.08:
            found["exclusive"] = self._rng.sample(LOCKS, self._rng.randint(1, 2))
        return found

    def _refer(self, name: str) -> None:
        """A task that is given what another handed back; or what that one has not."""
        source = self._rng.choice(list(self._results))
        if self._rng.random() < 0.2 and self._kind not in ("calm", "tolerant"):
            env = {"GIVEN": f"${{tasks.{source}.result.nothing}}"}
            made = Made(acts=(Act("leave 0", "reference"),), env=env, fails=True)
        else:
            shell = self._results[source]
            value = shell[shell.rindex(" ") + 1 : shell.rindex("}")]
            made = Made(acts=(Act(f"given {value}"),), env={"GIVEN": f"${{tasks.{source}.result.n}}"})
        self._put(name, made, [source])

    # --- the client's part --------------------------------------------------------------------------------------------

    def _scene(self, name: str, left: int) -> None:
        make = next((make for make in self._turns if SCENES[make] <= left and make not in self._once), None)
        if make is None:
            self._strew(name, left)
            return
        self._turns.remove(make)
        self._turns.append(make)
        if make in ONCE:
            self._once |= ONCE
        scene = make(self._rng, name)
        for document in scene.tasks:
            if document["id"] == scene.root:
                near = self._rng.sample(list(self._free), min(len(self._free), self._rng.randint(0, 2)))
                if near:
                    document["depends_on"] = [{"task": other, "on": "finished"} for other in near]
            self._tasks.append({**document, "command": program(scene.acts[document["id"]])})
            self._acts[document["id"]] = scene.acts[document["id"]]
        self._script.extend(self._completed(cue) for cue in scene.script)
        self._count += SCENES[make]

    def _completed(self, cue: Cue) -> Cue:
        """With the programs of what is added and changed."""
        actions: list[Action] = []
        for action in cue.actions:
            found = action
            if action.verb == "update" and action.acts:
                changes = {**action.set, "command": program(action.acts[str(action.task)])}
                found = replace(action, set=changes)
            elif action.verb == "add" and action.acts:
                tasks = tuple(
                    {**document, "command": program(action.acts[document["id"]]), "env": {"DIR": self._folder}}
                    for document in action.tasks
                )
                found = replace(action, tasks=tasks)
            actions.append(found)
        return replace(cue, actions=tuple(actions))

    def _put_last(self) -> None:
        """What makes the graph one of its kind: for most, what ends it before its time."""
        match self._kind:
            case "again":
                self._put("last", Made(acts=(flavours.fail(1), flavours.OK), fails=True), [])
            case "canceller":
                made = flavours.canceller(self._rng, self._folder)
                # Something that is sure to end lies before it, so that it does not end everything at once.
                self._put("last", made, [{"task": name, "on": "finished"} for name in list(self._free)[::7]])
            case "cancelled":
                made = Made(acts=(flavours.OK,), fields={"approve": True})
                self._put("last", made, [{"task": name, "on": "finished"} for name in list(self._free)[::9]])
                self._script.append(Cue(when="decision_asked", task="last", actions=(Action(verb="cancel_graph"),)))
            case _:
                self._put("last", Made(acts=(flavours.HANG,), fields={"grace": 0.2}), [])
