"""What the tests in a browser do at a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import chromium

NEEDS_CHROMIUM = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here: apt-get install chromium (make test does, as root)"
)

WITHIN_MS = 60_000  # what is waited for comes in a second or two; a machine that is busy may take longer
_DRIVE = "(await import('/parts/link.js')).link.newest.get('drive')"


def button(page: Page, name: str) -> Locator:
    """By its name."""
    return page.get_by_role("button", name=name, exact=True)


def chip(page: Page) -> Locator:
    """What goes on, in a word."""
    return page.locator(".transport .chip")


def run_to_its_end(page: Page, name: str) -> None:
    """Press what starts a run, and wait until this one ended, not one before it."""
    expect(button(page, name)).to_be_enabled()
    before = page.evaluate(f"async () => ({_DRIVE}).began")
    button(page, name).click()
    told = f"async (before) => {{ const now = {_DRIVE}; return now.phase === 'idle' && now.began !== before; }}"
    page.wait_for_function(told, arg=before, timeout=WITHIN_MS)
    expect(chip(page)).to_have_text("Ended")


def all_is_shown(page: Page) -> None:
    """Wait until all that is shown of the last measurement is of it: words, images, curves, map and spectrum.

    They come one after the other, some after the run has ended: whoever compares pictures before could see them change.
    """
    told = """async () => {
      const { newest } = (await import('/parts/link.js')).link;
      const numbers = ['reading', 'images', 'curves', 'map', 'spectrum'].map((kind) => newest.get(kind)?.number);
      return numbers[0] && newest.get('reading').judged && numbers.every((one) => one === numbers[0]);
    }"""
    page.wait_for_function(told, timeout=WITHIN_MS)


def painted(page: Page) -> None:
    """Wait until what was asked for is on the screen: pictures are painted with the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
