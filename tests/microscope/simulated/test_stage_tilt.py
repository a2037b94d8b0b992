"""The simulated microscope at stage tilts: closed forms of heights, displacements and what the instrument hands out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import constants, height_at, truth

HEIGHT_M = 2e-6


def tilted(preset: str, alpha_deg: float, size: int = 256, **parts: dict[str, Any]) -> Any:
    """Perfect, a flat film 2 µm high, images turned at random, a high dose."""
    magnitudes = {
        **{"specimen": {"height_m": HEIGHT_M}, "column": {"image_rotation_rad": 3.14}},
        **{"presets": {preset: {"dose_e_per_m2": 1e23}}, "camera": {"saturation_counts": 1e12}},
        **parts,
    }
    scope: Any = open_microscope("simulated", seed=5, perfect=True, size=size, magnitudes=magnitudes)
    scope.set_preset(preset)
    scope.move_stage(alpha_rad=np.radians(alpha_deg))
    return scope


def displacement(first: NDArray[Any], second: NDArray[Any], *, white: bool = False) -> NDArray[np.float64]:
    """Shift (y, x) of `second` in pixels: a windowed correlation with a parabola through its peak.

    `white`: by the texture alone; edges of holes that leave the window count as much as anything else.
    """
    window = np.outer(*(np.hanning(n) for n in first.shape))
    a, b = (np.fft.fft2((f - f.mean()) * window) for f in (first, second))
    cross = np.conj(a) * b
    correlation = np.fft.ifft2(cross / np.abs(cross) if white else cross).real
    peak = np.unravel_index(correlation.argmax(), correlation.shape)
    found = []
    for axis, at in enumerate(peak):
        low, top, high = (float(np.roll(correlation, -step, axis)[peak]) for step in (-1, 0, 1))
        n = correlation.shape[axis]
        found.append((at + n // 2) % n - n // 2 + 0.5 * (low - high) / (low - 2 * top + high))
    return np.array(found)


@pytest.mark.parametrize("alpha_deg", [-60.0, 0.0, 15.0, 60.0])
def test_height_grows_a_quarter_turn_on_from_the_tilt_axis(alpha_deg: float) -> None:
    """By tan α per metre in the image, and not along the axis, whose direction is handed out; (z + H)/cos α in it."""
    scope = tilted("fa", alpha_deg)
    scope.move_stage(z_m=1e-6)
    axis = next(p for p in handed_out(scope).presets if p.preset == "fa").stage_tilt_axis_rad
    assert axis is not None
    assert axis == pytest.approx(constants(scope).stage_tilt_axis_rad["fa"])
    alpha, pixel_m = np.radians(alpha_deg), 0.3e-9
    middle = height_at(scope)
    assert middle == pytest.approx((HEIGHT_M + 1e-6) / np.cos(alpha))
    along = (100 * np.sin(axis), 100 * np.cos(axis))
    across = (100 * np.cos(axis), -100 * np.sin(axis))  # (y, x) of the direction axis + 90°
    assert height_at(scope, along) == pytest.approx(middle, abs=1e-15)
    assert height_at(scope, across) - middle == pytest.approx(100 * pixel_m * np.tan(alpha), abs=1e-15)


@pytest.mark.parametrize("alpha_deg", [0.0, -30.0, 60.0])
def test_z_moves_along_the_holders_normal(alpha_deg: float) -> None:
    """The film at the optical axis follows by 1/cos α, and is at eucentric height where the truth says."""
    scope = tilted("hl", alpha_deg)
    assert handed_out(scope).z_along_normal
    before = height_at(scope)
    scope.move_stage(z_m=-0.5e-6)
    assert height_at(scope) - before == pytest.approx(-0.5e-6 / np.cos(np.radians(alpha_deg)))
    scope.move_stage(z_m=truth(scope).eucentric_z_m)
    assert height_at(scope) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("y_m", [0.0, 25e-6])
def test_the_image_moves_when_the_stage_tilts(y_m: float) -> None:
    """By the alpha response × height × change of tan α, also far from the origin; at eucentric height it stays."""
    scope = tilted("hl", -1.0)
    response = next(p for p in handed_out(scope).presets if p.preset == "hl").alpha_px_per_m
    assert response is not None
    assert response == pytest.approx(constants(scope).alpha_px_per_m["hl"])
    scope.move_stage(y_m=y_m)
    expected = np.array(response) * HEIGHT_M * 2 * np.tan(np.radians(1.0))
    assert np.hypot(*expected) == pytest.approx(13.96, abs=0.01)
    for height_m, moved in ((HEIGHT_M, expected), (0.0, np.zeros(2))):
        scope.move_stage(z_m=height_m - HEIGHT_M, alpha_rad=np.radians(-1.0))
        first = scope.acquire().pixels
        scope.move_stage(alpha_rad=np.radians(1.0))
        # A parabola finds a peak of one pixel's width (a sinc) to half a pixel.
        assert displacement(first, scope.acquire().pixels, white=True) == pytest.approx(moved, abs=0.5)


@pytest.mark.parametrize("alpha_deg", [0.0, 30.0, 60.0])
def test_a_beam_tilt_pair_is_sheared_on_a_tilted_specimen(alpha_deg: float) -> None:
    """Its displacement 2β·C1 grows by the separation × tan α per pixel along the height's direction.

    20 mrad apart, 60°: 0.035 per pixel, 35 pixels over 1k.
    """
    beta, size = 10e-3, 512
    # No Cs: its coma would move the peak. The image is not turned: height grows along +y.
    scope = tilted("fa", alpha_deg, size, column={"image_rotation_rad": 0.0, "c3_m": 0.0, "focal_spread_m": 0.0})
    alpha, wanted_c1_m = np.radians(alpha_deg), -0.6e-6
    scope.set_defocus(wanted_c1_m - height_at(scope))
    pair = []
    for sign in (-1, 1):
        scope.set_beam_tilt((0.0, sign * beta))
        pair.append(scope.acquire().pixels)
    strips = [slice(k, k + 64) for k in range(32, size - 64, 64)]
    middles = np.array([s.start + 32 - size // 2 for s in strips])
    found = np.array([displacement(pair[0][s], pair[1][s]) for s in strips])
    slope, middle = np.polyfit(middles, found[:, 1], 1)
    # A strip of 64 rows is good to 0.3 px (sheared by 2 px at 60°), a line through seven to that over 64·√28.
    assert slope == pytest.approx(2 * beta * np.tan(alpha), abs=3 * 0.3 / (64 * np.sqrt(28)))
    # What is seen in the middle lies displaced by ∓β·C1 along the axis: no other height.
    assert middle == pytest.approx(2 * beta * wanted_c1_m / 0.3e-9, abs=0.4)


def test_image_shift_shows_what_lies_beside() -> None:
    """The image moves the other way; on a tilted specimen its height is that of the place shown."""
    scope = tilted("fa", 45.0, 128, column={"image_rotation_rad": 0.0})
    scope.move_stage(alpha_rad=0.0)
    scope.set_defocus(-3e-6)
    before = scope.acquire().pixels
    scope.set_image_shift((6e-9, -3e-9))
    assert displacement(before, scope.acquire().pixels) == pytest.approx((-20, 10), abs=0.2)
    scope.move_stage(alpha_rad=np.radians(45.0))
    there = height_at(scope)
    scope.set_image_shift((5e-6, 0.0))
    assert height_at(scope) - there == pytest.approx(5e-6 - 6e-9)
    # The mean over the central half, whose middle is half a pixel beside the centre.
    assert truth(scope).height_m == pytest.approx(height_at(scope), abs=0.2e-9)


@pytest.mark.parametrize("alpha_deg", [0.0, -30.0, 45.0, 60.0])
def test_along_the_axis_a_stage_move_is_an_image_shift(alpha_deg: float) -> None:
    """3 µm along the tilt axis of a film that is not level: the same place comes to the same height, ΔH/cos α from
    where it was, and the same image is seen (half a pixel)."""
    film = {"specimen": {"height_m": HEIGHT_M, "film_slope_rad": 40e-3, "bend_m": 2e-6}}
    scope = tilted("fa", alpha_deg, 128, column={"image_rotation_rad": 0.0}, **film)
    scope.set_defocus(-3e-6)
    first, start = height_at(scope), scope.view().middle()
    scope.set_image_shift((0.0, 3e-6))
    shifted, place, seen = height_at(scope), scope.view().place_of(scope.shift_px()), scope.acquire().pixels
    assert truth(scope).height_m == pytest.approx(shifted, abs=1e-9)  # the central half's middle: half a pixel beside
    scope.set_image_shift((0.0, 0.0))
    scope.move_stage(x_m=3e-6)
    assert scope.view().middle() == pytest.approx(place, abs=2e-12)
    assert height_at(scope) == pytest.approx(shifted, abs=2e-12)
    level = scope.specimen.height_m(np.array([start.imag, place.imag]), np.array([start.real, place.real]))
    assert shifted - first == pytest.approx(np.diff(level)[0] / np.cos(np.radians(alpha_deg)), abs=2e-12)
    assert displacement(seen, scope.acquire().pixels) == pytest.approx((0.0, 0.0), abs=0.5)


def test_an_image_shifted_view_is_focused_at_its_own_height() -> None:
    """At 45° and 5 µm of image shift: in focus with C1 = −1 µm there a pair moves by 2β·C1, not by 2β·(C1 − 5 µm)."""
    scope = tilted("fa", 45.0, 256, column={"image_rotation_rad": 0.0, "c3_m": 0.0})
    scope.set_image_shift((5e-6, 0.0))
    scope.set_defocus(-1e-6 - height_at(scope))
    pair = []
    for sign in (-1, 1):
        scope.set_beam_tilt((0.0, sign * 3e-3))
        pair.append(scope.acquire().pixels)
    # ±0.77 px of shear over the field broaden the peak, and do not move it: half a pixel.
    assert displacement(*pair) == pytest.approx((0.0, -20.0), abs=0.5)


@pytest.mark.parametrize("alpha_deg", [-45.0, 20.0, 60.0])
def test_a_tilt_axis_beside_the_optical_axis(alpha_deg: float) -> None:
    """What is on the optical axis is h₀/cos α − (a + s)·tan α + w high. What was there at alpha 0 is at
    h₀·cos α − a·sin α + w, and displaced across the axis by a·(1 − cos α) + s − h₀·sin α, along it by s of its own.

    The truth knows the z to command.
    """
    scope = tilted(
        "fa", alpha_deg, stage={"axis_offset_m": 1e-6, "wobble_m": 0.2e-6, "runout_m_per_rad": 3e-6},
        column={"image_rotation_rad": 0.0},
    )  # fmt: skip
    place, alpha = scope.goniometer.place(), np.radians(alpha_deg)
    a, s, w = place.axis_m, place.sideways_m, place.rise_m
    assert abs(a) == 1e-6
    assert abs(s + 3e-6 * alpha * scope.goniometer._runout[1]) < 4 * 0.2e-6  # what is left is wobble
    on_axis = HEIGHT_M / np.cos(alpha) - (a + s.imag) * np.tan(alpha) + w
    assert height_at(scope) == pytest.approx(on_axis, abs=1e-15)
    assert truth(scope).height_m == pytest.approx(on_axis, abs=0.3e-9)  # the central half's middle: half a pixel beside
    scope.set_image_shift((a * (1 - np.cos(alpha)) + s.imag - HEIGHT_M * np.sin(alpha), s.real))
    assert scope.view().place_of(scope.shift_px()) == pytest.approx(0j, abs=1e-15)
    assert height_at(scope) == pytest.approx(HEIGHT_M * np.cos(alpha) - a * np.sin(alpha) + w, abs=1e-15)
    scope.set_image_shift((0.0, 0.0))
    scope.move_stage(z_m=truth(scope).eucentric_z_m)
    assert height_at(scope) == pytest.approx(0.0, abs=1e-15)
