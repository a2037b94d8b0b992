"""What goes wrong in the middle of a session, and what is left of it: nothing that was taken, and no target in vain."""

from __future__ import annotations

from pathlib import Path

from eucentric.msi.outcome import SessionResult, Status
from tests.msi.small import SERIES, SMALL, opened, run


def statuses(result: SessionResult) -> dict[str, Status]:
    return {outcome.key: outcome.status for outcome in result.outcomes}


class TestFullDisk:
    """Where images should go there is a file: none can be kept."""

    def test_a_series_stops_the_session_and_goes_on_when_there_is_room(self, tmp_path: Path) -> None:
        microscope = opened()
        (tmp_path / "images").touch()
        result = run(tmp_path, microscope, SERIES)
        assert "is lost" in (result.stopped or "")
        assert not result.outcomes
        (tmp_path / "images").unlink()
        result = run(tmp_path, microscope, SERIES)
        assert result.complete
        assert len(result.outcomes[0].exposures) == 2  # the third was exposed, and is not again

    def test_so_does_a_single_image(self, tmp_path: Path) -> None:
        microscope = opened()
        (tmp_path / "images").touch()
        assert "Square 1.mrc is lost" in (run(tmp_path, microscope).stopped or "")
        (tmp_path / "images").unlink()
        ended = statuses(run(tmp_path, microscope, SMALL))
        assert ended.pop("Square 1") is Status.INTERRUPTED
        assert set(ended.values()) == {Status.DONE}
