"""Holds requests and answers against a provider's published API description.

The descriptions lie beside the repository (``../shared/specs``), not in it. Under CI their absence is a failure; elsewhere
:func:`described` gives None, and a fake checks what it can by itself.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.server import Answered, Received

SPECS = Path(__file__).parents[3] / "shared" / "specs"


class _Request:
    """A request as openapi-core wants it. The host is the description's own: a fake's is none of its business."""

    def __init__(self, request: Received, host: str, path: str) -> None:
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.params), header=Headers(list(request.headers.items()))
        )
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("content-type", "")
        self.host_url = host
        self.path = path


class _Response:
    def __init__(self, answer: Answered) -> None:
        self.data = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.status_code = answer.status
        self.headers = Headers(list(answer.headers.items()))
        self.content_type = "application/json"


class Description:
    """One published description."""

    def __init__(self, file: Path) -> None:
        document = json.loads(file.read_text(encoding="utf-8"))
        # Who may call is checked by the fake: the descriptions name schemes that cannot be tried here.
        for path in document["paths"].values():
            for operation in path.values():
                if isinstance(operation, dict):
                    operation.pop("security", None)
        # Their errors are JSON, though described for any content type.
        for response in document["components"].get("responses", {}).values():
            response["content"] = {"application/json": next(iter(response["content"].values()))}
        self._host = document["servers"][0]["url"]
        # The descriptions themselves are not judged: one of them has a pattern that Python's expressions do not know.
        self._openapi = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))

    def problem_with_request(self, request: Received, path: str) -> str:
        """What is wrong with a request, or an empty text."""
        try:
            self._openapi.validate_request(_Request(request, self._host, path))
        except OpenAPIError as error:
            return _told(error)
        return ""

    def problem_with_answer(self, request: Received, path: str, answer: Answered) -> str:
        """What is wrong with an answer of the fake's own, or an empty text."""
        try:
            self._openapi.validate_response(_Request(request, self._host, path), _Response(answer))
        except OpenAPIError as error:
            return _told(error)
        return ""


def _told(error: OpenAPIError) -> str:
    cause = error.__cause__
    details = getattr(cause, "schema_errors", None) or [cause] if cause else []
    return " ".join(str(part) for part in [error, *details])[:2000]


@functools.cache
def described(provider: str) -> Mapping[str, Description] | None:
    """A provider's descriptions by file name, or None where they are not at hand."""
    folder = SPECS / provider
    if not folder.is_dir():
        if os.environ.get("CI"):
            message = f"The API descriptions of {provider} are not at {folder}; under CI they have to be."
            raise FileNotFoundError(message)
        return None
    return {file.stem: Description(file) for file in sorted(folder.glob("*.json"))}
