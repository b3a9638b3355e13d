"""Who submits: the session that ORCH_ACTORS_SESSION names, or else the project's folder.

An agent that was restarted, or whose context was compacted, has forgotten the ids that it was given; but it is in the
same folder, or its session has the same name. So every client of ours carries that name in its client id,
`NAME:UNIQUE`, which the daemon keeps with each graph and tells in `graph_submitted` and in summaries. From it follow
what "mine" is (`status`), and the name of the consumer that collects what ended (`inbox.NAME`).

The folder is the work tree around the current one (where `.git` is), so that it does not matter where in it an agent
stands; but not the home folder, which some keep under git and everything is in. Rejected: the terminal or the parent
process (gone after a restart); an agent's own session id (each has it elsewhere, or nowhere).

Kept free of heavy imports: every verb of the command line comes through here.
"""

import os
import re
import zlib
from typing import Final

from orch_actors.protocol.ids import new_id

SESSION_VARIABLE: Final = "ORCH_ACTORS_SESSION"

#: Between the submitter and what makes a client's id its own; in no submitter's name.
SEPARATOR: Final = ":"

#: Most characters of what a person would know it by; with a checksum and `inbox.` it is still an id.
_MOST: Final = 40
_NOT_IN_NAME: Final = re.compile(r"[^a-z0-9_-]+", re.ASCII)


def submitter() -> str:
    """The name under which this process submits; an id (`ids.py`)."""
    session = os.environ.get(SESSION_VARIABLE)
    return of_session(session) if session else of_folder(project_folder())


def of_session(session: str) -> str:
    """The submitter of a session with this name: the name itself where it can be."""
    name = _NOT_IN_NAME.sub("-", session.lower())[:_MOST].strip("-_")
    return name if name == session else f"{name or 's'}-{_checksum(session)}"


def of_folder(folder: str) -> str:
    """The submitter of a folder: its name, and a checksum of its path."""
    real = os.path.realpath(folder)
    name = _NOT_IN_NAME.sub("-", os.path.basename(real).lower())[:_MOST].strip("-_")
    return f"{name or 'dir'}-{_checksum(real)}"


def project_folder() -> str:
    """The work tree around the current folder; the folder itself where there is none; `/` where it is gone."""
    try:
        here = os.path.realpath(os.getcwd())
    except FileNotFoundError:
        return "/"
    home, folder = os.path.realpath(os.path.expanduser("~")), here
    while folder not in (home, os.path.dirname(folder)):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return here


def new_client_id() -> str:
    """An id for a client of this submitter, which no other client has."""
    return f"{submitter()}{SEPARATOR}{new_id()}"


def submitter_of(client: str) -> str:
    """The submitter that a client's id names; empty: it names none."""
    name, separator, _ = client.partition(SEPARATOR)
    return name if separator else ""


def _checksum(text: str) -> str:
    # crc32: it tells folders apart, and guards nothing; hashlib would cost each verb 2 ms.
    return f"{zlib.crc32(os.fsencode(text)):08x}"
