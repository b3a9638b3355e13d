"""`prune`."""

import os

from .conftest import eventually
from .graphs import ended, submit, task


def logs_of(cli, graph):
    (each,) = cli("status", graph, "--json").json["tasks"]
    return each["attempts"][0]["stdout"]


def graphs(cli):
    return [each["id"] for each in cli("status", "--json").json["graphs"]]


def test_what_is_over_goes_with_its_files(cli):
    made = []
    for _ in range(4):  # one after the other: they are forgotten in the order in which they ended
        made.append(submit(cli, task("a", "echo hi")))
        ended(cli, made[-1])
    running = submit(cli, task("long", "sleep 78"))
    log = logs_of(cli, made[0])
    assert os.path.exists(log)
    assert cli("prune", "--keep", "3", "--dry-run", "--json").json == {"graphs": [made[0]], "dry_run": True}
    assert os.path.exists(log)
    assert cli("prune", made[0]).out == f"{made[0]} forgotten\n"
    eventually(lambda: not os.path.exists(os.path.dirname(log)))
    assert cli("status", made[0], "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert cli("prune", "--older-than", "1h").out == "nothing to forget\n"
    assert cli("prune", "--keep", "1", "--json").json["graphs"] == made[1:3]
    assert cli("prune", "--older-than", "0", "--json").json["graphs"] == made[3:]
    assert graphs(cli) == [running]
    assert cli("prune", running, "--json", code=4).error["code"] == "NOT_ALLOWED"
    cli.kill_daemon()
    cli("up")
    assert graphs(cli) == [running]  # what was forgotten stays so
    assert submit(cli, task("a")) not in made  # and its id is not used again
    cli("cancel", running)


def test_files_that_a_crash_left_go_at_the_next_start(cli):
    cli("up")
    graph = submit(cli, task("a", "echo hi"))
    ended(cli, graph)
    kept = submit(cli, task("a", "echo hi"))
    ended(cli, kept)
    log = logs_of(cli, graph)
    cli("prune", graph)
    eventually(lambda: not os.path.exists(os.path.dirname(log)))
    cli.kill_daemon()
    os.mkdir(os.path.dirname(log))  # as if it had died before it came to them
    cli("up")
    eventually(lambda: not os.path.exists(os.path.dirname(log)))
    assert os.path.exists(logs_of(cli, kept))


def test_retention_forgets_by_itself(cli):
    cli("up")
    made = [submit(cli, task("a", "echo hi")) for _ in range(3)]
    for graph in made:
        ended(cli, graph)
    running = submit(cli, task("long", "sleep 79"))
    log = logs_of(cli, made[0])
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write("[retention]\nkeep = 0\n")
    cli("config", "reload")
    eventually(lambda: graphs(cli) == [running], within=40)
    eventually(lambda: not os.path.exists(os.path.dirname(log)))
    cli("cancel", running)


def test_what_passes_the_bound_goes_within_seconds(cli):
    os.makedirs(cli.home, mode=0o700, exist_ok=True)
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write('[retention]\nkeep = "all"\ntasks = 5\n')
    cli("up")
    made = []
    for _ in range(3):
        made.append(submit(cli, task("a", "echo hi"), task("b", "echo hi")))
        ended(cli, made[-1])
    log = cli("status", made[1], "--json").json["tasks"][0]["attempts"][0]["stdout"]
    eventually(lambda: graphs(cli) == made[1:], within=40)
    assert os.path.exists(log)
    made.append(submit(cli, *(task(f"t{number}", "true") for number in range(7))))
    ended(cli, made[-1])
    eventually(lambda: graphs(cli) == made[3:], within=40)  # the newest stays, however large it is
    eventually(lambda: not os.path.exists(os.path.dirname(log)))


def test_wrong(shared):
    assert shared("prune", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "nothing was named" in shared("prune", code=2).err
    assert "graphs are named" in shared("prune", "g1", "--keep", "3", code=2).err
    assert "--keep" in shared("prune", "--keep", "-3", code=2).err
    assert "--older-than" in shared("prune", "--older-than", "soon", code=2).err
