"""What the hub tells in a gateway's place, because the gateway's own reports leave it out."""

import dataclasses

import pytest

from hub.connect.manifest import EventRule, Kind
from hub.connect.registry import Registry
from hub.payments.outcomes import follow, tells
from hub.vocabulary import validate_data

REGISTRY = Registry.load()
GATEWAYS = [manifest for manifest in REGISTRY.manifests() if manifest.kind is Kind.GATEWAY]
EUR = {"minor": 4900, "currency": "EUR"}

_PLAN = {"plan": "pln_1", "price": EUR, "interval": {"unit": "month"}, "status": "active"}
_SUBSCRIPTION = {"subscription": "sub_1", "plan": "pln_1", "status": "active"}
_TRANSFER = {"transfer": "tr_1", "provider": "prv_1", "amount": EUR, "status": "sent"}
_PAYOUT = {"payout": "po_1", "status": "paid"}
_LINK = {"link": "lnk_1", "url": "https://pay.example/1", "amount": EUR, "status": "active"}
ANSWERS = [
    ("plan.create", {"name": "Gold"}, _PLAN, "plan.created"),
    ("plan.update", {"plan": "pln_1"}, _PLAN, "plan.updated"),
    ("plan.cancel", {"plan": "pln_1"}, {"plan": "pln_1", "status": "retired"}, "plan.cancelled"),
    ("subscription.create", {"plan": "pln_1"}, _SUBSCRIPTION, "subscription.started"),
    ("subscription.create", {"plan": "pln_1"}, {**_SUBSCRIPTION, "status": "trialing"}, "subscription.started"),
    ("subscription.update", {"quantity": 2}, _SUBSCRIPTION, "subscription.updated"),
    ("subscription.pause", {}, {**_SUBSCRIPTION, "status": "paused"}, "subscription.paused"),
    ("subscription.resume", {}, _SUBSCRIPTION, "subscription.resumed"),
    ("subscription.cancel", {"at": "now"}, {**_SUBSCRIPTION, "status": "cancelled"}, "subscription.cancelled"),
    ("subscription.cancel", {}, {**_SUBSCRIPTION, "status": "cancelling"}, "subscription.updated"),
    ("transfer.create", {"provider": "prv_1", "amount": EUR}, _TRANSFER, "transfer.sent"),
    ("transfer.reverse", {}, {**_TRANSFER, "status": "reversed"}, "transfer.reversed"),
    ("payout.create", {"provider": "prv_1", "amount": EUR}, _PAYOUT, "payout.paid"),
    ("payout.get", {}, {**_PAYOUT, "amount": EUR, "status": "failed", "reason": "closed"}, "payout.failed"),
    ("link.create", {"amount": EUR, "description": "Lamps"}, _LINK, "link.created"),
    ("link.cancel", {}, {**_LINK, "status": "cancelled"}, "link.cancelled"),
]


@pytest.mark.parametrize(("action", "given", "output", "event"), ANSWERS)
def test_an_answer_that_decides_something_is_told_as_an_event_of_the_vocabulary(action, given, output, event):
    (tale,) = follow(action, given, output, "key-1")
    assert tale.type == event
    validate_data(tale.type, tale.data)
    assert follow(action, given, output, "key-1") == [tale], "a repeat tells the same"


@pytest.mark.parametrize("given", [{"price": EUR}, {"existing": "move"}, {"price": EUR, "existing": "keep"}])
def test_a_price_that_running_subscriptions_do_not_pay_is_no_repricing(given):
    assert [one.type for one in follow("plan.update", {"plan": "pln_1", **given}, _PLAN, "key-1")] == ["plan.updated"]


def test_a_price_to_which_running_subscriptions_go_is_told_with_the_plan_that_it_replaces():
    given = {"plan": "pln_0", "price": EUR, "existing": "move"}
    _, tale = follow("plan.update", given, {**_PLAN, "replaced": "pln_0"}, "key-1")
    assert (tale.type, tale.thing, tale.part) == ("plan.repriced", "pln_1", "key-1")
    assert (tale.data["plan"], tale.data["replaced"], tale.data["price"]) == ("pln_1", "pln_0", EUR)
    validate_data(tale.type, tale.data)


@pytest.mark.parametrize("manifest", GATEWAYS, ids=lambda one: one.name)
def test_no_gateway_tells_a_repricing_itself(manifest):
    assert not tells(manifest, "plan.repriced")


UNDECIDED = [
    ("subscription.create", _SUBSCRIPTION | {"status": "pending"}),
    ("subscription.cancel", _SUBSCRIPTION),
    ("transfer.create", _TRANSFER | {"status": "queued"}),
    ("payout.create", _PAYOUT | {"status": "sent", "amount": EUR}),
    ("payment.refund", {"refund": "rf_1", "payment": "pay_1", "status": "issued", "amount": EUR}),
]


@pytest.mark.parametrize(("action", "output"), UNDECIDED)
def test_what_is_not_decided_or_has_its_own_reports_is_not_told(action, output):
    assert follow(action, {}, output, "key-1") == []


def test_changes_of_one_thing_are_told_each_by_itself_and_its_end_once():
    first, second = (follow("plan.update", {}, _PLAN, key) for key in ("key-1", "key-2"))
    assert first != second
    ends = [follow("plan.cancel", {}, {"plan": "pln_1", "status": "retired"}, key)[0] for key in ("key-1", "key-2")]
    assert [(end.thing, end.part) for end in ends] == [("pln_1", "")] * 2


def rule(event_type):
    return EventRule(("*",), event_type, {})


def test_what_the_connectors_own_map_tells_is_told_by_nobody_else():
    manifest = dataclasses.replace(GATEWAYS[0], events=(rule("payout.paid"),))
    assert tells(manifest, "payout.paid")
    assert not tells(manifest, "plan.created")
    either = dataclasses.replace(manifest, events=(rule("${ raw.ok && 'payout.paid' || 'payout.failed' }"),))
    assert tells(either, "payout.failed")
    assert not tells(either, "plan.created")
    anything = dataclasses.replace(manifest, events=(rule("${ raw.type }"),))
    assert tells(anything, "plan.created")
    as_it_came = dataclasses.replace(manifest, events=(EventRule(("subscription.paused",), "${ type }", {}),))
    assert tells(as_it_came, "subscription.paused")
    assert not tells(as_it_came, "transfer.reversed")
