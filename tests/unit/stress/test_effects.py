"""The file in which tasks say what they did."""

import pytest

from orch_actors.stress.effects import FILE, Effect, most_at_once, parse, read_effects


def test_lines_are_read_in_order(tmp_path):
    (tmp_path / FILE).write_text("g1/a/1 begin\ng1/a.b-c/12 begin\ng1/a/1 end\n")
    assert read_effects(str(tmp_path)) == [Effect("a", 1, "begin"), Effect("a.b-c", 12, "begin"), Effect("a", 1, "end")]


def test_no_file_means_nothing_was_done(tmp_path):
    assert read_effects(str(tmp_path)) == []


@pytest.mark.parametrize("line", ["", "g1/a/1", "g1/a/1 began", "g1/a begin", "g1/a/x begin", "g1/a/1 begin end"])
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match="is no effect"):
        parse(line)


def test_most_at_once():
    def marks(text):
        return [Effect(name.lower(), 1, "begin" if name.islower() else "end") for name in text]

    assert most_at_once([]) == 0
    assert most_at_once(marks("aAbB")) == 1
    assert most_at_once(marks("abAB")) == 2
    assert most_at_once(marks("abAcCB")) == 2
    # c never ended: it was killed, when is not known.
    assert most_at_once(marks("cabAB")) == 2
