"""`journal`: the group, and each member."""


def test_files_are_listed_with_and_without_a_daemon(cli):
    cli("up")
    found = cli("journal", "files", "--json").json
    assert set(found) == {"folder", "journal", "files"}
    (file,) = found["files"]
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
