"""`run`: submit, watch, sum up; the words of the command line. The work is in `watching.py`."""

import typer

from orch_actors.cli.app import command_words
from orch_actors.cli.live.watching import run
from orch_actors.cli.options import HomeOption, JsonOption, NoStartOption
from orch_actors.cli.submission import Submission
from orch_actors.cli.verbs.submit import (
    CwdOption,
    EnvOption,
    FileArgument,
    KeyOption,
    NameOption,
    ParamOption,
    RetryOption,
    TimeoutOption,
)

EXAMPLES = """
orch-actors run graph.yaml
orch-actors run -- pytest -q
orch-actors run graph.yaml --json      at the end, the same object as status GRAPH --json
"""


def command(
    ctx: typer.Context,
    file: FileArgument = None,
    *,
    key: KeyOption = None,
    param: ParamOption = None,
    name: NameOption = None,
    timeout: TimeoutOption = None,
    retry: RetryOption = None,
    env: EnvOption = None,
    cwd: CwdOption = None,
    no_start: NoStartOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Submit a graph, or a command, and watch it to its end.

    Ctrl-C detaches: the graph goes on. The exit code is 0 where it ended in `done`, otherwise 1.
    """
    return run(
        Submission(
            home=home or None,
            as_json=as_json,
            no_start=no_start,
            file=file,
            words=command_words(ctx),
            key=key,
            param=tuple(param or ()),
            name=name,
            timeout=timeout,
            retry=retry,
            env=tuple(env or ()),
            cwd=cwd,
        )
    )
