"""The home: private, ours, in a place where nobody else can exchange it, and without links to elsewhere."""

import os

import pytest

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home, ensure_private
from orch_actors.protocol.settings import load_settings

ROOT = os.getuid() == 0


def mode(path):
    return os.stat(path).st_mode & 0o7777


def refused(path):
    """The sentence of the refusal; it says what to do."""
    with pytest.raises(EnvironmentFault) as caught:
        Home(str(path)).prepare()
    assert caught.value.hint
    return caught.value.message


@pytest.fixture
def home(tmp_path):
    made = Home(str(tmp_path / "home"))
    made.prepare()
    return made


def test_all_of_it_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        home = Home(str(tmp_path / "a" / "home"))
        home.prepare()
    finally:
        os.umask(before)
    assert {mode(folder) for folder in (home.path, home.journal, home.attempts, home.run)} == {0o700}


@pytest.mark.parametrize("names", [(), ("lock", "daemon.log", "notes.txt"), ("config.toml",)])
def test_an_open_home_is_closed(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    tmp_path.chmod(0o755)
    Home(str(tmp_path)).prepare()
    assert mode(tmp_path) == 0o700


def test_an_open_folder_with_other_things_is_left_as_it_is(tmp_path):
    (tmp_path / "passwd").touch()
    tmp_path.chmod(0o755)
    assert "holds other things" in refused(tmp_path)
    assert mode(tmp_path) == 0o755
    assert os.listdir(tmp_path) == ["passwd"]


def test_a_private_folder_with_other_things_will_do(tmp_path):
    (tmp_path / "notes").touch()
    tmp_path.chmod(0o700)
    Home(str(tmp_path)).prepare()


@pytest.mark.parametrize("part", ["journal", "attempts", "run", "keys", "logs"])
def test_its_folders_are_closed(home, part):
    folder = os.path.join(home.path, part)
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    home.prepare()
    assert mode(folder) == 0o700


@pytest.mark.parametrize("depth", [1, 2])
def test_a_place_where_everybody_may_write_is_refused(tmp_path, depth):
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    home = place.joinpath(*["inner"] * (depth - 1), "home")
    assert f"every user may write into {place}" in refused(home)
    place.chmod(0o1777)  # as /tmp is: nobody can take away what is another's
    Home(str(home)).prepare()


def test_a_link_as_the_home_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    assert "not a folder but a link" in refused(tmp_path / "link")
    assert os.listdir(tmp_path / "real") == []


@pytest.mark.parametrize("part", ["journal", "attempts", "run", "keys", "logs"])
def test_a_link_as_one_of_its_folders_is_refused(home, tmp_path, part):
    folder = os.path.join(home.path, part)
    if os.path.isdir(folder):
        os.rmdir(folder)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    os.symlink(tmp_path / "elsewhere", folder)
    assert f"{folder} is not a folder but a link" in refused(home.path)


@pytest.mark.parametrize("part", ["lock", "daemon.log", "config.toml", "journal/000001.jsonl"])
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_as_one_of_its_files_is_refused(home, tmp_path, part, there):
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.write_text("mine\n")
    os.symlink(elsewhere, os.path.join(home.path, part))
    assert f"{part} is a symbolic link (to {elsewhere})" in refused(home.path)
    assert not there or elsewhere.read_text() == "mine\n"


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
@pytest.mark.parametrize("part", ["", "journal", "attempts", "run"])
def test_what_belongs_to_somebody_else_is_refused(home, part):
    os.chown(os.path.join(home.path, part), 65534, 65534)
    assert "belongs to user 65534" in refused(home.path)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault):
        ensure_private(str(tmp_path / "file"))


def test_settings_behind_a_link_are_refused(tmp_path):
    (tmp_path / "real").write_text('output_limit = "1MB"\n')
    (tmp_path / "config.toml").symlink_to("real")
    with pytest.raises(EnvironmentFault, match="symbolic link"):
        load_settings(str(tmp_path / "config.toml"))
