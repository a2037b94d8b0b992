"""What the page tells of what goes on, whatever is pressed."""

from __future__ import annotations

from playwright.sync_api import expect

from benchmarks.browser import Watched
from eucentric.web.darkroom import text
from eucentric.web.serving import Serving
from tests.web.tabs import NEEDS_CHROMIUM, button, chip

pytestmark = NEEDS_CHROMIUM


def _drive(phase: str, **further: object) -> str:
    """As the driver tells it, which is idle here and tells nothing meanwhile."""
    quiet = {"kind": "session", "title": "MSI-T", "began": None, "said": "", "tone": "", "starts": True}
    return text("drive", {**quiet, "phase": phase, "unfinished": None, **further})


def test_that_all_is_being_restored_after_an_abort(tab: Watched, there: Serving) -> None:
    expect(chip(tab.page)).to_have_text("Idle")
    there.room.hub.publish("drive", _drive("stopping"))
    expect(chip(tab.page)).to_have_text("Stopping")
    expect(tab.page.locator(".transport .doing")).to_have_text("Aborted: waiting until everything is restored …")
    expect(button(tab.page, "Abort")).to_be_disabled()


def test_how_a_session_that_was_left_goes_on(tab: Watched, there: Serving) -> None:
    page = tab.page
    page.keyboard.press("2")
    expect(chip(page)).to_have_text("Idle")
    expect(button(page, "Resume session")).to_be_hidden()
    left = {"folder": "runs/one", "command": "eucentric run --resume runs/one"}
    there.room.hub.publish("drive", _drive("idle", said="Not complete.", unfinished=left))
    expect(page.locator("eu-run .how code")).to_have_text("eucentric run --resume runs/one")
    expect(button(page, "Resume session")).to_be_enabled()
