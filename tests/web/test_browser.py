"""The page as it is used, in Chromium."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import Locator, Route, expect

from benchmarks.browser import Watched
from eucentric.web.serving import Serving
from tests.web.tabs import NEEDS_CHROMIUM, all_is_shown, button, chip, painted, run_to_its_end

pytestmark = NEEDS_CHROMIUM


def _looks(locator: Locator) -> str:
    painted(locator.page)
    return hashlib.sha256(locator.screenshot()).hexdigest()


def test_a_run_starts_from_the_page_and_shows_what_it_does(tab: Watched) -> None:
    page = tab.page
    expect(page.locator("eu-pair .empty")).to_be_visible()
    pair, found = page.locator("eu-watch eu-pair canvas").first, page.locator("eu-watch eu-map > canvas")
    before = _looks(pair), _looks(found)
    run_to_its_end(page, "Start")
    expect(page.locator(".transport .doing")).to_contain_text("Focused to within")
    expect(page.locator("eu-watch .verdict")).to_contain_text("Accepted")
    expect(page.locator("eu-watch .big .unit")).to_have_text(" nm")
    expect(page.locator("eu-pair figcaption").first).to_contain_text("mrad")
    expect(page.locator("eu-map .note")).to_contain_text("peak x")
    all_is_shown(page)
    after = _looks(pair), _looks(found)
    assert before[0] != after[0]
    assert before[1] != after[1]
    page.keyboard.press("2")
    expect(page.locator("eu-run .sequence li")).to_have_count(2)
    expect(page.locator("eu-run .sequence .state").last).to_have_text("done")
    expect(page.locator("eu-log li").last).to_contain_text("Focused to within")


def test_the_pair_and_the_map_are_looked_at_from_all_sides(tab: Watched) -> None:
    page = tab.page
    run_to_its_end(page, "Measure once")
    all_is_shown(page)
    pair, found = page.locator("eu-watch eu-pair canvas").first, page.locator("eu-watch eu-map > canvas")
    seen = {_looks(pair)}
    for key, title in {"d": "First − second", "o": "First orange", "b": "First: tilt"}.items():
        page.keyboard.press(key)
        expect(page.locator("eu-watch eu-pair figcaption").first).to_contain_text(title)
        seen.add(_looks(pair))
    assert len(seen) == 3  # beside comes back to what it was
    page.keyboard.press("f")
    page.keyboard.press("ArrowRight")
    first = _looks(pair)
    page.keyboard.press("ArrowRight")
    assert _looks(pair) != first
    page.keyboard.press("b")
    page.keyboard.press("+")
    expect(page.get_by_title("Whole image, full contrast")).to_have_text("125 %")
    maps = {_looks(found)}
    for key in ("c", "n"):
        page.keyboard.press(key)
        maps.add(_looks(found))
    page.get_by_role("radio", name="Raw: phase").click()
    expect(page.locator("eu-map .note")).to_contain_text("peak x")
    maps.add(_looks(found))
    assert len(maps) == 4
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_abort_aborts_and_pause_pauses(tab: Watched, there: Serving) -> None:
    page, scope = tab.page, there.room.bench.microscope  # type: ignore[union-attr]
    before = scope.preset().name, scope.beam_tilt_rad(), scope.stage().z_m
    button(page, "Start").click()
    expect(button(page, "Pause")).to_be_enabled()
    page.locator("eu-page").press("Space")
    expect(chip(page)).to_have_text("Paused")
    button(page, "Resume").click()
    expect(chip(page)).to_have_text("Running")
    button(page, "Abort").click()
    expect(chip(page)).to_have_text("Ended")
    expect(page.locator(".transport .doing")).to_contain_text("Aborted by the operator")
    assert not there.room.driver.busy
    assert (scope.preset().name, scope.beam_tilt_rad()) == before[:2]


def test_the_space_bar_is_that_of_the_control_it_is_pressed_on_and_pauses_once(tab: Watched) -> None:
    page = tab.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]) if "/run/" in request.url else None)
    page.keyboard.press("5")
    button(page, "Focus by hand").click()
    expect(button(page, "Pause")).to_be_enabled()
    page.keyboard.press("3")
    box = page.locator("eu-settings input[type=checkbox]").first
    was = box.is_checked()
    box.press("Space")
    assert box.is_checked() != was
    box.blur()
    for _ in range(3):
        page.keyboard.down("Space")  # all but the first are repeats
    page.keyboard.up("Space")
    expect(chip(page)).to_have_text("Paused")
    button(page, "Abort").click()
    expect(chip(page)).to_have_text("Ended")
    assert asked == ["pause", "abort"]


def test_nothing_can_be_begun_before_it_is_known_what(tab: Watched) -> None:
    page = tab.page
    held: list[Route] = []

    def hold(route: Route) -> None:  # a server that takes its time to say what there is
        held.append(route)

    page.route("**/api/about", hold)
    page.reload()
    expect(chip(page)).to_have_text("Idle")
    begins = {"2": "Start session", "3": "Run these", "5": "Focus by hand", "6": "Plan"}
    for key, name in begins.items():
        page.keyboard.press(key)
        one = page.get_by_role("button", name=name, exact=True, include_hidden=True)
        expect(one).to_be_disabled()
        expect(button(page, "Start")).to_be_disabled()
    for route in held:
        route.continue_()
    for key, name in begins.items():
        page.keyboard.press(key)
        expect(button(page, name)).to_be_enabled()


def test_a_setting_that_was_saved_is_used(tab: Watched, there: Serving) -> None:
    page = tab.page
    page.keyboard.press("3")
    expect(page.locator("eu-settings .order li")).to_have_count(2)
    page.get_by_role("button", name="Remove step fine").click()
    name = page.locator("#step-What-name")
    name.fill("only this")
    name.blur()
    tolerance = page.locator("#step-Correct-tolerance")
    tolerance.fill("5 mm")
    tolerance.blur()
    expect(page.locator("#step-Correct-tolerance-error")).to_have_text(
        "Tolerance is 5 mm; it must be above 0 and at most 1 mm."
    )
    expect(tolerance).to_have_attribute("aria-invalid", "true")
    expect(button(page, "Save")).to_be_disabled()
    tolerance.fill("0.9 mm")
    tolerance.blur()
    expect(page.locator(".field.wrong")).to_have_count(0)
    page.reload()  # what is not saved yet is kept
    expect(tolerance).to_have_value("0.9 mm")
    expect(page.locator("eu-settings .order li")).to_have_count(1)
    button(page, "Start").click()
    expect(page.locator(".toast")).to_contain_text("'Run these' there runs what you typed")
    button(page, "Abort").click()
    expect(chip(page)).to_have_text("Ended")
    page.get_by_label("Name to save under").fill("mine")
    button(page, "Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved as")
    expect(page.get_by_label("Sequence", exact=True)).to_have_value("mine")
    run_to_its_end(page, "Start")
    page.keyboard.press("2")
    expect(page.locator("eu-run .sequence .name b")).to_have_text(["only this"])
    shelf = there.room.bench.shelf  # type: ignore[union-attr]
    assert [(step.name, step.tolerance_m) for step in shelf.read("mine").sequence.steps] == [("only this", 0.9e-3)]
    page.keyboard.press("3")
    page.locator("eu-settings .shelf button", has_text="Tomo Focus").click()
    expect(page.locator("eu-settings h2", has_text="tomo")).to_be_visible()
    page.get_by_label("Name to save under").fill("mine")
    button(page, "Save").click()
    expect(page.locator(".toast")).to_contain_text("is saved already")
    assert len(shelf.read("mine").sequence.steps) == 1
    button(page, "Replace").click()
    expect(page.locator(".toast")).to_contain_text("Saved as")
    assert shelf.read("mine").sequence.name == "Tomo Focus"


def test_what_is_not_saved_is_given_up_only_when_asked_for_twice(tab: Watched) -> None:
    page = tab.page
    page.keyboard.press("3")
    page.get_by_role("button", name="Remove step fine").click()
    other = page.locator("eu-settings .shelf button", has_text="Tomo Focus")
    other.click()
    expect(page.locator(".toast")).to_contain_text("was changed and is not saved")
    expect(page.locator("eu-settings .order li")).to_have_count(1)
    page.reload()
    expect(page.locator("eu-settings .order li")).to_have_count(1)
    other.click()
    other.click()
    expect(page.locator("eu-settings h2", has_text="tomo")).to_be_visible()


def test_history_opens_and_measures_again(tab: Watched) -> None:
    page = tab.page
    run_to_its_end(page, "Measure once")
    page.keyboard.press("4")
    rows = page.locator("eu-history tbody tr")
    expect(rows.first).to_contain_text("fine")
    rows.first.click()
    expect(page.locator("eu-history eu-pair figcaption").first).to_contain_text("tilt")
    expect(page.locator("eu-history eu-map .note")).to_contain_text("peak x")
    page.locator("select[name=method]").select_option("phase")
    button(page, "Measure again").click()
    said = page.locator("eu-history .again [role=status]")
    expect(said).to_contain_text("It was")
    for field, odd in (("tilt_scale", "abc"), ("tilt_scale", "0"), ("cs_mm", "1,2")):
        page.locator(f"input[name={field}]").fill(odd)
        button(page, "Measure again").click()
        expect(said).to_contain_text(f"'{odd}' is no")
        expect(page.locator(f"input[name={field}]")).to_have_attribute("aria-invalid", "true")
        page.locator(f"input[name={field}]").fill("1")
    run_to_its_end(page, "Measure once")
    expect(rows).to_have_count(2)
    page.evaluate("() => { const history = document.querySelector('eu-history'); history.most = 1; history.load(); }")
    expect(rows).to_have_count(1)
    newest = rows.first.get_attribute("data-id")
    button(page, "Older").click()
    expect(button(page, "Newest")).to_be_visible()
    expect(rows.first).not_to_have_attribute("data-id", str(newest))
    button(page, "Newest").click()
    expect(rows.first).to_have_attribute("data-id", str(newest))


def test_history_is_of_this_instrument_unless_all_are_asked_for(tab: Watched, there: Serving) -> None:
    page = tab.page
    run_to_its_end(page, "Measure once")
    there.room.instrument = "another"  # as a page of another one with the same records
    page.reload()
    page.keyboard.press("4")
    expect(page.locator("eu-history tbody")).to_contain_text("Nothing was recorded yet.")
    page.get_by_label("all instruments").check()
    expect(page.locator("eu-history tbody tr")).to_contain_text("simulated (seed 1) · fine")


def test_of_a_refused_measurement_nothing_looks_real(tab: Watched) -> None:
    page = tab.page
    run_to_its_end(page, "Measure once")
    all_is_shown(page)
    show = """({ accepted }) => {
      const there = document.querySelector("eu-watch eu-reading");
      const told = structuredClone(there.source.newest.get("reading"));
      const finding = (reason) => ({ reason, found: "found", allowed: "allowed", advice: `Mend ${reason}.` });
      const still = document.createElement("eu-reading"); // hears nothing: curves that come late don't show over it
      still.source = { on() {}, newest: new Map() };
      there.parentElement.querySelector("#still")?.remove();
      there.after(still);
      still.id = "still";
      still.show({ ...told, accepted, findings: [finding("one"), finding("two")] }, null);
      return getComputedStyle(still.querySelector(".rows dd span")).color;
    }"""
    assert page.evaluate(show, {"accepted": True}) != page.evaluate(show, {"accepted": False})
    expect(page.locator("#still .verdict p")).to_have_count(2)
    expect(page.locator("#still .verdict em")).to_have_text(["Mend one."])


def test_manual_focus_moves_and_shows(tab: Watched, there: Serving) -> None:
    page = tab.page
    page.keyboard.press("5")
    button(page, "Focus by hand").click()
    expect(button(page, "over +")).to_be_enabled()
    expect(chip(page)).to_have_text("By hand")
    expect(page.locator(".doing")).to_contain_text("waits for the operator at Manual focus (key 5)")
    page.get_by_label("Step of the stage").fill("-3 µm")
    button(page, "up +").click()
    expect(page.locator(".toast")).to_contain_text("Nothing was moved")
    page.get_by_label("Electrons by hand at most").fill("50")
    page.get_by_label("Electrons by hand at most").blur()
    expect(page.locator(".toast")).to_contain_text("'50' is without a unit")
    expect(page.get_by_label("Electrons by hand at most")).to_have_value("500 e/Å²")
    assert "422" in tab.complaints.pop()  # that it was refused
    for _ in range(3):  # faster than they are made
        page.keyboard.press("ArrowDown")
    expect(page.locator("eu-manual dl")).to_contain_text("moved −1.500 µm")
    expect(page.locator("eu-manual figcaption").first).to_contain_text("by hand")
    expect(page.locator("eu-manual figure .note")).to_contain_text("e/Å² by hand")
    button(page, "From scope").click()
    asks, bench = page.locator("dialog.asks"), there.room.bench
    stored = bench.book.of("fa").eucentric_focus_m  # type: ignore[union-attr]
    expect(asks).to_contain_text("→ −1.500 µm")
    expect(asks).to_contain_text("only in memory")
    page.keyboard.press("Escape")
    expect(asks).to_be_hidden()
    assert bench.book.of("fa").eucentric_focus_m == stored  # type: ignore[union-attr]
    button(page, "From scope").click()
    button(page, "Keep").click()
    expect(page.locator(".toast")).to_contain_text("Kept as the eucentric focus of preset fa: −1.500 µm")
    assert abs((bench.book.of("fa").eucentric_focus_m or 0) + 1.5e-6) < 1e-9  # type: ignore[union-attr]
    button(page, "Take back").click()
    expect(chip(page)).to_have_text("Ended")
    assert abs(there.room.bench.microscope.defocus_m()) < 1e-9  # type: ignore[union-attr]


def test_a_key_that_is_held_down_moves_once_while_the_move_is_not_made(tab: Watched, there: Serving) -> None:
    page = tab.page
    moves: list[str] = []
    page.on("request", lambda request: moves.append(request.url) if request.url.endswith("/manual/move") else None)
    page.keyboard.press("5")
    button(page, "Focus by hand").click()
    expect(button(page, "over +")).to_be_enabled()
    button(page, "up +").click()
    expect(page.locator("eu-manual dl")).to_contain_text("moved 1.000 µm")
    page.keyboard.press("Space")  # pauses: it does not press again what was clicked
    expect(chip(page)).to_have_text("Paused")
    for _ in range(100):
        page.keyboard.down("ArrowUp")  # all but the first are repeats
    page.keyboard.up("ArrowUp")
    expect(page.locator("eu-manual .bar [role=status]")).to_have_text("1 not done yet")
    page.keyboard.press("Space")
    expect(page.locator("eu-manual dl")).to_contain_text("moved 0.500 µm")
    assert len(moves) == 2
    button(page, "Take back").click()
    expect(chip(page)).to_have_text("Ended")


def test_dark_is_the_default_and_light_is_there(tab: Watched) -> None:
    page, body = tab.page, tab.page.locator("body")
    expect(body).to_have_css("background-color", "rgb(9, 11, 13)")
    page.keyboard.press("t")
    expect(body).to_have_css("background-color", "rgb(238, 240, 238)")


@pytest.mark.parametrize("key", "123456")
def test_nothing_is_wider_than_the_screen(tab: Watched, key: str) -> None:
    page = tab.page
    expect(page.locator(".transport option").first).to_be_attached()
    page.keyboard.press(key)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 1280
