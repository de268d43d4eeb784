"""Plans and subscriptions as told: the same end in every order of arrival, whoever keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.journal.entries import Happening
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
