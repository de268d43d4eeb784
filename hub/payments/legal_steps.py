"""Which news may follow on which: of plans, subscriptions, transfers, payouts and holds. Pure.

News that come late or twice are legal: what counts is when the gateway says that a thing happened, not when it was heard.
What cannot be is kept all the same and said in words, so that a person looks at the gateway. Payments, with their refunds
and disputes, have the same in :mod:`hub.payments.payment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

# After each piece of news: what may still happen later. What is not named here as following is illegal then.
_RUNNING: Final = frozenset(
    {"started", "renewed", "resumed", "paused", "payment_failed", "updated", "cancelled", "ended"},
)
_OVER: Final = frozenset({"updated", "payment_failed", "cancelled", "ended"})
SUBSCRIPTION: Final[Mapping[str, frozenset[str]]] = {
    "started": _RUNNING,
    "renewed": _RUNNING,
    "resumed": _RUNNING,
    "paused": _RUNNING,
    "payment_failed": _RUNNING,
    "updated": _RUNNING,
    "cancelled": _OVER,
    "ended": _OVER,
}
PLAN: Final[Mapping[str, frozenset[str]]] = {
    "created": frozenset({"updated", "cancelled"}),
    "updated": frozenset({"updated", "cancelled"}),
    "cancelled": frozenset({"updated", "cancelled"}),  # at another name or description, and never at another price
}
REFUSED: Final = "refused"
"""The gateway's answer to the hub's call: it does not move the money."""
MARKED: Final = "marked as failed"
"""A person's word."""
TRANSFER: Final[Mapping[str, frozenset[str]]] = {
    "sent": frozenset({"sent", "failed", "reversed"}),
    "reversed": frozenset({"sent", "reversed"}),  # that it was sent may be found out by a comparison, later
    "failed": frozenset({"failed"}),
    REFUSED: frozenset({"failed"}),
    MARKED: frozenset({"failed"}),
}
PAYOUT: Final[Mapping[str, frozenset[str]]] = {
    "paid": frozenset({"paid", "failed"}),  # the bank of a provider may send it back
    "failed": frozenset({"failed"}),
    REFUSED: frozenset({"failed"}),
    MARKED: frozenset({"failed"}),
}
CAPTURED: Final = "captured"
MORE: Final = "more"
CURRENCY: Final = "currency"
HOLD: Final[Mapping[str, frozenset[str]]] = {
    "requested": frozenset({"authorized", CAPTURED, "let go"}),
    "held": frozenset({"authorized", CAPTURED, "let go"}),
    "frozen": frozenset({"authorized", CAPTURED, "let go"}),
    "releasing": frozenset({"authorized", CAPTURED, "let go"}),
    "shared out": frozenset(
        {"authorized", CAPTURED}
    ),  # released, settled, refunded: told again, and no more than was held
    "let go": frozenset({"authorized", "let go"}),
    "lapsed": frozenset({"authorized", CAPTURED, "let go"}),  # the payer paid late
    "cancelled": frozenset({"authorized", CAPTURED, "let go"}),  # frozen, and given back by the hub
}
"""Of a hold: its state -> what its payment may still do. :func:`hub.payments.holds.illegal` finds what it may not."""

MACHINES: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "plan": PLAN,
    "subscription": SUBSCRIPTION,
    "transfer": TRANSFER,
    "payout": PAYOUT,
    "hold": HOLD,
}
_AT_ONCE: Final[Mapping[str, timedelta]] = {"subscription": timedelta(minutes=5)}
"""What is told within this time happened together: a last charge and the end that comes with it."""
_ALWAYS: Final = ""
"""The moment of what no later news may contradict, whenever that happened."""
_SENTENCES: Final[Mapping[str, str]] = {
    REFUSED: "The gateway paid it although it had refused it: the amount may have been paid a second time since.",
    MARKED: "The gateway paid it although a person had said it failed: the amount may have been paid a second time since.",
    CAPTURED: "The payment was taken after this hold had let it go; the money belongs to nobody here.",
    MORE: "The payment brought more than was held when it was shared out; the rest belongs to nobody here.",
    CURRENCY: "What was told of it stands in more than one currency.",
}


@dataclass(frozen=True, slots=True)
class History:
    """What was told of one thing. Grows only, and is the same for every order and repetition of its news.

    ``told``: what happened -> when, first and last (RFC 3339, UTC). ``prices``: a plan's price -> when it was told first.
    ``amounts``: ``sent``, ``taken`` (in all) and each reversal of a transfer, in minor units.
    ``currencies``: of all amounts.
    """

    told: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    prices: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(default_factory=dict)
    currencies: Sequence[str] = ()

    @classmethod
    def from_json(cls, value: JsonObject) -> History:
        """A history as :meth:`to_json` wrote it."""
        told = cast("Mapping[str, list[str]]", value.get("told") or {})
        return cls(
            {word: (first, last) for word, (first, last) in told.items()},
            cast("Mapping[str, str]", value.get("prices") or {}),
            cast("Mapping[str, int]", value.get("amounts") or {}),
            tuple(cast("list[str]", value.get("currencies") or ())),
        )

    def to_json(self) -> JsonObject:
        """As the journal keeps it."""
        return {
            "told": {word: list(pair) for word, pair in sorted(self.told.items())},
            "prices": dict(sorted(self.prices.items())),
            "amounts": dict(sorted(self.amounts.items())),
            "currencies": list(self.currencies),
        }

    def merged(self, other: History) -> History:
        """Both together: of one thing that was told under two names."""
        told = dict(self.told)
        for word, (first, last) in other.told.items():
            known = told.get(word, (first, last))
            told[word] = (min(first, known[0]), max(last, known[1]))
        prices = {
            **other.prices,
            **{price: min(when, other.prices.get(price, when)) for price, when in self.prices.items()},
        }
        amounts = {
            **other.amounts,
            **{name: max(minor, other.amounts.get(name, minor)) for name, minor in self.amounts.items()},
        }
        return History(told, prices, amounts, tuple(sorted({*self.currencies, *other.currencies})))


def heard(history: History, event_type: str, telling: str, time: datetime, data: JsonObject) -> History:
    """The history with one more event of its thing. Commutative and idempotent.

    ``telling`` is the event's id at its source, ``time`` when the gateway says that it happened.
    """
    family, _, what = event_type.partition(".")
    stamp = _stamp(time)
    if what not in MACHINES[family] or (what == "cancelled" and _is_to_come(data, time)):
        return history
    news = History(told={what: (stamp, stamp)})
    if family == "plan":
        news = _priced(news, stamp, data.get("price"))
    elif family == "transfer":
        news = _moved(news, what, telling, data)
    return history.merged(news)


def noted(history: History, word: str, *, is_so: bool = True) -> History:
    """The history with something that the hub knows by itself and that holds whenever it came, or without it."""
    if is_so:
        return history.merged(History(told={word: (_ALWAYS, _ALWAYS)}))
    return replace(history, told={known: pair for known, pair in history.told.items() if known != word})


def oddities(family: str, history: History) -> list[str]:
    """What was told of a thing and cannot be, in words; nothing when all of it may well be."""
    found = _notes(history) if family == "hold" else _steps(family, history)
    if family == "plan":
        found += _dearer(history)
    if family == "transfer" and (sent := history.amounts.get("sent")) is not None and _taken_back(history) > sent:
        found.append("More was taken back of it than was sent.")
    if len(history.currencies) > 1:
        found.append(_SENTENCES[CURRENCY])
    return found


def _steps(family: str, history: History) -> list[str]:
    """Each step that the machine's table does not name."""
    found: list[str] = []
    by_us = {REFUSED, MARKED} & history.told.keys()
    for before, allowed in MACHINES[family].items():
        if before not in history.told or (before == "failed" and by_us):  # then the hub told that failure itself
            continue
        since = _later(history.told[before][0], _AT_ONCE.get(family))
        later = {word for word, (_, last) in history.told.items() if last > since}
        late = sorted(later - allowed - {before})
        if before in by_us:
            found += [_SENTENCES[before]] if late else []
        else:
            found += [f"The gateway said {_said(word)} after it had said {_said(before)}." for word in late]
    return found


def _notes(history: History) -> list[str]:
    return [_SENTENCES[word] for word in (CAPTURED, MORE, CURRENCY) if word in history.told]


def _dearer(history: History) -> list[str]:
    """A plan that is retired keeps the price that it had."""
    retired = history.told.get("cancelled")
    if retired is None:
        return []
    before = [price for price, when in history.prices.items() if when <= retired[0]]
    after = sorted(price for price, when in history.prices.items() if when > retired[0])
    return (
        [f"The gateway said another price, {price}, after it had said cancelled." for price in after] if before else []
    )


def _priced(news: History, stamp: str, price: Json) -> History:
    if not isinstance(price, dict):
        return news
    money = Money.from_json(price)
    return replace(news, prices={str(money): stamp}, currencies=(money.currency,))


def _moved(news: History, what: str, telling: str, data: JsonObject) -> History:
    amount = cast("JsonObject", data["amount"])
    taken = cast("JsonObject", data.get("reversed") or {})
    amounts = {"sent": amount["minor"]} if what == "sent" else {}
    if what == "reversed":
        amounts = {f"reversed {telling}": amount["minor"], **({"taken": taken["minor"]} if taken else {})}
    return replace(news, amounts=cast("Mapping[str, int]", amounts), currencies=(str(amount["currency"]),))


def _taken_back(history: History) -> int:
    """What the gateway says was taken back in all, else the sum of what it told."""
    parts = sum(minor for name, minor in history.amounts.items() if name.startswith("reversed "))
    return history.amounts.get("taken", parts)


def _is_to_come(data: JsonObject, time: datetime) -> bool:
    """Whether an end is only announced, and may be taken back until then."""
    end = data.get("cancel_at")
    return isinstance(end, str) and bool(end) and datetime.fromisoformat(end) > time


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _later(stamp: str, by: timedelta | None) -> str:
    return stamp if not stamp or by is None else _stamp(datetime.fromisoformat(stamp) + by)


def _said(word: str) -> str:
    return word.replace("_", " ")
