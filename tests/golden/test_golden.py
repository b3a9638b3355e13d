"""Every released version's files are read by this one, as what they are. See README.md.

Where this fails because a form has grown: nothing of it may be taken away or mean something else. Until the version of
a folder is released, `python tests/golden/make.py --again` writes it anew.
"""

import base64
import json
import shutil
from typing import get_args

import msgspec
import pytest
from golden.frames import vectors
from golden.make import HERE, folder_of, write
from golden.state import attempts_state, journal_state, lacks
from loguru import logger

from orch_actors.actors.core.facts import Fact
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal
from orch_actors.protocol import codec
from orch_actors.protocol.version import VERSION

FOLDERS = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name.startswith("v"))
DECODERS = {"request": codec.REQUEST, "reply": codec.REPLY, "published": codec.PUBLISHED}

of_each_version = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def frames_of(folder):
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().split("\n")[:-1]]


def test_there_are_some():
    assert FOLDERS[0].name == "v0.1"


@of_each_version
def test_the_journal_comes_to_what_it_was(folder, tmp_path):
    shutil.copytree(folder / "journal", tmp_path / "journal")
    expected = json.loads((folder / "expected.json").read_text())["journal"]
    found = json.loads(json.dumps(journal_state(tmp_path / "journal")))
    assert list(lacks(expected, found)) == []


@of_each_version
def test_the_journal_is_gone_on_with(folder, tmp_path):
    """It is not only read: this version's lines stand behind that version's, and all of it opens again."""
    shutil.copytree(folder / "journal", tmp_path / "journal")
    before = {path.name: path.read_bytes() for path in (tmp_path / "journal").iterdir()}
    journal, lines, torn = Journal.open(RealDisk(), str(tmp_path / "journal"))
    assert torn == b""
    journal.add("outcome", b'{"of":null,"at":1.0,"e":1,"facts":[]}')
    journal.close()
    for name, data in before.items():
        assert (tmp_path / "journal" / name).read_bytes().startswith(data)
    again, more, _ = Journal.open(RealDisk(), str(tmp_path / "journal"))
    again.close()
    assert (len(more), again.id) == (len(lines) + 1, journal.id)


@of_each_version
def test_each_record_of_an_attempt_says_what_it_said(folder):
    expected = json.loads((folder / "expected.json").read_text())["attempts"]
    found = attempts_state(folder / "attempts")
    assert len(expected) >= 10
    assert list(lacks(expected, json.loads(json.dumps(found)))) == []


@of_each_version
def test_each_frame_means_what_it_meant(folder):
    for frame in frames_of(folder):
        decoder = DECODERS[frame["of"]]
        plain = decoder.decode(frame["json"].encode())
        packed = decoder.decode(base64.b64decode(frame["msgpack"]))
        assert plain == packed, frame["name"]
        assert list(lacks(frame["object"], msgspec.to_builtins(plain))) == [], frame["name"]


# --- this version ---------------------------------------------------------------------------------------------------


@pytest.fixture
def own():
    folder = folder_of(VERSION)
    if not folder.exists():
        pytest.skip(f"{VERSION} has no golden files yet; python tests/golden/make.py")
    return folder


def test_every_kind_of_fact_and_line_is_in_the_journal(own):
    lines = [json.loads(line) for path in (own / "journal").iterdir() for line in path.read_bytes().split(b"\n")[:-1]]
    facts = {fact["k"] for line in lines if line.get("t") == "outcome" for fact in line["d"]["facts"]}
    assert {kind.__struct_config__.tag for kind in get_args(Fact)} <= facts
    assert {line.get("t") for line in lines} >= {None, "command", "outcome"}
    decided = [line["d"]["reply"] for line in lines if line.get("t") == "outcome" and line["d"].get("of")]
    assert {"result", "error"} <= {key for reply in decided for key in reply}


def test_every_message_is_among_the_frames(own):
    assert {vector["name"] for vector in vectors()} <= {frame["name"] for frame in frames_of(own)}


def test_the_same_code_writes_the_same_files(tmp_path):
    logger.disable("orch_actors")
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
        files = [path for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        written.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    logger.enable("orch_actors")
    assert written[0] == written[1]


def test_what_is_lacking_is_found():
    expected = {"a": 1, "b": [{"c": True, "d": 1.5}], "e": None}
    assert list(lacks(expected, expected | {"new": 1})) == []
    assert list(lacks(expected, {"a": 1, "b": [{"c": True, "d": 1.5, "new": 2}], "e": None})) == []
    for other in (
        {"a": 2, "b": expected["b"], "e": None},
        {"a": 1, "b": [], "e": None},
        {"a": 1, "b": [{"c": 1, "d": 1.5}], "e": None},
        {"a": 1, "b": expected["b"]},
        {"a": 1, "b": {"c": True}, "e": None},
        [],
    ):
        assert list(lacks(expected, other))
