"""Pictures: written anew as WebP, upright and small, without what a camera adds; what is no picture is refused."""

import io

import pytest
from PIL import Image

from hub.commerce.pictures import LONGEST_SIDE, MOST_BYTES, PictureError, picture_id, rewritten


def picture(size=(40, 30), kind="JPEG", mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, (200, 20, 20, 128)[: len(mode)]).save(out, kind, **options)
    return out.getvalue()


def opened(content):
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("GIF", "P")])
def test_what_is_a_picture_is_written_anew_as_webp(kind, mode):
    image = opened(rewritten(picture(kind=kind, mode="RGB" if mode == "P" else mode)))
    assert (image.format, image.size) == ("WEBP", (40, 30))
    assert image.mode == ("RGBA" if mode == "RGBA" else "RGB")


def test_a_large_picture_is_made_smaller_and_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    exif[0x010F] = "A camera"
    image = opened(rewritten(picture((2400, 1200), exif=exif.tobytes())))
    assert image.size == (LONGEST_SIDE // 2, LONGEST_SIDE)
    assert dict(image.getexif()) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", picture()[:60], b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(PictureError, match="no picture"):
        rewritten(content)


def test_what_is_too_large_is_refused():
    with pytest.raises(PictureError, match=r"1\.8 MB"):
        rewritten(b"x" * (MOST_BYTES + 1))
    with pytest.raises(PictureError, match="million pixels"):
        rewritten(picture((8000, 6000), "PNG"))


def test_the_same_picture_has_the_same_id():
    assert picture_id(b"a") == picture_id(b"a") != picture_id(b"b")
