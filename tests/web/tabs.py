"""What the tests in a browser do at a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import chromium

NEEDS_CHROMIUM = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here: apt-get install chromium (make test does, as root)"
)


def button(page: Page, name: str) -> Locator:
    """By its name."""
    return page.get_by_role("button", name=name, exact=True)


def chip(page: Page) -> Locator:
    """What goes on, in a word."""
    return page.locator(".transport .chip")


def run_to_its_end(page: Page, name: str) -> None:
    """Press what starts a run, and wait until it ended."""
    button(page, name).click()
    expect(chip(page)).to_have_text("Ended")
