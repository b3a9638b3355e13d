"""The Workforce with hosts that are small shell programs, and a timekeeper whose timers the test lets fire."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from orch_actors.actors import workforce as workforce_module
from orch_actors.actors.inside import HostAnswered, HostGone, HostsConfigured, HostSpoke, HostUp, ReleaseHost, WakeHost
from orch_actors.actors.workforce import FIRST_WAIT_S, LONGEST_WAIT_S, QUESTIONS, READY_WITHIN_S, HostRecord, Workforce
from orch_actors.protocol.hostwire import HostConfig, Ping
from orch_actors.protocol.settings import HostSettings

DEADLINE_S = 15.0
DEATHS = HostSettings().deaths
AT_ONCE = DEATHS // 2
ANSWER_S = HostSettings().patience / QUESTIONS
#: Lives until its stdin ends, as a host does.
LIVES = "cat >/dev/null"


def eventually(condition, why=""):
    until = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"not in time: {why}"
        time.sleep(0.005)
    return found


class FakeTimekeeper:
    """Keeps timers until the test fires them."""

    def __init__(self):
        self.armed = {}
        self.waits = []
        self._changed = threading.Condition()

    def arm(self, key, delay_s, call):
        with self._changed:
            self.armed[key] = call
            self.waits.append(delay_s)
            self._changed.notify_all()

    def disarm(self, key):
        self.armed.pop(key, None)

    def fire(self, key):
        self.armed.pop(key)()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.waits) >= count, DEADLINE_S), self.waits


class Crew:
    """A workforce, and what the supervisor would be told."""

    def __init__(self, program=LIVES):
        class Shells(Workforce):
            pass

        Shells.program = ("/bin/sh", "-c", program, "host")
        self.kind = Shells
        self.timekeeper = FakeTimekeeper()
        self.told, self.crashes, self.hosts = [], [], {}
        config = HostConfig(worker="", endpoint="ipc://x", name="", home="/h", journal="j", boot="b")
        self.asked = []
        self.ref = Shells.start(
            config,
            self.hosts,
            self.timekeeper,
            tell_supervisor=self.told.append,
            send=lambda host, message: self.asked.append((host, message)),
            on_crash=lambda *crash: self.crashes.append(crash),
        )

    @property
    def shell(self):
        return self.hosts["shell"]

    def do(self, message):
        """Send it, and return when it and all before it are handled."""
        self.ref.ask(message, timeout=DEADLINE_S)

    def wake(self, worker="shell"):
        self.do(WakeHost(worker))
        return self.hosts[worker]

    def ready(self):
        self.do(HostSpoke(self.shell.name))

    def due(self, worker="shell"):
        """Let the armed timer fire, and the message come in."""
        self.timekeeper.fire(("host", worker))
        self.do(HostSpoke("nobody"))

    def kill(self):
        """Kill the host, and wait until that is known."""
        count = len(self.told)
        os.kill(self.shell.process.pid, signal.SIGKILL)
        eventually(lambda: len(self.told) > count)
        self.do(HostSpoke("nobody"))

    def close(self):
        self.ref.stop()
        assert not self.crashes


@pytest.fixture
def crew():
    made = Crew()
    yield made
    made.close()


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] in b"ZX"
    except OSError:
        return True


def test_a_host_is_started_when_it_is_wanted_and_once(crew):
    assert crew.hosts == {}
    record = crew.wake()
    pid = record.process.pid
    assert (record.state, record.restarts) == ("starting", 0)
    crew.wake()
    crew.ready()
    crew.wake()
    assert record.process.pid == pid
    assert crew.told == [HostUp("shell", record.name)]


def test_it_is_told_all_that_it_must_know(tmp_path):
    crew = Crew(f'printf %s "$1" >"{tmp_path}/config"; cat >/dev/null')
    record = crew.wake("python")
    text = eventually(lambda: (tmp_path / "config").exists() and (tmp_path / "config").read_text())
    assert json.loads(text) == {
        "worker": "python", "endpoint": "ipc://x", "name": record.name, "home": "/h", "journal": "j", "boot": "b",
        "log_level": "INFO",
    }  # fmt: skip
    crew.close()


def test_each_type_has_a_host_of_its_own(crew):
    crew.wake("shell")
    crew.wake("python")
    crew.do(HostSpoke(crew.hosts["python"].name))
    assert {worker: record.state for worker, record in crew.hosts.items()} == {"shell": "starting", "python": "ready"}
    assert crew.told == [HostUp("python", crew.hosts["python"].name)]


def test_ready_is_told_once_and_the_watch_for_it_ends(crew):
    crew.wake()
    assert crew.timekeeper.waits == [READY_WITHIN_S]
    crew.ready()
    crew.ready()
    assert crew.told == [HostUp("shell", crew.shell.name)]
    assert crew.timekeeper.waits == [READY_WITHIN_S, ANSWER_S]


def test_a_host_that_was_given_up_on_is_not_heard_any_more(crew):
    earlier = crew.wake().name
    crew.ready()
    crew.kill()
    crew.due()
    crew.do(HostSpoke(earlier))
    assert crew.shell.state == "starting"
    assert crew.shell.name != earlier


def test_a_host_that_dies_is_replaced_at_once(crew):
    name = crew.wake().name
    crew.ready()
    crew.kill()
    assert crew.told[1:] == [HostGone("shell", name, crew.shell.reason)]
    assert crew.shell.reason == "its host was ended by SIGKILL"
    assert (crew.shell.state, crew.shell.process, crew.shell.restarts) == ("backoff", None, 1)
    assert crew.timekeeper.waits[-1] == 0.0
    crew.due()
    assert crew.shell.state == "starting"
    assert crew.shell.process is not None


def test_waking_does_not_jump_the_wait(crew):
    crew.wake()
    crew.kill()
    crew.wake()
    assert crew.shell.state == "backoff"


def many(crew, deaths=1_000, **more):
    crew.do(HostsConfigured(HostSettings(deaths=deaths, **more)))


def test_at_once_then_after_growing_waits(crew):
    many(crew, 30)
    crew.wake()
    for _ in range(15 + 9):
        crew.ready()
        crew.kill()
        crew.due()
    restarts = [wait for wait in crew.timekeeper.waits if wait not in (READY_WITHIN_S, ANSWER_S)]
    doubling = [FIRST_WAIT_S * 2**n for n in range(9)]
    assert restarts == [0.0] * 15 + [min(wait, LONGEST_WAIT_S) for wait in doubling]
    assert restarts[-1] == LONGEST_WAIT_S
    assert crew.shell.restarts == 15 + 9


def dies(crew, times):
    """So many hosts, one after the other."""
    for number in range(times):
        crew.ready()
        crew.kill()
        if crew.shell.state == "backoff" and number < times - 1:
            crew.due()


def test_with_its_budget_used_up_a_type_is_given_up(crew):
    other = crew.wake("python").process.pid
    crew.wake()
    dies(crew, DEATHS)
    gone_hosts = [told for told in crew.told if isinstance(told, HostGone)]
    assert [told.exhausted for told in gone_hosts] == [False] * (DEATHS - 1) + [True]
    assert gone_hosts[-1].why == crew.shell.reason
    assert f"its host died {DEATHS} times in 60 s; the last one was ended by SIGKILL" in crew.shell.reason
    assert "/h/logs/host-shell.log" in crew.shell.reason
    assert (crew.shell.state, crew.shell.process) == ("parked", None)
    assert ("host", "shell") not in crew.timekeeper.armed
    crew.wake()  # somebody asked before it was known
    assert crew.shell.state == "parked"
    assert not gone(other)


def test_what_is_released_has_its_budget_anew(crew):
    crew.wake()
    dies(crew, DEATHS)
    crew.do(ReleaseHost("shell"))
    assert (crew.shell.state, crew.shell.reason) == ("stopped", "")
    crew.wake()
    assert crew.shell.state == "starting"
    crew.ready()
    assert crew.told[-1] == HostUp("shell", crew.shell.name, careful=False)
    crew.kill()
    assert not crew.told[-1].exhausted
    assert crew.shell.state == "backoff"


def test_a_type_that_is_released_without_having_been_given_up_starts_nothing(crew):
    crew.do(ReleaseHost("shell"))
    assert crew.shell.state == "stopped"


def test_after_half_of_the_budget_a_host_is_to_be_treated_with_care(crew):
    crew.wake()
    careful = []
    for _ in range(DEATHS - 1):
        crew.ready()
        careful.append(crew.told[-1].careful)
        crew.kill()
        crew.due()
    assert careful == [False] * AT_ONCE + [True] * (DEATHS - 1 - AT_ONCE)


def test_the_budget_is_a_setting(crew):
    many(crew, 1)
    crew.wake()
    crew.kill()
    assert crew.told[-1].exhausted
    assert crew.shell.state == "parked"


def test_a_long_quiet_time_gives_the_budget_back(crew, monkeypatch):
    crew.wake()
    for _ in range(AT_ONCE):
        crew.kill()
        crew.due()
    later = time.monotonic() + HostSettings().within + 1
    monkeypatch.setattr(workforce_module.time, "monotonic", lambda: later)
    crew.kill()
    assert crew.timekeeper.waits[-1] == 0.0
    assert len(crew.shell.deaths) == 1


def test_one_type_in_trouble_leaves_the_others_alone(crew):
    other = crew.wake("python").process.pid
    crew.wake("shell")
    for _ in range(AT_ONCE + 2):
        crew.kill()
        crew.due()
    assert crew.hosts["python"].process.pid == other
    assert not gone(other)


def test_a_host_that_ends_at_once_is_a_death_like_any_other():
    crew = Crew("exit 3")
    crew.wake()
    for number in range(1, AT_ONCE + 2):
        eventually(lambda number=number: len(crew.told) == number)
        eventually(lambda: ("host", "shell") in crew.timekeeper.armed and crew.shell.state == "backoff")
        if number <= AT_ONCE:
            crew.due()
    assert "code 3" in crew.shell.reason
    assert crew.timekeeper.waits[-1] == FIRST_WAIT_S
    assert all(isinstance(told, HostGone) for told in crew.told)
    crew.close()


def test_a_host_that_never_gets_ready_is_ended_and_counts_as_dead(crew):
    pid = crew.wake().process.pid
    crew.due()
    eventually(lambda: crew.told)
    assert isinstance(crew.told[0], HostGone)
    assert crew.told[0].why == "its host did not get ready in 20 s"
    assert gone(pid)
    crew.due()
    assert crew.shell.state == "starting"


# --- signs of life --------------------------------------------------------------------------------------------------


def test_who_answers_lives(crew):
    pid = crew.wake().process.pid
    crew.ready()
    for number in range(3 * QUESTIONS):
        crew.due()
        assert crew.asked == [(crew.shell.name, Ping())] * (number + 1)
        crew.do(HostAnswered(crew.shell.name))
    assert crew.timekeeper.waits[1:] == [ANSWER_S] * (3 * QUESTIONS + 1)
    assert not gone(pid)


@pytest.mark.parametrize("stopped", [False, True])
def test_who_does_not_answer_for_its_whole_patience_is_ended_and_replaced(crew, stopped):
    pid = crew.wake().process.pid
    crew.ready()
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    for _ in range(QUESTIONS):
        crew.due()
        assert not gone(pid)
    crew.due()
    eventually(lambda: isinstance(crew.told[-1], HostGone))
    assert gone(pid)
    assert crew.told[-1].why == "its host did not answer for 30 s"
    crew.due()
    assert crew.shell.state == "starting"
    crew.kill()
    assert "the last one was ended by SIGKILL" in crew.shell.reason


def test_one_late_answer_is_enough(crew):
    """A supervisor that was stopped itself finds the timer due before the answers are read."""
    pid = crew.wake().process.pid
    crew.ready()
    for _ in range(QUESTIONS):
        crew.due()
    crew.do(HostAnswered("an earlier one"))
    crew.do(HostAnswered(crew.shell.name))
    for _ in range(QUESTIONS):
        crew.due()
    assert not gone(pid)


def test_patience_is_a_setting(crew):
    many(crew, patience=3.0)
    crew.wake()
    crew.ready()
    assert crew.timekeeper.waits[-1] == 3.0 / QUESTIONS


def test_a_timer_that_was_on_its_way_harms_no_host_that_is_ready(crew):
    pid = crew.wake().process.pid
    late = crew.timekeeper.armed[("host", "shell")]
    crew.ready()
    late()
    crew.do(HostSpoke("nobody"))
    assert not gone(pid)
    assert crew.shell.state == "ready"


def test_a_timer_of_an_earlier_host_neither_jumps_the_wait_nor_ends_the_next(crew):
    crew.wake()
    late = crew.timekeeper.armed[("host", "shell")]
    crew.kill()
    late()
    crew.do(HostSpoke("nobody"))
    assert crew.shell.state == "backoff"
    crew.due()
    pid = crew.shell.process.pid
    late()
    crew.do(HostSpoke("nobody"))
    assert not gone(pid)


def test_a_wait_that_is_over_late_does_not_shorten_the_next_one(crew):
    crew.wake()
    crew.kill()
    late = crew.timekeeper.armed[("host", "shell")]
    crew.due()
    crew.kill()
    late()
    crew.do(HostSpoke("nobody"))
    assert crew.shell.state == "backoff"


def test_a_host_that_cannot_be_started_is_tried_again_with_waits():
    crew = Crew()
    crew.kind.program = ("/nowhere/python",)
    crew.wake()
    for _ in range(AT_ONCE + 1):
        assert crew.shell.state == "backoff"
        assert "cannot be started" in crew.shell.reason
        crew.due()
    assert crew.timekeeper.waits[:5] == [0.0, 0.0, 0.0, FIRST_WAIT_S, FIRST_WAIT_S * 2]
    crew.kind.program = ("/bin/sh", "-c", LIVES, "host")
    crew.due()
    assert crew.shell.state == "starting"
    crew.ready()
    assert isinstance(crew.told[-1], HostUp)
    crew.close()


def test_stopping_lets_the_hosts_go(crew):
    pids = [crew.wake(worker).process.pid for worker in ("shell", "python")]
    crew.close()
    assert all(gone(pid) for pid in pids)
    assert not [told for told in crew.told if isinstance(told, HostGone)]


def test_a_host_that_does_not_go_is_ended(monkeypatch):
    crew = Crew("trap '' TERM; exec sleep 1000")
    pid = crew.wake().process.pid
    crew.close()
    assert gone(pid)


def test_the_host_sees_no_descriptor_of_ours_but_its_stdin(tmp_path):
    with open(tmp_path / "secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        crew = Crew(f'ls /proc/self/fd >"{tmp_path}/fds"; cat >/dev/null')
        crew.wake()
        eventually(lambda: (tmp_path / "fds").exists() and len((tmp_path / "fds").read_text().split()) >= 4)
        assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3"]  # 3 is what ls itself reads
        crew.close()


def test_a_record_begins_stopped():
    assert HostRecord().state == "stopped"
