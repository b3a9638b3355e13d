"""Compaction: closed segments become a snapshot, in a process of its own, while the daemon serves.

compacting.py   what the process does: fold, write the snapshot, have the manifest name it
__main__.py     the process
compactor.py    the actor in the daemon that starts it, hears it out, and removes what nobody needs any more
"""
