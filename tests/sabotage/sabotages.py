"""What is broken on purpose: the safety of one promise each, by a small change of the code; and what must see it.

A sabotage is data. `old` must stand in the file exactly once (test_sabotage.py holds that), `tests` are the fastest
that ought to turn red. The place for a new one: an entry here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """A change that breaks a promise."""

    name: str
    #: What can happen then.
    breaks: str
    path: str
    old: str
    new: str
    #: pytest's node ids.
    tests: tuple[str, ...]


WRITER, OPENING = "actors/journal/writer.py", "actors/journal/opening.py"
READING = "actors/journal/reading.py"
DISK, RECORD = "actors/journal/disk.py", "actors/journal/record.py"
SUPERVISOR, DAEMON = "actors/supervisor.py", "actors/daemon.py"
REPLAYING, ANSWERS = "actors/recovery/replaying.py", "actors/answers.py"
SNAPSHOTS, COMPACTING = "actors/journal/snapshots.py", "actors/compaction/compacting.py"
CLAIM, TASK = "actors/host/record.py", "actors/host/task.py"
HANDLERS = "actors/core/handlers"

TEST_WRITER, TEST_OPENING = "tests/unit/journal/test_writer.py", "tests/unit/journal/test_opening.py"
TEST_SUPERVISOR, TEST_ANSWERS = "tests/actors/test_supervisor.py", "tests/unit/test_answers.py"
TEST_CLAIM, TEST_ATTEMPTS = "tests/actors/host/test_record.py", "tests/crash/test_attempts.py"
RESCUE, TEST_RESCUE = "actors/inspection/rescue.py", "tests/unit/inspection/test_rescue.py"
TEST_CANARY = "tests/e2e/test_secrets.py::test_the_canary"
TEST_MATRIX = "tests/crash/test_matrix.py"
TEST_ORDER = "tests/unit/test_compacting.py::test_the_manifest_is_on_disk_before_anything_goes"
TEST_POWERCUT = "tests/property/test_powercut.py::test_nothing_is_lost"

#: Those that a short run tries: of different kinds, and quick.
FAST = ("no fdatasync", "no chain", "the home is not locked")

SABOTAGES = (
    # --- what is said to be on disk is not ---------------------------------------------------------------------------
    Sabotage(
        "no fdatasync",
        "an accepted command is lost in a power cut",
        DISK,
        "            os.fdatasync(fd)\n",
        "            pass\n",
        ("tests/unit/journal/test_disk.py",),
    ),
    Sabotage(
        "a folder is not synced",
        "a whole segment is lost in a power cut, with its name",
        DISK,
        "            os.fsync(fd)\n",
        "            pass\n",
        ("tests/unit/journal/test_disk.py",),
    ),
    Sabotage(
        "a batch is not synced",
        "an accepted command is lost in a power cut",
        WRITER,
        "            self._append(data)\n        self._disk.sync(self._fd)\n",
        "            self._append(data)\n",
        (f"{TEST_WRITER}::test_a_batch_is_one_write_and_one_sync",),
    ),
    Sabotage(
        "a new segment's header is not synced",
        "a segment whose records are on disk has no beginning",
        WRITER,
        "self._first = self._last + 1\n        self._disk.sync(self._fd)\n",
        "self._first = self._last + 1\n",
        (TEST_POWERCUT, f"{TEST_WRITER}::test_a_disk_that_lets_no_journal_begin_is_told_plainly"),
    ),
    Sabotage(
        "a new segment's entry is not synced",
        "a whole segment is lost in a power cut, with its name",
        WRITER,
        "        self._disk.sync_folder(self._folder)\n\n    def close(",
        "\n    def close(",
        (f"{TEST_WRITER}::test_a_new_journal_syncs_its_file_its_folder_and_all_folders_above",),
    ),
    Sabotage(
        "the folders above are not synced",
        "a new home is lost in a power cut, with all that was accepted",
        WRITER,
        "                journal._sync_ancestors()\n",
        "",
        (f"{TEST_WRITER}::test_a_new_journal_syncs_its_file_its_folder_and_all_folders_above",),
    ),
    Sabotage(
        "a sync that failed is tried again",
        "what the page cache has dropped is acknowledged",
        WRITER,
        "and not self.full:\n                self._rotate(next_event)\n        except OSError as error:\n"
        "            self._poisoned = JournalPoisoned(self._path, error)\n"
        "            raise self._poisoned from error\n",
        "and not self.full:\n                self._rotate(next_event)\n        except OSError as error:\n"
        "            raise JournalPoisoned(self._path, error) from error\n",
        (f"{TEST_WRITER}::test_a_failed_write_or_sync_poisons_for_good",),
    ),
    Sabotage(
        "the page cache is trusted after a failed sync",
        "what never left it is built upon, and lost in a power cut",
        WRITER,
        "        self._disk.overwrite(self._path, self._size - len(found.unproven), found.unproven)\n",
        "",
        (f"{TEST_WRITER}::test_what_a_failed_sync_may_have_left_in_the_cache_alone_is_written_again",),
    ),
    Sabotage(
        "the watermark runs ahead",
        "a torn batch that nobody was promised keeps the daemon from starting",
        WRITER,
        "encode_line(self._last + 1, self._durable, self._crc, kind, data)",
        "encode_line(self._last + 1, self._last, self._crc, kind, data)",
        (f"{TEST_OPENING}::test_each_line_carries_the_watermark_of_its_batch_and_the_crc_before_it",),
    ),
    # --- damage is not seen ------------------------------------------------------------------------------------------
    Sabotage(
        "no checksum",
        "a flipped bit becomes another fact",
        RECORD,
        '    if b"%08x" % zlib.crc32(line[:-TAIL_BYTES]) != crc:\n',
        "    if False:\n",
        ("tests/unit/journal/test_record.py::test_any_one_flipped_bit_or_missing_byte_shows",),
    ),
    Sabotage(
        "no chain",
        "a line that was replaced by another passes",
        READING,
        "        if line.s != self.last + 1 or line.p != self.crc:\n",
        "        if line.s != self.last + 1:\n",
        (
            f"{TEST_OPENING}::test_lines_that_were_moved_are_found",
            f"{TEST_OPENING}::test_a_line_of_another_journal_is_found",
        ),
    ),
    Sabotage(
        "no chain from segment to segment",
        "a segment that is missing or of elsewhere passes",
        READING,
        "        if header.prev != self.crc or header.first != self.last + 1:\n",
        "        if header.first != self.last + 1:\n",
        (f"{TEST_OPENING}::test_a_header_that_does_not_follow_is_found",),
    ),
    Sabotage(
        "no checksums of a block",
        "a flipped bit becomes another fact, where lines are read many at a time",
        READING,
        '            "".join(crcs) != _summed_up(raws)\n            or ',
        "            ",
        (f"{TEST_OPENING}::test_every_flipped_byte_is_detected_or_was_never_promised",),
    ),
    Sabotage(
        "what was read for us is taken on its word",
        "a segment that was read by a second process, and is of elsewhere, passes",
        "actors/recovery/forerunner.py",
        " or digest.before != at:\n",
        ":\n",
        ("tests/actors/test_forerunner.py::test_a_segment_of_another_journal_is_not_taken_on_its_word",),
    ),
    Sabotage(
        "the watermark is not looked at",
        "a damaged line that was promised is cut off as if it were a torn tail",
        READING,
        "        if promised > self.last:\n",
        "        if False:\n",
        (f"{TEST_OPENING}::test_every_flipped_byte_is_detected_or_was_never_promised",),
    ),
    Sabotage(
        "older segments may be cut",
        "promised lines in the middle of the journal are dropped in silence",
        READING,
        "        if not self.newest or number == 1:\n",
        "        if number == 1:\n",
        (f"{TEST_OPENING}::test_every_flipped_byte_is_detected_or_was_never_promised",),
    ),
    Sabotage(
        "any segment may be half-made",
        "a newest segment with records is put aside",
        OPENING,
        "    if RECORD_START.search(data) is not None:\n        return False\n",
        "",
        (f"{TEST_OPENING}::test_every_flipped_byte_is_detected_or_was_never_promised",),
    ),
    Sabotage(
        "a newer version is opened",
        "what this version does not know is taken for what it knows",
        RECORD,
        "        if version != FORMAT_VERSION:\n",
        "        if version < 1:\n",
        (f"{TEST_OPENING}::test_a_newer_version_is_never_opened",),
    ),
    Sabotage(
        "a torn tail stays",
        "the next line is written behind half a line, and the journal does not open again",
        WRITER,
        "        self._disk.truncate(self._fd, self._size)\n",
        "",
        (f"{TEST_OPENING}::test_a_tail_that_nobody_was_promised_is_cut_and_kept",),
    ),
    Sabotage(
        "a torn tail is not kept",
        "what was cut off cannot be looked at",
        WRITER,
        "        elif found.torn:\n",
        "        elif False:\n",
        (f"{TEST_OPENING}::test_a_tail_that_nobody_was_promised_is_cut_and_kept",),
    ),
    # --- what was compacted away is missed ---------------------------------------------------------------------------
    Sabotage(
        "a snapshot is not synced",
        "one counts that a power cut tears",
        SNAPSHOTS,
        "        size += held + len(line)\n        disk.sync(fd)\n",
        "        size += held + len(line)\n",
        (TEST_ORDER,),
    ),
    Sabotage(
        "the entry of a snapshot is not synced",
        "a manifest names what a power cut takes away",
        SNAPSHOTS,
        "    disk.rename(path + UNFINISHED, path)\n    disk.sync_folder(folder)\n",
        "    disk.rename(path + UNFINISHED, path)\n",
        (TEST_ORDER,),
    ),
    Sabotage(
        "old snapshots go before the manifest",
        "a power cut leaves a manifest that names none that is there",
        COMPACTING,
        "    write_manifest(disk, folder, manifest)\n    _remove_unnamed(disk, folder, manifest)\n",
        "    _remove_unnamed(disk, folder, manifest)\n    write_manifest(disk, folder, manifest)\n",
        (TEST_ORDER,),
    ),
    Sabotage(
        "no generation is kept",
        "where the newest snapshot is broken, the segments are gone that the one before needs",
        COMPACTING,
        "        before=before[0].segment if before else 0,\n",
        "        before=entry.segment,\n",
        ("tests/unit/test_compacting.py::test_one_after_the_other_and_the_one_before_is_kept",),
    ),
    Sabotage(
        "a broken snapshot is taken as it is",
        "a state comes back that never was",
        SNAPSHOTS,
        "        if part.p != crc:\n",
        "        if False:\n",
        ("tests/unit/test_compacting.py::test_every_line_of_a_snapshot_has_its_place",),
    ),
    Sabotage(
        "what a consumer has not acknowledged goes",
        "a reader that was promised every event misses some",
        SUPERVISOR,
        "min(wanted, self._head - bounds.events + 1)",
        "self._head - bounds.events + 1",
        ("tests/actors/test_compactor.py::test_what_a_consumer_has_not_acknowledged_is_kept_for_it",),
    ),
    Sabotage(
        "a reader that comes too late is told nothing",
        "it takes what is left for all that there was",
        "actors/views/queries.py",
        "    if since + 1 < events.start:\n",
        "    if False:\n",
        ("tests/unit/test_queries.py::test_events_that_are_gone",),
    ),
    # --- the world learns of what may be lost ------------------------------------------------------------------------
    Sabotage(
        "answered before the sync",
        "a client is told that its command is on disk, and it is not",
        SUPERVISOR,
        "        self._journal.commit(self._head + 1)\n        out, self._out = self._out, Outbound()\n"
        "        for origin, body in out.replies:\n            self._desk.reply(origin, body)\n",
        "        out, self._out = self._out, Outbound()\n"
        "        for origin, body in out.replies:\n            self._desk.reply(origin, body)\n"
        "        self._journal.commit(self._head + 1)\n",
        (f"{TEST_SUPERVISOR}::test_nothing_goes_out_before_it_is_durable",),
    ),
    Sabotage(
        "published before the sync",
        "an event is told that never was",
        SUPERVISOR,
        "        self._journal.commit(self._head + 1)\n        out, self._out = self._out, Outbound()\n",
        "        self._desk.publish(self._out.told)\n        self._out.told = []\n"
        "        self._journal.commit(self._head + 1)\n        out, self._out = self._out, Outbound()\n",
        (f"{TEST_SUPERVISOR}::test_nothing_goes_out_before_it_is_durable",),
    ),
    Sabotage(
        "started before the sync",
        "an attempt runs that the journal does not know, and runs again",
        SUPERVISOR,
        "        self._journal.commit(self._head + 1)\n        out, self._out = self._out, Outbound()\n",
        "        for effect in self._out.effects:\n"
        "            self._desk.perform(effect, self._hosts, self._machine.state)\n        self._out.effects = []\n"
        "        self._journal.commit(self._head + 1)\n        out, self._out = self._out, Outbound()\n",
        (f"{TEST_SUPERVISOR}::test_a_host_is_asked_only_once_the_start_is_durable",),
    ),
    Sabotage(
        "a query is answered at once",
        "a reader hears of what may still be lost",
        SUPERVISOR,
        "        self._answer(origin, what)\n\n    def after(",
        "        self._desk.reply(origin, self._desk.encode_reply(origin, what))\n\n    def after(",
        (f"{TEST_SUPERVISOR}::test_a_query_waits_for_the_batch_that_it_has_seen",),
    ),
    # --- commands are carried out twice, or not at all ---------------------------------------------------------------
    Sabotage(
        "a known command is carried out again",
        "a retry by a client submits a second graph",
        ANSWERS,
        "        answer = self._table.get((client, command)) or self._ahead.get((client, command))\n",
        "        answer = None\n",
        (f"{TEST_SUPERVISOR}::test_the_same_command_again_gets_the_same_bytes_and_is_done_once", TEST_ANSWERS),
    ),
    Sabotage(
        "a forgotten command is carried out again",
        "a very late retry submits a second graph",
        ANSWERS,
        "            if stamp <= self._forgotten_utc:\n",
        "            if False:\n",
        (TEST_ANSWERS,),
    ),
    Sabotage(
        "an id stands for any command",
        "another command with a used id is answered as if it had been done",
        ANSWERS,
        "        if answer.digest != digest:\n",
        "        if False:\n",
        (f"{TEST_SUPERVISOR}::test_the_same_id_for_another_command_is_refused", TEST_ANSWERS),
    ),
    Sabotage(
        "a restart decides everything anew",
        "every command is carried out again at every start",
        REPLAYING,
        "(found := self._commands.pop(sequence, None)) is not None",
        "(found := self._commands.get(sequence)) is not None",
        (f"{TEST_SUPERVISOR}::test_also_in_later_lives_and_in_the_other_encoding", "tests/unit/test_history.py"),
    ),
    Sabotage(
        "a restart forgets the answers",
        "a retry after a restart submits a second graph",
        REPLAYING,
        "            self._answers.keep(command.client,",
        "            Answers().keep(command.client,",
        (f"{TEST_SUPERVISOR}::test_also_in_later_lives_and_in_the_other_encoding",),
    ),
    Sabotage(
        "a command without an outcome is dropped",
        "a command that is on disk is never decided",
        SUPERVISOR,
        "        for sequence, line in sorted(self._unprocessed.items()):\n",
        "        for sequence, line in sorted({}.items()):\n",
        (f"{TEST_SUPERVISOR}::test_a_command_without_an_outcome_is_decided_once",),
    ),
    Sabotage(
        "news is acted on twice",
        "the end of an attempt that was told twice ends the next one",
        f"{HANDLERS}/attempts.py",
        ' != "act" or node.attempts[-1].number != number:\n',
        ' != "act":\n',
        ("tests/unit/core/test_attempts.py",),
    ),
    # --- attempts are started twice, killed in vain, forgotten -------------------------------------------------------
    Sabotage(
        "the claim is not exclusive",
        "two hosts create the same record, each for itself",
        CLAIM,
        "os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600)",
        "os.open(path, _OPEN | os.O_CREAT, 0o600)",
        (TEST_CLAIM, TEST_ATTEMPTS),
    ),
    Sabotage(
        "the claim is not locked",
        "a running attempt is started again by the next host",
        CLAIM,
        "        fcntl.flock(fd, kind | fcntl.LOCK_NB)\n",
        "        pass\n",
        (TEST_CLAIM,),
    ),
    Sabotage(
        "unknown is taken for never begun",
        "an attempt whose end nobody knows runs a second time",
        CLAIM,
        "        return self.pid is not None or self.never is not None\n",
        "        return self.exit_code is not None or self.never is not None\n",
        (TEST_CLAIM, f"{TEST_ATTEMPTS}::test_a_pid_line_and_no_whole_exit_line_is_lost"),
    ),
    Sabotage(
        "a record that is gone is made anew",
        "an attempt that ran runs a second time",
        "actors/host/local.py",
        "record.take(paths_of(launch).record, may_create=False)",
        "record.take(paths_of(launch).record)",
        (f"{TEST_ATTEMPTS}::test_a_record_that_vanishes_is_lost_and_never_run_again",),
    ),
    Sabotage(
        "artifacts that were promised are not looked for",
        "a task is done without the file that its dependents need",
        TASK,
        "        promised = self._launch.validate is not None or self._launch.artifacts\n",
        "        promised = self._launch.validate is not None\n",
        ("tests/actors/host/test_artifacts.py::test_what_is_missing_makes_it_invalid",),
    ),
    Sabotage(
        "a restart of the machine is not noticed",
        "what may have run before it is started again",
        TASK,
        "        if self._launch.boot != self._place.boot:\n",
        "        if False:\n",
        (f"{TEST_ATTEMPTS}::test_the_machine_restarted",),
    ),
    Sabotage(
        "the kill is not journalled",
        "after a restart what was cancelled is called unknown, or runs on",
        f"{HANDLERS}/cancelling.py",
        "    turn.emit(f.AttemptStopping(graph=graph, task=task.id, attempt=attempt.number, cls=cls, why=why))\n",
        "",
        ("tests/unit/core/test_cancelling.py",),
    ),
    Sabotage(
        "the time of a retry is lost on replay",
        "a restart hurries every retry that waits",
        "actors/core/fold.py",
        "            task.retry_at_utc, task.retry_delay_s = fact.at_utc, fact.delay_s\n",
        "            task.retry_at_utc, task.retry_delay_s = at_utc, fact.delay_s\n",
        ("tests/unit/core",),
    ),
    Sabotage(
        "a graph that goes on again still counts as over",
        "the retention forgets what runs",
        "actors/core/fold.py",
        "            _note_not_over(state, graph)\n",
        "",
        ("tests/unit/core/test_retaining.py",),
    ),
    Sabotage(
        "a retry is forgotten on replay",
        "after a restart a task waits for ever",
        f"{HANDLERS}/workers.py",
        "    for task in turn.state.retrying.values():\n",
        "    for task in ():\n",
        ("tests/unit/core/test_workers.py",),
    ),
    # --- others get in -----------------------------------------------------------------------------------------------
    Sabotage(
        "the home is not locked",
        "two daemons write one journal",
        "actors/holding.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        ("tests/actors/test_daemon.py::test_the_lock_is_held_by_one_and_given_back",),
    ),
    Sabotage(
        "other users are let in",
        "whoever has an account here runs commands as us",
        "actors/gateway/admission.py",
        "    return len(parts) >= 2 and parts[1] == str(os.getuid()).encode()\n",
        "    return len(parts) >= 2\n",
        ("tests/actors/test_gateway.py",),
    ),
    Sabotage(
        "a decision may be answered twice",
        "a second, other answer overrides the first",
        f"{HANDLERS}/decisions.py",
        "        if decision.choice != made.choice:\n",
        "        if False:\n",
        ("tests/unit/core/test_decisions.py",),
    ),
    # --- worker hosts: what is given to them, and what becomes of them ----------------------------------------------
    Sabotage(
        "what will never run does not say so",
        "a host that was stopped comes back and runs what was cancelled",
        "actors/host/local.py",
        "            record.write_never(taken.fd, never)\n",
        "            pass\n",
        (f"{TEST_ATTEMPTS}::test_a_host_that_was_stopped_comes_back_after_its_successor",),
    ),
    Sabotage(
        "a stopped host outlives its supervisor",
        "it acts on old orders once it is continued",
        "actors/host/process.py",
        "    _die_with_supervisor()\n    inherited",
        "    inherited",
        (f"{TEST_ATTEMPTS}::test_a_stopped_host_goes_with_its_supervisor",),
    ),
    Sabotage(
        "a timeout begins anew at the adoption",
        "every restart of the daemon gives a task its whole time again",
        f"{HANDLERS}/attempts.py",
        "        left = max(0.0, bound.most_s - news.elapsed_s)\n",
        "        left = bound.most_s\n",
        (f"{TEST_MATRIX}::test_no_time_is_hurried_or_forgotten",),
    ),
    Sabotage(
        "a kill that is carried on sweeps nothing",
        "what got away from an attempt runs for ever, if its host dies at that moment",
        TASK,
        '            self._sweep(seen.pid if self._state == "stopping" else None)\n',
        "            pass\n",
        (f"{TEST_MATRIX}::test_each_moment",),
    ),
    Sabotage(
        "a host that hangs is waited for",
        "its worker type stands still for ever",
        "actors/workforce.py",
        "        if record.unanswered >= QUESTIONS:\n",
        "        if False:\n",
        ("tests/actors/test_workforce.py",),
    ),
    Sabotage(
        "hosts have no budget",
        "a host that keeps dying is started for ever, and nobody is asked",
        "actors/workforce.py",
        "        exhausted = len(record.deaths) >= self._settings.deaths\n",
        "        exhausted = False\n",
        ("tests/actors/test_workforce.py",),
    ),
    Sabotage(
        "the answer about one worker type releases another",
        "an answer has effects that nobody asked for",
        f"{HANDLERS}/decisions.py",
        '        case WorkerType() as record if choice == "resume":\n            parking.release(turn, record,',
        '        case WorkerType() if choice == "resume":\n'
        "            record = next(each for each in turn.state.workers.values() if each.parked)\n"
        "            parking.release(turn, record,",
        ("tests/unit/core/test_parking.py",),
    ),
    Sabotage(
        "agents side by side are all told the same rest",
        "together they spend more than their graph may",
        "actors/core/budgets.py",
        "    if not isinstance(work, AgentWork):\n        return {}\n    usd = ",
        "    if not isinstance(work, AgentWork) or own is not None:\n        return {}\n    usd = ",
        ("tests/unit/core/test_budgets.py",),
    ),
    Sabotage(
        "a child that ends before it is registered is nobody's",
        "the end of a short command is never told",
        "actors/host/children.py",
        "        while pid not in self._on_exit and begun & self._spawning:\n            self._some.wait()\n",
        "",
        ("tests/actors/host/test_children.py::test_many_at_once_and_each_end_is_told_once",),
    ),
    # --- a judge believes the work --------------------------------------------------------------------------------
    Sabotage(
        "the work may close its fence",
        "what a task prints speaks to its judge as if it were the rules",
        "actors/attempts/judging.py",
        '    inside = text.replace(nonce, "…")\n',
        "    inside = text\n",
        ("tests/property/test_judge.py",),
    ),
    Sabotage(
        "a judge's words need no nonce",
        "a verdict that the work itself has printed passes it",
        "actors/core/verdicts.py",
        "    if nonce and verdict.nonce != nonce:\n",
        "    if False:\n",
        ("tests/property/test_judge.py", "tests/unit/core/test_judging.py"),
    ),
    Sabotage(
        "what a judge does not speak of is met",
        "a criterion that nobody has looked at passes",
        "actors/core/verdicts.py",
        '        if found is None or found.status != "met":\n',
        '        if found is not None and found.status != "met":\n',
        ("tests/property/test_judge.py", "tests/unit/core/test_judging.py"),
    ),
    # --- ending it, and what it must not tell ------------------------------------------------------------------------
    Sabotage(
        "no grace",
        "a task is killed without a chance to put things in order",
        TASK,
        "        if grace_s == 0:\n            self._signal(signal.SIGKILL)\n",
        "        if grace_s >= 0:\n            self._signal(signal.SIGKILL)\n",
        ("tests/actors/host/test_stop.py::test_term_is_honoured",),
    ),
    Sabotage(
        "grace without end",
        "a task that does not heed TERM runs on",
        TASK,
        "        self._after(grace_s, GraceOver())\n",
        "",
        ("tests/actors/host/test_stop.py::test_who_does_not_heed_term_is_killed_after_the_grace",),
    ),
    Sabotage(
        "the end of an output is told as it is",
        "a secret that a task prints gets into the journal, events, decisions and prompts",
        "actors/host/leavings.py",
        "    text = mask.text(_text(data)).rstrip()\n",
        "    text = _text(data).rstrip()\n",
        (TEST_CANARY,),
    ),
    Sabotage(
        "commits that are on no other branch are no reason to keep",
        "an agent's work that nobody has merged yet goes with its graph",
        "actors/worktrees.py",
        """  if [ -n "$alone" ]; then keep "its commits""",
        """  if [ -n "" ]; then keep "its commits""",
        ("tests/actors/host/test_worktrees.py::test_what_somebody_could_miss_stays",),
    ),
    Sabotage(
        "a result is taken as it is",
        "a secret that a task hands back gets into the journal",
        "actors/host/outcome.py",
        "    if result is not None and mask.holds(msgspec.msgpack.decode(result)):\n",
        "    if result == b'' and mask.holds(msgspec.msgpack.decode(result)):\n",
        (TEST_CANARY,),
    ),
    Sabotage(
        "a question is asked as it is",
        "a secret in a task's question gets into the journal and before people",
        "actors/host/outcome.py",
        "    return None if asked is None else mask.question(asked)\n",
        "    return asked\n",
        (TEST_CANARY,),
    ),
    # --- a damaged journal -------------------------------------------------------------------------------------------
    Sabotage(
        "a salvage without consent",
        "who only wants to look loses data",
        RESCUE,
        "    if not accept:\n        return _plan(home, disk)[0]\n",
        "",
        (TEST_RESCUE,),
    ),
    Sabotage(
        "a salvage leaves all files where they are",
        "a new graph is given the ends of tasks of one that was given up",
        RESCUE,
        "    aside = tuple(_unknown_files(home, found.journal, past))\n",
        "    aside: tuple[str, ...] = ()\n",
        (TEST_RESCUE,),
    ),
    Sabotage(
        "a salvage decides again",
        "a command whose answer was lost is carried out twice",
        RESCUE,
        '        yield "outcome", encode(OutcomeLine(of=sequence, at=now_utc, e=head + 1, facts=(), reply=reply))\n',
        "        del reply\n",
        (TEST_RESCUE,),
    ),
    Sabotage(
        "a daemon starts into a salvage",
        "a new journal is begun beside two old ones",
        DAEMON,
        "        refuse_unfinished(home.salvage)\n",
        "",
        ("tests/e2e/test_journal.py::test_a_salvage_that_was_interrupted_keeps_daemons_out",),
    ),
    Sabotage(
        "all that runs is an orphan",
        "doctor --end-orphans ends what the next start would adopt",
        "actors/inspection/doctor/orphans.py",
        "        if (cookie in known and not in_salvage) or one.pid is None or not _runs(one):\n",
        "        if one.pid is None or not _runs(one):\n",
        ("tests/e2e/test_doctor.py::test_what_a_stopped_daemon_left_running_is_no_orphan",),
    ),
)
