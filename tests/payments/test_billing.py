"""Plans and subscriptions as told: the same end in every order of arrival, whoever keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.journal.entries import Happening
from hub.journal.tables import events
from hub.journal.tables_billing import told_plans, told_subscriptions
from hub.payments.billing import value

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
EUR = {"minor": 1900, "currency": "EUR"}
STORY = (
    ("subscription.started", 0, {"customer": {"email": "Ada@example.com"}, "amount": EUR}),
    ("subscription.payment_failed", 30, {"reason": "card_declined"}),
    ("subscription.renewed", 33, {"period": {"start": "2026-12-29T00:00:00Z", "end": "2027-01-29T00:00:00Z"}}),
    ("subscription.cancelled", 40, {"cancel_at": "2027-01-29T00:00:00Z"}),
)


@pytest.fixture
def hub(tmp_path, database_url):
    database = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    made = Hub.open(load_settings({}, workspace=tmp_path / "workspace", sandbox="off", **database), Role.TOOL)
    yield made
    made.close()


def tell(hub, event_type, days, data, subject="sub_1", source="stripe-main"):
    family = event_type.partition(".")[0]
    said = {"plan": "gold", **data, **({"subscription": subject} if family == "subscription" else {"plan": subject})}
    happening = Happening(event_type, source, f"{event_type}:{subject}", said, NOON + timedelta(days=days))
    hub.recorder.record(happening, NOON)


def rows(hub, table):
    with hub.database.read() as connection:
        return connection.execute(sa.select(table)).all()


def test_every_order_of_a_subscriptions_events_ends_the_same(hub):
    for number, order in enumerate(permutations(STORY)):
        for event_type, days, data in order:
            tell(hub, event_type, days, data, subject=f"sub_{number}")
    ends = {
        (
            row.state,
            row.plan,
            row.customer,
            value(row.data, "period")["end"],
            value(row.data, "amount")["minor"],
            row.told,
        )
        for row in rows(hub, told_subscriptions)
    }
    end = ("cancelling", "gold", "ada@example.com", "2027-01-29T00:00:00Z", 1900, NOON + timedelta(days=40))
    assert ends == {end}


def test_a_retired_plan_stays_retired_whatever_comes_late(hub):
    tell(hub, "plan.cancelled", 2, {}, subject="gold")
    tell(hub, "plan.created", 0, {"name": "Gold", "price": EUR}, subject="gold")
    tell(hub, "plan.updated", 1, {"name": "Gold+"}, subject="gold")
    (row,) = rows(hub, told_plans)
    assert (row.state, value(row.data, "name"), value(row.data, "price")) == ("retired", "Gold+", EUR)


@pytest.mark.parametrize(
    ("event_type", "data", "state"),
    [
        ("subscription.paused", {}, "paused"),
        ("subscription.resumed", {}, "active"),
        ("subscription.ended", {}, "ended"),
        ("subscription.cancelled", {}, "cancelled"),
        ("subscription.updated", {}, "active"),
        ("subscription.updated", {"cancel_at": "2027-01-29T00:00:00Z"}, "cancelling"),
    ],
)
def test_each_event_leads_to_its_state(hub, event_type, data, state):
    tell(hub, "subscription.started", 0, {})
    tell(hub, event_type, 1, data)
    assert rows(hub, told_subscriptions)[0].state == state


def test_what_a_person_sends_by_hand_is_no_subscription(hub):
    tell(hub, "subscription.started", 0, {}, source="hub")
    assert rows(hub, told_subscriptions) == []


FORM = {"form": "course", "offer": "membership"}
HISTORY = (
    ("subscription.started", 0, {"metadata": FORM}),
    ("subscription.updated", 5, {"metadata": {**FORM, "seat": "2"}}),
    ("subscription.renewed", 30, {}),
    ("subscription.renewed", 60, {}),
)


def told_metadata(hub, subject, source="shop"):
    """The metadata of each event of a subscription, as recorded, the oldest first."""
    with hub.database.read() as connection:
        found = connection.execute(sa.select(events.c.data).where(events.c.source == source).order_by(events.c.id))
        return [row.data.get("metadata") for row in found if row.data["subscription"] == subject]


def tell_at(hub, subject, at):
    event_type, days, data = HISTORY[at]
    moment = NOON + timedelta(days=days)
    said = {"plan": "gold", "subscription": subject, **data}
    hub.recorder.record(Happening(event_type, "shop", f"{event_type}:{subject}:{at}", said, moment), moment)


def test_news_without_metadata_gets_what_is_known_of_the_subscription(hub):
    for at in (0, 2, 2, 1, 3):
        tell_at(hub, "sub_1", at)
    seated = {**FORM, "seat": "2"}
    assert told_metadata(hub, "sub_1") == [FORM, seated, FORM, seated], "the first renewal came before the update"


def test_what_is_kept_of_the_metadata_is_the_newest_word_in_every_order(hub):
    """A renewal repeats what was known, and that is no newer word than one that is late."""
    for number, order in enumerate(permutations(range(4))):
        for at in (*order, *order):
            tell_at(hub, f"sub_{number}", at)
    kept = [value(row.data, "metadata") for row in rows(hub, told_subscriptions)]
    assert kept == [{**FORM, "seat": "2"}] * 24


def test_the_payment_of_a_renewal_gets_it_and_what_brings_its_own_keeps_it(hub):
    tell_at(hub, "sub_1", 0)
    paid = {"payment": "pay_2", "amount": EUR, "subscription": "sub_1"}
    own = {**paid, "payment": "pay_3", "metadata": {"form": "other"}}
    for number, (source, data) in enumerate((("shop", paid), ("shop", own), ("elsewhere", paid))):
        hub.recorder.record(Happening("payment.succeeded", source, f"paid:{number}", data, NOON), NOON)
    assert told_metadata(hub, "sub_1") == [FORM, FORM, {"form": "other"}]
    assert told_metadata(hub, "sub_1", "elsewhere") == [None]


def test_what_one_delivery_tells_in_several_events_is_known_to_all_of_them(hub):
    started = {"plan": "gold", "subscription": "sub_1", "metadata": FORM}
    paid = {"payment": "pay_1", "amount": EUR, "subscription": "sub_1"}
    hub.recorder.record_all(
        [
            Happening("payment.succeeded", "shop", "paid", paid, NOON),
            Happening("subscription.started", "shop", "started", started, NOON),
        ],
        NOON,
    )
    assert told_metadata(hub, "sub_1") == [FORM, FORM]
