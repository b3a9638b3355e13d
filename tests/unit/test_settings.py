"""The daemon's settings: defaults, what takes effect, and every mistake told with the file's name."""

import os

import pytest
from msgspec import convert

from orch_actors.actors.translating import stimulus_of
from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.protocol.messages import SubmitGraph
from orch_actors.protocol.settings import HostSettings, Settings, WorkerSettings, load_settings
from orch_actors.protocol.spec.sizes import parse_size
from orch_actors.protocol.spec.work import BUILT_IN


def load(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(str(path))


def test_no_file_means_defaults(tmp_path):
    settings = load_settings(str(tmp_path / "none.toml"))
    assert settings == Settings()
    assert settings.limits() == dict.fromkeys(BUILT_IN, max(4, 2 * (os.cpu_count() or 1)))
    assert (settings.retention.most_graphs, settings.retention.most_tasks) == (1000, 50_000)
    assert settings.retention.older_than is None
    assert settings.retention.bounded
    assert settings.output_limit is None


def test_an_empty_file_means_defaults(tmp_path):
    assert load(tmp_path, "") == Settings()


def test_every_setting(tmp_path):
    settings = load(
        tmp_path,
        'output_limit = "1MB"\n[workers.shell]\nlimit = 3\n[resources]\ngpu = 1\n[defaults]\ntimeout = "1h"\n'
        '[retention]\nkeep = 5\nolder_than = "30d"\n[hosts]\ndeaths = 3\nwithin = "2m"\npatience = 9\n',
    )
    assert settings.hosts == HostSettings(deaths=3, within=120.0, patience=9.0)
    assert settings.limits()["shell"] == 3
    assert settings.limits()["python"] == Settings().limits()["python"]
    assert settings.resources == {"gpu": 1.0}
    assert settings.defaults == {"timeout": "1h"}
    assert (settings.retention.keep, settings.retention.older_than) == (5, 30 * 86_400)
    assert settings.retention.bounded
    assert settings.output_limit == 1_000_000


@pytest.mark.parametrize(
    ("text", "graphs", "tasks", "bounded"),
    [
        ('keep = "all"', None, 50_000, True),
        ('tasks = "all"', 1000, None, True),
        ('keep = "all"\ntasks = "all"', None, None, False),
        ('keep = "all"\ntasks = "all"\nolder_than = "30d"', None, None, True),
        ("keep = 0\ntasks = 1", 0, 1, True),
    ],
)
def test_each_bound_of_the_retention_stands_by_itself(tmp_path, text, graphs, tasks, bounded):
    retention = load(tmp_path, f"[retention]\n{text}\n").retention
    assert (retention.most_graphs, retention.most_tasks, retention.bounded) == (graphs, tasks, bounded)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[workers.shell]\nlimit = 0", "limit"),
        ("[workers.shell]\nlimit = 10001", "limit"),
        ('[workers.shell]\nlimit = "many"', "limit"),
        ("[workers.shell]\nlimits = 2", "limits"),
        ("[workers.basic]\nlimit = 2", "'basic'"),
        ("[worker]\n", "worker"),
        ("workers = 3", "workers"),
        ("= nonsense", "line 1"),
        (b"\xff\xfe", "config.toml"),
        ("[resources]\ngpu = 0", "resources"),
        ("[retention]\nkeep = -1", "keep"),
        ('[retention]\nkeep = "most"', "keep"),
        ("[retention]\ntasks = 0", "tasks"),
        ("[hosts]\ndeaths = 0", "deaths"),
        ('[hosts]\nwithin = "never"', "never"),
        ("[hosts]\npatience = 0.1", "patience"),
        ("[hosts]\npatience = nan", "patience"),
        ("[hosts]\nwithin = 0", "within: is 0 s: it is at least 1 s"),
        ("hosts = 5", "hosts"),
        ("[hosts]\nnumber = 1", "number"),
        ('[retention]\nolder_than = "soon"', "soon"),
        ('output_limit = "lots"', "lots"),
        ("output_limit = 0", "output_limit"),
        ("[defaults]\ntimeouts = 1", "timeouts"),
        ('[defaults]\ntimeout = "never"', "never"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, said):
    with pytest.raises(EnvironmentFault) as refused:
        load(tmp_path, text)
    assert said in refused.value.message
    assert str(tmp_path / "config.toml") in refused.value.message
    assert refused.value.exit_code == 100
    assert refused.value.hint


def problems(tmp_path, text):
    """(line, place, message) of all that is wrong with a file that must be refused."""
    with pytest.raises(EnvironmentFault) as refused:
        load(tmp_path, text)
    fault = refused.value
    assert f"{len(fault.problems)} problems" in fault.message or str(fault.problems[0]) in fault.message
    assert all(str(problem) in fault.whole for problem in fault.problems)
    return [(problem.line, problem.where, problem.message) for problem in fault.problems]


def test_all_mistakes_are_told_at_once_each_with_its_line_and_what_was_meant(tmp_path):
    text = """\
output_limt = "1GB"

[worker.shell]
limit = 3
[workers.shel]
limit = 4
[workers.shell]
limt = 4
[workers.codex]
kind = "agnet"
[resources]
gpu = -1
[retention]
kep = 3
older_than = "soon"
[defaults]
timout = 4
retry = {attempts = 0}
"""
    found = problems(tmp_path, text)
    assert [(line, place) for line, place, _ in found] == [
        (1, "output_limt"),
        (3, "worker"),
        (5, "workers.shel"),
        (8, "workers.shell.limt"),
        (10, "workers.codex.kind"),
        (12, "resources.gpu"),
        (14, "retention.kep"),
        (15, "retention.older_than"),
        (17, "defaults.timout"),
        (18, "defaults.retry.attempts"),
    ]
    said = {place: message for _, place, message in found}
    meant = {
        "output_limt": "output_limit",
        "worker": "workers",
        "workers.shel": "shell",
        "workers.shell.limt": "limit",
        "workers.codex.kind": "agent",
        "retention.kep": "keep",
        "defaults.timout": "timeout",
    }
    assert all(f"did you mean `{right}`?" in said[place] for place, right in meant.items()), said


def test_agents_mistakes_are_told_at_once(tmp_path):
    text = """\
[workers.codex]
kind = "agent"
argv = ["codex", "{promt}"]
output = "json"
failures = {quotta = "limit", auth = "("}
silence = 0
[workers.claude]
program = "claude"
turns = "x"
"""
    found = problems(tmp_path, text)
    assert [(line, place) for line, place, _ in found] == [
        (1, "workers.codex.text"),
        (3, "workers.codex.argv"),
        (3, "workers.codex.argv"),
        (5, "workers.codex.failures.quotta"),
        (5, "workers.codex.failures.auth"),
        (6, "workers.codex.silence"),
        (9, "workers.claude.turns"),
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(EnvironmentFault, match=r"config\.toml"):
        load_settings(str(tmp_path / "config.toml"))


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("10 kb", 10_000), ("2MiB", 2 * 2**20), ("3GB", 3 * 10**9), (" 4 KiB ", 4096)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "1.5MB", "-1", "1TB", "1 2", "\u0663"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


def test_a_worker_type_more(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[workers.nightly]\nkind = "shell"\nlimit = 1\n')
    settings = load_settings(str(file))
    assert settings.worker_types() == {**BUILT_IN, "nightly": "shell"}
    assert settings.limits()["nightly"] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[workers.nightly]\nkind = "shel"\n', "no kind is called 'shel'"),
        ("[workers.nightly]\nlimit = 1\n", "there is no worker type 'nightly'"),
        ('[workers.shell]\nkind = "python"\n', "kind is 'python'"),
        ('[workers."a/b"]\nkind = "shell"\n', "is no name for a worker type"),
    ],
)
def test_a_worker_type_that_makes_no_sense(tmp_path, text, says):
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(EnvironmentFault, match=says):
        load_settings(str(file))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output_limit = " + "[" * 100_000, "nested deeper than 64"),
        ("[defaults]\n" + "a." * 20_000 + "a = 1", "nested deeper than 64"),
        ("output_limit = " + "1" * 10_000, "digits"),
        ("# " + "x" * 2_000_000, "more than the 1048576 bytes"),
        ("[defaults]\ntimeout = 1\ntimeout = 2\n", "overwrite"),
        (b"output_limit = '\xff'", "decode"),
    ],
)
def test_bombs_are_refused(tmp_path, text, words):
    with pytest.raises(EnvironmentFault, match=words):
        load(tmp_path, text)


def test_a_pipe_in_its_place_makes_nobody_wait(tmp_path):
    os.mkfifo(tmp_path / "config.toml")
    with pytest.raises(EnvironmentFault, match="no file"):
        load_settings(str(tmp_path / "config.toml"))


@pytest.mark.parametrize(
    ("text", "endpoints"),
    [
        ("", None),
        ("[listen]", None),
        ('[listen]\ntcp = "tcp://127.0.0.1:7447"', ("tcp://127.0.0.1:7447", "tcp://127.0.0.1:7448")),
        ('[listen]\ntcp = "tcp://localhost:7447"', ("tcp://127.0.0.1:7447", "tcp://127.0.0.1:7448")),
        ('[listen]\ntcp = "tcp://[::1]:7447"', ("tcp://[::1]:7447", "tcp://[::1]:7448")),
        (
            '[listen]\ntcp = "tcp://127.0.0.1:7447"\nevents = "tcp://127.0.0.2:1"',
            ("tcp://127.0.0.1:7447", "tcp://127.0.0.2:1"),
        ),
        ('[listen]\ntcp = "tcp://*:7447"\nbeyond_loopback = true', ("tcp://*:7447", "tcp://*:7448")),
        ('[listen]\ntcp = "tcp://10.1.2.3:1"\nbeyond_loopback = true', ("tcp://10.1.2.3:1", "tcp://10.1.2.3:2")),
    ],
)
def test_where_it_listens(tmp_path, text, endpoints):
    assert load(tmp_path, text).listen.endpoints() == endpoints


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('tcp = "tcp://0.0.0.0:7447"', "beyond_loopback = true"),
        ('tcp = "tcp://*:7447"', "beyond_loopback = true"),
        ('tcp = "tcp://[::]:7447"', "beyond_loopback = true"),
        ('tcp = "tcp://192.168.1.5:7447"', "beyond_loopback = true"),
        ('tcp = "tcp://127.0.0.1:7447"\nevents = "tcp://0.0.0.0:7448"', "beyond_loopback = true"),
        ('tcp = "tcp://127.0.0.1:7447"\nevents = "tcp://127.0.0.1:7447"', "the same"),
        ('tcp = "tcp://127.0.0.1"', "no TCP endpoint"),
        ('tcp = "tcp://127.0.0.1:0"', "no TCP endpoint"),
        ('tcp = "tcp://127.0.0.1:65535"', "no TCP endpoint"),
        ('tcp = "tcp://127.0.0.1:99999"', "no TCP endpoint"),
        ('tcp = "tcp://example.org:7447"', "no TCP endpoint"),
        ('tcp = "tcp://eth0:7447"', "no TCP endpoint"),
        ('tcp = "tcp://1.2.3:7447"', "1.2.3"),
        ('tcp = "ipc:///x"', "no TCP endpoint"),
        ("tcp = 7447", "expected text"),
        ('events = "tcp://127.0.0.1:1"', "without tcp"),
        ("beyond_loopback = true", "without tcp"),
        ('port = "7447"', "port"),
    ],
)
def test_where_it_does_not(tmp_path, text, words):
    with pytest.raises(EnvironmentFault, match=words):
        load(tmp_path, f"[listen]\n{text}\n")


@pytest.mark.parametrize(
    ("worker", "fields"),
    [
        ({"argv": ["x"]}, ["model", "max_turns", "budget_usd", "session"]),
        ({"argv": ["x", ["-m", "{model}"], "{max_turns}"], "resume_argv": ["x"], "cost": "usd"}, ["budget_usd"]),
        ({"argv": ["x", "{model}", "{budget_usd}"], "resume_argv": ["x"], "turns": "n", "output": "jsonl"}, []),
    ],
)
def test_what_a_described_program_cannot_be_told_is_refused(worker, fields):
    worker = convert({"kind": "agent", "stdin": "prompt", "text": "t", **worker}, WorkerSettings)
    work = {"prompt": "do it", "model": "m", "max_turns": 2, "budget_usd": 1, "session": "a", "system_prompt": "s"}
    tasks = [{"id": "a", "command": "true"}, {"id": "b", "worker": "stub", "depends_on": ["a"], **work}]
    do = SubmitGraph(graph={"name": "g", "tasks": tasks})
    if not fields:
        assert stimulus_of(do, "me", Settings(workers={"stub": worker})).spec.tasks[1].kind == "agent"
        return
    with pytest.raises(Refused) as refused:
        stimulus_of(do, "me", Settings(workers={"stub": worker}))
    assert [problem.where for problem in refused.value.info.problems] == [f"tasks[1] (b).{name}" for name in fields]
    assert all("in config.toml" in problem.message for problem in refused.value.info.problems)
