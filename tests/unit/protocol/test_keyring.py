"""Keys on disk: made once, listed, allowed, revoked; private, whole, and refused where they are not."""

import os
import stat

import pytest

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.keyring import (
    ClientKey,
    Keyring,
    Pair,
    check_new_name,
    is_key,
    load_client_key,
    parse_list,
    write_client_key,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def ring(tmp_path):
    return Keyring(str(tmp_path / "keys"))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_daemons_pair_is_made_once(ring, tmp_path):
    made = []

    def make():
        made.append(1)
        return A, B

    assert ring.server() is None
    assert ring.make_server(make) == ring.make_server(make) == ring.server() == Pair(A, B)
    assert made == [1]
    assert mode(tmp_path / "keys") == 0o700
    assert mode(tmp_path / "keys" / "server.json") == 0o600


def test_allow_and_revoke(ring):
    assert ring.allowed() == {}
    ring.allow("laptop", A)
    ring.allow("laptop", A)
    ring.allow("ci.runner-2", B)
    assert ring.allowed() == {"laptop": A, "ci.runner-2": B}
    assert mode(ring.list_file) == 0o600
    assert ring.revoke("laptop") == A
    assert ring.allowed() == {"ci.runner-2": B}
    ring.allow("laptop", C)
    assert list(ring.allowed()) == ["ci.runner-2", "laptop"]


@pytest.mark.parametrize(
    ("name", "key", "words"),
    [
        ("laptop", B, "another key"),
        ("other", A, "as laptop"),
        ("Laptop", B, "no name"),
        ("../x", B, "no name"),
        ("", B, "no name"),
        ("server", B, "no name"),
        ("allowed", B, "no name"),
        ("ok", "short", "no public key"),
        ("ok", A + "a", "no public key"),
        ("ok", "ä" * 40, "no public key"),
        ("ok", "a" * 39 + " ", "no public key"),
    ],
)
def test_what_is_not_allowed(ring, name, key, words):
    ring.allow("laptop", A)
    with pytest.raises(EnvironmentFault, match=words) as caught:
        ring.allow(name, key)
    assert caught.value.hint
    assert ring.allowed() == {"laptop": A}


def test_revoking_takes_the_key_file_along(ring):
    ring.allow("laptop", A)
    path = ring.client_file("laptop")
    write_client_key(path, ClientKey(name="laptop", endpoint="tcp://h:1", server=A, public=B, secret=C))
    ring.revoke("laptop")
    assert not os.path.exists(path)
    with pytest.raises(EnvironmentFault, match="no key is called 'laptop'"):
        ring.revoke("laptop")


def test_a_key_file_comes_back_as_it_was(tmp_path):
    key = ClientKey(name="laptop", endpoint="tcp://h:1", server=A, public=B, secret=C)
    path = str(tmp_path / "k.json")
    before = os.umask(0)
    try:
        write_client_key(path, key)
    finally:
        os.umask(before)
    assert load_client_key(path) == key
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["k.json"]


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o602])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path, bits):
    path = tmp_path / "k.json"
    write_client_key(str(path), ClientKey(name="n", endpoint="tcp://h:1", server=A, public=B, secret=C))
    path.chmod(bits)
    with pytest.raises(EnvironmentFault, match="open to others") as caught:
        load_client_key(str(path))
    assert caught.value.hint == f"make it private: chmod 600 {path}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path):
    path = tmp_path / "k.json"
    write_client_key(str(path), ClientKey(name="n", endpoint="tcp://h:1", server=A, public=B, secret=C))
    os.chown(path, 65534, 65534)
    with pytest.raises(EnvironmentFault, match="not yours"):
        load_client_key(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "nonsense",
        "[" * 10_000,
        f'{{"name": "n", "endpoint": "tcp://h:1", "server": "short", "public": "{B}", "secret": "{C}"}}',
        f'{{"name": "n", "endpoint": "tcp://h:1", "server": "{A}", "public": "{B}"}}',
    ],
)
def test_what_is_no_key_file(tmp_path, text):
    path = tmp_path / "k.json"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(EnvironmentFault, match=r"k\.json"):
        load_client_key(str(path))


def test_a_pipe_or_nothing_in_its_place(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "nothing", "."):
        with pytest.raises(EnvironmentFault):
            load_client_key(str(tmp_path / name))


@pytest.mark.parametrize("name", ["server.json", "allowed"])
def test_nothing_is_written_through_a_link(ring, tmp_path, name):
    os.mkdir(tmp_path / "keys", 0o700)
    os.symlink(tmp_path / "elsewhere", tmp_path / "keys" / name)
    with pytest.raises(EnvironmentFault):
        ring.make_server(lambda: (A, B)) if name == "server.json" else ring.allow("laptop", A)
    assert not (tmp_path / "elsewhere").exists()


def test_the_list_may_be_read_by_others_and_not_written(ring):
    ring.allow("laptop", A)
    os.chmod(ring.list_file, 0o644)
    assert ring.allowed() == {"laptop": A}
    os.chmod(ring.list_file, 0o646)
    with pytest.raises(EnvironmentFault, match="open to others"):
        ring.allowed()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a {A}\nb\n", 2),
        (f"a {A} x\n", 1),
        (f"a {A}\na {B}\n", 2),
        (f"../a {A}\n", 1),
        (f"a {A[:-1]}\n", 1),
        (f"\n\nA {A}\n", 3),
    ],
)
def test_a_list_that_makes_no_sense_is_no_list(text, line):
    with pytest.raises(EnvironmentFault, match=f"line {line} "):
        parse_list(text, "list")


def test_empty_lines_and_spaces_are_fine():
    assert parse_list(f"\n  a   {A}\n\n", "list") == {"a": A}


def test_every_character_of_a_key():
    assert is_key("0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?")
    assert is_key("&<>()[]{}@%$#klmnopqrstuvwxyzKLMNOPQRSTU")
    assert not is_key("a" * 39 + "~")


def test_names():
    check_new_name("ok")
    with pytest.raises(EnvironmentFault):
        check_new_name("a..b")
