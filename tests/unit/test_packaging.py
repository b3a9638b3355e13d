"""pyproject.toml against the tree: what is built is what is there, under our own name alone."""

import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import orch_actors.protocol.version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
TOPS = ("actors", "cli", "protocol", "stress")


def folders_with_code() -> set[str]:
    """The packages in the tree, by the names that they have installed."""
    inits = [init for top in TOPS for init in (ROOT / top).rglob("__init__.py")]
    return {"orch_actors." + ".".join(init.parent.relative_to(ROOT).parts) for init in inits}


def files_without_code() -> list[Path]:
    found = [path for top in TOPS for path in (ROOT / top).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return [path for path in found if path.suffix != ".py"]


def tracked() -> list[str]:
    """What git knows, deleted files aside; outside a checkout there is nothing to hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in os.fsdecode(listed).split("\0") if name and os.path.lexists(ROOT / name)]


def test_every_package_is_listed():
    assert sorted(SETUPTOOLS["packages"]) == sorted(folders_with_code())


def test_every_folder_with_python_is_a_package():
    loose = {path.parent for top in TOPS for path in (ROOT / top).rglob("*.py")}
    assert [folder for folder in loose if not (folder / "__init__.py").exists()] == []


def test_what_is_no_code_is_packaged_too():
    patterns = SETUPTOOLS["package-data"]["*"]
    assert [path for path in files_without_code() if not any(fnmatch(path.name, one) for one in patterns)] == []
    assert [path for path in files_without_code() if not (path.parent / "__init__.py").exists()] == []


def test_only_orch_actors_is_installed():
    assert sorted(SETUPTOOLS["package-dir"]) == [f"orch_actors.{top}" for top in TOPS]
    assert all(name.startswith("orch_actors.") for name in SETUPTOOLS["packages"])


def test_the_top_level_is_the_four_packages_and_what_tools_need():
    tops = {name.partition("/")[0] for name in tracked()}
    files = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
    allowed = {*TOPS, "tests", "typings", "docs", *files}
    assert {name for name in tops if not name.startswith(".")} <= allowed


def test_type_checkers_see_the_installed_names():
    links = ROOT / "typings" / "orch_actors"
    if not links.exists():
        pytest.skip("not in an sdist")
    assert sorted(os.listdir(links)) == sorted(TOPS)
    assert all((links / top).resolve() == ROOT / top for top in TOPS)


def test_the_program_is_there():
    (program,) = [one for one in entry_points(group="console_scripts") if one.name == "orch-actors"]
    assert callable(program.load())
    assert PROJECT["project"]["scripts"] == {"orch-actors": program.value}


def test_one_version():
    assert version("orch-actors") == orch_actors.protocol.version.VERSION


def test_the_changelog_tells_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert orch_actors.protocol.version.VERSION in headings


def test_development_takes_newer_tools():
    upper = [line for line in PROJECT["project"]["optional-dependencies"]["dev"] if re.search(r"<|==|~=", line)]
    assert upper == []


def test_nothing_of_ours_is_importable_without_our_name(tmp_path):
    program = f"from importlib.util import find_spec; print([str(find_spec(top)) for top in {TOPS}])"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in ran.stdout


#: Put together, so that this file does not contain what it looks for.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?:^|[^a-z.~])/(?:wor" + "k|far" + "m|ro" + r"ot)/",
            "pytho" + "nhosted",
            "py" + r"pi\.org",
            "np" + r"mjs\.org",
            "deb" + r"ian\.org",
            "crat" + r"es\.io",
        ]
    )
)


def test_no_path_of_a_machine_and_no_host_of_a_registry():
    found = []
    for name in tracked():
        path = ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            found += [f"{name}:{number}: {line.strip()[:120]}"] if FOREIGN.search(line) else []
    assert found == []


def test_the_check_for_foreign_paths_finds():
    assert FOREIGN.search("open('/wor" + "k/data/x')")
    assert FOREIGN.search("https://files.pytho" + "nhosted.org/x")
    assert not FOREIGN.search("a framework/part, ./work/ and /home/me")
