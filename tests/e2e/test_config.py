"""`config`."""

import os

from .graphs import ended, submit, task, tasks


def put(cli, text):
    path = os.path.join(cli.home, "config.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def limit(cli):
    return next(each["limit"] for each in cli("status", "--json").json["workers"] if each["type"] == "shell")


def test_show_and_path_need_no_daemon(cli):
    path = os.path.join(cli.home, "config.toml")
    assert cli("config", "path").out == path + "\n"
    assert cli("config", "path", "--json").json == {"path": path, "exists": False}
    shown = cli("config", "--json").json
    settings = {
        "workers",
        "resources",
        "defaults",
        "retention",
        "hosts",
        "nesting",
        "output_limit",
        "copies_limit",
        "files",
        "callbacks",
    }
    assert set(shown) == {"path", "exists"} | settings
    assert (shown["files"], shown["callbacks"]) == ({"inbox": False}, {})
    assert shown["nesting"] == {"depth": 3, "graphs": 100}
    assert shown["workers"]["shell"]["limit"] >= 4
    assert shown["hosts"] == {"deaths": 6, "within": 60.0, "patience": 30.0}
    put(
        cli,
        'output_limit = "2MB"\n[workers.shell]\nlimit = 3\n[retention]\nolder_than = "1d"\n[hosts]\nwithin = "5m"\n',
    )
    shown = cli("config", "show", "--json").json
    assert (shown["exists"], shown["output_limit"], shown["workers"]["shell"]) == (True, 2_000_000, {"limit": 3})
    assert shown["retention"] == {
        "keep": 1000,
        "tasks": 50_000,
        "older_than": 86400.0,
        "events": 1_000_000,
        "unread": 10_000_000,
    }
    assert "output_limit = 2000000\n" in cli("config").out
    assert "[hosts]\ndeaths = 6\nwithin = 300.0\npatience = 30.0\n" in cli("config").out


def test_reload(cli):
    cli("up")
    pid = cli.pid()
    path = put(cli, "[workers.shell]\nlimit = 3\n[defaults]\nretry = {attempts = 2}\n[resources]\ngpu = 1\n")
    assert cli("config", "reload", "--json").json == {"path": path, "reloaded": True, "pid": pid}
    assert limit(cli) == 3
    assert cli("status", "--json").json["supervisor"]["reloads"] == 1
    graph = submit(cli, task("a", "exit 1", resources={"gpu": 1}))
    ended(cli, graph, "failed")
    assert len(tasks(cli, graph)["a"]["attempts"]) == 2
    os.unlink(path)
    assert f"pid {pid} has taken over {path} (none: the defaults)" in cli("config", "reload").out
    assert limit(cli) >= 4
    assert cli.pid() == pid


def test_a_mistake_changes_nothing(cli):
    put(cli, "[workers.shell]\nlimit = 3\n")
    cli("up")
    path = put(cli, "[workers.shell]\nlimit = 0\n")
    for action in ("show", "reload"):
        fault = cli("config", action, "--json", code=100).error
        assert fault["code"] == "ENVIRONMENT"
        assert path in fault["message"]
    put(cli, "[workers.shell]\nlimt = 1\n[retenton]\nkeep = 2\n")
    fault = cli("config", "reload", "--json", code=100).error
    assert [problem["line"] for problem in fault["problems"]] == [2, 3]
    said = cli("config", code=100).err
    assert "line 2: workers.shell.limt: is an unknown field; did you mean `limit`?" in said
    assert "line 3: retenton: is an unknown field; did you mean `retention`?" in said
    put(cli, "[workers.nope]\nlimit = 1\n")
    assert "nope" in cli("config", "reload", code=100).err
    assert limit(cli) == 3
    assert cli("status", "--json").json["supervisor"]["reloads"] == 0


def test_a_daemon_that_does_not_start_for_it_says_all(cli):
    put(cli, "[workers.shell]\nlimt = 1\n[retenton]\nkeep = 2\n")
    fault = cli("up", "--json", code=100).error
    assert [problem["where"] for problem in fault["problems"]] == ["workers.shell.limt", "retenton"]
    said = cli("submit", "--", "true", code=100).err
    assert "did you mean `limit`" in said
    assert "did you mean `retention`" in said
    put(cli, "")  # or nobody could look for what is to be ended


def test_nobody_to_take_it_over(cli):
    assert cli("config", "reload", "--json", code=3).error["code"] == "UNAVAILABLE"
    assert cli("config", "nope", code=2).err


def test_a_worker_type_of_ones_own(cli, tmp_path):
    path = put(cli, '[workers.nightly]\nkind = "shell"\nlimit = 1\n')
    file = tmp_path / "graph.yaml"
    file.write_text("name: own\ntasks:\n- {id: a, worker: nightly, command: echo mine}\n")
    graph = cli("submit", str(file), "--json").json["graph"]
    assert ended(cli, graph)["state"] == "done"
    workers = {each["type"]: each for each in cli("status", "--json").json["workers"]}
    assert workers["nightly"]["limit"] == 1
    cli("down")
    os.unlink(path)
    cli("up")  # what ran under it can still be read, and what is new is refused by name
    assert cli("logs", graph).out == "mine\n"
    assert "no worker type is called 'nightly'" in cli("submit", str(file), code=4).err
