"""The courier: a process beside the daemon that serves those who come by files, and those who are called back.

    __main__.py     the process: one of each daemon that needs one
    keeper.py       in the daemon: starts it, and another one when it dies
    inbox.py        `inbox.jsonl`: an appended line is a request, carried out once
    cursor.py       how far that file was read, over restarts and rotations
    outbox.py       `outbox.jsonl`: replies and events, numbered
    post.py         the loop of files: reads the one, writes the other
    deliveries.py   which event is to be delivered next, and what may be acknowledged; pure
    callbacks.py    the loop of one callback
    targets.py      where an event goes: a command, an HTTP server, a file

It is a client like any other, over the socket: no code of anybody else runs in the process that owns the journal, a
slow target delays nobody, and the courier may die at any moment. What it must remember, the daemon remembers: a line's
command id follows from its place in the file, so that the daemon's table of answered commands makes a line that is read
twice one command; and each callback, as the outbox, is a named consumer of the events, whose cursor is journalled.

Rejected: an actor in the daemon, which would run callbacks' failures beside the journal; a cursor of our own in the
journal, for the same effect.
"""
