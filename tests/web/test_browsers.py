"""Several browsers at a page, one that comes back, and one that may not come in."""

from __future__ import annotations

import threading

from playwright.sync_api import Browser, WebSocketRoute, expect

from benchmarks.browser import Watched
from eucentric.web.api.running import once
from eucentric.web.serving import Serving
from tests.web.served import QUICK
from tests.web.tabs import NEEDS_CHROMIUM, button, chip, run_to_its_end

pytestmark = NEEDS_CHROMIUM


def test_a_second_browser_watches_and_may_take_control(browser: Browser, tab: Watched, there: Serving) -> None:
    first = tab.page
    second = Watched(browser, there)
    run_to_its_end(first, "Measure once")
    expect(second.page.locator("eu-watch .verdict")).to_be_visible()
    expect(second.page.locator(".transport .doing")).to_have_text(first.locator(".transport .doing").inner_text())
    expect(second.page.get_by_title("Take control of the microscope")).to_contain_text("controls")
    button(second.page, "Measure once").click()
    expect(second.page.locator(".toast")).to_contain_text("Watch, or take control first.")
    assert not there.room.driver.busy
    second.page.get_by_title("Take control of the microscope").click()
    expect(second.page.locator(".question")).to_contain_text("could only watch then")
    assert there.room.lease.holder != second.page.evaluate("() => sessionStorage.getItem('eucentric-client')")
    second.page.locator(".question").get_by_role("button", name="Take control").click()
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
    run_to_its_end(page, "Measure once")
    page.keyboard.press("2")
    said = page.locator(".transport .doing").inner_text()
    expect(page.locator("eu-log li").last).to_contain_text(said)
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
    away = threading.Event()

    def route(stream: WebSocketRoute) -> None:
        streams.append(stream)
        if away.is_set():
            stream.close()
        else:
            stream.connect_to_server()

    page.route_web_socket("**/api/stream", route)
    page.goto(there.url)
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    away.set()
    streams[0].close()
    expect(page.locator(".banner")).to_contain_text("may be old")
    there.room.driver.focus(once(QUICK, "once"), measure_only=True)
    away.clear()
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    expect(chip(page)).to_have_text("Ended")
    expect(page.locator("eu-watch .verdict")).to_be_visible()
    expect(page.locator("eu-watch eu-map .note")).to_contain_text("peak x")
    page.context.close()


def test_a_connection_that_died_in_silence_is_told_and_made_again(browser: Browser, there: Serving) -> None:
    page = browser.new_context().new_page()
    silent = threading.Event()

    def route(stream: WebSocketRoute) -> None:
        if silent.is_set():
            return stream.close()
        server = stream.connect_to_server()
        stream.on_message(server.send)
        return server.on_message(lambda message: None if silent.is_set() else stream.send(message))

    page.route_web_socket("**/api/stream", route)
    page.goto(there.url)
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    silent.set()  # nothing is closed: a laptop's lid, a wireless network
    expect(page.locator(".banner")).to_contain_text("No connection to the server")
    silent.clear()
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    expect(page.locator(".banner")).to_be_hidden()
    page.context.close()


def test_without_the_token_nothing_is_shown(browser: Browser, there: Serving) -> None:
    page = browser.new_context().new_page()
    page.goto(there.address)
    expect(page.locator(".banner")).to_contain_text("token is missing")
    expect(page.locator(".transport option")).to_have_count(0)
    page.context.close()


def test_the_address_of_a_server_that_was_started_anew_works_in_the_same_tab(tab: Watched, there: Serving) -> None:
    page = tab.page
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    good = page.evaluate("() => sessionStorage.getItem('eucentric-token')")
    page.evaluate("() => sessionStorage.setItem('eucentric-token', 'of the server before')")
    page.reload()
    expect(page.locator(".banner")).to_contain_text("Open the address")
    assert page.evaluate("() => sessionStorage.getItem('eucentric-token')") is None
    with page.expect_navigation(url="**/"):  # as pasted: only the # changes
        page.evaluate("url => { location.href = url; }", f"{there.address}/#token={good}")
    expect(page.locator("eu-page")).to_have_attribute("data-link", "connected")
    expect(page.locator(".banner")).to_be_hidden()
    assert good not in page.url


def test_without_the_server_nothing_is_claimed_and_nothing_can_be_pressed(browser: Browser, there: Serving) -> None:
    page = browser.new_context().new_page()
    streams: list[WebSocketRoute] = []

    def route(stream: WebSocketRoute) -> None:
        streams.append(stream)
        if len(streams) == 1:
            stream.connect_to_server()
        else:
            stream.close()

    page.route_web_socket("**/api/stream", route)
    page.goto(there.url)
    button(page, "Start").click()
    button(page, "Pause").click()
    expect(chip(page)).to_have_text("Paused")
    streams[0].close()
    expect(page.locator(".banner")).to_contain_text("No connection to the server")
    expect(chip(page)).to_have_text("Not known; last: Paused")
    for name in ("Start", "Measure once", "Resume", "Abort"):
        expect(button(page, name)).to_be_disabled()
    spent = page.locator(".transport .spent").inner_text()
    later = """() => {
      const frame = document.querySelector("eu-page");
      frame._drive = { ...frame._drive, began: "2020-01-01T00:00:00Z" };
      frame._elapsed();
    }"""
    page.evaluate(later)  # as if years had gone by
    expect(page.locator(".transport .spent")).to_have_text(spent)
    page.context.close()
