"""A daemon, or a worker host, with something wrong with the world around it: the real program, in a process of its own.

    python -P -m orch_actors.stress.rigged RIG daemon --home DIR --ready-fd N
    python -P -m orch_actors.stress.rigged RIG host CONFIG

RIG is a JSON file (rig.py). Before the program's own main runs, the module functions that it stands on (`time.time`)
are replaced in this process; a daemon so started starts its hosts in the same way. The product has no hook for any of
this: what is replaced are the narrow seams through which it reaches the system.

This is the one part of `stress` that may know the daemon's inside by name (pyproject.toml, "hostwire").
"""
