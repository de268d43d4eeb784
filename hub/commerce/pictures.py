"""Pictures of what is sold: read from an upload and written anew, so that no byte of a stranger's file is served. Pure."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Final

from hub.errors import HubError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_BYTES: Final = 1_800_000
"""What an upload may have, within the limit of a form."""

LONGEST_SIDE: Final = 1200
"""In pixels; larger pictures are made smaller."""

_MOST_PIXELS: Final = 40_000_000
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")


class PictureError(HubError):
    """A file that is no picture which the hub takes."""

    default_code = "picture"


def rewritten(content: bytes) -> bytes:
    """The picture as WebP: upright, at most 1200 pixels a side, without what a camera adds (place, owner).

    Raises :class:`PictureError` for what is no JPEG, PNG, WebP or GIF, too large, or broken.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 (loaded with the first picture)

    if len(content) > MOST_BYTES:
        raise PictureError("The picture has more than 1.8 MB.", remedy="Save it smaller and upload it again.")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise PictureError("The picture has more than 40 million pixels.", remedy="Save it smaller.")
            upright = ImageOps.exif_transpose(image)
            plain = upright.convert("RGBA" if _is_transparent(upright) else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        message = "This file is no picture that can be read."
        raise PictureError(message, remedy="Upload a JPEG, PNG, WebP or GIF.") from error
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    plain.info.clear()
    out = io.BytesIO()
    plain.save(out, "WEBP", quality=82)
    return out.getvalue()


def picture_id(content: bytes) -> str:
    """The id of a picture, made of its content: the same picture is kept once."""
    return f"img_{hashlib.sha256(content).hexdigest()[:32]}"


def _is_transparent(image: Picture) -> bool:
    return image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
