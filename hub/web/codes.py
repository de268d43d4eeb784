"""QR codes on pages."""

from __future__ import annotations

import segno


def code_picture(content: str, title: str) -> str:
    """A QR code as SVG that fits the box it stands in, for a page to show; ``title`` is what screen readers say of it."""
    return str(segno.make(content, error="m", micro=False).svg_inline(omitsize=True, light="#fff", title=title))
