"""The pilot's tasks on folders that hold anything."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from orch_actors.stress.scenarios.pilot import folders, largest, report, surveys, syntax

HERE = os.path.dirname(os.path.abspath(folders.__file__))

#: Linux takes any byte in a name but `/` and NUL; other file systems want UTF-8.
ODD = [
    "with space.py",
    "new\nline.py",
    "-dash.sh",
    "quote'\".json",
    "tab\t.toml",
    "$HOME `x`.py",
    "ünï✓.md",
    "|pipe|.py",
]
if sys.platform == "linux":
    ODD.append(os.fsdecode(b"bytes-\xff\xfe.py"))


@pytest.fixture
def odd(tmp_path):
    folder = tmp_path / "odd \n'folder'"
    folder.mkdir()
    for name in ODD:
        (folder / name).write_text("x = 1\n")
    os.symlink(".", folder / "loop")
    os.symlink("nowhere", folder / "dangling")
    os.mkfifo(folder / "fifo")
    (folder / ".git").mkdir()
    (folder / ".git" / "hidden.py").write_text("def (")
    return folder


def inventory(folder, out, **env):
    return subprocess.run(
        ["sh", os.path.join(HERE, "inventory.sh"), str(folder), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
        check=False,
    )


def survey(folder, out):
    """All six, as the graph would run them."""
    assert inventory(folder, out).returncode == 0
    for task in (surveys.languages, surveys.duplicates, syntax.check):
        task(str(folder), str(out))
    largest.main(str(folder), str(out))
    return report.write(str(folder), str(out))


def test_inventory_counts_entries_not_lines(odd, tmp_path):
    result = tmp_path / "result"
    done = inventory(odd, tmp_path / "out", ORCH_RESULT=str(result))
    assert done.returncode == 0
    found = json.loads((tmp_path / "out" / "inventory.json").read_text())
    assert found == json.loads(result.read_text()) == json.loads(done.stdout)
    assert found["files"] == len(ODD)
    assert found["links"] == 2
    assert found["other"] == 1
    assert found["folders"] == 0
    assert found["bytes"] == 6 * len(ODD)


def test_inventory_of_no_folder_fails_with_a_sentence(tmp_path):
    done = inventory(tmp_path / "none", tmp_path / "out")
    assert done.returncode == 2
    assert "is no folder" in done.stderr


def test_inventory_tells_empty_and_executable(tmp_path):
    folder = tmp_path / "f"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").touch()
    script = folder / "deep" / "run"
    script.write_text("x")
    script.chmod(0o755)
    inventory(folder, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "inventory.json").read_text())
    assert found == {"files": 2, "folders": 2, "links": 0, "other": 0, "bytes": 1, "empty": 1, "executable": 1}


def test_odd_names_all_the_way_to_the_report(odd, tmp_path):
    found = survey(odd, tmp_path / "out")
    assert found["files"] == len(ODD)
    text = (tmp_path / "out" / "health.md").read_text(encoding="utf-8")
    report.verify(text)
    assert "new\\\\nline.py" in text
    assert "\\|pipe\\|.py" in text
    # Nothing from outside makes a line, a heading or a column of its own.
    assert all(line.isprintable() for line in text.split("\n"))


def test_an_empty_folder(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    found = survey(folder, tmp_path / "out")
    assert found["files"] == found["lines"] == found["syntax_findings"] == 0


def test_links_are_not_followed_and_git_is_left_out(odd):
    walk = folders.looked_into(str(odd))
    names = sorted(os.path.basename(found.path) for found in walk.files())
    assert names == sorted(ODD)
    assert walk.left_out == [".git"]


def test_what_programs_made_is_left_out(tmp_path):
    for name, mark in (("venv", "pyvenv.cfg"), ("cache", "CACHEDIR.TAG"), ("node_modules", "x.js"), ("kept", "x.js")):
        (tmp_path / name).mkdir()
        (tmp_path / name / mark).write_text("x")
    walk = folders.looked_into(str(tmp_path))
    assert [found.shown for found in walk.files()] == ["kept/x.js"]
    assert sorted(walk.left_out) == ["cache", "node_modules", "venv"]


def test_the_folder_itself_may_be_marked(tmp_path):
    (tmp_path / "CACHEDIR.TAG").write_text("x")
    assert [found.shown for found in folders.looked_into(str(tmp_path)).files()] == ["CACHEDIR.TAG"]


#: Root reads everything, so root becomes nobody, once all is imported.
SURVEYS = """
import os, subprocess, sys
from orch_actors.stress.scenarios.pilot import largest, report, surveys, syntax
folder, out, inventory = sys.argv[1:]
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
done = subprocess.run(["sh", inventory, folder, out], cwd="/", check=True)
for task in (surveys.languages, surveys.duplicates, syntax.check, largest.main):
    task(folder, out)
print("unreadable", report.write(folder, out)["unreadable"])
"""


def test_unreadable_files_are_told_and_no_failure():
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        folder, out = os.path.join(place, "f"), os.path.join(place, "out")
        os.makedirs(os.path.join(folder, "closed"))
        os.mkdir(out)
        for name in ("a.py", "b.py"):
            with open(os.path.join(folder, name), "w") as file:
                file.write("x = 1\n")
            os.chmod(os.path.join(folder, name), 0)
        script = shutil.copy(os.path.join(HERE, "inventory.sh"), place)
        os.chmod(os.path.join(folder, "closed"), 0)
        os.chmod(place, 0o755)
        os.chmod(out, 0o777)
        try:
            command = [sys.executable, "-c", SURVEYS, folder, out, script]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            assert "closed" in done.stderr
            assert "unreadable 3\n" in done.stdout
            with open(os.path.join(out, "inventory.json"), encoding="utf-8") as file:
                assert json.load(file)["files"] == 2
            with open(os.path.join(out, "health.md"), encoding="utf-8") as file:
                assert "| closed |" in file.read()
        finally:
            os.chmod(os.path.join(folder, "closed"), 0o700)


@pytest.mark.parametrize("task", [surveys.languages, surveys.duplicates, syntax.check, largest.main])
def test_no_folder_is_a_sentence(task, tmp_path):
    with pytest.raises(NotADirectoryError, match="is no folder"):
        task(str(tmp_path / "none"), str(tmp_path / "out"))


def test_lines(tmp_path):
    (tmp_path / "a.py").write_bytes(b"one\n\n  \ntwo")
    (tmp_path / "b.PY").write_bytes(b"x\n")
    (tmp_path / "c.md").write_bytes(b"")
    (tmp_path / "d.bin").write_bytes(b"\0" * 10)
    (tmp_path / "long.txt").write_bytes(b"y" * (surveys.PIECE * 2 + 5) + b"\n" + b" " * (surveys.PIECE + 1))
    found = surveys.languages(str(tmp_path), str(tmp_path / "out"))
    rows = {row["language"]: (row["files"], row["lines"], row["filled"]) for row in found["languages"]}
    assert rows == {"Python": (2, 5, 3), "Markdown": (1, 0, 0), "Text": (1, 2, 1)}
    assert found["other_files"] == 1


def test_duplicates(tmp_path):
    content = b"z" * 5000
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "late-difference").write_bytes(content[:-1] + b"!")
    (tmp_path / "early-difference").write_bytes(b"!" + content[1:])
    os.link(tmp_path / "a", tmp_path / "hard-link")
    for name in ("empty-1", "empty-2"):
        (tmp_path / name).touch()
    found = surveys.duplicates(str(tmp_path), str(tmp_path / "out"))
    assert found["groups"] == [{"bytes": 5000, "files": ["a", "b", "c"]}]
    assert found["wasted_bytes"] == 10_000


GOOD = {
    "a.py": b"x = 1\n",
    "cookie.py": "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
    "script": b"#!/usr/bin/env python3\nprint()\n",
    "a.sh": b"if true; then :; fi\n",
    "tool": b"#!/bin/sh\n:\n",
    "a.json": b'{"a": [1]}',
    "a.toml": b'a = 1\r\nb = "x"\r\n',
    "a.yaml": b"a: [1, 2]\n---\nb: 1\n",
    "-n.sh": b"exit 9\n",
    "plain": b"def (",
    "a.txt": b"def (",
}
BAD = {
    "b.py": b"def (\n",
    "nul.py": b"x = 1\0\n",
    "deep.py": b"(" * 500 + b")" * 500,
    "bytes.py": b"x = '\xff'\n",
    "bscript": b"#!/usr/bin/python3 -I\ndef (\n",
    "b.sh": b"if true\n",
    "-b.sh": b"case\n",
    "b.json": b'{"a": }',
    "deep.json": b"[" * 100_000,
    "b.toml": b"a = \n",
    "bytes.toml": b"a = '\xff'\n",
    "b.yaml": b"a: [1\n",
    "tab.yml": b"a:\n\t- b\n",
}


def test_syntax(tmp_path):
    for name, content in {**GOOD, **BAD}.items():
        (tmp_path / name).write_bytes(content)
    found = syntax.check(str(tmp_path), str(tmp_path / "out"))
    assert sorted(finding["file"] for finding in found["findings"]) == sorted(BAD)
    assert all(finding["what"] for finding in found["findings"])
    assert sum(found["checked"].values()) == len(GOOD) + len(BAD) - 2
    assert found["not_checked"] == {}


def test_nothing_that_is_checked_is_run(tmp_path):
    flag = tmp_path / "flag"
    (tmp_path / "a.py").write_text(f"open({str(flag)!r}, 'w')\n")
    (tmp_path / "a.sh").write_text(f": > '{flag}'\n")
    syntax.check(str(tmp_path), str(tmp_path / "out"))
    assert not flag.exists()


def test_an_alias_bomb_is_harmless(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    assert syntax.check(str(tmp_path), str(tmp_path / "out"))["checked"] == {"yaml": 1}


def test_large_files_are_told_as_not_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(syntax, "LARGEST", 10)
    (tmp_path / "a.py").write_text("x = 1  # more than that\n")
    found = syntax.check(str(tmp_path), str(tmp_path / "out"))
    assert found["checked"] == {}
    assert sum(found["not_checked"].values()) == 1


def test_largest(tmp_path, capsys):
    for size in range(30):
        (tmp_path / f"f{size:02d}").write_bytes(b"x" * size)
    largest.main(str(tmp_path), str(tmp_path / "out"), "3")
    found = json.loads((tmp_path / "out" / "largest.json").read_text())
    assert [row["file"] for row in found["files"]] == ["f29", "f28", "f27"]
    assert "f29" in capsys.readouterr().out


def test_the_report_refuses_a_missing_part(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    survey(folder, tmp_path / "out")
    (tmp_path / "out" / "syntax.json").unlink()
    with pytest.raises(report.Incomplete, match="task syntax"):
        report.write(str(folder), str(tmp_path / "out"))
    (tmp_path / "out" / "syntax.json").write_text("[]")
    with pytest.raises(report.Incomplete, match="holds no object"):
        report.write(str(folder), str(tmp_path / "out"))


@pytest.mark.parametrize("title", report.SECTIONS)
def test_verify_sees_a_section_that_is_missing_empty_or_doubled(title):
    whole = "".join(f"## {name}\n\ntext\n\n" for name in report.SECTIONS)
    report.verify(whole)
    for broken in (
        whole.replace(f"## {title}\n\ntext\n", ""),
        whole.replace(f"## {title}\n\ntext\n", f"## {title}\n\n"),
        whole + f"## {title}\n\ntext\n",
    ):
        with pytest.raises(report.Incomplete, match=title):
            report.verify(broken)


def test_findings_are_handed_on_whole_or_not_at_all(tmp_path):
    with pytest.raises(TypeError):
        folders.hand_on(str(tmp_path), "x", {"bad": object()})
    assert not (tmp_path / "x.json").exists()
