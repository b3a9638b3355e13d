"""How a daemon is reached: what goes together, what wins, and where events are."""

import pytest

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.keyring import ClientKey, write_client_key
from orch_actors.protocol.reach import is_by_tcp, reach

KEY = ClientKey(name="n", endpoint="tcp://far:7447", server="a" * 40, public="b" * 40, secret="c" * 40)


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch, tmp_path):
    for name in ("ORCH_ACTORS_ENDPOINT", "ORCH_ACTORS_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORCH_ACTORS_HOME", str(tmp_path / "home"))


@pytest.fixture
def file(tmp_path):
    path = str(tmp_path / "k.json")
    write_client_key(path, KEY)
    return path


def test_a_home(tmp_path):
    assert reach(str(tmp_path)).endpoint == Home(str(tmp_path)).commands
    assert reach().endpoint == Home(str(tmp_path / "home")).commands
    assert not is_by_tcp()


def test_a_key_file_says_where_to(file):
    found = reach(key_file=file)
    assert (found.endpoint, found.key) == ("tcp://far:7447", KEY)


def test_an_endpoint_is_worth_more(file):
    assert reach(endpoint="tcp://near:1", key_file=file).endpoint == "tcp://near:1"


def test_the_environment_counts_where_nothing_is_named(file, monkeypatch, tmp_path):
    monkeypatch.setenv("ORCH_ACTORS_KEY_FILE", file)
    assert reach().endpoint == "tcp://far:7447"
    monkeypatch.setenv("ORCH_ACTORS_ENDPOINT", "tcp://near:1")
    assert reach().endpoint == "tcp://near:1"
    assert is_by_tcp()
    assert reach(str(tmp_path)).key is None  # a home that is named is meant


def test_ipc_by_endpoint():
    assert reach(endpoint="ipc:///run/x.sock").endpoint == "ipc:///run/x.sock"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"endpoint": "tcp://near:1"}, "no key file"),
        ({"home": "/h", "endpoint": "tcp://near:1"}, "a home and an endpoint"),
        ({"home": "/h", "key_file": "FILE"}, "a home and an endpoint"),
        ({"endpoint": "ipc:///x", "key_file": "FILE"}, "is not tcp"),
        ({"endpoint": "tcp://near", "key_file": "FILE"}, "no endpoint"),
        ({"endpoint": "tcp://*:7447", "key_file": "FILE"}, "no endpoint"),
        ({"endpoint": "tcp://a b:7447", "key_file": "FILE"}, "no endpoint"),
        ({"key_file": "/nowhere.json"}, "cannot be read"),
    ],
)
def test_what_does_not_go_together(file, given, words):
    with pytest.raises(EnvironmentFault, match=words) as caught:
        reach(**{name: file if value == "FILE" else value for name, value in given.items()})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("endpoint", "told", "events"),
    [
        ("tcp://far:7447", "tcp://*:7448", "tcp://far:7448"),
        ("tcp://[::1]:7447", "tcp://*:9", "tcp://[::1]:9"),
        ("tcp://127.0.0.1:1", "tcp://0.0.0.0:2", "tcp://127.0.0.1:2"),
    ],
)
def test_events_are_where_the_commands_were_reached(file, endpoint, told, events):
    assert reach(endpoint=endpoint, key_file=file).events(told) == events


def test_over_ipc_events_are_where_the_daemon_says(tmp_path):
    assert reach(str(tmp_path)).events("ipc:///x") == "ipc:///x"


def test_variables(file, tmp_path):
    there, here = reach(key_file=file), reach(str(tmp_path))
    assert there.variables(None) == {}
    assert there.variables({"PATH": "/x"}) == here.variables({"PATH": "/x"}) == {"PATH": "/x"}
    assert here.variables(None) is None
