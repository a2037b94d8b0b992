"""The same records on a PostgreSQL server, started here for the test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.exc import ProgrammingError

from eucentric.errors import InputError, KeepError
from eucentric.focus import events
from eucentric.records.base import REVISION
from eucentric.records.engine import in_words
from eucentric.records.kept import Wanted
from eucentric.records.opening import opened_to_write, version_of
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.records.lost import counted, written
from tests.records.made import exported, frames, never, place_in, run
from tests.records.test_migrations import differences

_USERS = ("postgres", "nobody")
"""Who runs the server where the tests run as root: a server refuses that. The first of them that there is."""


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else shutil.which(name)


def _user() -> pwd.struct_passwd | None:
    """Whom to run it as; None: who runs the tests."""
    if os.getuid() != 0:
        return None
    known = {one.pw_name: one for one in pwd.getpwall()}
    found = next((known[name] for name in _USERS if name in known), None)
    if found is None:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)} here")
    return found


@dataclass(frozen=True)
class Server:
    """A server of its own: the URL of its database, and how it is stopped at once and started."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """It listens on a socket in a folder."""
    pytest.importorskip("pg8000", reason="no driver for PostgreSQL here: pip install 'eucentric[server]'")
    initdb, control = _program("initdb"), _program("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql (make test does, as root)")
    user = _user()
    # Not in pytest's folder, which others may not enter; and the path of a socket is short.
    with TemporaryDirectory(dir="/tmp") as folder:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = f"{folder}/data"

        def call(*command: str) -> None:
            ids = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
            subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, **ids)

        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"

        def start() -> None:
            call(control, "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")

        def stop() -> None:
            call(control, "-D", data, "-w", "-m", "immediate", "stop")

        try:
            call(initdb, "-D", data, "-U", "records", "-A", "trust", "--no-sync")
            start()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {getattr(error, 'stderr', None) or error}")
        try:
            yield Server(f"postgresql+pg8000://records@/postgres?unix_sock={folder}/.s.PGSQL.5432", stop, start)
        finally:
            stop()


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Place]:
    """An empty database there, and images here."""
    from sqlalchemy import create_engine, text

    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return Place.of(server.url, image_folder=tmp_path / "images")


def test_migrations_make_what_the_code_expects(place: Place) -> None:
    engine = opened_to_write(place)
    assert version_of(engine) == REVISION
    assert differences(engine) == []
    engine.dispose()
    opened_to_write(place).dispose()  # and again


def test_a_run_comes_back(place: Place, tmp_path: Path) -> None:
    told = run((True, False))
    with Recorder(place, say=never) as recorder:
        for event in (*told.events, *run().events):
            recorder(event)
        assert recorder.run_id == 2
    with Records.open(place) as records:
        refused, good = records.run(1), records.run(2)
        assert (refused.status, good.status) == ("refused", "focused")
        assert refused.begun_at.tzinfo is not None
        assert [one.id for one in records.runs(Wanted(refused=True))] == [1]
        rows = records.measurements()
        assert [row.accepted for row in rows] == [True, False, True, True]
        details = records.measurement(rows[1].id)
        assert details.result is not None
        assert details.result.verdict == told.result.steps[0].rounds[-1].result.verdict
        assert records.frames(rows[0].id).frames[0].state == frames()[0].state
        assert records.run_result(2) is not None
        assert len(records.drifts(Wanted(run=1))) == 1
    out = exported(place, tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {"events.jsonl", "settings.toml", "result.json", "pairs"}


def test_words_that_no_server_keeps_cost_no_record(place: Place) -> None:
    with Recorder(place, say=never) as recorder:
        recorder(run().events[0])
        recorder(events.Failed(9.0, "Lens \udcb5\0 failed."))
    with Records.open(place) as records:
        assert records.run(1).statement == "Lens ?? failed."
        assert records.events(1)[-1]["error"] == "Lens \udcb5\0 failed."


def test_images_go_by_the_cap(place: Place) -> None:
    with Recorder(place.model_copy(update={"cap_bytes": 40000}), say=never) as recorder:
        for event in run().events:
            recorder(event)
    with Records.open(place) as records:
        assert [row.images_kept for row in records.measurements()] == [0, 2]


def test_what_breaks_a_rule_costs_itself_alone(place: Place) -> None:
    said: list[str] = []
    told = run()
    with Recorder(place, say=said.append) as recorder:
        for event in told.events[:-3]:
            recorder(event)
        for event in told.events:
            if isinstance(event, events.FrameTaken | events.Measured | events.Judged) and event.measurement == 0:
                recorder(event)
        for event in told.events[-3:]:
            recorder(event)
    assert "A record could not be written" in said[0]
    with Records.open(place) as records:
        assert records.run(1).status == "focused"


def test_a_server_that_ends_and_comes_back_costs_nothing(server: Server, place: Place) -> None:
    said: list[str] = []
    told = run().events
    with Recorder(place, say=said.append) as recorder:
        for event in told[:10]:  # to its first verdict
            recorder(event)
        server.stop()
        for event in told[10:12]:
            recorder(event)
        server.start()
        for event in told[12:]:
            recorder(event)
    assert "can't be used now" in said[0]
    assert said[1:] == ["The records are written again."]
    with Records.open(place) as records:
        assert [row.accepted for row in records.measurements()] == [True, True]
        assert records.run(1).status == "focused"


@pytest.mark.parametrize(
    ("state", "said", "passes"),
    [
        ("57P03", "the database system is starting up", True),
        ("53300", "sorry, too many clients already", True),
        ("40P01", "deadlock detected", True),
        ("3D000", 'database "nothing" does not exist', False),
        ("28P01", "password authentication failed", False),
    ],
)
def test_what_a_server_says_is_told_and_tried_again_where_that_may_help(state: str, said: str, passes: bool) -> None:
    """pg8000 has one kind of error for all of them."""
    driver = pytest.importorskip("pg8000", reason="no driver for PostgreSQL here: pip install 'eucentric[server]'")
    place = Place.of("postgresql+pg8000://records@host/records")
    told = in_words(ProgrammingError(None, None, driver.ProgrammingError({"S": "FATAL", "C": state, "M": said})), place)
    assert isinstance(told, KeepError) is passes
    assert f": {said}." in str(told)


def test_a_database_that_is_not_there_is_said(server: Server, tmp_path: Path) -> None:
    """The driver does not always hear the server's reason before the connection is closed: refused or tried again."""
    place = Place.of(server.url.replace("/postgres?", "/nothing?"), image_folder=tmp_path / "images")
    said: list[str] = []
    try:
        with Recorder(place, say=said.append):
            pass
    except InputError as error:
        said.append(str(error))
    assert said
    assert "/nothing" in said[0]


def test_a_commit_whose_answer_is_lost_is_not_written_twice(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(place, monkeypatch)
    written(place_in(tmp_path))
    assert counted(place) == counted(place_in(tmp_path))
