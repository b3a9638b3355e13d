"""`doctor`: everything that a daemon needs, looked at; each finding with what to do.

The place for a check: a function of a Home that yields Findings, in a module here, and its line in `checkup.CHECKS`.
It must do with whatever it finds (no home, a foreign one, a broken one, with a daemon or without), change nothing, and
come back within a bounded time.
"""
