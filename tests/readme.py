"""The README, taken apart."""

import itertools
import re
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language):
    """The fenced blocks of a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language}"
    return found


def table(heading):
    """The rows of the table whose first column has this heading."""
    lines = iter(TEXT.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |") and next(lines).startswith("|---"):
            break
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    found = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert found, f"no table {heading}"
    return found
