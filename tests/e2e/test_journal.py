"""`journal`: the group, and each member."""

import os
import signal
from pathlib import Path

from .conftest import eventually, processes_of


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
    for verb in (("verify",), ("salvage",), ("salvage", "--accept-data-loss")):
        ran = cli("journal", *verb, "--json", "--home", str(tmp_path / "none"), code=111)
        assert "there is no journal yet" in ran.error["message"]
        assert "orch-actors up" in ran.error["hint"]
    assert not (tmp_path / "none").exists()


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


def spoil(cli, sequence, before=b'"t":', after=b'"T":'):
    """Change the line of this sequence."""
    (path,) = Path(cli.home, "journal").glob("0*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if line.startswith(b'{"s":%d,' % sequence))
    lines[at] = lines[at].replace(before, after, 1)
    path.write_bytes(b"".join(lines))


def test_verify_a_whole_one_beside_a_daemon_and_without(cli):
    assert cli("journal", "verify", "--json", code=111).error["hint"]
    cli("run", "--", "true")
    found = cli("journal", "verify", "--json").json
    assert (found["verdict"], found["faults"], found["whole_to"]) == ("whole", [], found["lines"])
    cli("down")
    assert cli("journal", "verify", "--json").json == found
    assert f"nothing is missing up to sequence {found['lines']}" in cli("journal", "verify").out
    assert cli("journal", "salvage").out == "the journal is not damaged: nothing to salvage\n"


def test_a_damaged_journal_is_verified_salvaged_and_goes_on(cli):
    cli("run", "--", "sh", "-c", "echo once")
    cli("submit", "--name", "long", "--", "sleep", "61")
    eventually(lambda: cli("status", "long", "--json").json["tasks"][0]["state"] == "running")
    cli("run", "--", "true")  # so that what comes before is known to be on disk
    of = next(
        line["sequence"]
        for line in cli("journal", "show", "--json").json["lines"]
        if line["type"] == "command" and line["do"].get("graph", {}).get("name") == "long"
    )
    cli("down")
    spoil(cli, of)
    refused = cli("up", "--json", code=100).error
    assert f"sequence {of}" in refused["message"]
    assert all(f"orch-actors journal {verb}" in refused["hint"] for verb in ("verify", "salvage"))
    ran = cli("journal", "verify", "--json", code=1)
    assert ran.json["verdict"] == "damaged"
    assert [(fault["sequence"], fault["missing"]) for fault in ran.json["faults"]] == [(of, 1)]
    assert f"sequence {of} is missing" in cli("journal", "verify", code=1).out
    ahead = cli("journal", "salvage", "--json").json
    assert (ahead["done"], ahead["kept"], ahead["forgotten"], ahead["running"]) == (
        False,
        of - 1,
        ["g2 long", "g3 true"],
        ["g2/sleep/1"],
    )
    assert "nothing was changed" in cli("journal", "salvage").out
    done = cli("journal", "salvage", "--accept-data-loss", "--json").json
    assert done["done"]
    assert done["heir"][-12:] == ahead["journal"][-12:]
    try:
        assert "orch-actors is up" in cli("up").out
        assert [graph["state"] for graph in cli("status", "--json").json["graphs"]] == ["done"]
        assert cli("logs", "g1").out == "once\n"
        assert cli("submit", "--json", "--", "true").json["graph"] == "g2"
        cli("wait", "g2")
    finally:
        for pid, _ in processes_of(cli.home):  # nobody else knows of it any more
            if b"g2/sleep/1" in Path(f"/proc/{pid}/environ").read_bytes():
                os.kill(pid, signal.SIGKILL)


def test_a_salvage_that_was_interrupted_keeps_daemons_out(cli):
    cli("up")
    cli("down")
    folder = Path(cli.home, "salvage", "1")
    folder.mkdir(mode=0o700, parents=True)
    Path(folder, "aside.json").write_text("[]")
    Path(cli.home, "salvage", "UNFINISHED").write_text("1")
    Path(cli.home, "journal").rename(folder / "journal-new")
    refused = cli("up", "--json", code=100).error
    assert "journal salvage --accept-data-loss" in refused["hint"]
    assert "is finished" in cli("journal", "salvage", "--accept-data-loss").out
    cli("up")


def test_compact(cli):
    cli("up")
    assert cli("journal", "compact").out == "the journal has nothing to compact yet\n"
    cli("run", "--", "true")
    made = cli("journal", "compact", "--json").json
    assert (made["snapshot"], made["segment"], made["fault"]) == ("snapshot-00000001.jsonl", 1, "")
    assert cli("journal", "compact").out.startswith("snapshot-00000001.jsonl: segments up to 1, ")
    kinds = {file["name"]: file["kind"] for file in cli("journal", "files", "--json").json["files"]}
    assert (kinds["MANIFEST"], kinds["snapshot-00000001.jsonl"]) == ("manifest", "snapshot")
    verified = cli("journal", "verify", "--json").json
    assert (verified["verdict"], verified["snapshot"]) == ("whole", "snapshot-00000001.jsonl")
    before = cli("status", "--json").json["graphs"]
    cli("down")
    cli("up")
    assert cli("status", "--json").json["graphs"] == before
    assert cli("events").out.count("graph_ended") == 1


def test_compact_needs_a_daemon(cli):
    assert "orch-actors up" in cli("journal", "compact", "--json", code=3).error["hint"]


def test_a_compaction_that_fails_is_said(cli):
    cli("run", "--", "true")
    stands_there = Path(cli.home, "journal", "MANIFEST.new")
    stands_there.mkdir()
    ran = cli("journal", "compact", code=100)
    assert "no snapshot was made: " in ran.err
    assert "MANIFEST.new" in ran.err
    assert "the journal was not compacted" in cli("status").out
    stands_there.rmdir()
    cli("run", "--", "true")
    assert cli("journal", "compact").out.startswith("snapshot-00000002.jsonl: ")
    assert "not compacted" not in cli("status").out
