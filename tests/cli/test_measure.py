"""`eucentric measure`: the numbers, the JSON, the exit codes, and a sentence for whatever can't be used."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from eucentric.cli.main import run
from eucentric.images.files import write_frame
from eucentric.images.frame import Frame
from eucentric.optics.aberrations import Aberrations
from eucentric.optics.column import Column
from eucentric.optics.transfer import tilted_transfer
from tests.correlation.waves import waves

SIDE, PIXEL_M, C1_M = 256, 0.4e-9, -0.9e-6
COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
TILT_MRAD, CROSS_MRAD, ANGLE_DEG = 4.0, 1.0, 30.0
COUNTS, CONTRAST = 60.0, 0.06  # electrons per pixel; rms phase per pixel of a thin carbon film at 0.4 nm

KEYS = {"defocus_m", "defocus_sigma_m", "defocus_total_sigma_m", "shift_px", "shift_sigma_px", "accepted"}
KEYS |= {"reason_code", "reason", "false_lock_probability", "runner_up", "overlap", "seconds"}
OPTICS = ["--voltage-kv", "200", "--cs-mm", "2.7"]
TILT = ["--tilt-mrad", "4"]
HOW = [*OPTICS, *TILT, "--tilt-angle-deg", "30", "--cross-tilt-mrad", "1"]


def tilts():
    """(y, x) of the two tilts in radians, written out from their definition, not with the command's own code."""
    along = np.array([math.sin(math.radians(ANGLE_DEG)), math.cos(math.radians(ANGLE_DEG))])
    across = np.array([math.cos(math.radians(ANGLE_DEG)), -math.sin(math.radians(ANGLE_DEG))])  # +90° further
    return [1e-3 * (sign * TILT_MRAD * along + CROSS_MRAD * across) for sign in (-1, 1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair of a weak phase object through the exact tilted transfer, unrelated noise, and files of many faults."""
    path = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(11)
    big = 2 * SIDE
    q = np.fft.fftfreq(big, PIXEL_M)
    phase = np.fft.fft2(rng.normal(0, CONTRAST, (big, big)))
    for name, tilt in zip(("first", "second"), tilts(), strict=True):
        lens = Aberrations(c1_m=C1_M, c3_m=COLUMN.c3_m)
        transfer = tilted_transfer(q[np.newaxis, :], q[:, np.newaxis], (tilt[0], tilt[1]), lens, COLUMN)
        field = np.fft.ifft2(phase * transfer).real[:SIDE, :SIDE]
        image = rng.poisson(COUNTS * np.clip(1 + field, 0, None)).astype(np.uint16)
        write_frame(path / f"{name}.mrc", Frame(image, pixel_m=PIXEL_M))
        write_frame(path / f"{name}.npy", Frame(image))
        noise = rng.poisson(COUNTS, (SIDE, SIDE)).astype(np.uint16)
        write_frame(path / f"noise_{name}.mrc", Frame(noise, pixel_m=PIXEL_M))
    spoiled = noise.astype(np.float32)
    spoiled[5, 5] = np.nan
    write_frame(path / "nan.tif", Frame(spoiled, pixel_m=PIXEL_M))
    write_frame(path / "blank.mrc", Frame(np.full((SIDE, SIDE), 3, np.uint16), pixel_m=PIXEL_M))
    write_frame(path / "larger.mrc", Frame(rng.poisson(9, (300, SIDE)).astype(np.uint16), pixel_m=PIXEL_M))
    write_frame(path / "coarser.mrc", Frame(noise, pixel_m=2 * PIXEL_M))
    (path / "text.mrc").write_text("not an image")
    return path


def measured(capsys, folder, names, options):
    """Exit code, stdout and stderr of a measurement."""
    with pytest.raises(SystemExit) as end:
        run(["measure", *(str(folder / name) for name in names), *options])
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


def refuse_constants(name):
    raise AssertionError(f"{name} in JSON")


def plain(text):
    return json.loads(text, parse_constant=refuse_constants)


def test_the_defocus_is_found_with_its_errors(capsys, folder):
    code, out, err = measured(capsys, folder, ("first.mrc", "second.mrc"), [*HOW, "--json"])
    got = plain(out)
    assert (code, err) == (0, "")
    assert set(got) >= KEYS
    assert got["accepted"] is True
    assert got["reason_code"] is None
    assert got["reason"] is None
    # Five of the stated statistical errors, and 1 nm for what the model of the pair leaves out.
    assert abs(got["defocus_m"] - C1_M) < 5 * got["defocus_sigma_m"] + 1e-9
    assert 0 < got["defocus_sigma_m"] < got["defocus_total_sigma_m"]
    assert len(got["shift_px"]) == len(got["shift_sigma_px"]) == 2


def test_both_tilts_in_full_mean_the_same(capsys, folder):
    names = ("first.mrc", "second.mrc")
    (y1, x1), (y2, x2) = (1e3 * tilt for tilt in tilts())
    full = ["--first-tilt-mrad", f"{x1:.9f}", f"{y1:.9f}", "--second-tilt-mrad", f"{x2:.9f}", f"{y2:.9f}"]
    _, short, _ = measured(capsys, folder, names, [*HOW, "--json"])
    code, out, _ = measured(capsys, folder, names, [*OPTICS, *full, "--json"])
    assert code == 0
    # The tilts are written with 1e-12 rad: 2.5e-10 of the tilt, and as much of the defocus.
    assert plain(out)["defocus_m"] == pytest.approx(plain(short)["defocus_m"], rel=1e-8)


def test_people_read_the_number_the_verdict_and_where_the_pixel_size_is_from(capsys, folder):
    code, out, _ = measured(capsys, folder, ("first.mrc", "second.mrc"), HOW)
    assert code == 0
    for words in ("underfocus", "(statistical)", "(total) µm", "accepted", "0.4 nm (from the header)"):
        assert words in out
    code, out, _ = measured(capsys, folder, ("first.npy", "second.npy"), [*HOW, "--pixel-nm", "0.4"])
    assert code == 0
    assert "from the header" not in out


def test_nothing_in_common_is_measured_and_refused(capsys, folder):
    code, out, _ = measured(capsys, folder, ("noise_first.mrc", "noise_second.mrc"), [*HOW, "--json"])
    got = plain(out)
    assert code == 3
    assert got["accepted"] is False
    assert got["reason_code"] == "FALSE_LOCK"
    assert "Nothing in common" in got["reason"]
    assert isinstance(got["defocus_m"], float)
    code, out, _ = measured(capsys, folder, ("noise_first.mrc", "noise_second.mrc"), HOW)
    assert code == 3
    assert "refused. Nothing in common" in out


@pytest.mark.parametrize("method", ["phase", "cross"])
def test_correlators_without_errors_give_null(capsys, folder, method):
    code, out, _ = measured(capsys, folder, ("first.mrc", "second.mrc"), [*HOW, "--method", method, "--json"])
    got = plain(out)
    assert code in (0, 3)  # whether their peak is believed is not this test's business
    assert got["method"] == method
    assert got["defocus_sigma_m"] is None
    assert got["shift_sigma_px"] is None


def test_a_figure_is_drawn_beside_the_json(capsys, folder, tmp_path):
    target = tmp_path / "new folder" / "pair.png"
    code, out, _ = measured(capsys, folder, ("first.mrc", "second.mrc"), [*HOW, "--json", "--figure", str(target)])
    assert code == 0
    plain(out)
    assert target.read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_cant_be_written_loses_nothing(capsys, folder, tmp_path):
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "pair.png")
    code, out, err = measured(capsys, folder, ("first.mrc", "second.mrc"), [*HOW, "--json", "--figure", target])
    assert code == 2
    assert plain(out)["accepted"] is True
    assert "can't be written" in err


@pytest.mark.parametrize("which", [0, 1])
def test_a_figure_is_not_written_over_an_image(capsys, folder, tmp_path, which):
    images = [tmp_path / "a.png", tmp_path / "b.png"]
    for image in images:
        image.write_bytes(b"an image")
    code, out, err = measured(capsys, tmp_path, ("a.png", "b.png"), [*HOW, "--figure", str(images[which])])
    assert (code, out) == (2, "")
    assert "over the image" in err
    assert images[which].read_bytes() == b"an image"


def test_no_line_is_longer_than_a_terminal(capsys, folder):
    _, out, _ = measured(capsys, folder, ("noise_first.mrc", "noise_second.mrc"), HOW)
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "not believed" in out or "not known" in out


STAGE = ["--stage-tilt-deg", "60", "--tilt-axis-deg", "30"]


def test_a_tilted_stage_is_reckoned_with(capsys, tmp_path):
    """A pair stretched as its lens does it, A = I + β⊗slope, and told from (0, t): the defocus of the centre."""
    rng, c1_m, second = np.random.default_rng(5), -4e-6, np.array([0.0, 10e-3])
    slope = math.tan(math.radians(60)) * np.array([math.sin(math.radians(120)), math.cos(math.radians(120))])  # (y, x)
    scene = waves(rng, count=2500)
    for name, beta in (("a", np.zeros(2)), ("b", second)):
        seen = scene.seen(np.eye(2) + np.outer(beta, slope), c1_m * beta / PIXEL_M, (SIDE, SIDE))
        write_frame(tmp_path / f"{name}.mrc", Frame((50 + seen + rng.normal(0, 1, seen.shape)).astype(np.float32)))
    taken = ["--voltage-kv", "200", "--cs-mm", "0", "--pixel-nm", "0.4", "--json"]
    taken += ["--first-tilt-mrad", "0", "0", "--second-tilt-mrad", "10", "0"]
    code, out, _ = measured(capsys, tmp_path, ("a.mrc", "b.mrc"), [*taken, *STAGE])
    got = plain(out)
    assert code == 0
    assert got["stage_tilt_rad"] == pytest.approx(math.radians(60))
    # The plain pair tells the overlap's middle, 20 nm·tan 60° away, smeared; this one the centre to its stated error.
    assert abs(got["defocus_m"] - c1_m) < 5 * got["defocus_sigma_m"] + 1e-9
    assert got["defocus_sigma_m"] < 4e-9
    assert got["misfit_px2"] < 1


def test_the_envelopes_of_the_column_are_taken(capsys, folder):
    envelopes = ["--convergence-mrad", "0.5", "--focal-spread-nm", "20"]
    code, out, _ = measured(capsys, folder, ("first.mrc", "second.mrc"), [*HOW, *envelopes, "--json"])
    got = plain(out)
    assert code == 0
    assert (got["convergence_rad"], got["focal_spread_m"]) == pytest.approx((0.5e-3, 20e-9))
    assert abs(got["defocus_m"] - C1_M) < 5 * got["defocus_sigma_m"] + 2e-9  # weights are off, the shift is not


PAIR = ("first.mrc", "second.mrc")
UNUSABLE = {
    "stage without axis": (PAIR, [*HOW, "--stage-tilt-deg", "30"], "--tilt-axis-deg"),
    "stage upright": (PAIR, [*HOW, "--stage-tilt-deg", "90", "--tilt-axis-deg", "0"], "beyond any stage"),
    "axis nan": (PAIR, [*HOW, "--stage-tilt-deg", "30", "--tilt-axis-deg", "nan"], "no direction"),
    "convergence": (PAIR, [*HOW, "--convergence-mrad", "-1"], "--convergence-mrad"),
    "focal spread": (PAIR, [*HOW, "--focal-spread-nm", "nan"], "--focal-spread-nm"),
    "missing file": (("absent.mrc", "second.mrc"), HOW, "There is no file"),
    "folder": (("", "second.mrc"), HOW, "is a folder"),
    "not an image": (("text.mrc", "second.mrc"), HOW, "text.mrc"),
    "sizes differ": (("first.mrc", "larger.mrc"), HOW, "differ in size"),
    "twice the same": (("first.mrc", "first.npy"), HOW, "same image"),
    "nan": (("first.mrc", "nan.tif"), HOW, "NaN"),
    "all one value": (("blank.mrc", "second.mrc"), HOW, "in all its pixels"),
    "headers disagree": (("first.mrc", "coarser.mrc"), HOW, "headers give pixels"),
    "no pixel size": (("first.npy", "second.npy"), HOW, "--pixel-nm"),
    "no voltage": (PAIR, ["--cs-mm", "2.7", *TILT], "--voltage-kv"),
    "no Cs": (PAIR, ["--voltage-kv", "200", *TILT], "--cs-mm"),
    "no tilt": (PAIR, OPTICS, "--tilt-mrad"),
    "one tilt": (PAIR, [*OPTICS, "--first-tilt-mrad", "-4", "0"], "Only one tilt"),
    "tilts twice": (PAIR, [*HOW, "--first-tilt-mrad", "-4", "0", "--second-tilt-mrad", "4", "0"], "twice"),
    "tilts equal": (PAIR, [*OPTICS, "--first-tilt-mrad", "4", "0", "--second-tilt-mrad", "4", "0"], "same beam tilt"),
    "tilt 0": (PAIR, [*OPTICS, "--tilt-mrad", "0"], "same beam tilt"),
    "tilt nan": (PAIR, [*OPTICS, "--tilt-mrad", "nan"], "beyond any microscope"),
    "tilt in rad": (PAIR, [*OPTICS, "--tilt-mrad", "4000"], "beyond any microscope"),
    "volts as kV": (PAIR, ["--voltage-kv", "200000", "--cs-mm", "2.7", *TILT], "high tension"),
    "voltage nan": (PAIR, ["--voltage-kv", "nan", "--cs-mm", "2.7", *TILT], "high tension"),
    "Cs in m": (PAIR, ["--voltage-kv", "200", "--cs-mm", "2700", *TILT], "Cs of 2700 mm"),
    "Cs nan": (PAIR, ["--voltage-kv", "200", "--cs-mm", "nan", *TILT], "Cs of nan mm"),
    "pixel 0": (PAIR, [*HOW, "--pixel-nm", "0"], "A pixel of 0 nm"),
    "pixel nan": (PAIR, [*HOW, "--pixel-nm", "nan"], "A pixel of nan nm"),
    "method": (PAIR, [*HOW, "--method", "magic"], "magic"),
    "not a number": (PAIR, [*OPTICS, "--tilt-mrad", "much"], "--tilt-mrad"),
    "option": (PAIR, [*HOW, "--frobnicate"], "--frobnicate"),
    "angle inf": (PAIR, [*OPTICS, *TILT, "--tilt-angle-deg", "inf"], "no angle"),
    "angle nan": (PAIR, [*OPTICS, *TILT, "--tilt-angle-deg", "nan"], "no angle"),
    "figure": (PAIR, [*HOW, "--figure", "out.bmp"], "out.bmp"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cant_be_used_ends_with_a_sentence(capsys, folder, case):
    names, options, says = UNUSABLE[case]
    code, out, err = measured(capsys, folder, names, [*options, "--json"])
    assert code == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
