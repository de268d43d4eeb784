"""How the sandbox says no: one exception that becomes an HTTP answer or a sentence on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that is wrong; ``field`` is dotted (``customer.email``)."""

    field: str
    message: str


class Refusal(Exception):  # noqa: N818 (it is an answer, not a fault)
    """The request cannot be done; nothing was changed.

    ``status`` is the HTTP status, ``code`` stable for machines, the message for people.
    """

    def __init__(self, status: int, code: str, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def to_json(self) -> JsonObject:
        """The body of the answer."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.fields:
            error["fields"] = [{"field": entry.field, "message": entry.message} for entry in self.fields]
        return {"error": error}  # type: ignore[dict-item]


def not_found(kind: str, identifier: str) -> Refusal:
    """The answer for an id that is not known."""
    return Refusal(404, "not_found", f"There is no {kind} {identifier!r}.")


def wrong_state(message: str) -> Refusal:
    """The answer when the thing is there but its state does not allow it."""
    return Refusal(409, "wrong_state", message)


def exceeds(message: str) -> Refusal:
    """The answer for more money than is left."""
    return Refusal(422, "amount_exceeds_rest", message)
