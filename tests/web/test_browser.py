"""The page as it is used, in Chromium."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from benchmarks.browser import Watched, chromium, launched
from eucentric.web.api.running import once
from eucentric.web.serving import Serving
from tests.web.served import QUICK, serving, whole_bench

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here: apt-get install chromium (make test does, as root)"
)
WITHIN_MS = 60_000  # what is waited for comes in a second or two; a machine that is busy may take longer
expect.set_options(timeout=WITHIN_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Serving]:
    made, place = whole_bench(tmp_path)
    with serving(made, place=place) as served:
        yield served


@pytest.fixture
def tab(browser: Browser, there: Serving) -> Iterator[Watched]:
    """A tab; at the end nothing was complained of, and nobody else was asked."""
    watched = Watched(browser, there)
    yield watched
    assert watched.complaints == []
    assert watched.hosts == {there.address.removeprefix("http://")}
    watched.page.context.close()


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def _chip(page: Page) -> Locator:
    return page.locator(".transport .chip")


def _run_to_its_end(page: Page, button: str) -> None:
    _button(page, button).click()
    expect(_chip(page)).to_have_text("Ended")


def _looks(locator: Locator) -> str:
    return hashlib.sha256(locator.screenshot()).hexdigest()


def test_a_run_starts_from_the_page_and_shows_what_it_does(tab: Watched) -> None:
    page = tab.page
    expect(page.locator("eu-pair .empty")).to_be_visible()
    pair, found = page.locator("eu-watch eu-pair canvas").first, page.locator("eu-watch eu-map > canvas")
    before = _looks(pair), _looks(found)
    _run_to_its_end(page, "Start")
    expect(page.locator(".transport .doing")).to_contain_text("Focused to within")
    expect(page.locator("eu-watch .verdict")).to_contain_text("Accepted")
    expect(page.locator("eu-watch .big .unit")).to_have_text(" nm")
    expect(page.locator("eu-pair figcaption").first).to_contain_text("mrad")
    expect(page.locator("eu-map .note")).to_contain_text("peak x")
    after = _looks(pair), _looks(found)
    assert before[0] != after[0]
    assert before[1] != after[1]
    page.keyboard.press("2")
    expect(page.locator("eu-run .sequence li")).to_have_count(2)
    expect(page.locator("eu-run .sequence .state").last).to_have_text("done")
    expect(page.locator("eu-log li").last).to_contain_text("Focused to within")


def test_the_pair_and_the_map_are_looked_at_from_all_sides(tab: Watched) -> None:
    page = tab.page
    _run_to_its_end(page, "Measure once")
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
    _button(page, "Start").click()
    expect(_button(page, "Pause")).to_be_enabled()
    page.locator("eu-page").press("Space")
    expect(_chip(page)).to_have_text("Paused")
    _button(page, "Resume").click()
    expect(_chip(page)).to_have_text("Running")
    _button(page, "Abort").click()
    expect(_chip(page)).to_have_text("Ended")
    expect(page.locator(".transport .doing")).to_contain_text("Aborted by the operator")
    assert not there.room.driver.busy
    assert (scope.preset().name, scope.beam_tilt_rad()) == before[:2]


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
    expect(page.locator(".field.wrong .error")).to_contain_text("it must be above 0 and at most 1 mm")
    expect(_button(page, "Save")).to_be_disabled()
    tolerance.fill("0.9 mm")
    tolerance.blur()
    expect(page.locator(".field.wrong")).to_have_count(0)
    page.get_by_label("Name to save under").fill("mine")
    _button(page, "Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved as")
    expect(page.get_by_label("Sequence", exact=True)).to_have_value("mine")
    _run_to_its_end(page, "Start")
    page.keyboard.press("2")
    expect(page.locator("eu-run .sequence .name b")).to_have_text(["only this"])
    shelf = there.room.bench.shelf  # type: ignore[union-attr]
    assert [(step.name, step.tolerance_m) for step in shelf.read("mine").sequence.steps] == [("only this", 0.9e-3)]
    page.keyboard.press("3")
    page.locator("eu-settings .shelf button", has_text="Tomo Focus").click()
    expect(page.locator("eu-settings h2", has_text="tomo")).to_be_visible()
    page.get_by_label("Name to save under").fill("mine")
    _button(page, "Save").click()
    expect(page.locator(".toast")).to_contain_text("is saved already")
    assert len(shelf.read("mine").sequence.steps) == 1
    _button(page, "Replace").click()
    expect(page.locator(".toast")).to_contain_text("Saved as")
    assert shelf.read("mine").sequence.name == "Tomo Focus"


def test_history_opens_and_measures_again(tab: Watched) -> None:
    page = tab.page
    _run_to_its_end(page, "Measure once")
    page.keyboard.press("4")
    rows = page.locator("eu-history tbody tr")
    expect(rows.first).to_contain_text("fine")
    rows.first.click()
    expect(page.locator("eu-history eu-pair figcaption").first).to_contain_text("tilt")
    expect(page.locator("eu-history eu-map .note")).to_contain_text("peak x")
    page.locator("select[name=method]").select_option("phase")
    _button(page, "Measure again").click()
    expect(page.locator("eu-history .again [role=status]")).to_contain_text("It was")
    _run_to_its_end(page, "Measure once")
    expect(rows).to_have_count(2)
    page.evaluate("() => { const history = document.querySelector('eu-history'); history.most = 1; history.load(); }")
    expect(rows).to_have_count(1)
    newest = rows.first.get_attribute("data-id")
    _button(page, "Older").click()
    expect(_button(page, "Newest")).to_be_visible()
    expect(rows.first).not_to_have_attribute("data-id", str(newest))
    _button(page, "Newest").click()
    expect(rows.first).to_have_attribute("data-id", str(newest))


def test_manual_focus_moves_and_shows(tab: Watched, there: Serving) -> None:
    page = tab.page
    page.keyboard.press("5")
    _button(page, "Focus by hand").click()
    expect(_button(page, "over +")).to_be_enabled()
    for _ in range(3):  # faster than they are made
        page.keyboard.press("ArrowDown")
    expect(page.locator("eu-manual dl")).to_contain_text("moved −1.500 µm")
    expect(page.locator("eu-manual figcaption").first).to_contain_text("by hand")
    _button(page, "Take back").click()
    expect(_chip(page)).to_have_text("Ended")
    assert abs(there.room.bench.microscope.defocus_m()) < 1e-9  # type: ignore[union-attr]


def test_a_key_that_is_held_down_moves_once_while_the_move_is_not_made(tab: Watched, there: Serving) -> None:
    page = tab.page
    moves: list[str] = []
    page.on("request", lambda request: moves.append(request.url) if request.url.endswith("/manual/move") else None)
    page.keyboard.press("5")
    _button(page, "Focus by hand").click()
    expect(_button(page, "over +")).to_be_enabled()
    page.keyboard.press("Space")
    expect(_chip(page)).to_have_text("Paused")
    for _ in range(100):
        page.keyboard.down("ArrowUp")  # all but the first are repeats
    page.keyboard.up("ArrowUp")
    expect(page.locator("eu-manual .bar [role=status]")).to_have_text("1 not done yet")
    page.keyboard.press("Space")
    expect(page.locator("eu-manual dl")).to_contain_text("moved 0.500 µm")
    assert len(moves) == 1
    _button(page, "Take back").click()
    expect(_chip(page)).to_have_text("Ended")


def test_a_second_browser_watches_and_may_take_control(browser: Browser, tab: Watched, there: Serving) -> None:
    first = tab.page
    second = Watched(browser, there)
    _run_to_its_end(first, "Measure once")
    expect(second.page.locator("eu-watch .verdict")).to_be_visible()
    expect(second.page.locator(".transport .doing")).to_have_text(first.locator(".transport .doing").inner_text())
    expect(second.page.get_by_title("Take control of the microscope")).to_contain_text("controls")
    _button(second.page, "Measure once").click()
    expect(second.page.locator(".toast")).to_contain_text("Watch, or take control first.")
    assert not there.room.driver.busy
    second.page.get_by_title("Take control of the microscope").click()
    expect(second.page.get_by_title("Give control back")).to_contain_text("You control")
    expect(first.get_by_title("Take control of the microscope")).to_be_visible()
    expect(first.locator(".toast")).to_contain_text("took control")  # whoever loses it is told
    second.page.get_by_title("Give control back").click()
    expect(second.page.get_by_title("Take control of the microscope")).to_contain_text("Nobody controls")
    expect(second.page.locator(".toast")).not_to_contain_text("controls no longer")  # it was given back
    second.complaints = [said for said in second.complaints if "409" not in said]  # the refusal that was asked for
    assert second.complaints == []
    second.page.context.close()


def test_a_browser_that_lost_control_while_it_was_away_is_told(tab: Watched, there: Serving) -> None:
    page = tab.page
    page.get_by_title("Take control of the microscope").click()
    expect(page.get_by_title("Give control back")).to_be_visible()
    holder = there.room.lease.holder
    assert holder is not None
    page.goto("about:blank")
    there.room.lease.release(holder)  # as it lapses
    page.go_back()
    expect(page.locator(".toast")).to_contain_text("controls no longer")
    expect(page.get_by_title("Take control of the microscope")).to_contain_text("Nobody controls")


def test_a_reload_loses_nothing_and_needs_no_token(tab: Watched) -> None:
    page = tab.page
    _run_to_its_end(page, "Measure once")
    page.keyboard.press("2")
    said = page.locator(".transport .doing").inner_text()
    lines = page.locator("eu-log li").count()
    assert "token" not in page.url
    page.reload()
    expect(page.locator(".transport .doing")).to_have_text(said)
    expect(page.locator("eu-log li")).to_have_count(lines)
    expect(page.get_by_role("tab", name="Run")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_title("Give control back")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("eu-watch eu-pair figcaption").first).to_contain_text("mrad")
    expect(page.locator("eu-watch eu-map .note")).to_contain_text("peak x")


def test_a_connection_that_broke_is_made_again_and_what_came_meanwhile_is_shown(
    browser: Browser, there: Serving
) -> None:
    page = browser.new_context().new_page()
    streams: list[WebSocketRoute] = []
    away: list[WebSocketRoute] = []

    def route(stream: WebSocketRoute) -> None:
        streams.append(stream)
        if len(streams) == 2:
            away.append(stream)
            stream.close()  # not yet there again
        else:
            stream.connect_to_server()

    page.route_web_socket("**/api/stream", route)
    page.goto(there.url)
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    there.room.driver.focus(once(QUICK, "once"), measure_only=True)
    streams[0].close()
    expect(page.locator(".top .link")).to_contain_text("what is shown may be old")
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    expect(_chip(page)).to_have_text("Ended")
    expect(page.locator("eu-watch .verdict")).to_be_visible()
    expect(page.locator("eu-watch eu-map .note")).to_contain_text("peak x")
    assert len(away) == 1
    page.context.close()


def test_without_the_token_nothing_is_shown(browser: Browser, there: Serving) -> None:
    page = browser.new_context().new_page()
    page.goto(there.address)
    expect(page.locator(".link")).to_contain_text("token is missing")
    expect(page.locator(".transport option")).to_have_count(0)
    page.context.close()


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
