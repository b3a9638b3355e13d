"""The driver of coding agents: a program of its own, one for each attempt, between the shim and the agent's program.

    shim (sh) ─ driver (python -m orch_actors.actors.host.agents JOB) ─ claude, opencode, …

Theory of operation. An agent talks JSON, says at its end what it cost, may stay alive after its last word, and may be
silent for ever. Something has to read that stream for as long as the attempt lives, which may be longer than the host
and the supervisor; so it is read by a process of the attempt's own, which the shim starts like any command. The driver
prints what the agent does as lines for people (the attempt's log), and leaves a report (`<stem>.agent`) for whoever
comes to look at the end: session, turns, cost, and the class of a failure. It keeps nothing that matters in memory
alone, talks to nobody, and needs nobody to be alive.

Must not know: sockets, the journal, the supervisor. Standard library alone, so that it starts in milliseconds.

Rejected: a filter behind a pipe of the shim's (`agent | filter`), which could not end an agent that does not go; a
reader in the host, which dies with it and would lose what is written meanwhile.
"""
