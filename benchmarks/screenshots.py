"""`python -m benchmarks.screenshots [FOLDER]`: each view of the page as a picture, by default into docs/."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.browser import Watched, launched
from eucentric.cli.serve import Where, make_bench
from eucentric.records.place import Place
from eucentric.web.room import Room
from eucentric.web.serving import Serving

_WITHIN_MS = 120_000
_COLOURS = 256  # of the picture's palette: images are mostly noise


def main(folder: Path) -> None:
    """Take them all. Raises InputError where the page can't be served."""
    expect.set_options(timeout=_WITHIN_MS)
    with TemporaryDirectory() as scratch:
        place = Place.of(f"{scratch}/records.sqlite")
        bench = make_bench(Where("simulated", 1, None, place), "default", Path(scratch) / "sequences")
        with Serving(Room(bench, place=place), port=0) as there, launched() as browser:
            page = Watched(browser, there).page
            for name, view in _VIEWS.items():
                view(page)
                _keep(page, folder / f"page-{name}.png")
                print(folder / f"page-{name}.png")


def _keep(page: Page, path: Path) -> None:
    page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    page.wait_for_timeout(800)  # plots are drawn a frame after their data
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    taken.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


def _ended(page: Page) -> None:
    expect(page.locator(".transport .chip")).to_have_text("Ended")
    page.wait_for_timeout(1500)


def _watch(page: Page) -> None:
    page.get_by_role("button", name="Start", exact=True).click()
    _ended(page)
    page.get_by_label("Which pair").wait_for()


def _overlay(page: Page) -> None:
    page.keyboard.press("Shift+M")
    expect(page.locator(".transport .chip")).to_have_text("Running")
    _ended(page)
    page.keyboard.press("o")
    page.keyboard.press("n")


def _light(page: Page) -> None:
    page.keyboard.press("b")
    page.keyboard.press("c")
    page.keyboard.press("c")
    page.keyboard.press("t")


def _run(page: Page) -> None:
    page.keyboard.press("t")
    page.keyboard.press("t")
    page.keyboard.press("2")
    page.get_by_role("button", name="Start session").click()
    expect(page.locator("eu-run .progress .note").last).to_contain_text("7 of 12")


def _settings(page: Page) -> None:
    page.keyboard.press("Shift+A")
    expect(page.locator(".transport .chip")).to_have_text("Ended")
    page.keyboard.press("3")
    page.locator("eu-settings .order .pick").last.click()


def _history(page: Page) -> None:
    page.keyboard.press("4")
    page.locator("eu-history tbody tr").first.click()
    expect(page.locator("eu-history eu-map .note")).to_contain_text("peak x")


def _manual(page: Page) -> None:
    page.keyboard.press("5")
    page.get_by_role("button", name="Focus by hand").click()
    expect(page.get_by_role("button", name="over +")).to_be_enabled()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(page.locator("eu-manual dl")).to_contain_text("moved −2.000 µm")
    page.wait_for_timeout(1500)


def _plan(page: Page) -> None:
    page.get_by_role("button", name="Take back").click()
    _ended(page)
    page.keyboard.press("6")
    page.locator("eu-plan form button.first").click()
    page.locator("eu-plan .figure").wait_for(timeout=_WITHIN_MS)


_VIEWS: dict[str, Callable[[Page], None]] = {
    "watch": _watch,
    "overlay": _overlay,
    "light": _light,
    "run": _run,
    "settings": _settings,
    "history": _history,
    "manual": _manual,
    "plan": _plan,
}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
