"""The observer: what a run on the simulated microscope tells becomes what the page shows, and nothing in it raises."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import FocusSettings
from eucentric.web.develop import RAW, curves, images, maps, raw
from eucentric.web.hub import Hub
from eucentric.web.packets import Packet
from eucentric.web.reading import reading
from eucentric.web.room import Room
from eucentric.web.story import line
from eucentric.web.watching import Watching
from tests.web.served import QUICK, bench


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Watching, list[Any]]:
    """A run with tilts in two directions, and all that it told."""
    made = bench(tmp_path_factory.mktemp("watching"))
    room, told = Room(made), list[Any]()
    step = QUICK.sequence.steps[0].model_copy(update={"pattern": PatternName.CROSS_QUAD})
    settings = FocusSettings(sequence=QUICK.sequence.model_copy(update={"steps": (step,)}))
    Focus(made.microscope, made.book, settings, observers=(told.append, *room.observers)).run()
    return room.watching, told


def _body(watching: Watching, kind: str) -> Any:
    message = watching.hub.newest(kind)
    assert isinstance(message, str)
    return json.loads(message)["body"]


def test_the_reading_says_what_was_measured(run: tuple[Watching, list[Any]]) -> None:
    watching, told = run
    (measured,) = [event for event in told if isinstance(event, events.Measured)][-1:]
    shown = _body(watching, "reading")
    assert shown["defocus_m"] == measured.result.defocus_m
    assert shown["accepted"] is measured.result.accepted
    assert shown["big"]["unit"] in {"nm", "µm"}
    names = [row["name"] for row in shown["rows"]]
    assert names[:3] == ["Astigmatism", "Drift", "False lock"]
    assert "Lit" in names
    assert sum(part["part"] for part in shown["budget"]) == pytest.approx(1, abs=0.05)


def test_the_steps_end_as_the_run_ended(run: tuple[Watching, list[Any]]) -> None:
    watching, told = run
    shown = _body(watching, "run")
    (ended,) = [event for event in told if isinstance(event, events.RunEnded)]
    assert [step["state"] for step in shown["steps"]] == [str(step.status) for step in ended.result.steps]
    assert shown["doing"] == ""
    assert shown["dose"].endswith("e/Å²")
    assert _body(watching, "log")[-1]["text"] == ended.result.statement
    assert _body(watching, "drive")["phase"] == "idle"
    assert _body(watching, "drive")["said"] == ended.result.statement


def test_every_compared_pair_has_its_curves_and_its_map(run: tuple[Watching, list[Any]]) -> None:
    looked = run[0].looked
    assert looked is not None
    shown = curves(looked)
    assert len(shown["links"]) == len(looked.result.shifts) > 1
    for one, shift in zip(shown["links"], looked.result.shifts, strict=True):
        assert one["shift_px"] == list(shift.shift_px)
        line = one["line"]
        peak = sum(s * u for s, u in zip(one["shift_px"], line["unit"], strict=True))
        assert one["cut"]["peak_px"] == pytest.approx(peak, abs=2.0)
        top = one["cut"]["along_px"][one["cut"]["values"].index(max(one["cut"]["values"]))]
        assert top == pytest.approx(one["cut"]["peak_px"], abs=4.0)
        assert set(one["coherence"]) == {"frequency_per_nm", "gamma", "noise", "used"}
    json.dumps(shown, allow_nan=False)
    found = {made.kind: made for made in maps(looked) if isinstance(made, Packet)}
    assert len(found["map"].planes) == 2 * len(looked.links)
    for method in RAW:
        (packet, (kind, cuts)) = tuple(raw(looked, method))
        assert isinstance(packet, Packet)
        assert (packet.kind, kind) == (f"map-{method}", f"cut-{method}")
        assert len(cuts["cuts"]) == len(looked.links)  # type: ignore[call-overload]


def test_images_are_shown_as_they_come(run: tuple[Watching, list[Any]]) -> None:
    frames = tuple(event.frame for event in run[1] if isinstance(event, events.FrameTaken))
    packet = images(1, "once", frames)
    assert len(packet.planes) == len(frames)
    assert packet.about["images"][0]["pixel_m"] == frames[0].pixel_m
    assert packet.about["images"][0]["tilt_rad"] == list(frames[0].state.tilt_rad or ())


def test_a_single_pair_does_not_tell_astigmatism_or_drift(tmp_path: Path) -> None:
    made, told = bench(tmp_path), list[Any]()
    Focus(made.microscope, made.book, QUICK, observers=(told.append,)).run(measure_only=True)
    (measured, *_) = [event for event in told if isinstance(event, events.Measured)]
    rows = {row["name"]: row for row in reading(measured.result, step="", target="", number=1, time_s=0.0)["rows"]}
    assert rows["Astigmatism"]["value"] == "–"
    assert rows["Drift"]["note"] == "2 images don't tell it"


def test_whatever_is_told_it_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()

    class Odd:
        """An event that nobody foresaw."""

        @property
        def frame(self) -> object:
            raise RuntimeError("odd")

    room.watching(Odd())
    room.watching(None)
    room.watching(events.Measured(0.0, "step", 0, None))  # type: ignore[arg-type]
    assert "could not show Measured" in caplog.text
    room.watching(events.Restored(1.0))
    assert _body(room.watching, "run")["steps"] == []


def test_what_browsers_look_at_changes_between_two_events_never_within_one() -> None:
    """The server's thread and the run's take turns: else what comes meanwhile could be lost to what is older."""
    waited: list[bool] = []

    class Asked(Hub):
        """Here an event comes while it is looked at what is wanted."""

        @property
        def wanted(self) -> frozenset[str]:
            run.start()
            run.join(0.2)
            waited.append(run.is_alive())
            return super().wanted

    hub = Asked()
    watching = Watching(hub)
    run = threading.Thread(target=watching.say, args=("run", "goes on"))
    hub.on_change()
    run.join()
    assert waited == [True]
    assert _body(watching, "log")[-1]["text"] == "goes on"


def test_each_event_of_a_run_has_its_line_in_the_words_of_the_terminal(run: tuple[Watching, list[Any]]) -> None:
    lines = [told for told in map(line, run[1]) if told is not None]
    whats = [one.what for one in lines]
    assert whats[0] == "run"
    assert whats[-1] == "ended"
    assert {"step", "measured", "verdict"} <= set(whats)
