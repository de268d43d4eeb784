"""Papers as answers of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from hub.connect.api import PaperFile


def paper_answer(file: PaperFile) -> Response:
    """The file, shown in the browser and kept under its own name."""
    headers = {"Content-Disposition": f'inline; filename="{file.name}"'}
    return Response(file.content, headers=headers, content_type=file.media_type)
