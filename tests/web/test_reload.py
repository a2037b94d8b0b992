"""A reload loses nothing: the plan with what was asked, the row that was opened, and where one was."""

from __future__ import annotations

from playwright.sync_api import expect

from benchmarks.browser import Watched
from eucentric.web.serving import Serving
from tests.web.served import client
from tests.web.tabs import NEEDS_CHROMIUM, button, run_to_its_end

pytestmark = NEEDS_CHROMIUM


def test_the_row_that_was_opened_is_open_again(tab: Watched) -> None:
    page = tab.page
    run_to_its_end(page, "Measure once")
    run_to_its_end(page, "Measure once")
    page.keyboard.press("4")
    rows = page.locator("eu-history tbody tr")
    expect(rows).to_have_count(2)
    rows.last.click()
    expect(page.locator("eu-history .detail h2").first).to_have_text("Measurement 1")
    assert page.url.endswith("#history/1")
    page.keyboard.press("2")
    page.keyboard.press("4")
    page.reload()
    expect(page.get_by_role("tab", name="History")).to_have_attribute("aria-selected", "true")
    expect(page.locator("eu-history .detail h2").first).to_have_text("Measurement 1")
    expect(rows.last).to_have_attribute("aria-current", "true")
    expect(page.locator("eu-history eu-map .note")).to_contain_text("peak x")


def test_the_plan_and_what_was_asked_are_there_again_also_while_it_is_made(tab: Watched, there: Serving) -> None:
    page, start = tab.page, tab.page.locator("eu-plan input[name=start]")
    page.keyboard.press("6")
    start.fill("500 apples")
    button(page, "Plan").click()
    expect(page.locator("#plan-start-error")).to_contain_text("Start is '500 apples'")
    expect(start).to_have_attribute("aria-invalid", "true")
    start.fill("400 µm")
    page.locator("eu-plan input[name=accuracy]").fill("1 nm")  # can't be reached: looked for longest
    button(page, "Plan").click()
    expect(button(page, "Cancel")).to_be_visible()
    expect(start).to_have_attribute("aria-invalid", "false")
    page.reload()
    expect(start).to_have_value("400 µm")
    expect(button(page, "Cancel")).to_be_visible()
    button(page, "Cancel").click()
    expect(page.locator("eu-plan .result")).to_contain_text("Cancelled: no plan was made.")
    expect(button(page, "Plan")).to_be_enabled()
    with client(there) as us:  # as another browser
        asked = {"instrument": "200kv-side-entry", "start": "300 µm", "accuracy": "1 µm"}
        us.post("/api/plan", json=asked).raise_for_status()
    expect(page.locator("eu-plan .figure")).to_be_visible()
    page.reload()
    expect(page.locator("eu-plan .figure")).to_be_visible()
    expect(page.locator("eu-plan .result")).to_contain_text("from 300 µm to 1 µm")
    expect(start).to_have_value("400 µm")  # what is typed here stays
    tab.complaints = [said for said in tab.complaints if "422" not in said]  # the refusals that were asked for
