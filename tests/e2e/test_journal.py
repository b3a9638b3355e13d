"""`journal`: the group, and each member."""


def test_files_are_listed_with_and_without_a_daemon(cli):
    cli("up")
    found = cli("journal", "files", "--json").json
    assert set(found) == {"folder", "journal", "files"}
    file, ballast = found["files"]
    assert (ballast["name"], ballast["kind"]) == ("ballast", "ballast")
    assert (file["name"], file["kind"], file["sequence"], file["event"]) == ("00000001.jsonl", "segment", 1, 1)
    cli("down")
    assert cli("--json", "journal", "files").json["journal"] == found["journal"]
    text = cli("journal", "files").out
    assert "00000001.jsonl  segment" in text
    assert found["journal"] in text


def test_a_home_without_a_journal_is_said(cli, tmp_path):
    ran = cli("journal", "--json", "files", "--home", str(tmp_path / "none"), code=111)
    assert "No such file" in ran.error["message"]


def test_a_near_miss_is_suggested(cli):
    assert "'files'" in cli("journal", "flies", "--json", code=2).error["hint"]
    assert "Usage: orch-actors journal" in cli("journal").out


def test_show_beside_a_daemon_and_without(cli):
    cli("run", "--", "sh", "-c", "exit 3", code=1)
    shown = cli("journal", "show", "--json").json
    assert set(shown) == {"folder", "lines", "more"}
    kinds = [fact["kind"] for line in shown["lines"] for fact in line.get("facts", ())]
    assert kinds == ["graph_submitted", "task_ready", "attempt_starting", "attempt_ended", "task_ended", "graph_ended"]
    assert [line["sequence"] for line in shown["lines"]] == list(range(1, len(shown["lines"]) + 1))
    cli("down")
    assert cli("journal", "show", "--json").json == shown
    text = cli("journal", "show", "--task", "g1/sh").out
    assert "attempt_ended     g1/sh/1  exit code 3" in text
    assert "graph_ended" not in text
    ran = cli("journal", "show", "--graph", "sh", "--limit", "1")
    assert "graph_ended" in ran.out
    assert ran.err == "there are more: --limit 2 shows them\n"
    assert cli("journal", "show", "--since", "99").out == "there are no such lines\n"


def test_show_says_what_was_typed_wrong(cli):
    assert "GRAPH/TASK" in cli("journal", "show", "--graph", "g1", "--task", "g1/a", code=2).err
    assert "--graph g1" in cli("journal", "show", "--task", "g1", code=2).err
    assert "No such file" in cli("journal", "show", "--json", code=111).error["message"]
