"""Both programs at work: a tool call, two turns, the answer, what it cost; one's result in the other's prompt."""

from agent_stage import task_of

SCRIPTS = {
    "write": [
        {
            "say": "I write it.",
            "call": "Write",
            "input": {"file_path": "{{dir}}/hello.txt", "content": "hello\n"},
            "tokens": [100, 10],
        },
        {"say": "It is written.", "tokens": [200, 20]},
    ],
    "more": [
        {
            "say": "I write, too.",
            "call": "write",
            "input": {"filePath": "{{dir}}/more.txt", "content": "more\n"},
            "tokens": [30, 5],
        },
        {"say": "More is written.", "tokens": [40, 6]},
    ],
}


def test_a_graph_of_both(stage):
    here = stage(SCRIPTS)
    write = f"[script:write] [dir:{here.work}] Write hello."
    view = here.run(
        {"id": "write", "worker": "claude", "prompt": write, "permission_mode": "acceptEdits"},
        {"id": "test", "command": "grep -q hello hello.txt && echo fine", "depends_on": ["write"]},
        {"id": "more", "worker": "opencode", "prompt": f"[script:more] [dir:{here.work}]", "depends_on": ["write"]},
    )
    print(view)
    print(here.log(view, "write"), here.log(view, "more"))
    for b in here.api.scripts.played:
        print(b[0], b[1], b[2][:1500])
    assert view.state == "done", view
