"""Plans. ARB knows none: each subscription holds its own terms. So a plan's reference is those terms as one text, which
``subscription.create`` sends and which is read off any subscription again. Only ``existing: move`` sends anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.api import AuthorizeNet, decimal, listed, money_of, object_of, words
from connectors.authorize_net.carried import described_by
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

ENDLESS = 9999
"""``totalOccurrences`` of a subscription without an end."""
LONGEST_NAME = 50
PAGE_SIZE = 1000
PAGES = 20
DAYS_LEAST, DAYS_MOST, MONTHS_MOST = 7, 365, 12
_REFERENCE = re.compile(r"arb:(\d{1,12})([A-Z]{3}):(\d{1,3})(days|months):(\d{1,4}):(\d{1,3}):(.{1,50})", re.DOTALL)
_UNITS: Mapping[str, tuple[int, str]] = {
    "day": (1, "days"),
    "week": (7, "days"),
    "month": (1, "months"),
    "year": (12, "months"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The terms of a plan. ``cycles`` 9999: until it is cancelled."""

    price: Money
    length: int
    unit: str
    cycles: int
    trial_days: int
    name: str

    @classmethod
    def parse(cls, reference: str) -> Plan:
        """The plan of a reference. Raises ``not_found``."""
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise failure("not_found", f"{reference!r} is no plan of Authorize.Net's: make one with plan.create.")
        price = Money(int(match[1]), match[2])
        return cls(price, int(match[3]), match[4], int(match[5]), int(match[6]), match[7])

    @classmethod
    def of(cls, subscription: JsonObject, connection: Connection) -> Plan | None:
        """The plan that a subscription runs on; None when it does not say its terms."""
        schedule = object_of(subscription.get("paymentSchedule"))
        interval = object_of(schedule.get("interval"))
        amount = money_of(subscription.get("amount"), connection)
        if amount is None or not interval.get("length"):
            return None
        own = described_by(object_of(subscription.get("order")))[1]
        price = Money(amount.minor // quantity_of(subscription), amount.currency)
        return cls(
            price,
            int(str(interval["length"])),
            str(interval.get("unit")),
            int(str(schedule.get("totalOccurrences") or ENDLESS)),
            int(own.get("trial", "0")),
            str(subscription.get("name") or "Subscription")[:LONGEST_NAME],
        )

    @property
    def reference(self) -> str:
        """The terms as one text."""
        price = f"{self.price.minor}{self.price.currency}"
        return f"arb:{price}:{self.length}{self.unit}:{self.cycles}:{self.trial_days}:{self.name}"

    def output(self, **more: Json) -> JsonObject:
        """The plan as actions give it."""
        interval: JsonObject = {"unit": self.unit.removesuffix("s"), "count": self.length}
        price = cast("Json", self.price.to_json())
        own = {"plan": self.reference, "status": "active", "price": price, "interval": interval, **more}
        return {**own, "gateway": words(self.reference)}


def quantity_of(subscription: JsonObject) -> int:
    """How many times its plan's price a subscription costs."""
    return int(described_by(object_of(subscription.get("order")))[1].get("quantity", "1"))


def create(call: Call) -> Json:
    """Make a plan (``plan.create``): a reference that says its terms. Nothing is sent."""
    given = call.input
    decimal(given["price"], call.connection)
    length, unit = _interval(object_of(given["interval"]))
    trial = cast("int", given.get("trial_days") or 0)
    name = str(given["name"])[:LONGEST_NAME]
    cycles = cast("int", given.get("cycles") or ENDLESS)
    if cycles > ENDLESS:
        raise failure("bad_input", f"Authorize.Net counts up to {ENDLESS} charges.")
    return Plan(Money.from_json(given["price"]), length, unit, cycles, trial, name).output()


def update(call: Call) -> Json:
    """Change a plan (``plan.update``): another reference stands in, and running subscriptions move where that is wished."""
    given = call.input
    old = Plan.parse(str(given["plan"]))
    new = old
    if "price" in given:
        decimal(given["price"], call.connection)
        new = replace(new, price=Money.from_json(given["price"]))
    if "name" in given:
        new = replace(new, name=str(given["name"])[:LONGEST_NAME])
    if given.get("existing") == "move" and new != old:
        _move(call, old, new)
    return new.output(**({"replaced": old.reference} if new != old else {}))


def running(api: AuthorizeNet) -> Iterator[JsonObject]:
    """Short forms of all subscriptions that are charged, the newest first."""
    for page in range(1, PAGES + 1):
        members: JsonObject = {
            "searchType": "subscriptionActive",
            "sorting": {"orderBy": "id", "orderDescending": True},
            "paging": {"limit": PAGE_SIZE, "offset": page},
        }
        answer = api.ask("ARBGetSubscriptionListRequest", members)
        found = listed(answer.get("subscriptionDetails"), "subscriptionDetail")
        yield from found
        if len(found) < PAGE_SIZE:
            return


def _move(call: Call, old: Plan, new: Plan) -> None:
    """Give running subscriptions the new name and price; those that have them already are no more of the old plan."""
    api = AuthorizeNet(call)
    for short in running(api):
        reference = str(short.get("id"))
        answer = api.ask("ARBGetSubscriptionRequest", {"subscriptionId": reference})
        subscription = object_of(answer.get("subscription"))
        if Plan.of(subscription, call.connection) != old:
            continue
        price = Money(new.price.minor * quantity_of(subscription), new.price.currency)
        terms: JsonObject = {"name": new.name, "amount": decimal(price.to_json(), call.connection)}
        api.ask("ARBUpdateSubscriptionRequest", {"subscriptionId": reference, "subscription": terms}, repeatable=True)


def _interval(interval: JsonObject) -> tuple[int, str]:
    """An interval as ARB counts it. Raises ``bad_input`` for one that it does not take."""
    factor, unit = _UNITS[str(interval["unit"])]
    length = factor * cast("int", interval.get("count") or 1)
    least, most = (DAYS_LEAST, DAYS_MOST) if unit == "days" else (1, MONTHS_MOST)
    if not least <= length <= most:
        raise failure(
            "bad_input", f"Authorize.Net charges every {DAYS_LEAST} to {DAYS_MOST} days or 1 to {MONTHS_MOST} months."
        )
    return length, unit
