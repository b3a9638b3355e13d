"""Context in layers: what a task or a graph came to, for those that come after, in as few words as they can use.

    L0   256 characters     id, state, one line
    L1   4,000              goal, outcome, what it left and where, verdict, head and tail of an error, next action;
                            of a graph: counts, and what matters now
    L2   pages              results, decisions with their evidence, verdicts, the summary whole
    L3   pages              the story's end, and the end of what it wrote

Built by code from the state, so the same state gives the same text. What a task wrote itself (its summary, its result,
its output) is labelled so. Whatever is cut is told in a line of its own. `parts.py` holds the form, `layers.py` says
what belongs into which layer, `reading.py` reads files; the first two are pure.
"""
