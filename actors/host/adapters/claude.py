"""Kind `claude`: Claude Code, without a terminal."""

import json
from collections.abc import Mapping

from orch_actors.actors.host.adapters import agents
from orch_actors.actors.host.adapters.plans import ShimPlan, work_of
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import ClaudeWork

#: It would otherwise look for a newer version of itself while it works.
_ENVIRONMENT = {"DISABLE_AUTOUPDATER": "1"}


class ClaudeAdapter:
    """See Adapter."""

    def prepare(self, launch: Launch) -> ShimPlan:
        """See Adapter."""
        work = work_of(launch, ClaudeWork)
        base = [agents.program_of("claude", launch), "-p", "--output-format", "stream-json", "--verbose"]
        rest = _options(work, launch.settings, agents.most_usd(work, launch))
        prompt = agents.prompt_of(work, launch)
        begin = ["--session-id", launch.session] if launch.session else []
        if not launch.resume:
            return agents.plan(launch, stream="claude", argv=[*base, *begin, *rest], stdin=prompt, env=_ENVIRONMENT)
        fresh = ([*base, *rest], agents.prompt_of(work, agents.anew(launch)))
        argv = [*base, "--resume", launch.session, *rest]
        return agents.plan(launch, stream="claude", argv=argv, stdin=prompt, fresh=fresh, env=_ENVIRONMENT)


def _options(work: ClaudeWork, settings: Mapping[str, object], most_usd: float | None) -> list[str]:
    found: list[str] = []
    model = work.model or settings.get("model")
    for flag, value in (
        ("--model", model),
        ("--append-system-prompt", work.system_prompt),
        ("--permission-mode", work.permission_mode),
        ("--max-turns", work.max_turns),
        ("--max-budget-usd", None if most_usd is None else f"{most_usd:.6g}"),
        ("--json-schema", None if work.json_schema is None else json.dumps(work.json_schema)),
    ):
        if value is not None:
            found += [flag, str(value)]
    if work.mcp_config:
        configs = [json.dumps(work.mcp_config)] if isinstance(work.mcp_config, dict) else list(work.mcp_config)
        found += ["--strict-mcp-config", "--mcp-config", *configs]
    for flag, tools in (("--allowedTools", work.allowed_tools), ("--disallowedTools", work.disallowed_tools)):
        if tools:
            found += [flag, *tools]
    return [*found, *work.extra_args]
