"""Files in and out: what was written is read, and what can't be used is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from eucentric.errors import InputError
from eucentric.images.check import SMALLEST_SIDE
from eucentric.images.files import read_frame, write_frame
from eucentric.images.frame import Frame, OpticalState

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TYPES = ["int8", "uint8", "int16", "uint16", "float32", "float64", "int32"]


def picture(dtype="float32", shape=(40, 56)):
    """An image without any symmetry: each pixel tells its place."""
    ny, nx = shape
    return (np.arange(ny)[:, None] + 2 * np.arange(nx)[None, :] % 100).astype(dtype)


@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".tiff", ".npy"])
@pytest.mark.parametrize("dtype", TYPES)
def test_what_is_written_is_read(tmp_path, suffix, dtype):
    pixels = picture(dtype)
    write_frame(tmp_path / f"a{suffix}", Frame(pixels, pixel_m=1.3e-10))
    back = read_frame(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.name == f"a{suffix}"
    if suffix != ".npy":
        # MRC keeps cell lengths as float32 (6e-8); TIFF a ratio of 32-bit integers.
        assert back.pixel_m == pytest.approx(1.3e-10, rel=1e-6)
    if suffix != ".mrc":
        assert back.pixels.dtype == np.dtype(dtype)


def test_row_zero_is_the_first_row_in_the_file(tmp_path):
    pixels = np.zeros((32, 48), np.uint8)
    pixels[0, 5] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(pixels.astype(np.int16))
    for name in ("a.png", "a.tif", "a.mrc"):
        assert read_frame(tmp_path / name).pixels[0, 5] == 200


@pytest.mark.parametrize("order", [">", "<"])
def test_both_byte_orders_are_read(tmp_path, order):
    np.save(tmp_path / "a.npy", picture().astype(f"{order}f4"))
    back = read_frame(tmp_path / "a.npy").pixels
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, picture())


def test_a_stack_of_one_is_an_image(tmp_path):
    np.save(tmp_path / "a.npy", picture()[None])
    assert read_frame(tmp_path / "a.npy").shape == (40, 56)


@pytest.mark.parametrize(
    ("voxel_a", "writer", "pixel_m"),
    [
        (0.0, "mrcfile.py", None),
        (1.0, "mrcfile.py", 1e-10),
        (1.0, "another program", None),  # a cell of as many Å as pixels is what is written when nobody knows
        (1.01, "another program", 1.01e-10),
    ],
)
def test_an_mrc_pixel_that_nobody_set_is_not_known(tmp_path, voxel_a, writer, pixel_m):
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(picture())
        file.voxel_size = voxel_a
        file.header.label[0] = f"Created by {writer}"
    assert read_frame(tmp_path / "a.mrc").pixel_m == (pixel_m and pytest.approx(pixel_m))


def test_a_printers_resolution_is_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", picture(), resolution=(300, 300), resolutionunit="INCH")
    tifffile.imwrite(tmp_path / "b.tif", picture(), resolution=(118, 118), resolutionunit="CENTIMETER")
    assert read_frame(tmp_path / "a.tif").pixel_m is None
    assert read_frame(tmp_path / "b.tif").pixel_m is None


def test_imagejs_pixel_size_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", picture(), imagej=True, resolution=(5.0, 5.0), metadata={"unit": "nm"})
    assert read_frame(tmp_path / "a.tif").pixel_m == pytest.approx(0.2e-9, rel=1e-6)


def test_an_fei_header_gives_the_voltage_and_the_state(tmp_path):
    from mrcfile.dtypes import get_ext_header_dtype

    header = np.zeros(1, get_ext_header_dtype(b"FEI1"))
    header["Metadata size"] = header.dtype.itemsize
    header["HT"], header["Applied defocus"], header["Alpha tilt"] = 300e3, -2.2e-6, 45.0
    header["Pixel size X"] = header["Pixel size Y"] = 0.8e-10
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(picture())
        file.set_extended_header(header)
        file.header.exttyp = b"FEI1"
    frame = read_frame(tmp_path / "a.mrc")
    assert frame.state.voltage_v == 300e3
    assert frame.state.defocus_m == -2.2e-6
    assert frame.state.stage_alpha_rad == pytest.approx(np.pi / 4)
    assert frame.pixel_m == pytest.approx(0.8e-10)


def test_the_optical_state_is_kept_in_an_mrc_file(tmp_path):
    state = OpticalState(
        voltage_v=200e3,
        magnification=5e4,
        defocus_m=-0.5e-6,
        tilt_rad=(1e-3, -5e-3),
        stage_x_m=1e-4,
        stage_y_m=-2e-4,
        stage_z_m=3e-6,
        stage_alpha_rad=0.1,
    )
    frame = Frame(picture(), pixel_m=0.3e-9, state=state, dose_e_per_m2=4e20, exposure_s=0.5)
    write_frame(tmp_path / "a.mrc", frame)
    back = read_frame(tmp_path / "a.mrc")
    assert back.state.tilt_rad is None  # that header has no place for it
    kept = {name: getattr(back.state, name) for name in OpticalState.__dataclass_fields__}
    told = {name: getattr(state, name) for name in OpticalState.__dataclass_fields__}
    assert {n: v for n, v in kept.items() if v is not None} == pytest.approx(
        {n: v for n, v in told.items() if n != "tilt_rad" and v is not None}
    )
    assert back.dose_e_per_m2 == 4e20
    assert back.pixel_m == pytest.approx(0.3e-9)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert mrcfile.validate(tmp_path / "a.mrc")
        assert any("x -5.0000, y +1.0000 mrad" in label for label in file.get_labels())
        assert file.indexed_extended_header["Integration time"][0] == 0.5


def test_a_grey_picture_stored_in_colours_is_read(tmp_path):
    grey = picture("uint8")
    Image.fromarray(np.repeat(grey[..., None], 3, axis=-1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.png").pixels, grey)


def colours():
    rgb = np.repeat(picture("uint8")[..., None], 3, axis=-1)
    rgb[..., 2] = 7
    return rgb


def bad_pixel(value):
    pixels = picture()
    pixels[3, 4] = value
    return pixels


REFUSED = {
    "stack of 3": (np.stack([picture()] * 3), "stack of 3 images"),
    "line": (np.arange(100.0), "not rows and columns"),
    "complex": (picture().astype(np.complex64), "complex"),
    "text": (np.full((40, 40), "a"), "not real numbers"),
    "nan": (bad_pixel(np.nan), "NaN or infinite values in 1 pixels"),
    "infinite": (bad_pixel(np.inf), "NaN or infinite"),
    "blank": (np.full((64, 64), 7, np.int16), "value 7 in all its pixels"),
    "small": (picture(shape=(SMALLEST_SIDE - 1, 64)), "too few to compare"),
    "colour": (colours(), "colour picture"),
    "objects": (np.array([[None]]), "can't be read as NPY"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_pixels_that_are_no_image_are_refused(tmp_path, case):
    pixels, says = REFUSED[case]
    np.save(tmp_path / "a.npy", pixels, allow_pickle=True)
    with pytest.raises(InputError, match=says) as caught:
        read_frame(tmp_path / "a.npy")
    assert "a.npy" in str(caught.value)


@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".npy", ".png", ".map"])
@pytest.mark.parametrize("content", [b"", b"x", b"not an image at all " * 200])
def test_files_that_are_no_image_are_refused(tmp_path, suffix, content):
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=r"a\."):
        read_frame(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".npy", ".png"])
def test_a_cut_off_file_is_refused(tmp_path, suffix):
    whole = tmp_path / f"a{suffix}"
    if suffix == ".png":
        Image.fromarray(picture("uint8")).save(whole)
    else:
        write_frame(whole, Frame(picture()))
    half = tmp_path / f"half{suffix}"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputError, match="half"):
        read_frame(half)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_frame(tmp_path / "absent.mrc")
    with pytest.raises(InputError, match="is a folder"):
        read_frame(tmp_path)


def test_other_vendors_files_ask_for_the_extra(tmp_path):
    try:
        import rsciio  # noqa: F401
    except ImportError:
        (tmp_path / "a.dm4").write_bytes(b"DM4")
        with pytest.raises(InputError, match=r"pip install 'eucentric\[formats\]'"):
            read_frame(tmp_path / "a.dm4")
    else:
        (tmp_path / "a.xyz1").write_bytes(b"none")
        with pytest.raises(InputError, match="Export it as MRC or TIFF"):
            read_frame(tmp_path / "a.xyz1")


def test_an_emd_file_is_read_through_the_extra(tmp_path):
    emd = pytest.importorskip("rsciio.emd", reason="the extra `formats` is not installed")
    pytest.importorskip("h5py", reason="EMD files need h5py")
    axes = [
        {"name": name, "size": size, "offset": 0, "scale": 0.2, "units": "nm", "navigate": False}
        for name, size in zip("yx", picture().shape, strict=True)
    ]
    metadata = {"General": {"title": "a"}, "Signal": {}}
    signal = {"data": picture(), "axes": axes, "metadata": metadata, "original_metadata": {}}
    emd.file_writer(str(tmp_path / "a.emd"), signal)
    back = read_frame(tmp_path / "a.emd")
    np.testing.assert_array_equal(back.pixels, picture())
    assert back.pixel_m == pytest.approx(0.2e-9)


def test_writing_under_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match="not written as"):
        write_frame(tmp_path / "a.jpg", Frame(picture()))


@pytest.mark.skipif(not DATA.is_dir(), reason="real micrographs (shared/data) are not here")
def test_real_files_of_three_programs_are_read():
    titan = read_frame(DATA / "cryo_mic" / "epu2.9_crop1536_0.6666A_300kV.mrc")
    assert titan.shape == (1536, 1536)
    assert titan.pixel_m == pytest.approx(0.6666e-10, rel=2e-4)  # the manifest rounds to four digits
    # Leginon's files have no valid machine stamp, and a pixel that nobody set.
    leginon = read_frame(DATA / "lowmag" / "08mar13e_00010gr_00004sq_v02.mrc")
    assert leginon.shape == (512, 512)
    assert leginon.pixel_m is None
    # LZW, which tifffile alone can't undo.
    assert read_frame(DATA / "noise_pairs" / "katsuno_lowdose_val_0001.tif").shape == (512, 512)
