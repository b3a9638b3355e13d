"""What a verb does not need, it does not import."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Without `site`: an editable install's own finder imports pathlib, an installed package does not.
_START = """
import sys
sys.path[:0] = [{typings!r}, {packages!r}]
from orch_actors.cli.entry import main
code = main({words!r})
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def _imported(words, code):
    program = _START.format(typings=str(ROOT / "typings"), packages=sysconfig.get_path("purelib"), words=words)
    ran = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return set(ran.stderr.splitlines()[-1].split())


HEAVY = {"typer", "click", "rich", "pathlib", "subprocess", "shutil", "logging", "asyncio"}


@pytest.mark.parametrize("file", ["graph.yaml", None])
def test_submit_stays_light(tmp_path, file):
    """Up to the place where it would start talking: nobody listens, and it must not start anybody."""
    words = ["submit", "--home", str(tmp_path / "home"), "--no-start"]
    if file:
        (tmp_path / file).write_text("name: x\ntasks: [{id: a, command: 'true'}]\n")
        words.append(str(tmp_path / file))
    else:
        words += ["--", "true"]
    assert _imported(words, 3) & HEAVY == set()


def test_the_client_stays_light():
    program = f"import sys; sys.path[:0] = [{str(ROOT / 'typings')!r}, {sysconfig.get_path('purelib')!r}]\n"
    program += "import orch_actors.protocol.client\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert not set(ran.stdout.split()) & HEAVY


def test_version_imports_next_to_nothing():
    assert _imported(["--version"], 0) & (HEAVY | {"zmq", "msgspec", "yaml"}) == set()
    # Whether a daemon runs is a matter of one socket; its client is loaded where one does.
    imported = _imported(["version"], 0)
    assert imported & (HEAVY | {"zmq", "yaml", "orch_actors.protocol.client"}) == set()


def test_a_verb_loads_no_other_verb(tmp_path):
    imported = _imported(["status", "--home", str(tmp_path / "home")], 3)
    verbs = {name for name in imported if name.startswith("orch_actors.cli.verbs.")}
    assert verbs == {"orch_actors.cli.verbs.status"}
    assert "orch_actors.stress" not in imported
    assert "rich" not in imported
