"""Kind `agent`: any other program, as config.toml describes it.

`argv` holds the program and its arguments; in them stand {prompt}, {model}, {session}, {system_prompt}, {max_turns},
{budget_usd}, {schema}, {cwd}. An argument that is a list is left out as a whole where what it names is not given. With
`resume_argv` a retry goes on with the session of the attempt before.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orch_actors.actors.host.adapters import agents
from orch_actors.actors.host.adapters.plans import ShimPlan, work_of
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import AgentWork
from orch_actors.protocol.workers import WorkerSettings, lacking_in

_NAME: Final = re.compile(r"\{([a-z_]+)\}")


class AgentAdapter:
    """See Adapter."""

    def prepare(self, launch: Launch) -> ShimPlan:
        """See Adapter."""
        work, settings = work_of(launch, AgentWork), launch.settings
        template = settings.get("argv")
        if not template:
            raise CannotSpawn("its worker type is not described in config.toml any more: argv is missing")
        for field, message in lacking_in(work, msgspec.convert(settings, WorkerSettings)):
            raise CannotSpawn(f"{field} {message}")
        resume = settings.get("resume_argv") if launch.resume and launch.session else None
        argv, stdin = self._filled(resume or template, work, launch if resume else agents.anew(launch), settings)
        fresh = self._filled(template, work, agents.anew(launch), settings) if resume else None
        named = {name for part in _flat(template) for name in _NAME.findall(part)}
        return agents.plan(
            launch,
            stream="program",
            argv=argv,
            stdin=stdin,
            fresh=fresh,
            options={name: settings.get(name) for name in _READ if settings.get(name)},
            structured=work.json_schema is not None and "schema" not in named,
            max_turns=None if "max_turns" in named else work.max_turns,
            budget_usd=None if "budget_usd" in named else agents.most_usd(work, launch),
        )

    def _filled(
        self, template: Sequence[Any], work: AgentWork, launch: Launch, settings: Mapping[str, Any]
    ) -> tuple[list[str], str | None]:
        values = self._values(work, launch, settings)
        argv = []
        for part in template:
            group = [part] if isinstance(part, str) else list(part)
            wanted = {name for text in group for name in _NAME.findall(text)}
            if isinstance(part, str) or all(values.get(name) for name in wanted):
                argv += [_NAME.sub(lambda match: values.get(match[1], match[0]), text) for text in group]
        argv[0] = agents.described_program(argv[0], launch)
        return argv, values["prompt"] if settings.get("stdin") == "prompt" else None

    @staticmethod
    def _values(work: AgentWork, launch: Launch, settings: Mapping[str, Any]) -> dict[str, str]:
        prompt = agents.prompt_of(work, launch)
        templates = " ".join(_flat(settings["argv"]))
        if work.system_prompt and "{system_prompt}" not in templates:
            prompt = f"{work.system_prompt}\n\n{prompt}"
        if work.json_schema is not None and "{schema}" not in templates:
            prompt = f"{prompt}\n\n{agents.wants_json(work.json_schema)}"
        model = work.model or settings.get("model")
        return {
            "prompt": prompt,
            "model": str(model or ""),
            "session": launch.session,
            "system_prompt": work.system_prompt or "",
            "max_turns": "" if work.max_turns is None else str(work.max_turns),
            "budget_usd": "" if (usd := agents.most_usd(work, launch)) is None else f"{usd:g}",
            "schema": "" if work.json_schema is None else json.dumps(work.json_schema),
            "cwd": launch.cwd,
        }


#: Settings that the reader of its output goes by (agents/streams/program.py).
_READ: Final = (
    "output",
    "text",
    "session",
    "turns",
    "cost",
    "input_tokens",
    "output_tokens",
    "error",
    "done",
    "failures",
)


def _flat(template: Sequence[Any]) -> list[str]:
    return [text for part in template for text in ([part] if isinstance(part, str) else part)]
