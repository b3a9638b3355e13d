"""Ways to fail, and answers to the questions that follow: words that documents use and the daemon decides by.

Data, so that a document can be held against it: a class that does not exist would be a retry that never comes.
"""

from typing import Final

#: Failure class of an attempt → what it means.
FAILURES: Final[dict[str, str]] = {
    "exit": "it exited with another code than 0, or by a signal",
    "timeout": "an attempt ran longer than its `timeout`",
    "idle_timeout": "it printed nothing for longer than its `idle_timeout`",
    "output_limit": "it printed more than the daemon allows",
    "deadline": "the task was not done within its `deadline`",
    "spawn": "it could not be started",
    "secret": "the value of one of its `secrets` could not be had",
    "result": "it exited with 0, and its result cannot be used",
    "validation": "it exited with 0, and what `validate` says does not hold, or a file of its `artifacts` is not there",
    "reference": "it refers to a result that there is not",
    "disk_full": "it could not be started: the disk is full",
    "quota": "the agent's quota or rate limit is used up; its worker type waits for more, and no attempt is spent",
    "auth": "the agent's program or its API refuses the credentials",
    "permission": "the agent was not allowed what it wanted to do",
    "budget": "a bound of turns, tokens or dollars was reached, or its budget is used up and it was not started",
    "context_overflow": "the agent was given, or has gathered, more than it can hold",
    "stalled": "the agent ended without an answer, or fell silent",
    "crash": "the agent's program died",
    "judge": "it exited with 0 and is valid, and its judge does not pass it",
    "unknown": "nobody can know how it ended",
    "cancelled": "it was cancelled",
    "quarantine": "the journal says of it what makes no sense",
}

#: Classes that `retry` never tries again, whatever it says → what to do instead.
FINAL_FAILURES: Final[dict[str, str]] = {
    "auth": "the same credentials are refused again; log in, or set its key, then `retry`",
    "budget": "another attempt would spend as much again; give it more, then `retry`",
    "deadline": "the deadline is the end of all attempts; `timeout` ends one",
    "disk_full": "it is no try, and starts again by itself once there is room",
    "unknown": "what may have done its work is not tried again in silence; `on_unknown: rerun` does that",
    "quarantine": "what became of it is not known; look at it, then retry it by hand",
    "cancelled": "what was cancelled stays so until somebody retries it by hand",
}

#: What the daemon asks about a task → the options.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "approve": ("approve", "reject"),
    "failure": ("retry", "fail", "accept", "continue", "cancel_graph"),
    "unknown": ("rerun", "fail", "accept"),
    "judge": ("retry", "accept", "fail"),
}

#: The option that stands where nobody answers in time and the task names none.
LEAST: Final[dict[str, str]] = {"approve": "reject", "failure": "fail", "unknown": "fail", "judge": "fail"}
