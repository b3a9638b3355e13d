"""Judges a round from what it left, and from that alone.

It shares no code with what it judges (import-linter holds it): it has a journal reader of its own, and knows of
messages only what protocol/SPEC.md says. Simple and slow on purpose.

    ledger.py     the journal, line by line
    evidence.py   everything else that a round leaves (see record.py), as plain Python
    rules.py      what must hold; a rule is a generator of sentences, one for each violation
    verdict.py    all rules over one round
"""
