"""The courier: a process beside the daemon that serves those who come by files, and those who are called back.

    __main__.py     the process: one of each daemon that needs one
    keeper.py       in the daemon: starts it, and another one when it dies
    bell.py         the one subscription to events, which says that there is something to look at
    files.py        the loops of `inbox.jsonl` and `outbox.jsonl`: the home's, and those of graphs
    post.py         one inbox and its outbox: reads the one, writes the other
    inbox.py        an appended line is read once
    cursor.py       how far that file was read, over restarts and rotations
    lines.py        what a line asks; pure
    outbox.py       replies and events, numbered
    unread.py       what a consumer was not given yet, and what is lost to it
    callbacks.py    the loop of one callback of config.toml
    graphs.py       the loop of all callbacks of graphs
    deliveries.py   which event is to be delivered next, and what may be acknowledged; pure
    whole.py        a small file that is written anew, whole or not at all
    troubles.py     what does not work at present, for `doctor`
    targets.py      where an event goes: a command, an HTTP server, a file

It is a client like any other, over the socket: no code of anybody else runs in the process that owns the journal, a
slow target delays nobody, and the courier may die at any moment. What it must remember, the daemon remembers: a line's
command id follows from its place in the file, so that the daemon's table of answered commands makes a line that is read
twice one command; and each callback, as the outbox, is a named consumer of the events, whose cursor is journalled.

Rejected: an actor in the daemon, which would run callbacks' failures beside the journal; a cursor of our own in the
journal, for the same effect.
"""
