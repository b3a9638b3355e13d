"""The MCP server: the orchestrator as tools of an agent, over stdin and stdout.

    forms.py         what each tool takes and answers, as Structs: the schemas that agents see are made from them
    tools.py         what each tool does: a client like any other; knows nothing of MCP
    lasting.py       a client that starts the daemon where none is
    bounds.py        fitting answers into what an agent can afford to read
    telling.py       answers and errors as text
    instructions.py  what an agent is told once
    server.py        the SDK's server around them; the one module that imports `mcp` (an extra)
    configs.py       the settings of agents' programs that make them start it

Theory of operation. A tool call is one function in a thread: it asks the daemon as any client does, under the
submitter's name (`protocol/submitter.py`), so a second server in the same folder or session finds what the first one
submitted. The server keeps nothing: killed at any moment, it loses nothing, since what was accepted is the daemon's,
and what ended is in the submitter's inbox until it is acknowledged. Answers are bounded whatever the graphs are like.

Rejected: the protocol's own tasks (the SDK does not have them, and agents do not wait for them); resources and prompts
(agents do not read them unasked); notifications about completions (a client that is not there loses them, and those
that are there are flooded).
"""
