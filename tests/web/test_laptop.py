"""The page in the window of a laptop, as an operator sees it without scrolling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import Watched
from eucentric.web.serving import Serving
from tests.web.tabs import NEEDS_CHROMIUM, button, chip, run_to_its_end

pytestmark = NEEDS_CHROMIUM

HEIGHT_PX = 657  # what a browser leaves of a screen of 1280 × 800


@pytest.fixture
def page(browser: Browser, there: Serving) -> Iterator[Page]:
    watched = Watched(browser, there, height=HEIGHT_PX)
    yield watched.page
    assert watched.complaints == []
    watched.page.context.close()


def _seen_whole(page: Page, *selectors: str) -> None:
    """Each is on the screen from top to bottom, and none lies over another."""
    boxes = [page.locator(selector).first.bounding_box() for selector in selectors]
    for selector, box in zip(selectors, boxes, strict=True):
        assert box is not None, selector
        assert box["y"] + box["height"] <= HEIGHT_PX, selector
        assert box["x"] + box["width"] <= 1280, selector
    for k, one in enumerate(boxes):
        for other in boxes[k + 1 :]:
            assert one is not None
            assert other is not None
            beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            assert beside or below


def test_pair_map_and_reading_are_seen_without_scrolling(page: Page) -> None:
    run_to_its_end(page, "Measure once")
    expect(page.locator("eu-watch .verdict")).to_contain_text("Refused")  # with all that is said then
    _seen_whole(page, "eu-watch .big", "eu-watch .verdict", "eu-watch eu-pair", "eu-watch eu-map")


def test_by_hand_image_and_buttons_are_seen_and_no_key_of_scrolling_moves_the_stage(page: Page, there: Serving) -> None:
    moves: list[str] = []
    page.on("request", lambda request: moves.append(request.url) if request.url.endswith("/manual/move") else None)
    page.keyboard.press("5")
    page.keyboard.press("u")  # nobody focuses by hand yet
    button(page, "Focus by hand").click()
    expect(button(page, "over +")).to_be_enabled()
    _seen_whole(page, "eu-manual > figure", "eu-manual eu-spectrum", "eu-manual .desk .panel")
    for key in ("PageDown", "PageUp", "End", "Home"):
        page.keyboard.press(key)
    page.get_by_title("Give control back").click()
    expect(page.get_by_title("Take control of the microscope")).to_contain_text("Nobody controls")
    page.locator("body").press("j")  # who does not control moves nothing by a key
    page.get_by_title("Take control of the microscope").click()
    expect(page.get_by_title("Give control back")).to_be_visible()
    assert moves == []
    page.locator("body").press("u")
    expect(page.locator("eu-manual dl")).to_contain_text("moved 1.0")
    assert len(moves) == 1
    button(page, "Take back").click()
    expect(chip(page)).to_have_text("Ended")
