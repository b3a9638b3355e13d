"""The campaign of power cuts: it finds nothing in the code as it is, and everything that is broken on purpose."""

import re
from collections import Counter

import msgspec
import pytest

from orch_actors.actors.answers import Answers
from orch_actors.actors.compaction import compacting
from orch_actors.actors.journal import opening
from orch_actors.actors.journal.retiring import remove_segments
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery import history, replaying
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.supervisor import Supervisor
from orch_actors.stress.powercut import campaign
from orch_actors.stress.powercut.campaign import COUNTED, run_campaign
from orch_actors.stress.powercut.disk import CrashDisk


def test_nothing_is_lost():
    found = run_campaign(200, 0)
    assert found.faults == ()
    counts = found.counts
    assert counts["power cuts"] >= 200
    assert sum(number for what, number in counts.items() if what.startswith("… in")) == counts["power cuts"]
    never = [what for what in COUNTED if not counts[what]]
    seldom = {"… in rename", "… in remove", "… in make folder", "stops for want of room"}
    assert set(never) <= seldom, "something that is counted never happens"
    assert list(counts) == list(COUNTED)


def test_a_seed_gives_the_same_again_and_one_history_can_be_run_alone():
    def counts(seed, number):
        counted = Counter()
        assert campaign.run_history(seed, number, counted) == []
        return counted

    assert counts(5, 3) == counts(5, 3)
    assert counts(5, 3) != counts(5, 4)
    alone = run_campaign(10**9, 5, only=3)
    assert (alone.histories, alone.counts) == (1, dict.fromkeys(COUNTED, 0) | counts(5, 3))


# --- broken on purpose: each must be found, and by what it breaks ---------------------------------------------------


COMMIT = Supervisor._commit
FINISH = Replay.finish
PIECES, WRITE_MANIFEST = compacting.pieces_of, compacting.write_manifest


def told_early(supervisor):
    """Replies before the journal."""
    replies, supervisor._out.replies = supervisor._out.replies, []
    for origin, body in replies:
        supervisor._desk.reply(origin, body)
    COMMIT(supervisor)


def published_early(supervisor):
    told, supervisor._out.told = supervisor._out.told, []
    supervisor._desk.publish(told)
    COMMIT(supervisor)


def performed_early(supervisor):
    effects, supervisor._out.effects = supervisor._out.effects, []
    for effect in effects:
        supervisor._desk.perform(effect, supervisor._hosts, supervisor._machine.state)
    COMMIT(supervisor)


def performed_twice(supervisor):
    effects = list(supervisor._out.effects)
    COMMIT(supervisor)
    for effect in effects:
        supervisor._desk.perform(effect, supervisor._hosts, supervisor._machine.state)


def flush_without_sync(journal):
    data = b"".join(journal._pending)
    journal._disk.append(journal._fd, data)
    journal._pending.clear()
    journal._size += len(data)
    journal._durable = journal._last


def replay_that_forgets_answers(replay):
    came = FINISH(replay)
    came.answers._table.clear()
    return came


def replay_that_decides_anew(replay):
    """Commands in the last lines are taken for undecided."""
    came = FINISH(replay)
    for line in replay.lines[-6:]:
        if line.t == "command":
            came.unprocessed[line.s] = msgspec.json.decode(line.d, type=history.CommandLine)
    return came


def segments_gone_early(disk, folder, manifest):
    remove_segments(disk, folder, range(1, manifest.snapshots[0].segment + 1))
    WRITE_MANIFEST(disk, folder, manifest)


def without_answers(state, _answers, unprocessed):
    return PIECES(state, Answers(), unprocessed)


def does_nothing(*_):
    return None


def says_no(*_):
    return False


#: Where, what, instead of which, and how it must be found.
BROKEN = {
    "answers before the sync": (Supervisor, "_commit", told_early, "was answered, while"),
    "publishes before the sync": (Supervisor, "_commit", published_early, "was published, while"),
    "acts before the sync": (Supervisor, "_commit", performed_early, "was started, while"),
    "acts twice": (Supervisor, "_commit", performed_twice, "was started twice"),
    "a batch is not synced": (Journal, "_flush", flush_without_sync, "lines are lost|refused to open"),
    "the folder is not synced": (CrashDisk, "sync_folder", does_nothing, "lines are lost|refused to open"),
    "the folders above are not synced": (Journal, "_sync_ancestors", does_nothing, "lines are lost"),
    "what nobody vouches for is not written again": (CrashDisk, "overwrite", does_nothing, "are lost|refused to open"),
    "tails are not cut": (CrashDisk, "truncate", does_nothing, "refused to open"),
    "half-made segments are refused": (opening, "_is_half_made", says_no, "refused to open"),
    "known commands are executed again": (Answers, "find", does_nothing, "and later"),
    "answers are forgotten": (Replay, "finish", replay_that_forgets_answers, "now it is known as None"),
    "decided commands are decided again": (Replay, "finish", replay_that_decides_anew, "and later|is the outcome of"),
    "segments go before the manifest": (compacting, "write_manifest", segments_gone_early, "refused to open"),
    "a snapshot lacks the answers": (compacting, "pieces_of", without_answers, "now it is known as None"),
    "facts are forgotten": (replaying, "fold_or_pass_over", does_nothing, "there are|refused to open"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(monkeypatch, name):
    where, what, instead, how = BROKEN[name]
    monkeypatch.setattr(where, what, instead)
    fault = next(fault for number in range(200) for fault in campaign.run_history(7, number, Counter()))
    assert re.search(how, fault), fault
