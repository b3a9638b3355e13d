"""What a process costs: measured on real ones."""

import os
import subprocess
import sys
import time

import pytest

from orch_actors.stress.bench.idle import Memory, _clock_text, cpu_s, memory_of, total_memory


@pytest.fixture
def gone():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait(60)
    return process.pid


def test_memory_of_this_process():
    found = memory_of(os.getpid())
    assert found.rss >= found.pss > 1 << 20
    assert total_memory([os.getpid(), os.getpid()]).rss > found.rss


def test_a_process_that_is_gone(gone):
    with pytest.raises(OSError, match=str(gone)):
        memory_of(gone)
    with pytest.raises(OSError, match=str(gone)):
        cpu_s(gone)
    assert total_memory([gone]) == Memory(rss=0, pss=0)


def test_cpu_counts_work_and_not_waiting():
    before, own_before = cpu_s(os.getpid()), time.process_time()
    while time.process_time() - own_before < 0.2:
        sum(range(10_000))
    assert cpu_s(os.getpid()) - before >= 0.15


@pytest.mark.parametrize(("text", "seconds"), [("0:01.50", 1.5), ("01:02:03", 3723.0), ("2-00:00:01", 172801.0)])
def test_the_clock_of_ps(text, seconds):
    assert _clock_text(text) == seconds
