"""Symbolic links where an attempt's files should be: nothing is started, read or written through one."""

import os

import pytest
from host_harness import FakeSupervisor, Host


@pytest.mark.parametrize("worker", ["shell", "python"])
@pytest.mark.parametrize("suffix", [".jsonl", ".out", ".err"])
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_nothing_goes_through_a_link(supervisor: FakeSupervisor, worker: str, suffix: str, there: bool) -> None:
    host: Host = supervisor.start_host(worker)
    work = {"command": "echo ran > ran"} if worker == "shell" else {"script": "open('ran', 'w')\n"}
    launch = supervisor.launch(work)
    elsewhere = supervisor.folder / "elsewhere"
    if there:
        elsewhere.write_text("mine\n")
    os.symlink(elsewhere, supervisor.file(launch, suffix))
    ended = host.run(launch)
    assert ended.ending == "spawn"
    assert ended.message
    if suffix == ".jsonl":
        assert "symbolic link" in ended.message
    assert not (supervisor.cwd / "ran").exists()
    assert elsewhere.exists() is there
    assert not there or elsewhere.read_text() == "mine\n"
    assert host.run(supervisor.launch(work)).exit_code == 0
