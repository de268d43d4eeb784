"""How long a gateway can hold a payer's money, as its manifest says, and which of the two ways fits a date. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from hub.connect.manifest import Support
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.connect.manifest import Manifest
    from hub.jsontypes import JsonObject

AUTHORIZATION: Final = "authorization"
"""The bank sets the money aside, and nothing is taken before it is released."""
COLLECTED: Final = "collected"
"""The money is taken, and passed on later."""
MARGIN: Final = timedelta(days=1)
"""An authorisation must outlast the day on which the money is needed by so much."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a payment is held, and why so, in a sentence."""

    mode: str
    why: str


def holding_mode(manifest: Manifest, needed_until: datetime, now: datetime) -> Choice:
    """How the gateway holds money that is needed at this time at the latest.

    Raises ``PermanentError``: ``not_enabled`` when it holds none at all, ``window_closed`` when not for so long.
    """
    cell = manifest.capabilities.get("escrow")
    if cell is None or cell.status is Support.NONE:
        reason = cell.reason if cell is not None else f"{manifest.title} takes no payments."
        message = f"{manifest.title} cannot hold money. {reason}"
        raise PermanentError(message, code="not_enabled", remedy="Take a connection whose gateway can.")
    return choose_mode(manifest.title, {**cell.limits, "refund_days": refund_days(manifest)}, needed_until, now)


def refund_days(manifest: Manifest) -> int | None:
    """How many days after it was taken the gateway can give held money back; None where its manifest names no end."""
    cells = [manifest.capabilities.get(name) for name in ("escrow", "refund")]
    windows = [found.limits.get("refund_days") for found in cells if found is not None]
    return min((days for days in windows if isinstance(days, int)), default=None)


def choose_mode(gateway: str, limits: JsonObject, needed_until: datetime, now: datetime) -> Choice:
    """Authorise only while that surely lasts until the money is needed, and a day longer; otherwise collect.

    ``limits`` are those of the gateway's cell ``escrow``: of ``guaranteed_days``, ``default_authorization_days`` and
    ``authorization_days`` the fewest count. Collected money is on the platform's own account and stays there for as long as
    it must; a date beyond ``refund_days`` (a payment can be given back so long) or ``collected_days`` (the gateway keeps
    money for a seller so long) is therefore not refused, but said. Raises ``PermanentError`` (``window_closed``) when the
    gateway can do neither.
    """
    modes = cast("list[str]", limits.get("modes") or [AUTHORIZATION, COLLECTED])
    names = ("guaranteed_days", "default_authorization_days", "authorization_days")
    known = [cast("int", limits[name]) for name in names if limits.get(name)]
    days = min(known, default=0) if AUTHORIZATION in modes else 0
    until = f"{needed_until:%Y-%m-%d}"
    if days and needed_until + MARGIN <= now + timedelta(days=days):
        why = f"An authorisation at {gateway} surely lasts {_days(days)}, and the money is needed until {until}."
        return Choice(AUTHORIZATION, f"{why} Nothing is taken before it is released.")
    if COLLECTED in modes:
        short = f"An authorisation at {gateway} surely lasts {_days(days)} only" if days else f"{gateway} only collects"
        why = f"{short}, and the money is needed until {until}. It is taken now and passed on later."
        return Choice(COLLECTED, " ".join([why, *_ends(gateway, limits, needed_until, now)]))
    message = f"{gateway} holds money for {_days(days)} at most, and it is needed until {until} and a day longer."
    raise PermanentError(message, code="window_closed", remedy="Take another gateway, or a date that is nearer.")


def _ends(gateway: str, limits: JsonObject, needed_until: datetime, now: datetime) -> Iterator[str]:
    """What a gateway stops doing with collected money before it is needed, in a sentence each."""
    for name in ("refund_days", "collected_days"):
        days = limits.get(name)
        if not isinstance(days, int) or needed_until <= now + timedelta(days=days):
            continue
        last = f"{_days(days)}, until {now + timedelta(days=days):%Y-%m-%d} if it is paid today"
        if name == "refund_days":
            yield f"{gateway} gives a payment back for {last}: what goes back to the payer later goes in another way."
        else:
            yield (
                f"Where {gateway} itself keeps the money for a seller, it does so for {last}: "
                "release it or give it back before."
            )


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
