"""Write the golden files of this version.

    python tests/golden/make.py            where there are none yet
    python tests/golden/make.py --again    over those that are there: only until the version is released

The inputs are fixed (story.py, attempts.py, frames.py), clock and ids included, so that the same code writes the same.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from golden.attempts import records
from golden.frames import vectors
from golden.state import attempts_state, journal_state
from golden.story import Story, files_of
from loguru import logger

from orch_actors.protocol.version import VERSION

HERE = Path(__file__).parent


def folder_of(version):
    """Of all versions that differ in the last number alone."""
    return HERE / f"v{version.rpartition('.')[0]}"


def write(folder):
    """All of it, into a folder that is there and empty."""
    for name, files in (("journal", files_of(Story().tell())), ("attempts", records())):
        (folder / name).mkdir()
        for file, data in files.items():
            (folder / name / file).write_bytes(data)
    lines = (json.dumps(vector, ensure_ascii=False) for vector in vectors())
    (folder / "frames.jsonl").write_text("".join(f"{line}\n" for line in lines))
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(folder / "journal", f"{scratch}/journal")  # opening may change it
        expected = {"journal": journal_state(f"{scratch}/journal"), "attempts": attempts_state(folder / "attempts")}
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (folder / "expected.json").write_text(f"{text}\n")


def main():
    logger.disable("orch_actors")
    parser = argparse.ArgumentParser(prog="python tests/golden/make.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--again", action="store_true", help="over what is there; only until the version is released")
    asked = parser.parse_args()
    folder = folder_of(VERSION)
    if folder.exists() and not asked.again:
        parser.error(f"{folder} is there; golden files of a released version are never made again")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(folder)
    print(f"{folder}: " + ", ".join(sorted(path.name for path in folder.rglob("*") if path.is_file())))


if __name__ == "__main__":
    main()
