"""What a gateway's reports would have told of a dispute, transfer or payout, said from its list: for what never came. Pure.

A difference is taken over by telling these events under the ids that the gateway's own reports have, so that a report that
comes after all is no news. Where no event can say it (nothing is listed, the currency is another one, a failure is undone),
nothing is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hub.money import Money
from hub.payments.comparing_lists import DISPUTE, FAILED, NOT_YET, OPEN, PAYOUT, TRANSFER, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.jsontypes import JsonObject
    from hub.payments.comparing_lists import Standing


class Report(NamedTuple):
    """An event of the gateway's: its type, its id at the gateway, its data."""

    type: str
    source_id: str
    data: JsonObject


def reports(
    kind: str, here: Standing | None, item: JsonObject | None, payment: str | None, *, sums: bool
) -> Sequence[Report]:
    """The reports that are missing to come from how it stands here to how the gateway lists it; none where none can do that.

    ``payment`` is the one that it is known to belong to here. ``sums``: the gateway's own reports of what is taken back of a
    transfer say how much it is in all.
    """
    if item is None:
        return ()
    there = listed(kind, item)
    if here is not None and here.money.currency != there.money.currency:
        return ()
    found: Iterator[Report]
    if kind == DISPUTE:
        found = _dispute(here, there, item, payment or item.get("payment"))
    elif kind == TRANSFER:
        found = _transfer(here, there, item, payment, sums=sums)
    else:
        found = _payout(here, there, item)
    return tuple(found)


def _dispute(here: Standing | None, there: Standing, item: JsonObject, payment: object) -> Iterator[Report]:
    """It was opened, and decided; a decision may be followed by another one, on appeal."""
    if not payment or (here is not None and here.state == there.state):
        return
    data: JsonObject = {"dispute": item["dispute"], "payment": str(payment), "amount": item["amount"]}
    if here is None:
        yield _report("dispute.opened", data)
    if there.state != OPEN:
        outcome = str(item["status"])
        yield _report("dispute.closed", {**data, "outcome": outcome}, outcome)


def _transfer(
    here: Standing | None, there: Standing, item: JsonObject, payment: str | None, *, sums: bool
) -> Iterator[Report]:
    """It was sent, or failed; a part of it was taken back, or all."""
    provider = item.get("provider")
    if not provider or there.state == NOT_YET or (here is not None and here.state == FAILED):
        return
    of = payment or item.get("payment")
    data: JsonObject = {**_moved(TRANSFER, item), **({"payment": of} if of else {})}
    if there.state == FAILED:
        if here is not None:
            yield _report("transfer.failed", data)
        return
    whole = Money.from_json(item["amount"])
    if here is None or here.state == NOT_YET:
        yield _report("transfer.sent", data)
    known = whole if here is None else here.money
    if known > there.money:
        taken = whole - there.money
        total: JsonObject = {"reversed": taken.to_json()} if sums else {}
        yield _report(
            "transfer.reversed", {**data, "amount": (known - there.money).to_json(), **total}, str(taken.minor)
        )


def _payout(here: Standing | None, there: Standing, item: JsonObject) -> Iterator[Report]:
    """It arrived, or it failed, maybe after it had arrived; nothing follows on a failure."""
    moves_nothing = here is None and there.state == FAILED
    if not item.get("provider") or there.state == NOT_YET or moves_nothing:
        return
    if here is None or here.state not in {FAILED, there.state}:
        yield _report("payout.failed" if there.state == FAILED else "payout.paid", _moved(PAYOUT, item))


def _moved(kind: str, item: JsonObject) -> JsonObject:
    data: JsonObject = {kind: item[kind], "provider": item["provider"], "amount": item["amount"]}
    return {**data, "metadata": item["metadata"]} if item.get("metadata") else data


def _report(event_type: str, data: JsonObject, *parts: str) -> Report:
    """Under the id that the event maps of connectors give it: its type, the thing, what tells it from others of its type."""
    thing = event_type.partition(".")[0]
    return Report(event_type, ":".join((event_type, str(data[thing]), *parts))[:200], data)
