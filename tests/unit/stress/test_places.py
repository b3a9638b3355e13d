"""The places of `stress crash` against the code: no module reaches the system in a way that no cell tries."""

import ast
from pathlib import Path

import pytest

from orch_actors.stress.crash.cells import all_cells, calls, least_cells, sample
from orch_actors.stress.rigged.places import BY_NAME, FAULTS, PLACES

ROOT = Path(__file__).parents[3]

#: Functions by which something reaches the disk, or another process.
REACHING = {
    "os.write", "os.pwrite", "os.writev", "os.open", "os.fsync", "os.fdatasync", "os.ftruncate", "os.truncate",
    "os.rename", "os.replace", "os.link", "os.symlink", "os.mkdir", "os.makedirs", "os.posix_spawn", "os.fork",
    "os.posix_fallocate", "os.unlink", "os.remove", "fcntl.flock", "subprocess.Popen", "subprocess.run",
    "shutil.rmtree", "shutil.copyfile", "shutil.move", "spawning.posix_spawn",
}  # fmt: skip

#: (module, function) → why no cell fails there.
EXEMPT = {
    ("actors.archivist", "os.open"): "reads what an attempt left, for a client",
    ("actors.archivist", "shutil.rmtree"): "files of forgotten graphs; errors are passed over",
    ("actors.clearing", "subprocess.run"): "git, on what is forgotten; what it does not remove stays",
    ("actors.context.reading", "os.open"): "reads what an attempt left, for those that come after",
    ("actors.process.boot", "subprocess.run"): "where there is no /proc",
    **{
        (f"actors.courier.{module}", function): "the courier, a client beside the daemon: an error ends it, and another"
        " one goes on where the daemon knows it was; tests/unit/test_courier.py, tests/e2e/test_courier.py"
        for module, functions in {
            "__main__": ("fcntl.flock", "os.open"),
            "files": ("os.makedirs", "os.open", "os.rename", "os.unlink"),
            "inbox": ("os.open", "os.replace"),
            "outbox": ("os.fdatasync", "os.open", "os.replace", "os.write"),
            "troubles": ("os.open",),
            "whole": ("os.fsync", "os.open", "os.replace", "os.unlink"),
            "targets": ("os.fdatasync", "os.open", "os.write", "subprocess.Popen", "subprocess.run"),
        }.items()
        for function in functions
    },
    ("actors.recovery.forerunner", "subprocess.Popen"): "of a long journal only; without it all is read here:"
    " tests/actors/test_forerunner.py",
    ("actors.courier.keeper", "subprocess.Popen"): "the courier; where it cannot be started, it is tried again",
    ("actors.process.ending", "os.write"): "wakes our own thread",
    ("actors.gateway.outbox", "os.write"): "wakes our own thread",
    ("actors.host.agents.driver", "os.replace"): "an attempt's own program, not the host",
    ("actors.host.agents.driver", "os.write"): "the same",
    ("actors.host.agents.driver", "subprocess.Popen"): "the same",
    ("actors.host.agents.job", "os.replace"): "an agent's attempt, as a whole file or not at all",
    ("actors.host.agents.versions", "os.replace"): "what is remembered of a program, as a whole file or not at all",
    ("actors.host.agents.versions", "subprocess.run"): "asks a program for its version",
    ("actors.host.artifacts", "os.open"): "reads what an attempt left; what cannot be read is no artifact",
    (
        "actors.host.artifacts",
        "os.write",
    ): "a copy; one that cannot be made fails the attempt: unit/host/test_artifacts.py",
    **{
        ("actors.host.copies", function): "the same"
        for function in ("os.makedirs", "os.mkdir", "os.open", "shutil.rmtree")
    },
    ("actors.host.checker", "os.open"): "reads, in a process of its own",
    ("actors.host.link", "os.write"): "wakes our own thread",
    ("actors.host.leavings", "os.unlink"): "what a file of an attempt before may have left",
    ("actors.process.logfile", "os.open"): "a log that cannot be written is done without",
    ("actors.host.runner.runner", "os.replace"): "a task's result, by the task's own process",
    ("actors.host.secrets", "os.open"): "reads",
    ("actors.host.spawning", "os.posix_spawn"): "what `spawning.posix_spawn` is where there is no Linux",
    ("actors.host.stop", "subprocess.run"): "where there is no /proc",
    ("actors.host.unnamed", "os.mkdir"): "for the log, which is done without, and what a runner or a validation prints",
    ("actors.host.unnamed", "os.open"): "for what a runner or a validation prints",
    ("actors.host.unnamed", "os.unlink"): "the same",
    ("actors.host.validation", "os.open"): "reads what a validation has said",
    ("actors.inspection.doctor.errands", "fcntl.flock"): "asks whether a courier holds it",
    ("actors.inspection.doctor.errands", "os.open"): "reads",
    ("actors.inspection.doctor.programs", "subprocess.Popen"): "asks a program for its version",
    ("actors.journal.swapping", "os.makedirs"): "no daemon runs: tests/unit/inspection/test_rescue.py",
    ("actors.journal.swapping", "shutil.rmtree"): "the same",
    ("protocol.homes", "os.unlink"): "sockets that are left",
}


def reached() -> set[tuple[str, str]]:
    """(module, function) of all that daemon and hosts call."""
    found = set()
    for path in [*(ROOT / "actors").rglob("*.py"), ROOT / "protocol" / "homes.py"]:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (function := ast.unparse(node.func)) in REACHING:
                found.add((module, function))
    return found


def listed() -> set[tuple[str, str]]:
    return {(place.module.removeprefix("orch_actors."), place.function) for place in PLACES}


def test_every_way_out_is_a_place_or_an_exception_with_a_reason():
    assert sorted(reached() - listed() - set(EXEMPT)) == []


def test_no_exception_is_left_over():
    assert sorted(set(EXEMPT) - reached()) == []


def test_no_place_is_left_over():
    functions = {place for place in listed() if not place[1].startswith("send:")}
    assert sorted(functions - reached()) == []
    assert len(BY_NAME) == len(PLACES)


def test_modules_that_send_are_places():
    senders = {place.module for place in PLACES if place.kind == "send"}
    assert senders == {"orch_actors.actors.gateway.sockets", "orch_actors.actors.host.link"}
    imports = [
        path
        for path in (ROOT / "actors").rglob("*.py")
        if any(isinstance(n, ast.Import) and n.names[0].name == "zmq" for n in ast.walk(ast.parse(path.read_text())))
    ]
    found = {"orch_actors." + ".".join(p.relative_to(ROOT).with_suffix("").parts) for p in imports}
    assert found - {"orch_actors.actors.gateway.gateway"} == senders, "the gateway's sockets are made in sockets.py"


@pytest.mark.parametrize(("count", "wanted"), [(0, [1]), (1, [1]), (2, [1]), (5, [1, 3]), (20, [1, 7, 14])])
def test_the_calls_to_fail_at(count, wanted):
    assert calls(count) == wanted


def test_there_is_a_cell_for_every_fault_in_every_place():
    cells = all_cells(dict.fromkeys(BY_NAME, 20))
    assert {(cell.place.name, cell.fault) for cell in cells} == {
        (place.name, fault) for place in PLACES for fault in place.faults()
    }
    assert len({cell.name for cell in cells}) == len(cells) == 3 * least_cells()
    assert all(cell.fault in FAULTS[cell.place.kind] or cell.fault == "EAGAIN" for cell in cells)


def test_a_sample_is_seeded_and_goes_round_the_places_first():
    cells = all_cells(dict.fromkeys(BY_NAME, 20))
    assert sample(cells, 10, 1) == sample(cells, 10, 1)
    assert sample(cells, 10, 1) != sample(cells, 10, 2)
    assert len(sample(cells, 10, 1)) == 10
    assert {cell.place.name for cell in sample(cells, len(PLACES), 3)} == set(BY_NAME)
    assert sample(cells, 10_000, 1) == cells
