"""The state machine of jobs: which step leads where, and in words why it cannot be done. Pure.

::

    posted → offered → assigned → accepted → in_progress → done_reported → confirmed → released
    posted → assigned → posted (declined, or no answer in time)        accepted … done_reported → disputed → settled
    posted, offered, assigned, accepted → cancelled          disputed → confirmed or cancelled, where no money is held

An assigned job waits for its provider's acceptance, or for the customer's payment. Money decides the last steps: a job is
released or settled when its escrow was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES: Final = (
    *("posted", "offered", "assigned", "accepted", "in_progress", "done_reported"),
    *("confirmed", "disputed", "released", "settled", "cancelled"),
)
OVER: Final = frozenset({"released", "settled", "cancelled"})
OPEN: Final = frozenset({"posted", "offered"})
"""States in which nobody has the job yet."""
TAKEN: Final = frozenset({"assigned", "accepted", "in_progress", "done_reported", "confirmed", "disputed"})
"""States in which the job takes a day of its provider's calendar."""

ACCEPTANCE: Final = "acceptance"
PAYMENT: Final = "payment"

_LATER: Final = frozenset({"in_progress", "done_reported", "confirmed", "released", "disputed", "settled"})


@dataclass(frozen=True, slots=True)
class Step:
    """From which states it leads ``to`` one. In ``done`` it has happened already, so that a repeat changes nothing."""

    word: str
    sources: frozenset[str]
    to: str
    done: frozenset[str] = frozenset()
    unheld: frozenset[str] = frozenset()
    """From which states it leads on too when no money is held for the job, so that no hold can end them."""


STEPS: Final[Mapping[str, Step]] = {
    "offer": Step("offered a price for", OPEN, "offered"),
    "choose": Step("given to who made the offer", frozenset({"offered", "assigned"}), "assigned"),
    "assign": Step("assigned", OPEN, "assigned"),
    "accept": Step("accepted", frozenset({"assigned"}), "accepted", frozenset({"accepted"}) | _LATER),
    "decline": Step("declined", frozenset({"assigned"}), "posted"),
    "start": Step("started", frozenset({"accepted"}), "in_progress", _LATER),
    "done": Step("reported done", frozenset({"accepted", "in_progress"}), "done_reported", _LATER - {"in_progress"}),
    "confirm": Step(
        "confirmed",
        frozenset({"in_progress", "done_reported"}),
        "confirmed",
        frozenset({"confirmed", "released"}),
        frozenset({"disputed"}),
    ),
    "dispute": Step(
        "disputed",
        frozenset({"accepted", "in_progress", "done_reported"}),
        "disputed",
        frozenset({"disputed", "settled"}),
    ),
    "cancel": Step(
        "cancelled",
        OPEN | {"assigned", "accepted"},
        "cancelled",
        frozenset({"cancelled"}),
        frozenset({"disputed"}),
    ),
    "release": Step("released", frozenset({"accepted"}) | _LATER - {"released", "settled"}, "released"),
    "settle": Step("settled", frozenset({"accepted"}) | _LATER - {"released", "settled"}, "settled"),
}


def can(step: str, state: str, *, is_held: bool = True) -> bool:
    """Whether the step leads on from the state; ``is_held``: whether money is held for the job."""
    one = STEPS[step]
    return state in one.sources or (not is_held and state in one.unheld)


def customer_may_cancel(state: str, day: str | None, today: str, *, returned: bool) -> bool:
    """Whether the customer may still cancel: not from the day of an accepted job on, as the work may be done by then.

    Nor where its payment was ``returned``, so that it waits to be paid again. ``day`` and ``today`` (UTC) are days like
    2026-11-23. Whoever is not content from then on disputes the job, or writes to the platform.
    """
    was_accepted = state == "accepted" or (state == "assigned" and returned)
    return can("cancel", state) and not (was_accepted and day is not None and day <= today)


def after(step: str, number: int, state: str, awaiting: str | None = None, *, is_held: bool = True) -> str | None:
    """The state that follows, or None when the step has happened already.

    Raises ``PermanentError`` (``wrong_state``) that says in words why it cannot be done.
    """
    one = STEPS[step]
    if can(step, state, is_held=is_held):
        return one.to
    if state in one.done:
        return None
    raise refused(step, number, state, awaiting)


def refused(step: str, number: int, state: str, awaiting: str | None = None) -> PermanentError:
    """Says in words why the step cannot be done (``wrong_state``)."""
    why, remedy = _WHY[state]
    if state == "assigned":
        why, remedy = _AWAITING[awaiting or ACCEPTANCE]
    message = f"The job {number} cannot be {STEPS[step].word}: {why}."
    return PermanentError(message, code="wrong_state", remedy=remedy)


_WHY: Final[Mapping[str, tuple[str, str]]] = {
    "posted": ("nobody has taken it yet", "Assign it, or wait for offers."),
    "offered": ("its customer has not chosen an offer yet", "Choose an offer first."),
    "assigned": ("it is given to somebody already", "Look at the job."),
    "accepted": ("its provider has accepted it and not begun", "Wait until it is begun, or cancel it."),
    "in_progress": ("its work has begun", "Wait until it is reported done, or dispute it."),
    "done_reported": ("it was reported done", "Confirm it, or dispute it."),
    "confirmed": ("it was confirmed", "Whoever wants to complain writes to the platform."),
    "disputed": ("it is disputed", "Settle the dispute first."),
    "released": (
        "its money went to the provider",
        "Nothing more is to be done; a refund is made on the payment's page.",
    ),
    "settled": ("its dispute was settled", "Nothing more is to be done."),
    "cancelled": ("it was cancelled", "Post it anew."),
}
_AWAITING: Final[Mapping[str, tuple[str, str]]] = {
    ACCEPTANCE: ("its provider has not accepted it yet", "Wait for the answer."),
    PAYMENT: ("its customer has not paid yet", "Wait for the payment."),
}
