"""docs/agents.md: its graph is one, its settings can be read."""

import re
from pathlib import Path

from orch_actors.protocol.settings import load_settings
from orch_actors.protocol.spec.load import check_file

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()


def test_its_graphs_are_accepted(tmp_path):
    workers = {}
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / "graph.yaml").write_text(block)
        _document, graph, _folder = check_file(str(tmp_path / "graph.yaml"), {})
        workers[graph.name] = [task.worker for task in graph.tasks]
    assert workers == {"review": ["opencode", "shell", "claude"], "apart": ["claude", "shell", "shell"]}


def test_its_settings_can_be_read(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "config.toml").write_text("\n".join(blocks))
    assert set(load_settings(str(tmp_path / "config.toml")).workers) == {"codex", "gemini"}
