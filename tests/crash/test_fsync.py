"""A sync of the real daemon fails, as strace injects it: what comes of it is what the proof holds it against."""

import pytest

from orch_actors.stress.proofs import fsync


def test_the_fourth_sync_fails(tmp_path):
    if (why := fsync._impossible(str(tmp_path))) is not None:
        pytest.skip(why)
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    life = fsync._live(str(home), 4)
    assert life.code == 111
    assert life.failed_at is not None
    assert life.accepted
    assert all(sent_at < life.failed_at for sent_at, _ in life.accepted)
    assert fsync._lost(str(home), life) == []
