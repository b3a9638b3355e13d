"""Kind `opencode`: opencode, without a terminal. Versions 1.x; 2 has other flags, and is refused by the driver."""

import json
from typing import Any, Final

from orch_actors.actors.host.adapters import agents
from orch_actors.actors.host.adapters.plans import ShimPlan, work_of
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import OpencodeWork

#: Its configuration by variable: put upon what its files say.
_CONFIG: Final = "OPENCODE_CONFIG_CONTENT"

#: Longest silence where nothing else is said.
_SILENCE_S: Final = 900.0

#: Beginnings of versions whose options and output are known.
KNOWN_VERSIONS: Final = ["1."]


class OpencodeAdapter:
    """See Adapter."""

    def prepare(self, launch: Launch) -> ShimPlan:
        """See Adapter."""
        work = work_of(launch, OpencodeWork)
        program = agents.program_of("opencode", launch)
        # Its log alone tells that it waits for its quota.
        base = [program, "run", "--format", "json", "--print-logs", "--log-level", "ERROR"]
        model = work.model or launch.settings.get("model")
        for flag, value in (("-m", model), ("--agent", work.agent)):
            if value is not None:
                base += [flag, str(value)]
        rest = list(work.extra_args)
        fresh = ([*base, *rest], self._prompt(work, agents.anew(launch)))
        resumed = ["-s", launch.session] if launch.resume and launch.session else []
        return agents.plan(
            launch,
            stream="opencode",
            argv=[*base, *resumed, *rest],
            stdin=self._prompt(work, launch),
            fresh=fresh if resumed else None,
            env={_CONFIG: json.dumps(_config(work, launch.env.get(_CONFIG)))},
            structured=work.json_schema is not None,
            max_turns=work.max_turns,
            budget_usd=agents.most_usd(work, launch),
            versions=KNOWN_VERSIONS,
            silence_s=_SILENCE_S,
        )

    @staticmethod
    def _prompt(work: OpencodeWork, launch: Launch) -> str:
        parts = [work.system_prompt or "", agents.prompt_of(work, launch)]
        if work.json_schema is not None:
            parts.append(agents.wants_json(work.json_schema))
        return "\n\n".join(part for part in parts if part)


def _config(work: OpencodeWork, given: str | None) -> dict[str, Any]:
    """What the task's own variable says, with what the task says, and what nobody may ask for in the background."""
    try:
        config = json.loads(given) if given else {}
    except ValueError:
        config = {}
    if not isinstance(config, dict):
        config = {}
    # Nobody is there to be asked: what would ask is refused.
    permission = {"external_directory": "deny", "doom_loop": "deny", **_mapping(config.get("permission"))}
    config["permission"] = {**permission, **work.permission}
    config["autoupdate"] = False
    if work.mcp_config:
        config["mcp"] = {**_mapping(config.get("mcp")), **work.mcp_config}
    return config


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
