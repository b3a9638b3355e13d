"""Crash cells: a fault at a certain call in a certain place (rigged/places.py), a small load, and a verdict.

    cells.py    which cells there are: places × calls × faults
    load.py     what clients do meanwhile: little, and always the same, but it comes through every place
    trial.py    one cell: a daemon with that fault, the load, the next daemon; the chaos checker judges
    run.py      all of them, and what they came to

In every cell the supervisor is killed once in the middle, so that faults hit a recovery, too. A first run without a
fault counts how often each place is come to; the calls to fail at are chosen from that. A cell whose fault never
happened proves nothing, and fails.

What a fault may do: a process that was killed, or whose disk failed, is gone, and its next one goes on; an attempt that
the system would not start is told to have failed by that (`spawn`), once. What it may not do is what no round of the
campaign may show: something accepted lost, run twice, a wrong code, an orphan; nor a bug of ours (exit code 70, a
traceback). Where a worker host cannot read an attempt's record (EIO), or the runner's keeper is gone that would have
written its end, how it ended cannot be known: it says `unknown`.
"""
