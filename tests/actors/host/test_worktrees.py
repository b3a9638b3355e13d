"""Worktrees, end to end in a host, and what may go wrong around git."""

import os
import subprocess
from pathlib import Path

import pytest
from host_harness import FakeSupervisor, Host, eventually

from orch_actors.actors.worktrees import CLEAR, MAKE, worktree_of, worktrees_of
from orch_actors.protocol.hostwire import Launch, StartAttempt


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


@pytest.fixture
def repository(supervisor: FakeSupervisor) -> Path:
    """One with a commit, and a folder `sub`; the task's folder is that."""
    top = supervisor.cwd / "work"
    git("init", "-q", str(top))
    (top / "sub").mkdir()
    (top / "sub/text").write_text("one\n")
    (top / "prompt").write_text("not committed")
    git("add", "sub", at=top)
    commit(top, "1")
    return top


def git(*words: str, at: Path | str = "/") -> str:
    return subprocess.run(["git", "-C", str(at), *words], capture_output=True, text=True, check=True).stdout.strip()


def commit(at: Path | str, message: str) -> None:
    git("-c", "user.name=n", "-c", "user.email=e", "commit", "-qam", message, at=at)


def in_worktree(supervisor: FakeSupervisor, command: str, cwd: Path, *, task: str = "a", **more: object) -> Launch:
    own = worktree_of(str(supervisor.home / "attempts/0123456789ab/g1"), task)
    return supervisor.launch(command, cwd=str(cwd), worktree=own.path, branch=own.branch, **more)


def test_a_task_runs_in_its_own(supervisor: FakeSupervisor, host: Host, repository: Path) -> None:
    command = 'pwd; cat text; git branch --show-current; echo "$ORCH_BRANCH"; echo two > text; echo made > made'
    valid = {"files": ["made"], "command": "grep -q two text"}
    launch = in_worktree(supervisor, command, repository / "sub", validate=valid, artifacts=("made",))
    ended = host.run(launch)
    assert (ended.exit_code, ended.invalid) == (0, "")
    folder = f"{launch.worktree}/sub"
    assert supervisor.out(launch).splitlines() == [folder, "one", launch.branch, launch.branch]
    assert [file.path for file in ended.artifacts] == [f"{folder}/made"]
    assert (repository / "sub/text").read_text() == "one\n"
    again = in_worktree(supervisor, "cat text", repository / "sub")
    host.run(again)
    assert supervisor.out(again) == "two\n"


def test_what_there_can_be_none_of(supervisor: FakeSupervisor, host: Host, repository: Path) -> None:
    empty = supervisor.cwd / "empty"
    git("init", "-q", str(empty))
    new = repository / "new"
    new.mkdir()
    for cwd, task, words in (
        (supervisor.cwd, "b", "is in none: `git init` there and commit"),
        (empty, "c", "has none: commit first"),
        (new, "d", "commit " + str(new)),
    ):
        ended = host.run(in_worktree(supervisor, "true", cwd, task=task))
        assert (ended.ending, words in ended.message) == ("spawn", True), ended.message
    launch = in_worktree(supervisor, "true", repository, task="e", env={"PATH": str(empty)})
    assert "which is not on the task's PATH" in host.run(launch).message
    strange = in_worktree(supervisor, "true", repository, task="f")
    os.makedirs(strange.worktree)
    assert "what is at the worktree's place is none" in host.run(strange).message


def test_a_host_that_dies_while_it_is_made(supervisor: FakeSupervisor, repository: Path) -> None:
    """The next one begins again, and the command runs once."""
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repository}/seen; while [ -e {repository}/wait ]; do sleep 0.05; done\n")
    hook.chmod(0o755)
    (repository / "wait").touch()
    first = supervisor.start_host("shell")
    launch = in_worktree(supervisor, f"echo ran >> {repository}/effect", repository)
    first.send(StartAttempt(launch=launch))
    eventually((repository / "seen").exists, "git is at it")
    first.kill()
    assert not os.path.exists(launch.worktree)
    hook.unlink()
    (repository / "wait").unlink()
    second = supervisor.start_host("shell")
    assert second.run(launch).exit_code == 0
    assert (repository / "effect").read_text() == "ran\n"
    assert git("branch", "--show-current", at=launch.worktree) == launch.branch
    assert [name for name in os.listdir(os.path.dirname(launch.worktree)) if "=" in name] == []


# --- the two programs -------------------------------------------------------------------------------------------------


def make(repository: Path, folder: str, task: str) -> str:
    own = worktree_of(folder, task)
    subprocess.run(["sh", "-c", MAKE, "sh", str(repository), own.path, own.branch], check=True, capture_output=True)
    return own.path


def clear(folder: str) -> str:
    said = subprocess.run(["sh", "-c", CLEAR, "sh", *worktrees_of(folder)], check=True, capture_output=True, text=True)
    return said.stdout


def test_what_somebody_could_miss_stays(tmp_path: Path, supervisor: FakeSupervisor, repository: Path) -> None:
    folder = str(tmp_path / "attempts/0123456789ab/g1")
    tasks = ("same", "changed", "new", "committed", "merged", "switched", "a.lock", "rebasing", "torn")
    places = {name: Path(make(repository, folder, name)) for name in tasks}
    (places["changed"] / "sub/text").write_text("two\n")
    (places["new"] / "x").touch()
    for name in ("committed", "merged", "switched"):
        if name == "switched":
            git("switch", "-qc", "of-its-own", at=places[name])
        (places[name] / "sub/text").write_text(f"{name}\n")
        commit(places[name], name)
    git("merge", "-q", worktree_of(folder, "merged").branch, at=repository)
    (Path(git("rev-parse", "--absolute-git-dir", at=places["rebasing"])) / "rebase-merge").mkdir()
    torn = places["torn"] / ".git"
    torn.write_text("gitdir: /nowhere\n")
    said = clear(folder)
    assert {name for name, place in places.items() if place.exists()} == {
        "changed", "new", "committed", "rebasing", "torn",
    }  # fmt: skip
    assert len(said.splitlines()) == 5
    assert f"its commits are on no other branch: merge {worktree_of(folder, 'committed').branch}" in said
    branches = set(git("branch", "--format=%(refname:short)", at=repository).split())
    assert "of-its-own" in branches
    assert {name for name in tasks if worktree_of(folder, name).branch in branches} == {
        "changed", "new", "committed", "rebasing", "torn",
    }  # fmt: skip
    who = ("-c", "user.name=n", "-c", "user.email=e")
    git(*who, "merge", "-q", "--no-edit", "-X", "ours", worktree_of(folder, "committed").branch, at=repository)
    clear(folder)
    assert not places["committed"].exists()


def test_many_are_made_at_once(tmp_path: Path, supervisor: FakeSupervisor, repository: Path) -> None:
    folder = str(tmp_path / "attempts/0123456789ab/g1")
    owned = [worktree_of(folder, f"t{number}") for number in range(8)]
    running = [subprocess.Popen(["sh", "-c", MAKE, "sh", str(repository), *own]) for own in owned]
    assert [one.wait(60) for one in running] == [0] * 8
    assert len(git("worktree", "list", at=repository).splitlines()) == 9
    assert clear(folder) == ""
    assert not os.path.exists(worktrees_of(folder).path)
