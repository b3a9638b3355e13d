"""What an agent is told once, when it connects: enough to use the tools without having read anything else."""

from typing import Final

INSTRUCTIONS: Final = """\
orch-actors runs graphs of long-running tasks in the background, on this machine. Hand work over, go on with something
else, come back: it survives you, your context and a crash of its own. Nothing that was accepted is lost.

1. orch_submit: a command, a graph, or a file; answers at once with an id (g7). Tasks run when what they depend on is
   done. Give `key` when you might submit the same thing twice.
   {"name": "release", "tasks": [{"id": "test", "command": "pytest -q", "timeout": "20m", "retry": {"attempts": 2}},
    {"id": "build", "command": "make", "depends_on": ["test"]}]}
   Workers: shell (default: "command"), python ("worker": "python", "call": "module:function" or "script"), and coding
   agents ("worker": "claude" or "opencode", "prompt": …). Other fields: title, cwd, env, on_fail, approve, validate
   {"command", "files", "pattern"}, artifacts (files that it must leave, as paths or patterns), foreach.
2. orch_inbox: what ended or asks since you last acknowledged, of all that this session or folder submitted, also by an
   agent before you. Deal with it, then acknowledge: orch_inbox with ack = its `through`. Begin with it when you do not
   know what went on before.
3. orch_status without id: everything submitted from here. With an id (g7, g7/build): what it came to, and why.
4. orch_wait only when there is nothing else to do: it blocks for `timeout` seconds at most; what goes on then is no
   error, call it again or look later.
5. orch_result: what a task handed back (JSON that it wrote to the file $ORCH_RESULT). orch_logs: a bounded piece of its
   output, by offset or pattern.
6. orch_decisions: questions that wait for an answer; each blocks its own task only.
7. orch_add, orch_retry, orch_cancel: change a graph while it runs, or afterwards.

Answers are bounded; each says what was left out and how to see it. An error says what to do next.
"""
