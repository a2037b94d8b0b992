"""The page of all magnitudes: `python -m eucentric.microscope.simulated.page > docs/simulated-microscope.md`."""

from __future__ import annotations

from eucentric.microscope.simulated.magnitudes import Magnitudes, perfect

_HEAD = """# The simulated microscope

Every magnitude, in SI units (metres, radians, seconds, volts), with its default. Set those that shall differ:

```python
from eucentric.microscope.registry import open_microscope

microscope = open_microscope("simulated", seed=1, size=(1024, 1024), magnitudes={"specimen": {"height_m": 5e-5}})
```

`open_microscope("simulated", perfect=True)` is the same instrument without a fault: the last column, where it differs.
Faults with an rms or a range are drawn from the seed. The numbers are the project's estimates where no source is named.

- Focus is the absolute lens setting, defocus counts from its zero. At eucentric height a preset is in focus at
  −(its parfocal error) ÷ (focus scale); what excursions of the lens left behind comes on top until it is normalised.
- The stage's Z moves along the tilted holder's normal: the film at the optical axis follows by 1/cos α. Its tilt axis
  is the image's +x turned by the preset's image rotation; at α > 0 height grows a quarter turn further on, by tan α.
- The tilt axis lies at `stage.axis_offset_m` a from the optical axis, its side drawn. The goniometer moves the holder
  as a whole, in the column's frame: sideways by s(α), of runout and wobble, and up by w(α), of wobble. What was on the
  optical axis at α = 0, at height h₀, is then across the tilt axis at a(1 − cos α) + s(α) − h₀ sin α, and at height
  h₀ cos α − a sin α + w(α).
- On a tilted specimen the beam's way is longer by 1/cos α; the atoms' texture stays with its places to half a pixel.
- Beam-induced motion follows the dose, or, with `specimen.first_motion_s`, the time since a place was first exposed.
- Image shift moves the view, not the beam's direction; beam and view stay together.
- A defined preset has the magnification, rotation, pixel error, parfocal error and light of the one it is like;
  exposure, dose, size, binning and shifts are its own, and its beam shift moves the lit area over the image.

| magnitude | default | what it is | perfect |
|---|---|---|---|
"""


def page() -> str:
    """The page in Markdown, made from the table."""
    rows = zip(Magnitudes().table(), perfect().table(), strict=True)
    return _HEAD + "".join(_row(name, value, ideal, what) for (name, value, what), (_, ideal, _) in rows)


def _row(name: str, value: float | None, ideal: float | None, what: str) -> str:
    differs = "" if value == ideal else _shown(ideal)
    # A bare bar would end the cell.
    escaped = what.replace("|", r"\|")
    return f"| `{name}` | {_shown(value)} | {escaped} | {differs} |\n"


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


if __name__ == "__main__":
    print(page(), end="")
