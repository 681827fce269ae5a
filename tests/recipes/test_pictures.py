"""The one decoder: the same rules for every file, a sentence for every bad one."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from recipes.data import pictures
from tests.recipes import hostile


def read(data: bytes) -> pictures.Picture:
    return pictures.read(io.BytesIO(data))


def test_16_bit_grey_is_scaled_and_not_saturated() -> None:
    for kind in ("PNG", "TIFF"):
        picture = read(hostile.saved(hostile.grey16(), kind))
        assert picture.mode == "I;16"
        assert abs(np.asarray(picture.image).mean() - 127.5) < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photo_stands_upright(orientation: int) -> None:
    image = Image.new("RGB", (40, 20))
    image.paste("red", (0, 0, 20, 20))
    exif = image.getexif()
    exif[pictures.ORIENTATION] = orientation
    upright = read(hostile.saved(image, "PNG", exif=exif)).image
    assert upright.size == ((20, 40) if orientation >= 5 else (40, 20))
    assert (upright.getpixel((2, 2)) == (255, 0, 0)) == (orientation in (1, 4, 5, 6))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = {"LA": "PNG", "RGBA": "PNG", "P": "PNG", "1": "PNG"}.get(mode, "JPEG")
    image = Image.new("RGB", (30, 20), "white").convert(mode)
    picture = read(hostile.saved(image, kind))
    assert picture.image.mode == "RGB"
    assert min(picture.image.getpixel((5, 5))) > 250
    assert picture.doubt == ""


def test_what_is_transparent_lies_over_white() -> None:
    clear = read(hostile.saved(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), "PNG"))
    assert clear.image.getpixel((0, 0)) == (255, 255, 255)


def test_a_gif_and_an_animation_are_doubted_and_open_at_the_first_frame() -> None:
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    still = read(hostile.saved(red, "GIF"))
    assert still.doubt == "GIF, palette, 1 frame: not a photograph"
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        moving = read(hostile.saved(red, kind, save_all=True, append_images=[blue]))
        assert "2 frames: not a photograph" in moving.doubt
        red_value, _, blue_value = moving.image.getpixel((1, 1))
        assert red_value > 240
        assert blue_value < 20


def test_a_phone_photo_with_a_second_picture_is_a_jpeg() -> None:
    data = hostile.saved(hostile.noise(), "MPO", save_all=True, append_images=[hostile.noise()])
    picture = read(data)
    assert (picture.format, picture.frames, picture.doubt) == ("JPEG", 1, "")


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
def test_a_thin_picture_is_a_picture(size: tuple[int, int]) -> None:
    assert read(hostile.saved(Image.new("RGB", size), "PNG")).image.size == size


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty."),
        (b"<!DOCTYPE html><html>404</html>", "an HTML file"),
        (b"%PDF-1.7", "a PDF file"),
        (b"\0\0\0\x18ftypheic0000", "a HEIC file"),
        (b"nothing known", "of an unknown kind"),
        (b"\xff\xd8\xff\xe0junk", "cut off"),
        (hostile.jpeg()[:600], "cut off"),
        (hostile.png_with_crc_error(), "damaged"),
        (hostile.saved(hostile.noise(), "PNG")[:2000], "cut off"),
        (hostile.png_of(9_000, 9_000), "9000 x 9000 pixels; at most 50 million"),
        (hostile.png_of(2**31 - 1, 2**31 - 1), "pixels"),
        (hostile.saved(Image.new("F", (5, 5)), "TIFF"), "32 bits"),
        (hostile.saved(hostile.noise(), "ICO"), "an icon"),
        (hostile.saved(hostile.noise(), "PPM"), "unknown kind"),
    ],
    ids=str,
)
def test_a_bad_file_gets_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(pictures.BadPicture, match=says) as bad:
        read(data)
    assert str(bad.value).endswith(".")


def test_no_flipped_bit_ends_in_anything_but_a_sentence() -> None:
    rng = np.random.default_rng(7)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = hostile.saved(hostile.noise((24, 18)), kind)
        for place in rng.integers(0, len(whole), 60):
            broken = bytearray(whole)
            broken[place] ^= 1 << int(rng.integers(8))
            with contextlib.suppress(pictures.BadPicture):
                assert read(bytes(broken)).image.mode == "RGB"
