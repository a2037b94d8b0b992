"""Live images by hand end by themselves: a tab that was forgotten must not burn the specimen."""

from __future__ import annotations

from pathlib import Path

from tests.web.served import Stream, bench, client, ended, serving, stream


def _at_desk(watching: Stream) -> dict[str, object]:
    desk: dict[str, object] = watching.until(lambda told: told.get("manual"))["manual"]
    return desk


def test_live_images_stop_at_their_limit_of_electrons_until_it_is_raised(tmp_path: Path) -> None:
    with serving(bench(tmp_path)) as there, client(there) as us, stream(there) as watching:
        watching.want("live")
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        assert _at_desk(watching)["dose_max"] == "500 e/Å²"
        us.post("/api/manual/dose", json={"dose_max": "12 e/Å²"}).raise_for_status()  # two images of `fa`
        us.post("/api/manual/live", json={"on": True}).raise_for_status()
        desk = watching.until(lambda told: told["manual"]["trouble"])["manual"]
        assert "at most 12.0 e/Å² are allowed" in desk["trouble"]
        assert not desk["live"]
        assert us.post("/api/manual/look").status_code == 422
        assert us.post("/api/manual/dose", json={"dose_max": "0 e/A2"}).status_code == 422
        us.post("/api/manual/dose", json={"dose_max": "1000 e/A2"}).raise_for_status()
        us.post("/api/manual/look").raise_for_status()
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)


def test_live_images_stop_when_nobody_looks_at_them_and_that_is_said(tmp_path: Path) -> None:
    with serving(bench(tmp_path)) as there, client(there) as us, stream(there) as watching:
        there.room.operator.grace_s = 0.0
        watching.want("live")
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/manual/live", json={"on": True}).raise_for_status()
        watching.until(lambda told: told["manual"]["live"])
        watching.want()  # another view, or a tab that is not seen
        desk = watching.until(lambda told: not told["manual"]["live"])["manual"]
        assert "nobody had looked at it" in desk["trouble"]
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)
