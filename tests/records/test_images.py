"""Which images are kept, how many, and whose they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from eucentric.errors import InputError, KeepError
from eucentric.focus import events
from eucentric.records.image_files import ImageFolder
from eucentric.records.kept import Wanted
from eucentric.records.place import Images, Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.store import Store
from tests.records.made import frames, never, place_in, run


def _told(place: Place, *verdicts: tuple[bool, ...]) -> None:
    with Recorder(place, say=never) as recorder:
        for one in verdicts:
            for event in run(one).events:
                recorder(event)


def _files(place: Place) -> list[Path]:
    return sorted(place.image_folder.rglob("*.mrc"))


@pytest.mark.parametrize(
    ("images", "kept"), [(Images.ALL, [2, 2, 2]), (Images.REFUSED, [0, 2, 2]), (Images.NONE, [0] * 3)]
)
def test_images_are_kept_by_a_policy(tmp_path: Path, images: Images, kept: list[int]) -> None:
    """The last one is cut off: nobody knows whether it would have been refused."""
    place = place_in(tmp_path, images=images)
    with Recorder(place, say=never) as recorder:
        for event in run((True, False)).events:
            recorder(event)
        for event in run().events:
            recorder(event)
            if isinstance(event, events.FrameTaken) and event.index == 1:
                break
        recorder(events.Failed(9.0, "The camera gave no image."))
    with Records.open(place) as records:
        rows = records.measurements()
        assert [row.images for row in rows] == [2, 2, 2]
        assert [row.images_kept for row in rows] == kept
        for row in rows:
            told = records.frames(row.id)
            assert bool(told.frames) is bool(row.images_kept)
            assert (told.why_not is None) is bool(row.images_kept)
            assert not told.frames or told.frames[0].shape == frames()[0].shape
    assert len(_files(place)) == sum(kept)


def test_the_oldest_images_go_first_and_their_rows_say_so(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    _told(place, (True, True))
    each = _files(place)[0].stat().st_size
    capped = place_in(tmp_path, cap_bytes=5 * each)  # of two runs of two measurements of two images
    _told(capped, (True, False))
    with Records.open(place) as records:
        assert [row.images_kept for row in records.measurements()] == [0, 0, 2, 2]
        why = records.frames(1).why_not
        assert why is not None
        assert "removed" in why
        assert records.measurement(1).result is not None
        assert records.measurement(1).row.images == 2
    assert len(_files(place)) == 4
    assert len(list(place.image_folder.glob("2*/*"))) == 1  # the folder of the first run went with its images


def test_with_no_room_at_all_none_is_kept(tmp_path: Path) -> None:
    place = place_in(tmp_path, cap_bytes=0)
    _told(place, (True, True))
    assert _files(place) == []
    with Records.open(place) as records:
        assert [row.images_kept for row in records.measurements()] == [0, 0]


def test_a_record_is_written_also_where_the_oldest_images_can_not_be_removed(tmp_path: Path) -> None:
    """A trigger refuses what marks images as removed, and nothing else."""
    place = place_in(tmp_path, cap_bytes=0)
    said: list[str] = []
    with Recorder(place, say=said.append) as recorder:
        engine = create_engine(place.url)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER stay BEFORE UPDATE OF file ON images BEGIN SELECT RAISE(ABORT, 'images stay'); END"
            )
        for event in run((True, True)).events:
            recorder(event)
        assert len(said) == 1
        assert "The oldest images can't be removed." in said[0]
        assert "images stay" in said[0]
        assert len(_files(place)) == 4
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER stay")
        engine.dispose()
        for event in run((True, True)).events:
            recorder(event)
    assert said[1:] == ["The oldest images are removed again."]
    assert _files(place) == []
    with Records.open(place) as records:
        assert [(one.status, one.measurements) for one in records.runs()] == [("focused", 2)] * 2


def test_images_without_a_row_are_swept_at_the_next_opening(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    _told(place, (True,))
    kept = _files(place)
    for name in ("whole.mrc", ".torn-half.mrc"):
        (kept[0].parent / name).write_bytes(b"left by a killed process")
    Store.open(place).close()
    assert _files(place) == kept


def test_images_that_another_process_commits_during_the_opening_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one writes and ends at the last moment: just before the sweeping one holds the lock alone."""
    place = place_in(tmp_path)
    _told(place, (True,))
    alone = ImageFolder._alone

    def late(folder: ImageFolder) -> bool:
        monkeypatch.setattr(ImageFolder, "_alone", alone)
        _told(place, (True,))
        return alone(folder)

    monkeypatch.setattr(ImageFolder, "_alone", late)
    Store.open(place).close()
    assert len(_files(place)) == 4
    with Records.open(place) as records:
        assert all(len(records.frames(row.id).frames) == 2 for row in records.measurements())


@pytest.mark.parametrize("name", ["../out.mrc", "/out.mrc", "2026-11/../../out.mrc"])
def test_no_image_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = ImageFolder(tmp_path / "images", "key")
    with pytest.raises(KeepError, match="not inside of"):
        folder.write([("2026-11/in.mrc", frames()[0]), (name, frames()[1])])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_belongs_to_one_database(tmp_path: Path) -> None:
    _told(place_in(tmp_path), (True,))
    other = Place.of(str(tmp_path / "other.sqlite"), image_folder=place_in(tmp_path).image_folder)
    with pytest.raises(InputError, match="belong to the records of another database"):
        Recorder(other, say=never)
    filled = Place.of(str(tmp_path / "third.sqlite"), image_folder=tmp_path / "holiday")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.mrc").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds beach\.mrc"):
        Recorder(filled, say=never)
    assert (tmp_path / "holiday" / "beach.mrc").exists()


def test_a_folder_in_whose_making_a_process_was_killed_is_used(tmp_path: Path) -> None:
    """It had not got its key yet."""
    place = place_in(tmp_path)
    place.image_folder.mkdir()
    (place.image_folder / ".torn-4711-records-key").write_text("a key that", encoding="utf-8")
    _told(place, (True,))
    assert len(_files(place)) == 2
    Store.open(place).close()


def test_a_file_that_somebody_took_away_is_said(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    _told(place, (True,))
    _files(place)[0].unlink()
    with Records.open(place) as records:
        told = records.frames(1)
        assert told.frames == ()
        assert told.why_not is not None
        assert "There is no file" in told.why_not


_READER = """
import sys
from pathlib import Path
from eucentric.records.place import Place
from eucentric.records.reading import Records
with Records.open(Place.of(sys.argv[1])) as records:
    most = 0
    while most < int(sys.argv[2]):
        rows = records.measurements()
        assert len(rows) >= most
        assert all(len(records.frames(row.id).frames) == 2 for row in rows[most:])
        most = len(rows)
print(most)
"""


def test_two_processes_read_while_one_writes(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    wanted = 40
    _told(place, (True,))
    command = [sys.executable, "-c", _READER, place.database, str(wanted)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    with Recorder(place, say=never) as recorder:
        for _ in range(wanted // 2):
            for event in run((True, True)).events:
                recorder(event)
    for reader in readers:
        out, _ = reader.communicate(timeout=120)
        assert reader.returncode == 0
        assert int(out) >= wanted
    with Records.open(place) as records:
        assert len(records.measurements(Wanted(accepted=True))) == wanted + 1


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Both make the database, or one finds it made; each keeps its own runs and images."""
    code = (
        "from pathlib import Path; import sys\n"
        "from eucentric.records.recorder import Recorder\n"
        "from tests.records.made import never, place_in, run\n"
        "with Recorder(place_in(Path(sys.argv[1])), say=never) as recorder:\n"
        "    for _ in range(5):\n"
        "        for event in run().events:\n"
        "            recorder(event)\n"
    )
    root = Path(__file__).resolve().parents[2]
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root) for _ in range(2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with Records.open(place_in(tmp_path)) as records:
        rows = records.measurements()
        assert len(records.runs()) == 10
        assert len(rows) == 20
        assert all(len(records.frames(row.id).frames) == 2 for row in rows)
