"""`schema`: it fits the wire; and clients in other languages, as the documentation shows them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from orch_actors.protocol.schemas import names, schema_of, whole_schema

from .conftest import PROGRAM

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "other-languages.md"


def vectors():
    path = ROOT / "tests" / "golden" / "v0.1" / "frames.jsonl"
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_every_vector_is_of_it():
    whole = jsonschema.Draft202012Validator(whole_schema())
    whole.check_schema(whole.schema)
    parts = {of: jsonschema.Draft202012Validator(schema_of(of)) for of in ("Request", "Reply")}
    for vector in vectors():
        whole.validate(vector["object"])
        if vector["of"] in ("request", "reply"):
            parts[vector["of"].title()].validate(vector["object"])


def test_what_is_no_message_is_not():
    request = jsonschema.Draft202012Validator(schema_of("Request"))
    good = {"id": "x", "client": "c", "v": 1, "do": {"type": "cancel", "graph": "g1"}}
    assert request.is_valid(good)
    for bad in ({**good, "do": {"type": "cancel"}}, {**good, "do": {"type": "x"}}, {**good, "more": 1}, {"id": "x"}):
        assert not request.is_valid(bad)


def test_the_verb(cli, tmp_path):
    assert cli("schema", "--json").json == json.loads(json.dumps(whole_schema()))
    cli("schema", "-o", str(tmp_path / "wire.json"))
    assert json.loads((tmp_path / "wire.json").read_text()) == cli("schema").json
    assert cli("schema", "submit_graph").json["properties"]["type"]["enum"] == ["submit_graph"]
    assert "did you mean 'submit_graph'?" in cli("schema", "submit_graf", code=2).err
    assert {"submit_graph", "Request", "Event", "graph_accepted"} <= set(names())


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)
    return found


def test_node(cli, tmp_path):
    """The example, as it stands, against a real daemon."""
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    found = subprocess.run(["node", "-e", "require('zeromq')"], capture_output=True, cwd=tmp_path, check=False)
    if found.returncode:
        pytest.skip("node is here, and finds no zeromq: npm install zeromq, and NODE_PATH=…/node_modules")
    cli("up")
    (tmp_path / "client.js").write_text(block("js"))
    ran = subprocess.run(
        ["node", "client.js"], cwd=tmp_path, env=cli.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == ["submitted g1", "g1 done", "hello from node"]


def test_the_shell_line(cli, tmp_path):
    """A line for a shell that has nothing but this program, run as it stands."""
    program = os.path.dirname(PROGRAM)
    env = {**cli.env, "PATH": f"{program}:{os.environ['PATH']}"}
    cli("up")
    for line in block("sh").splitlines():
        ran = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, (line, ran.stderr)
    assert ran.stdout.endswith("\nhello from sh\n")
