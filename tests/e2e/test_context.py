"""`context`."""

from .graphs import ended, submit, task


def test_layers_of_a_task_and_a_graph(cli):
    write = 'echo "made it" > "$ORCH_SUMMARY"; echo \'{"path": "x"}\' > "$ORCH_RESULT"; echo out'
    graph = submit(cli, task("make", write), task("use", 'cat "$ORCH_CONTEXT"', depends_on=["make"]))
    ended(cli, graph)
    assert cli("context", f"{graph}/make", "--layer", "0").out == f"{graph}/make done\n"
    overview = cli("context", f"{graph}/make", "--json").json
    assert "summary, in its own words: made it" in overview["text"]
    assert 'result: {"path":"x"}' in overview["text"]
    assert overview["cut"] == 0
    assert "out" in cli("context", f"{graph}/make", "--layer", "3").out
    assert len(cli("context", graph, "--budget", "40").out) <= 41
    told = cli("logs", f"{graph}/use").out
    assert f"{graph}/make done" in told
    assert "made it" in told


def test_what_there_is_not(cli):
    graph = submit(cli, task("a", "true"))
    assert "UNKNOWN_TASK" in cli("context", f"{graph}/b", "--json", code=4).out
    assert cli("context", graph, "--layer", "7", code=2).err
    assert "INVALID_REQUEST" in cli("context", graph, "--budget", "9999999", "--json", code=4).out
