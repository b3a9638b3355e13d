"""`keys`, and the command line of a client elsewhere: another home, another folder, nothing but a key file."""

import json
import os
import stat

import pytest

from orch_actors.protocol.client import Client

from .conftest import eventually


def free_port():
    """One whose neighbour is free, too."""
    import socket

    while True:
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    pass
            except OSError:
                continue
        return port


@pytest.fixture
def listening(cli):
    """A home whose daemon listens by tcp once it is up."""
    cli.port = free_port()
    with open(os.path.join(cli.home, "config.toml"), "w") as file:
        file.write(f'[listen]\ntcp = "tcp://127.0.0.1:{cli.port}"\n')
    return cli


def elsewhere(cli, tmp_path, file):
    """What the environment of the client has: no home of ours."""
    return {"ORCH_ACTORS_HOME": str(tmp_path / "no-home"), "ORCH_ACTORS_KEY_FILE": str(file)}


def test_from_new_to_revoke(listening, tmp_path):
    cli = listening
    refused = cli("up", code=100)
    assert "no key is allowed to come there" in refused.err
    assert "orch-actors keys new NAME" in refused.err
    file = tmp_path / "laptop.json"
    made = cli("keys", "new", "laptop", "-o", str(file), "--json").json
    assert (made["name"], made["endpoint"], made["allowed"]) == ("laptop", f"tcp://127.0.0.1:{cli.port}", True)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    cli("up")
    env = elsewhere(cli, tmp_path, file)
    assert cli("run", "--", "sh", "-c", "echo far", cwd=tmp_path, **env).code == 0
    assert cli("logs", "g1", **env).out == "far\n"
    assert cli("--key-file", str(file), "status", "--json").json["supervisor"]["home"] == cli.home
    assert cli("submit", "--json", "--", "true", cwd=tmp_path, **env).json["graph"] == "g2"
    assert not os.path.exists(env["ORCH_ACTORS_HOME"])
    with Client(key_file=str(file)) as client:
        assert client.hello().pid == cli.pid()

    listed = cli("keys", "list", "--json").json
    assert listed["listen"] == [f"tcp://127.0.0.1:{cli.port}", f"tcp://127.0.0.1:{cli.port + 1}"]
    assert [(key["name"], key["public"]) for key in listed["allowed"]] == [("laptop", made["public"])]
    assert "laptop" in cli("keys", "list").out

    assert "kept out" in cli("keys", "revoke", "laptop").out
    with Client(key_file=str(file), timeout_s=0.5) as client:
        eventually(lambda: not answers(client))
    assert "nobody may come" in cli("keys", "list").out


def answers(client):
    from orch_actors.protocol.errors import Refused, Unavailable

    try:
        client.hello()
    except (Refused, Unavailable):
        return False
    return True


def test_a_graph_file_for_a_daemon_elsewhere(listening, tmp_path, write):
    cli = listening
    file = tmp_path / "k.json"
    cli("keys", "new", "k", "-o", str(file))
    with open(os.path.join(cli.home, "config.toml"), "a") as config:
        config.write('[workers.special]\nkind = "shell"\n')
    cli("up")
    env = elsewhere(cli, tmp_path, file)
    path = write("name: far\nparams: {word: {}}\ntasks: [{id: a, worker: special, command: 'echo ${params.word}'}]\n")
    assert cli("run", path, "--param", "word=said", **env).code == 0
    assert cli("logs", "far", **env).out == "said\n"
    bad = write("name: far\ntasks: [{id: a, comand: x}]\n", "bad.yaml")
    assert "comand" in cli("submit", bad, code=4, **env).err
    assert "dry run" in cli("submit", path, "--param", "word=x", "--dry-run", **env).out.lower()


def test_the_secret_never_leaves_the_client(cli, tmp_path):
    server = cli("keys", "new", "first", "--json").json["server"]
    file = tmp_path / "own.json"
    words = ("keys", "new", "own", "--server", server, "--endpoint", "tcp://far:7447", "-o", str(file))
    out = cli(*words, ORCH_ACTORS_HOME=str(tmp_path / "other")).out
    key = json.loads(file.read_text())
    assert "orch-actors keys allow own" in out
    assert not os.path.exists(tmp_path / "other")
    assert "may come" in cli("keys", "allow", "own", key["public"]).out
    assert [found["name"] for found in cli("keys", "list", "--json").json["allowed"]] == ["first", "own"]
    assert key["secret"] not in out


def test_to_stdout(cli):
    key = cli("keys", "new", "k", "-o", "-", "--endpoint", "tcp://far:1").json
    assert (key["name"], key["endpoint"], len(key["secret"])) == ("k", "tcp://far:1", 40)
    assert key["secret"] not in cli("keys", "list").out + cli("keys", "list", "--json").out
    for folder, _, names in os.walk(cli.home):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert key["secret"].encode() not in file.read()


def test_without_an_output_it_stays_in_the_home(cli):
    out = cli("keys", "new", "k").out
    path = os.path.join(cli.home, "keys", "k.json")
    assert path in out
    assert "does not listen by TCP yet" in out
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    cli("keys", "revoke", "k")
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new", "K"), 100, "no name for a key"),
        (("new", "../k"), 100, "no name for a key"),
        (("new",), 2, "missing argument"),
        (("new", "k", "-o", "/nowhere/k.json"), 100, "cannot be written"),
        (("new", "k", "--server", "short", "--endpoint", "tcp://h:1", "-o", "-"), 2, "no public key"),
        (("new", "k", "--server", "a" * 40), 2, "--server is for a daemon elsewhere"),
        (("allow", "k", "short"), 100, "no public key"),
        (("revoke", "k"), 100, "no key is called 'k'"),
        (("lst",), 2, "did you mean 'list'"),
    ],
)
def test_what_is_wrong(cli, words, code, said):
    ran = cli("keys", *words, code=code)
    assert said in ran.err
    assert "hint: " in ran.err
    if words[0] == "new":
        assert "nobody may come" in cli("keys", "list").out


def test_twice_is_once(cli):
    public = cli("keys", "new", "k", "--json").json["public"]
    assert "another key" in cli("keys", "new", "k", code=100).err
    cli("keys", "allow", "k", public)
    assert len(cli("keys", "list", "--json").json["allowed"]) == 1


def test_what_is_for_the_daemons_machine_is_not_done_from_elsewhere(cli, tmp_path):
    file = tmp_path / "k.json"
    cli("keys", "new", "k", "-o", str(file))
    for words in (("up",), ("down",), ("config", "path"), ("keys", "list")):
        ran = cli(*words, code=2, ORCH_ACTORS_KEY_FILE=str(file))
        assert "on which the daemon runs" in ran.err
    assert "both a home and a daemon elsewhere" in cli("--home", "/x", "--key-file", str(file), "status", code=2).err
    assert "no key file" in cli("--endpoint", "tcp://127.0.0.1:1", "status", code=100).err
    os.chmod(file, 0o644)
    assert "chmod 600" in cli("--key-file", str(file), "status", code=100).err
    assert cli("--home", cli.home, "status", code=3, ORCH_ACTORS_KEY_FILE=str(file))  # a home that is typed is meant
