"""The package's face: every name is there, and costs nothing until it is named."""

import importlib
import subprocess
import sys

import pytest

import orch_actors.protocol as face

#: What a verb of the command line must not pay for.
HEAVY = {"asyncio", "logging", "subprocess", "yaml", "pykka", "loguru", "typer", "dataclasses", "socket", "tomllib"}


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", face.__all__)
def test_every_name_is_there(name):
    assert getattr(face, name).__name__ == name
    assert name in dir(face)


def test_the_table_and_the_list_agree():
    assert sorted(name for names in face._EXPORTS.values() for name in names) == sorted(face.__all__)
    for module, names in face._EXPORTS.items():
        loaded = importlib.import_module(f"orch_actors.protocol.{module}")
        assert all(vars(loaded)[name] is getattr(face, name) for name in names)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        face.nonsense  # noqa: B018


def test_the_package_alone_imports_nothing():
    assert not {"zmq", "msgspec"} & modules_after("import orch_actors.protocol")


def test_the_plain_client_is_light():
    bare = modules_after("import zmq, msgspec")
    after = modules_after("from orch_actors.protocol.client import Client; Client('/tmp/x').close()")
    assert {"zmq", "msgspec"} <= after
    assert not HEAVY & (after - bare)
    assert not {name for name in after if name.startswith("orch_actors.protocol.spec")}
