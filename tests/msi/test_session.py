"""A session: its units in order, what stops it and what does not, and how it leaves the instrument."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import Aborted, InputError, InstrumentError, SettingsError
from eucentric.focus import events as focus_events
from eucentric.focus.control import Control
from eucentric.images.files import read_frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out
from eucentric.microscope.simulated.truth import truth
from eucentric.msi import events
from eucentric.msi.application import (
    AfterFailure,
    Application,
    GridSettings,
    Kind,
    Lattice,
    NeedsSettings,
    NodeSettings,
)
from eucentric.msi.found import Left, look
from eucentric.msi.outcome import SessionResult, Status
from eucentric.msi.session import Session
from eucentric.msi.units import units
from tests.msi.small import DEFOCUS_M, FOCUS, SMALL, WITHIN_M, Blind, Lost, begun, opened, run, session

SIGMAS = 3.0  # what is stated bounds the error by so many σ
EX = "Square 1/Hole {}/Exposure {}"


def changed(node: str, **changes: Any) -> Application:
    """The small application with one node changed."""
    nodes = tuple(n.model_copy(update=changes) if n.name == node else n for n in SMALL.nodes)
    return SMALL.model_copy(update={"nodes": nodes})


def statuses(result: SessionResult) -> dict[str, Status]:
    return {outcome.key: outcome.status for outcome in result.outcomes}


class TestWhole:
    def test_it_works_off_all_units_in_order_and_leaves_the_instrument_as_found(self, tmp_path: Path) -> None:
        microscope = opened()
        microscope.set_image_shift((1e-7, -2e-7))
        before = look_at(microscope)
        told: list[Any] = []
        wrong: list[float] = []

        def watch(event: Any) -> None:
            told.append(event)
            if isinstance(event, events.Exposed) and event.exposure.intended_m is not None:
                assert event.exposure.error_sigma_m is not None
                wrong.append((truth(microscope).c1_m - DEFOCUS_M) / event.exposure.error_sigma_m)

        result = run(tmp_path, microscope, observers=(watch,))

        assert result.complete
        assert result.stopped is None
        assert [o.key for o in result.outcomes] == [u.key for u in units(SMALL)]
        assert {o.status for o in result.outcomes} == {Status.DONE}
        assert len(wrong) == 4
        assert max(map(abs, wrong)) < SIGMAS
        after = look_at(microscope)
        assert (after.preset, after.beam_tilt_rad, after.image_shift_m) == (before.preset, (0.0, 0.0), (1e-7, -2e-7))
        assert (after.xy_m, after.alpha_rad) == (before.xy_m, before.alpha_rad)
        found = [o.found for o in result.outcomes if o.found is not None]
        assert after.z_m == found[-1].z_m != before.z_m  # height and defocus stay as corrected
        assert after.lens_m == pytest.approx(found[-1].lens_m, abs=1e-12)
        order = [type(e) for e in told if type(e).__module__ == events.__name__]
        assert (order[0], order[-1]) == (events.SessionStarted, events.SessionEnded)
        assert order.count(events.UnitBegan) == order.count(events.UnitEnded) == len(result.outcomes)

    def test_what_is_kept_is_told_with_numbers(self, tmp_path: Path) -> None:
        result = run(tmp_path, opened())
        by_key = {o.key: o for o in result.outcomes}
        exposure = by_key[EX.format(2, 1)].exposures[0]
        assert exposure.intended_m == DEFOCUS_M
        assert exposure.error_sigma_m is not None
        assert SIGMAS * exposure.error_sigma_m <= WITHIN_M
        assert exposure.flagged == ""
        assert read_frame(tmp_path / exposure.file).shape == (256, 256)
        focus = by_key["Square 1/Hole 1/Focus 1"]
        assert focus.needs
        assert all(check.met for check in (*focus.needs, *focus.promises))
        assert focus.focus_dose_e_per_m2 == pytest.approx(focus.focus_exposures * 5e20)  # that of `fa`
        seconds = dict(focus.activities)
        assert sum(seconds.values()) == pytest.approx(focus.ended_s - focus.begun_s)
        assert max(seconds, key=lambda what: seconds[what]) == "focusing"

    def test_a_session_that_is_over_is_over(self, tmp_path: Path) -> None:
        microscope = opened()
        first = run(tmp_path, microscope)
        taken = microscope._exposures
        again = run(tmp_path, microscope)
        assert again.outcomes == first.outcomes
        assert (again.resumed, microscope._exposures) == (1, taken)


class TestRefused:
    def test_one_target_refused_does_not_stop_the_session(self, tmp_path: Path) -> None:
        blind = Blind(opened(), (5e-6, 2e-6), "fa")  # the first hole
        result = run(tmp_path, blind.inner, through=blind)
        ended = statuses(result)
        assert result.complete
        assert ended["Square 1/Hole 1/Focus 1"] is Status.REFUSED
        assert ended[EX.format(1, 1)] is ended[EX.format(1, 2)] is Status.SKIPPED
        assert ended[EX.format(2, 1)] is ended[EX.format(2, 2)] is Status.DONE
        why = {o.key: o.why for o in result.outcomes}
        assert "Square 1/Hole 1/Focus 1" in why[EX.format(1, 1)]

    def test_go_on_takes_the_image_with_the_film_of_the_neighbours_and_flags_it(self, tmp_path: Path) -> None:
        blind = Blind(opened(), (5e-6, 2e-6), "fa")
        wrong: dict[str, float] = {}

        def watch(event: Any) -> None:
            if isinstance(event, events.Exposed) and event.exposure.intended_m is not None:
                wrong[event.unit.key] = truth(blind.inner).c1_m - DEFOCUS_M

        result = run(
            tmp_path,
            blind.inner,
            changed("Exposure", after_failure=AfterFailure.GO_ON),
            through=blind,
            observers=(watch,),
        )
        flagged = {o.key: e.flagged for o in result.outcomes for e in o.exposures}
        assert "Focusing failed" in flagged[EX.format(1, 1)]
        assert flagged[EX.format(2, 1)] == ""
        assert abs(wrong[EX.format(1, 1)]) < WITHIN_M  # the film is flat: the other hole tells where focus is

    def test_stop_ends_the_session_and_it_goes_on_when_resumed(self, tmp_path: Path) -> None:
        blind = Blind(opened(), (5e-6, 2e-6), "fa")
        application = changed("Exposure", after_failure=AfterFailure.STOP)
        result = run(tmp_path, blind.inner, application, through=blind)
        assert not result.complete
        assert EX.format(1, 1) in (result.stopped or "")
        run(tmp_path, blind.inner, application)
        again = run(tmp_path, blind.inner, application)
        assert again.complete
        assert statuses(again)[EX.format(2, 2)] is Status.DONE

    def test_needs_that_are_not_met_are_refused_before_anything_moves(self, tmp_path: Path) -> None:
        microscope = opened()
        far = SMALL.model_copy(update={"grid": GridSettings(height_within_m=900e-6)})
        result = run(tmp_path, microscope, far)
        by_key = {o.key: o for o in result.outcomes}
        refused = by_key["Square 1/Z Focus 1"]
        assert refused.status is Status.REFUSED
        assert "height" in refused.why
        assert not all(check.met for check in refused.needs)
        assert refused.focus_exposures == 0
        assert by_key["Square 1/Hole 1"].status is Status.SKIPPED
        assert look_at(microscope).z_m == 0.0

    def test_an_image_whose_need_is_not_met_is_not_taken(self, tmp_path: Path) -> None:
        """What it needs beyond `within`: nothing moves for it, and the sentence says what would meet it."""
        asked = changed("Exposure", needs=NeedsSettings(height_within_m=1e-12), after_failure=AfterFailure.GO_ON)
        result = run(tmp_path, opened(), asked)
        told = [o for o in result.outcomes if o.node == "Exposure"]
        assert {o.status for o in told} == {Status.REFUSED}
        assert all("It needs height" in o.why and not o.exposures for o in told)

    def test_what_fails_at_one_target_alone_fails_there(self, tmp_path: Path) -> None:
        beyond = SMALL.model_copy(
            update={
                "nodes": (
                    SMALL.nodes[0],
                    NodeSettings(name="Far", kind=Kind.ACQUIRE, preset="sq", targets=Lattice(centre_m=(2e-3, 0.0))),
                )
            }
        )
        microscope = opened()
        result = run(tmp_path, microscope, beyond)
        assert [o.status for o in result.outcomes] == [Status.DONE, Status.FAILED]
        assert "limit" in result.outcomes[1].why
        assert result.complete

    def test_what_the_instrument_lacks_is_said_before_anything_moves(self, tmp_path: Path) -> None:
        other = SMALL.nodes[0].model_copy(update={"preset": "nothing"})
        application, microscope = SMALL.model_copy(update={"nodes": (other,)}), opened()
        with begun(tmp_path, application) as journal:
            one = Session(microscope, book_from(handed_out(microscope)), application, journal)
            with pytest.raises(SettingsError, match="nothing"):
                one.run()

    def test_another_application_is_not_taken_for_the_journals(self, tmp_path: Path) -> None:
        with begun(tmp_path) as journal, pytest.raises(InputError, match="another application"):
            session(opened(), journal, changed("Focus", settle_s=1.0)).run()


class TestLost:
    def test_a_lost_instrument_pauses_and_the_unit_is_begun_anew(self, tmp_path: Path) -> None:
        lost = Lost(opened(), "acquire", 3, times=2)  # within Z Focus; the first time nobody is asked
        told: list[Any] = []
        asked: list[InstrumentError] = []

        def on_lost(error: InstrumentError) -> bool:
            asked.append(error)
            return True

        result = run(tmp_path, lost.inner, through=lost, observers=(told.append,), on_lost=on_lost)
        assert result.complete
        assert set(statuses(result).values()) == {Status.DONE}
        assert len(asked) == 1
        kinds = Counter(type(e) for e in told)
        assert kinds[events.BegunAnew] == kinds[events.InstrumentLost] == kinds[events.InstrumentBack] == 1
        assert kinds[events.UnitBegan] == len(result.outcomes) + 2

    def test_without_an_answer_the_session_ends_and_is_resumed(self, tmp_path: Path) -> None:
        lost = Lost(opened(), "set_beam_tilt", 5, times=1000)
        result = run(tmp_path, lost.inner, through=lost)
        assert "Z Focus 1" in (result.stopped or "")
        assert len(result.outcomes) == 1
        again = run(tmp_path, lost.inner)
        assert again.complete
        assert again.resumed == 1

    def test_an_abort_while_it_is_asked_ends_the_session_and_it_is_resumed(self, tmp_path: Path) -> None:
        lost, told = Lost(opened(), "set_beam_tilt", 5, times=1000), list[Any]()

        def asked(_error: InstrumentError) -> bool:
            raise Aborted("Aborted by the operator.")

        with pytest.raises(Aborted):
            run(tmp_path, lost.inner, through=lost, observers=(told.append,), on_lost=asked)
        assert isinstance(told[-1], events.SessionEnded)
        assert run(tmp_path, lost.inner).complete

    def test_an_exposure_that_was_begun_is_not_repeated(self, tmp_path: Path) -> None:
        microscope = opened()
        of_squares = Lost(microscope, "acquire", 0)
        result = run(tmp_path, microscope, through=of_squares, on_lost=lambda _: True)
        assert result.outcomes[0].status is Status.INTERRUPTED
        assert {o.status for o in result.outcomes[1:]} == {Status.DONE}

    def test_a_unit_at_which_it_is_lost_again_and_again_is_given_up(self, tmp_path: Path) -> None:
        lost = Lost(opened(), "set_beam_tilt", 0, times=1000)

        def mend(event: Any) -> None:
            if isinstance(event, events.UnitEnded) and event.outcome.status is Status.FAILED:
                lost.fails = 0

        result = run(tmp_path, lost.inner, through=lost, observers=(mend,), on_lost=lambda _: True)
        assert result.complete
        failed = next(o for o in result.outcomes if o.status is Status.FAILED)
        assert "failed here 5 times" in failed.why  # begun anew once without asking, and after each of three pauses


class TestStopped:
    def test_an_abort_restores_and_is_resumed(self, tmp_path: Path) -> None:
        microscope, control, told = opened(), Control(), []

        def watch(event: Any) -> None:
            told.append(event)
            if isinstance(event, focus_events.FrameTaken):
                control.abort()

        before = look_at(microscope)
        with pytest.raises(Aborted):
            run(tmp_path, microscope, control=control, observers=(watch,))
        after = look_at(microscope)
        assert (after.preset, after.beam_tilt_rad, after.xy_m) == (before.preset, before.beam_tilt_rad, before.xy_m)
        assert isinstance(told[-1], events.SessionEnded)
        assert told[-1].result.stopped is not None
        frames = [one for one in told if isinstance(one, focus_events.FrameTaken)]
        again: list[Any] = []
        assert run(tmp_path, microscope, observers=(again.append,)).complete
        assert told[0].spent == {}
        assert sum(again[0].spent.values()) == pytest.approx(sum(one.frame.dose_e_per_m2 for one in frames))

    def test_ctrl_c_restores_and_is_resumed(self, tmp_path: Path) -> None:
        microscope = opened()

        def stop(event: Any) -> None:
            if isinstance(event, events.Exposed):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, microscope, observers=(stop,))
        result = run(tmp_path, microscope)
        assert result.complete
        assert result.outcomes[0].status is Status.DONE  # its image had been kept
        assert len(list((tmp_path / "images").rglob("*.mrc"))) == 7

    def test_the_dose_budget_counts_what_was_spent_before(self, tmp_path: Path) -> None:
        focus = FOCUS.model_copy(update={"dose_max_per_m2": 30e20})  # six images of `fa`: one measurement has four
        application, microscope = changed("Focus", focus=focus), opened()
        with begun(tmp_path, application) as journal:
            for _ in range(6):
                journal.spent("Square 1/Hole 1/Focus 1", 5e20)
        result = run(tmp_path, microscope, application)
        by_key = {o.key: o for o in result.outcomes}
        assert "budget is spent" in by_key["Square 1/Hole 1/Focus 1"].why
        assert by_key["Square 1/Hole 1/Focus 1"].focus_dose_e_per_m2 == pytest.approx(30e20)


def look_at(microscope: Any) -> Left:
    """The instrument's state, as a session sees it."""
    return look(Guarded(microscope))
