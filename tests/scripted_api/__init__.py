"""An API server that plays a script: what coding agents ask on loopback instead of a model. A tool of the tests.

It speaks Anthropic's `/v1/messages` and the OpenAI-compatible `/v1/chat/completions`, both streaming, as far as Claude
Code 2.1 and opencode 1.18 need it. A script is a list of turns, played in order, one for each request; the last one is
repeated. A prompt says by which script it is answered: `[script:NAME]` anywhere in it. Turns are plain data:

    {"say": "text"}                              an answer
    {"call": "Write", "input": {…}}              a tool call; "say" beside it comes first
    {"calls": [["Write", {…}], …]}               several at once
    {"status": 429, "headers": {…}, "error": "…"}   the API's refusal; "kind" its type;
                                                 a header that is a number: so many seconds from now, since the epoch
    {"hang": true}                               no answer, until the server ends
    {"drop": true}                               the connection is closed without an answer
    {"break": true, "say": "…"}                  the connection is closed in the middle of the answer

In a turn's texts `{{NAME}}` is the value of `[NAME:value]` in the prompt, and `{{nonce}}` the word that a judge is to
repeat. "tokens": [in, out] are what the turn says to have cost.
"""

from .server import ScriptedApi

__all__ = ["ScriptedApi"]
