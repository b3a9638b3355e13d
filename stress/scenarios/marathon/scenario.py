"""The marathon: thousands of tasks with all policies, from a seed, against a model of what must come of them.

generate.py  makes plans (plan.py) of flavours.py and scenes.py
driver.py    is the client
model.py     says what must happen
order.py     watches the order of events; verdict.py judges the whole
"""

from typing import ClassVar, Final

from orch_actors.protocol.client import Client
from orch_actors.stress.expect import Check
from orch_actors.stress.scenario import Ended, Place, Scenario
from orch_actors.stress.scenarios.marathon import generate
from orch_actors.stress.scenarios.marathon.driver import BASE_DIR, Driver
from orch_actors.stress.scenarios.marathon.model import predict
from orch_actors.stress.scenarios.marathon.plan import GraphPlan
from orch_actors.stress.scenarios.marathon.verdict import judge

#: Tasks, where nobody says how many.
USUAL: Final = 2000


class Marathon(Scenario):
    """Many tasks, all policies, an independent model."""

    name: ClassVar = "marathon"
    summary: ClassVar = "2000 tasks with random seeds for all policies, against a model of what must happen"
    limit_s: ClassVar = 900.0
    sized: ClassVar = True
    settings: ClassVar = "\n".join(
        [
            f"output_limit = {generate.OUTPUT_LIMIT}",
            "[workers.shell]",
            f"limit = {generate.SLOTS}",
            "[resources]",
            *(f"{name} = {amount}" for name, amount in generate.RESOURCES.items()),
            "",
        ]
    )

    def least_events(self, place: Place) -> int:
        """Each task's end at least, and four for each attempt that must be: ready, starting, ended."""
        found = 0
        for plan in plans_for(place):
            prediction = predict(plan)
            found += 2 + len(prediction.tasks)
            found += sum(3 * min(len(end.attempts) for end in ends) for ends in prediction.tasks.values())
        return found

    def parameters(self, place: Place) -> dict[str, str]:
        """There is no graph file."""
        del place
        return {}

    def submit(self, client: Client, place: Place) -> tuple[str, ...]:
        """All graphs at once."""
        return tuple(client.submit(plan.document, base_dir=BASE_DIR).graph for plan in plans_for(place))

    def drive(self, client: Client, graphs: tuple[str, ...], place: Place) -> list[Check]:
        """Follow the script."""
        driver = Driver(client, plans_for(place), graphs, place.out)
        driver.follow(self.limit_s)
        return [Check("script", not driver.faults, "; ".join(driver.faults[:20]) or f"{driver.done} actions")]

    def judge(self, client: Client, ended: Ended, place: Place) -> list[Check]:
        """See verdict.py."""
        del client
        return judge(plans_for(place), ended.views, ended.events, place.out)

    def headline(self, ended: Ended) -> str:
        """How much there was."""
        tasks = [task for view in ended.views for task in view.tasks]
        attempts = sum(len(task.attempts) for task in tasks)
        answered = sum(event.kind == "decision_answered" for event in ended.events)
        return f"{len(tasks)} tasks in {len(ended.views)} graphs: {attempts} attempts, {answered} decisions"


def plans_for(place: Place) -> list[GraphPlan]:
    """The plans of a run: always the same for the same place."""
    return generate.make_plans(place.tasks or USUAL, place.seed, place.out)


SCENARIO: Final = Marathon()
