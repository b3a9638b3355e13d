"""The scenario `review` of `stress run`, played by the real programs, while supervisor and worker hosts are killed."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from agent_stage import PATIENCE_S, Programs
from scripted_api import ScriptedApi

from orch_actors.stress.daemon import command_line

CODE = 'def greet(name):\n    return f"Hello, {name}!"\n'
SIGNED = f"{CODE}# reviewed\n"

#: Texts that stand in the prompts of the scenario → who answers.
ROUTES = {"You judge the work of somebody else": "judge", "Write the file greeting.py": "write"}


def verdict(outcome, signed, evidence, feedback=""):
    criteria = [
        {"id": "greets", "status": "met", "evidence": "it returns what it should"},
        {"id": "signed", "status": signed, "evidence": evidence},
    ]
    said = {"nonce": "{{nonce}}", "verdict": outcome, "criteria": criteria, "feedback": feedback}
    return {"call": "StructuredOutput", "input": said}


def scripts(folder):
    path = os.path.join(folder, "greeting.py")
    return {
        "write": [
            {"call": "write", "input": {"filePath": path, "content": CODE}},
            {"say": f"I wrote:\n{CODE}"},
            {"call": "write", "input": {"filePath": path, "content": SIGNED}},
            {"say": f"Now it is:\n{SIGNED}"},
        ],
        "judge": [
            verdict("fail", "unmet", "the last line is code", "add the comment # reviewed as the last line"),
            verdict("pass", "met", "the last line is # reviewed"),
        ],
    }


@pytest.fixture
def review(tmp_path):
    """Runs it; its report, and what the API was asked."""

    def run(*words):
        out = tmp_path / "out"
        with Programs() as programs, ScriptedApi(scripts(str(out)), routes=ROUTES) as api:
            settings = tmp_path / "agents.toml"
            settings.write_text(programs.settings(api))
            env = {**os.environ, "TMPDIR": programs.scratch}
            command = [*command_line(), "stress", "run", "review", "--json", "--settings", str(settings)]
            done = subprocess.run(
                [*command, "--out", str(out), *words],
                env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        assert "Traceback" not in done.stderr.decode(), done
        return json.loads(done.stdout), api.scripts

    return run


@pytest.mark.parametrize("words", [(), ("--kills", "3", "--seed", "1"), ("--kills", "12", "--seed", "2")])
def test_it_survives_kills_at_its_steps(review, words):
    report, asked = review(*words)
    assert report["ok"], {check["name"]: check["detail"] for check in report["checks"] if not check["ok"]}
    assert len(report["kills"]) == (int(words[1]) if words else 0)
    assert len(asked.of("write")) == 4  # nothing was asked again
    first, second = (prompt for prompt, _ in asked.of("judge")[::1][:2])
    assert "# reviewed" in first
    assert "add the comment" in second  # what earlier attempts were told
    assert Path(report["out"], "greeting.py").read_text() == SIGNED
