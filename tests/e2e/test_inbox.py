"""`inbox`: an agent that forgot everything finds what ended, once, wherever in its work tree it stands."""

import pytest


@pytest.fixture
def here(cli, tmp_path):
    """Two folders within one work tree, and one elsewhere."""
    del cli.env["ORCH_ACTORS_SESSION"]
    inner, elsewhere = tmp_path / "tree" / "inner", tmp_path / "elsewhere"
    inner.mkdir(parents=True)
    elsewhere.mkdir()
    (tmp_path / "tree" / ".git").mkdir()
    return tmp_path / "tree", inner, elsewhere


def test_told_until_acknowledged(cli, here):
    tree, inner, elsewhere = here
    cli("run", "--", "true", cwd=tree)
    cli("run", "--", "false", cwd=inner, code=1)
    cli("run", "--", "true", cwd=elsewhere)
    first = cli("inbox", "--json", cwd=inner).json
    assert [(item["graph"], item["state"], item["ended"]) for item in first["items"]] == [
        ("g1", "done", True),
        ("g2", "failed", True),
    ]
    assert first["items"][1]["failed"] == ["false"]
    cli.kill_daemon()
    cli("up")
    assert cli("inbox", "--json", cwd=tree).json == first
    assert "g2/false" in cli("inbox", "--ack", cwd=tree).out
    assert cli("inbox", cwd=inner).out == "nothing new\n"
    assert [item["graph"] for item in cli("inbox", "--json", cwd=elsewhere).json["items"]] == ["g3"]


def test_what_was_seen_is_acknowledged_by_its_number(cli, here):
    _, inner, _ = here
    cli("run", "--", "true", cwd=inner)
    seen = cli("inbox", "--json", cwd=inner).json["through"]
    cli("run", "--", "true", cwd=inner)
    assert [item["graph"] for item in cli("inbox", "--done", str(seen), "--json", cwd=inner).json["items"]] == ["g2"]
    refused = cli("inbox", "--done", "9999", "--json", cwd=inner, code=4).error
    assert refused["code"] == "NOT_ALLOWED"


def test_a_session_is_the_same_wherever(cli, here):
    tree, _, elsewhere = here
    cli("run", "--", "true", cwd=tree, ORCH_ACTORS_SESSION="nightly")
    for words, env in ((("--of", "nightly"), {}), ((), {"ORCH_ACTORS_SESSION": "nightly"})):
        assert "g1" in cli("inbox", *words, cwd=elsewhere, **env).out
    assert cli("inbox", cwd=tree).out == "nothing new\n"


def test_questions(cli, here, write):
    _, inner, _ = here
    cli("submit", write("name: n\ntasks: [{id: a, command: 'true', approve: true, ask: {question: 'Go?'}}]"), cwd=inner)
    shown = cli("inbox", "--ack", cwd=inner).out
    assert "d1 a asks: Go?" in shown
    assert "orch-actors decide d1 approve|reject" in shown
    cli("decide", "d1", "approve")
    cli("wait", cwd=inner)
    assert [item["graph"] for item in cli("inbox", "--json", cwd=inner).json["items"]] == ["g1"]


def test_status_and_wait_are_of_here(cli, here):
    tree, inner, elsewhere = here
    cli("run", "--", "true", cwd=elsewhere)
    assert "no graphs from here" in cli("status", cwd=inner).out
    cli("submit", "--", "sleep", "1.5", cwd=tree)
    assert "g2" in cli("wait", "--any", cwd=inner).out
    assert "inbox" in cli("wait", cwd=inner).out
    assert cli("wait", "--json", cwd=inner).json == {"graphs": []}
    told = cli("status", "--json", cwd=inner).json
    assert ([graph["id"] for graph in told["graphs"]], told["elsewhere"]) == (["g2"], 1)
    assert "--all" in cli("status", cwd=inner).out
    assert [graph["id"] for graph in cli("status", "--all", "--json", cwd=inner).json["graphs"]] == ["g1", "g2"]
