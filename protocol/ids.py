"""Identifiers: what a name may look like, and how unique ones are made.

Ids travel into paths, topics and environments, so one strict pattern holds for all that people choose
(Salt's CVE-2017-12791 began with an id that was a path).
"""

import os
import re
import time

#: What a task id, a worker type or a consumer may be called: lower case, so that no file system folds two into one.
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)

#: Id of a judge's task, after the one that it judges: `build#judge-1`. Nobody can ask for such an id.
JUDGE_PATTERN = re.compile(r"([a-z0-9][a-z0-9._-]{0,63})#(?:judge|decide)-[0-9]+", re.ASCII)

#: The same rule in words, for messages.
ID_RULE = "1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit, without '..'"


def is_id(text: str) -> bool:
    """Whether `text` may name a task, a worker type or a consumer."""
    return ID_PATTERN.fullmatch(text) is not None and ".." not in text


def attempt_id(graph: str, task: str, number: int) -> str:
    """The attempt's name everywhere: `g1/build/2`; numbers begin with 1 and are never reused."""
    return f"{graph}/{task}/{number}"


def split_attempt_id(attempt: str) -> tuple[str, str, int]:
    """The reverse of `attempt_id`."""
    graph, task, number = attempt.split("/")
    return graph, task, int(number)


def new_id() -> str:
    """A time-ordered UUID (version 7, RFC 9562) as 32 hexadecimal digits; the library has it from 3.14 on."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return f"{value:032x}"
