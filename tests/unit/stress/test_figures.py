"""Figures: medians, ratios, bounds."""

import pytest

from orch_actors.stress.bench.figures import Bound, bars, figure, quantile, rounded
from orch_actors.stress.bench.long_run import peaks


def test_medians_and_ratio():
    found = figure("f", "ms", {"ours": [1, 9, 2], "bare": [1, 1, 4], "other": [3]}, bound=Bound("ratio", 2.0))
    assert (found.value, found.reference, found.reference_name, found.ratio) == (2, 1, "bare", 2)
    assert found.others == {"other": 3}
    assert found.rounds == (1, 9, 2)
    assert found.ok is True
    assert found.bound == "≤ 2× reference"


@pytest.mark.parametrize(
    ("bound", "value", "reference", "ok"),
    [
        (Bound("ratio", 2.0), 2.1, 1.0, False),
        (Bound("ratio", 0.3, at_least=True), 29, 100, False),
        (Bound("ratio", 0.3, at_least=True), 31, 100, True),
        (Bound("value", 6.0), 6.1, 100, False),
        (Bound("value", 6.0), 5.9, 0.1, True),
    ],
)
def test_bounds(bound, value, reference, ok):
    assert figure("f", "x", {"ours": [value], "r": [reference]}, bound=bound).ok is ok


def test_a_bound_on_a_ratio_without_a_reference_does_not_hold():
    assert figure("f", "x", {"ours": [1.0]}, bound=Bound("ratio", 2.0)).ok is False


def test_without_a_bound_there_is_no_verdict():
    found = figure("f", "x", {"ours": [1.0]})
    assert found.ok is None
    assert found.bound == ""
    assert found.ratio is None


def test_nothing_measured_is_a_fault():
    with pytest.raises(ValueError, match="nothing was measured"):
        figure("f", "x", {"ours": [], "r": [1.0]})


def test_a_curve_has_the_highest_of_each_stretch():
    samples = [(10, 1.0), (20, 5.0), (30, 2.0), (40, 2.0), (50, 3.0)]
    assert peaks(samples, 3) == [(20, 5.0), (40, 2.0), (50, 3.0)]
    assert peaks(samples, 100) == samples
    assert peaks([], 3) == []


def test_bars_begin_at_zero():
    assert bars([(1, 2.0), (2, 4.0), (3, 0.0)], 4) == ["##", "####", ""]
    assert bars([], 4) == []
    assert bars([(1, 0.0)], 4) == [""]


def test_quantile():
    values = list(range(100, 0, -1))
    assert quantile(values, 0.5) == 51
    assert quantile(values, 0.95) == 96
    assert quantile([7.0], 0.95) == 7.0


def test_rounded():
    assert rounded(123456.0) == 123500.0
    assert rounded(0.00123456) == 0.001235
