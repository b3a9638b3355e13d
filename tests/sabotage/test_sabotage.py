"""The sabotages fit the code as it is, the quick ones are caught, and the runner can tell what was not.

All of them: `python tests/sabotage`.
"""

import ast
import dataclasses
import subprocess

import pytest
from sabotage.runner import ROOT, Copy, Misapplied, chosen_of, faults_before, judged, sabotaged
from sabotage.sabotages import FAST, SABOTAGES, Sabotage


@pytest.fixture(scope="module")
def copy():
    with Copy() as made:
        yield made


def names_in(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_each_fits_the_code_and_names_tests_that_there_are(sabotage):
    source = (ROOT / sabotage.path).read_text()
    changed = sabotaged(source, sabotage)
    assert changed != source
    ast.parse(changed)
    for test in sabotage.tests:
        path, _, function = test.partition("::")
        assert (ROOT / path).exists()
        assert not function or function in names_in(ROOT / path)


def test_there_are_enough_and_no_two_alike():
    assert len(SABOTAGES) >= 10
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES)


def test_the_quick_ones_are_caught(copy):
    chosen = chosen_of(list(FAST))
    assert faults_before(copy, chosen) == []
    for sabotage in chosen:
        outcome = copy.try_out(sabotage)
        assert outcome.verdict == "caught", outcome
        assert outcome.said.startswith("FAILED tests/")
        assert (copy.tree / sabotage.path).read_text() == (ROOT / sabotage.path).read_text()


HARMLESS = Sabotage(
    name="harmless",
    breaks="nothing",
    path="actors/journal/disk.py",
    old="            os.fdatasync(fd)\n",
    new="            os.fdatasync(fd)  # nothing is broken\n",
    tests=("tests/unit/journal/test_disk.py",),
)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "SURVIVED"),
        ({"old": "no such text"}, "FAULTY"),
        ({"old": "os"}, "FAULTY"),
        ({"new": "            os.fdatasync(fd\n"}, "FAULTY"),
        ({"tests": ("tests/unit/journal/test_disk.py::test_of_nothing",)}, "FAULTY"),
    ],
    ids=["survives", "not there", "there often", "no Python", "no tests"],
)
def test_what_is_not_caught_is_told(copy, changes, verdict):
    outcome = copy.try_out(dataclasses.replace(HARMLESS, **changes))
    assert outcome.verdict == verdict, outcome
    assert (copy.tree / HARMLESS.path).read_text() == (ROOT / HARMLESS.path).read_text()


def test_tests_that_are_red_anyhow_prove_nothing(copy):
    broken = copy.tree / "tests/unit/journal/test_disk.py"
    text = broken.read_text()
    broken.write_text(text + "\n\ndef test_red():\n    assert False\n")
    try:
        (fault,) = faults_before(copy, (HARMLESS,))
    finally:
        broken.write_text(text)
    assert fault.startswith("red without any sabotage: FAILED")


def test_names_that_there_are_not():
    with pytest.raises(LookupError, match="there is no sabotage 'x'"):
        chosen_of(["x"])
    with pytest.raises(Misapplied, match="stands 0 times"):
        sabotaged("", HARMLESS)
    assert chosen_of([]) == SABOTAGES


def test_a_verdict_by_exit_code():
    def ended(code, text=""):
        return judged(subprocess.CompletedProcess([], code, text, ""))

    assert ended(0) == ("SURVIVED", "its tests are green")
    assert ended(1, "x\nFAILED a::b - c\n") == ("caught", "FAILED a::b - c")
    assert ended(2, "ERROR a.py\n") == ("FAULTY", "pytest ended with 2: ERROR a.py")
    assert ended(5) == ("FAULTY", "pytest ended with 5: nothing was said")
