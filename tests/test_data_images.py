import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from blurnet.data.images import image_files, listing, read_image, read_mask
from blurnet.errors import BlurnetError

NOISE = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def read_or_refuse(path: Path) -> torch.Tensor | None:
    """Give the image, or None where one line names the file; nothing else may happen."""
    try:
        return read_image(path)
    except BlurnetError as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return None


def png_header(width: int, height: int) -> bytes:
    """A PNG of the size it claims, without pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", [".png", ".ppm", ".bmp"])
def test_lossless_formats_give_their_pixels(tmp_path: Path, suffix: str) -> None:
    image = read_image(save(tmp_path / f"a{suffix}", NOISE))
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), NOISE)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_are_read(tmp_path: Path, suffix: str) -> None:
    assert read_image(save(tmp_path / f"a{suffix}", NOISE)).shape == (3, 6, 5)


def test_grey_is_repeated_over_the_channels(tmp_path: Path) -> None:
    image = read_image(save(tmp_path / "a.png", NOISE[..., 0]))
    np.testing.assert_array_equal(image.numpy(), np.stack([NOISE[..., 0]] * 3))


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", NOISE[..., 0].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(path)[1].numpy(), NOISE[..., 0])


def test_palette_one_bit_and_cmyk_are_converted(tmp_path: Path) -> None:
    Image.new("P", (2, 2), 0).save(tmp_path / "p.png")
    Image.new("1", (2, 2), 1).save(tmp_path / "1.png")
    Image.new("CMYK", (2, 2), 0).save(tmp_path / "cmyk.jpg")
    assert read_image(tmp_path / "p.png").shape == (3, 2, 2)
    assert (read_image(tmp_path / "1.png") == 255).all()
    assert (read_image(tmp_path / "cmyk.jpg") == 255).all()


def test_transparent_parts_are_black(tmp_path: Path) -> None:
    rgba = np.full((2, 2, 4), 200, np.uint8)
    rgba[0, :, 3] = 0
    rgba[1, :, 3] = 255
    image = read_image(save(tmp_path / "a.png", rgba))
    assert (image[:, 0] == 0).all()
    assert (image[:, 1] == 200).all()


def test_exif_turns_the_picture_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image = read_image(save(tmp_path / "a.png", NOISE, exif=exif))
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), np.rot90(NOISE, -1))


def test_a_box_is_cut_out(tmp_path: Path) -> None:
    image = read_image(save(tmp_path / "a.png", NOISE), box=(1, 2, 5, 6))
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), NOISE[2:6, 1:5])


def test_resizing_antialiases(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    image = read_image(save(tmp_path / "a.png", stripes), size=8)
    assert image.shape == (3, 8, 8)
    assert ((image > 115) & (image < 140)).all()


@pytest.mark.parametrize(
    "box", [(0, 0, 6, 6), (0, 0, 5, 7), (-1, 0, 2, 2), (2, 2, 2, 3), (3, 0, 2, 2), (0, 9, 2, 12)]
)
def test_a_box_outside_or_empty_is_refused(tmp_path: Path, box: tuple[int, ...]) -> None:
    path = save(tmp_path / "a.png", NOISE)
    with pytest.raises(BlurnetError, match=r"a\.png: the box .* 5 × 6 pixels"):
        read_image(path, box=box)


def test_missing_folder_text_and_empty_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name, found in {
        "text.png": "version https://git-lfs",
        "empty.png": "it is empty",
        "folder.png": "a folder",
        "missing.png": "no such file",
    }.items():
        with pytest.raises(BlurnetError, match=found) as caught:
            read_image(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".ppm", ".bmp", ".webp"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_file_is_refused_or_lacks_nothing(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    whole = save(tmp_path / f"whole{suffix}", NOISE)
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    image = read_or_refuse(cut)
    assert image is None or torch.equal(image, read_image(whole))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=64))
def test_any_bytes_give_an_image_or_a_blurnet_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"P6 ", b"BM", b"\xff\xd8\xff"):
        path.write_bytes(start + content)
        read_or_refuse(path)


@pytest.mark.parametrize("side", [8001, 9999, 60_000])
def test_a_bomb_is_refused_by_its_header_without_a_warning(tmp_path: Path, side: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_header(side, side))
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(BlurnetError, match=r"a\.png: .*64 megapixels"):
            read_image(path)
    assert not caught
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


def test_floating_point_pictures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ppm"
    content = io.BytesIO()
    Image.new("F", (2, 2)).save(content, "PPM")
    path.write_bytes(content.getvalue())
    with pytest.raises(BlurnetError, match="floating-point"):
        read_image(path)


def test_a_mask_keeps_its_smallest_values(tmp_path: Path) -> None:
    grey = np.array([[0, 1, 128, 255]], np.uint8)
    mask = read_mask(save(tmp_path / "m.png", grey))
    assert mask.dtype == torch.float32
    assert torch.equal(mask, torch.tensor([[0, 1 / 255, 128 / 255, 1]]))


def test_a_coloured_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match=r"m\.png: a mask is a grey picture"):
        read_mask(save(tmp_path / "m.png", NOISE))


def test_files_come_in_natural_order_without_the_others(tmp_path: Path) -> None:
    names = [
        "10.png",
        "2.PNG",
        "a.jpeg",
        ".hidden.png",
        "Thumbs.db",
        "1.webp",
        "01.bmp",
        ".DS_Store",
    ]
    for name in names:
        (tmp_path / name).touch()
    found = [path.name for path in image_files(tmp_path)]
    assert found == ["01.bmp", "1.webp", "2.PNG", "10.png", "a.jpeg"]


def test_listing_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BlurnetError, match="missing: no such folder"):
        listing(tmp_path / "missing")
    with pytest.raises(BlurnetError, match="file: a folder was expected"):
        listing(tmp_path / "file")
