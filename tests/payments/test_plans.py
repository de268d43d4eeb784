"""Plans by the hub and what becomes of their members: new prices, other plans, free days, starts to come, pauses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.errors import TransientError
from hub.journal.tables import plans, subscriptions
from hub.journal.tables_billing import told_subscriptions
from tests.fakes.server import DOWN
from tests.payments.conftest import ADA, EUR, Corner
from tests.payments.test_subscriptions import act, member, plan

DEARER = {"minor": 5900, "currency": "EUR"}


@pytest.fixture
def corner(tmp_path, gateway):
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway)
    yield made
    made.hub.close()


def other_plan(corner, key="other", **more):
    given = {"name": "Silver", "price": DEARER, "interval": {"unit": "month"}, **more}
    return corner.act("plan.create", given, key)["plan"]


def terms(corner, subscription):
    store = corner.hub.payments.store
    return store.subscription(store.get(subscriptions, subscription))


def amounts(corner):
    return [one["amount"] for one in corner.gateway.charges]


def test_a_new_price_reaches_who_runs_and_who_is_paused_and_nobody_else(corner):
    gold, elsewhere = plan(corner), other_plan(corner)
    running, paused, ending, gone = (member(corner, gold, key=key) for key in ("run", "pause", "ending", "gone"))
    apart = member(corner, elsewhere, key="apart")
    waiting = corner.act("subscription.create", {"plan": gold, "customer": ADA}, "waiting")["subscription"]
    trial, late = member(corner, gold, key="trial", trial_days=14), member(corner, gold, key="late")
    row = corner.hub.payments.store.get(subscriptions, late)
    corner.hub.payments.store.keep_subscription(row, replace(terms(corner, late), state="past_due"), corner.moment)
    act(corner, "pause", paused)
    act(corner, "cancel", ending, "c1")
    act(corner, "cancel", gone, "c2", at="now")
    corner.act("plan.update", {"plan": gold, "price": DEARER, "existing": "move"}, "dearer")
    everybody = (running, paused, ending, trial, late, gone, apart, waiting)
    moved = {one for one in everybody if terms(corner, one).next_price == 5900}
    assert moved == {running, paused, trial, late, waiting}, "who leaves never pays it"
    assert len(corner.told("subscription.updated")) == len(moved - {waiting}) + 1, (
        "those are told, and before that who leaves"
    )
    corner.forward(days=10)
    act(corner, "resume", paused)
    begun = len(amounts(corner))
    corner.forward(days=20)
    assert sorted(amounts(corner)[begun:]) == [4900, *[5900] * 4], "the trial's first charge, and the other plan's own"


def test_a_plan_that_is_renamed_or_stays_as_it_was_moves_nobody(corner):
    gold = plan(corner)
    joined = member(corner, gold)
    corner.act("plan.update", {"plan": gold, "name": "Gold+", "existing": "move"}, "renamed")
    assert (corner.event("plan.updated")["changes"], corner.event("plan.updated")["name"]) == (
        {"name": "Gold"},
        "Gold+",
    )
    corner.act("plan.update", {"plan": gold, "name": "Gold+"}, "same")
    assert (terms(corner, joined).next_price, corner.told("plan.repriced")) == (None, [])
    assert corner.told("plan.updated") == ["plan.updated"], "what stays as it was is told to nobody"
    row = corner.hub.payments.store.get(plans, gold)
    assert [one["price"] for one in row.prices] == [EUR], "the history of prices names each price once"
    corner.act("plan.update", {"plan": gold, "price": DEARER}, "dearer")
    assert [one["price"] for one in corner.hub.payments.store.get(plans, gold).prices] == [EUR, DEARER]


def test_what_changes_nothing_of_a_plan_that_was_never_changed_is_told_to_nobody(corner):
    corner.act("plan.update", {"plan": plan(corner), "price": EUR, "existing": "keep"}, "same")
    assert corner.told("plan") == ["plan.created"]


@pytest.mark.parametrize("minor", [0, -4900])
def test_a_plan_costs_something(corner, minor):
    free = {"price": {"minor": minor, "currency": "EUR"}}
    assert corner.refused("plan.create", {"name": "Free", "interval": {"unit": "month"}, **free}) == "bad_input"
    assert corner.refused("plan.update", {"plan": plan(corner), **free}) == "bad_input"


def test_who_pays_a_price_already_is_not_told_that_it_comes(corner):
    gold = plan(corner)
    before = member(corner, gold, key="before")
    corner.act("plan.update", {"plan": gold, "price": DEARER}, "dearer")
    after = member(corner, gold, key="after")
    for key in ("move", "move", "once more"):
        corner.act("plan.update", {"plan": gold, "price": DEARER, "existing": "move"}, key)
    assert corner.event("subscription.updated")["subscription"] == before
    assert corner.told("subscription.updated") == ["subscription.updated"]
    assert (terms(corner, before).next_price, terms(corner, after).next_price) == (5900, None)
    corner.forward(days=28)
    assert sorted(amounts(corner)) == [4900, 5900, 5900, 5900]


@pytest.mark.parametrize(("trial", "new_from"), [(0, "03-03"), (14, "03-14")])
def test_who_agrees_while_the_price_moves_pays_the_old_one_first_and_is_told_of_the_new_one(corner, trial, new_from):
    gold = plan(corner, trial_days=trial)
    made = corner.act("subscription.create", {"plan": gold, "customer": ADA}, "join")
    left = corner.act("subscription.create", {"plan": gold, "customer": ADA}, "never agrees")["subscription"]
    for key in ("move", "move"):
        corner.act("plan.update", {"plan": gold, "price": DEARER, "existing": "move"}, key)
    assert corner.told("subscription") == [], "who has not begun is told nothing yet"
    corner.moment += timedelta(days=3)
    corner.pay(made["checkout_url"])
    corner.run_due()
    assert corner.told("subscription") == ["subscription.started", "subscription.updated"]
    told = corner.event("subscription.updated")
    assert (told["subscription"], told["changes"]) == (
        made["subscription"], {"price": DEARER, "from": f"2027-{new_from}T09:00:00Z"},
    )  # fmt: skip
    corner.forward(days=60)
    on_the_page = [] if trial else [corner.gateway.payments["c_1"]["amount"]]
    assert [*on_the_page, *amounts(corner)][:2] == [4900, 5900]
    assert corner.hub.payments.store.get(subscriptions, left).state == "pending"
    assert corner.told("subscription.updated") == ["subscription.updated"]


def test_who_could_not_be_charged_yet_pays_the_old_price_first_and_is_told_when_it_went_through(corner):
    gold = plan(corner)
    corner.gateway.declines = True
    member(corner, gold)
    corner.act("plan.update", {"plan": gold, "price": DEARER, "existing": "move"}, "move")
    assert corner.told("subscription") == ["subscription.payment_failed"]
    corner.gateway.declines = False
    corner.forward(days=40)
    assert amounts(corner) == [4900, 5900]
    assert corner.told("subscription")[1:] == ["subscription.started", "subscription.updated", "subscription.renewed"]


@pytest.mark.parametrize("change", ["plan.update", "plan.cancel"])
def test_a_start_that_is_repeated_is_the_same_though_the_plan_changed_meanwhile(corner, change):
    gold = plan(corner)
    corner.gateway.treat(*[DOWN] * 8)
    assert corner.refused("subscription.create", {"plan": gold, "customer": ADA}, "join") != "wrong_state"
    corner.gateway.moods.clear()
    corner.act(change, {"plan": gold, **({"price": DEARER} if change == "plan.update" else {})}, "change")
    corner.pay(corner.act("subscription.create", {"plan": gold, "customer": ADA}, "join")["checkout_url"])
    corner.run_due()
    assert corner.gateway.payments["c_1"]["amount"] == 4900
    started = corner.event("subscription.started")
    assert started["amount"] == EUR
    assert terms(corner, started["subscription"]).balance == 0


def test_a_trial_whose_process_died_before_it_was_told_ends_on_its_day(corner, monkeypatch):
    given = {"plan": plan(corner), "customer": ADA, "method": "m_ada", "trial_days": 14}

    def die(*_, **__):
        raise TransientError("The process died.")

    with monkeypatch.context() as patch:
        patch.setattr("hub.payments.plans.tell", die)
        corner.refused("subscription.create", given, "join")
    assert corner.told("subscription") == []
    corner.moment += timedelta(hours=5)
    joined = corner.act("subscription.create", given, "join")["subscription"]
    assert corner.told("subscription") == ["subscription.started"]
    told = corner.event("subscription.started")
    assert told["period"] == {"start": "2027-01-31T09:00:00Z", "end": "2027-02-14T09:00:00Z"}
    assert terms(corner, joined).due_at.isoformat() == "2027-02-14T09:00:00+00:00"


def test_a_plan_with_the_same_interval_is_another_plan_to_go_to_however_it_is_written(corner):
    joined, other = member(corner), other_plan(corner, interval={"unit": "month", "count": 1})
    assert act(corner, "update", joined, plan=other)["plan"] == other


def test_a_retired_plan_is_changed_no_more_and_retired_once(corner):
    gold = plan(corner)
    for _ in range(2):
        assert corner.act("plan.cancel", {"plan": gold}, "retire")["status"] == "retired"
    assert corner.told("plan.cancelled") == ["plan.cancelled"]
    assert corner.refused("plan.update", {"plan": gold, "name": "Gold+"}) == "wrong_state"


def test_another_plan_is_prorated_and_takes_the_place_of_a_price_to_come(corner):
    gold, silver = plan(corner), other_plan(corner)
    joined = member(corner, gold)
    corner.act("plan.update", {"plan": gold, "price": {"minor": 9900, "currency": "EUR"}, "existing": "move"}, "dearer")
    corner.forward(days=14)
    assert act(corner, "update", joined, plan=silver)["plan"] == silver
    told = corner.event("subscription.updated")
    assert (told["plan"], told["changes"]) == (silver, {"plan": silver, "price": DEARER})
    corner.forward(days=14)
    assert amounts(corner) == [4900, 5900 + 500]
    corner.forward(days=31)
    assert amounts(corner)[2:] == [5900]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"price": {"minor": 5900, "currency": "USD"}}, "invalid_request"),
        ({"interval": {"unit": "year"}}, "invalid_request"),
        ({"retired": True}, "wrong_state"),
    ],
)
def test_a_plan_that_a_subscription_cannot_go_to_is_refused(corner, wrong, code):
    joined = member(corner)
    retired = wrong.pop("retired", False)
    other = other_plan(corner, **wrong)
    if retired:
        corner.act("plan.cancel", {"plan": other}, "retire")
    known = terms(corner, joined)
    assert corner.refused("subscription.update", {"subscription": joined, "plan": other}) == code
    assert terms(corner, joined) == known


def test_who_is_to_have_no_free_days_has_none_though_the_plan_gives_some(corner):
    free = plan(corner, trial_days=14)
    member(corner, free, key="again", trial_days=0)
    assert amounts(corner) == [4900]
    second = member(corner, free, key="longer", trial_days=20)
    assert terms(corner, second).due_at == corner.moment + timedelta(days=20)


def test_a_start_to_come_is_waited_for_and_one_that_has_passed_is_now(corner):
    gold, later = plan(corner), corner.moment + timedelta(days=10)
    past = member(corner, gold, key="past", start_at=(corner.moment - timedelta(days=10)).isoformat())
    assert (terms(corner, past).anchor, amounts(corner)) == (corner.moment, [4900])
    coming = member(corner, gold, key="coming", start_at=later.isoformat(), trial_days=5, quantity=3)
    assert (terms(corner, coming).due_at, amounts(corner)) == (later + timedelta(days=5), [4900])
    corner.forward(days=15)
    assert amounts(corner) == [4900, 3 * 4900]


def test_a_plan_of_so_many_charges_ends_after_them(corner):
    joined = member(corner, plan(corner, cycles=2))
    corner.forward(days=120)
    assert amounts(corner) == [4900, 4900]
    assert corner.told("subscription")[-1] == "subscription.ended"
    assert corner.refused("subscription.cancel", {"subscription": joined}) == "wrong_state"


def test_a_pause_until_a_day_goes_on_by_itself_on_that_day(corner):
    joined, until = member(corner), corner.moment + timedelta(days=60)
    act(corner, "pause", joined, until=until.isoformat())
    corner.forward(days=59)
    assert amounts(corner) == [4900]
    corner.forward(days=1)
    assert (amounts(corner), corner.told("subscription")[-2:]) == (
        [4900, 4900], ["subscription.resumed", "subscription.renewed"],
    )  # fmt: skip
    assert terms(corner, joined).anchor == until


@pytest.mark.parametrize("action", ["update", "pause", "resume", "cancel"])
def test_a_repeat_of_a_step_gives_what_it_gave_and_tells_it_once(corner, action):
    joined = member(corner)
    if action == "resume":
        act(corner, "pause", joined)
        corner.moment += timedelta(days=1)
    given = {"update": {"quantity": 2}, "cancel": {"at": "now"}}.get(action, {})
    first = act(corner, action, joined, "step", **given)
    known, told = terms(corner, joined), corner.told()
    corner.moment += timedelta(hours=1)
    assert act(corner, action, joined, "step", **given) == first
    assert (terms(corner, joined), corner.told()) == (known, told)


def test_cancelling_again_changes_nothing_unless_it_is_to_end_at_once(corner):
    joined = member(corner)
    act(corner, "cancel", joined, "one")
    known = terms(corner, joined)
    assert act(corner, "cancel", joined, "two")["status"] == "cancelling"
    assert (terms(corner, joined), corner.told("subscription.updated")) == (known, ["subscription.updated"])
    assert act(corner, "cancel", joined, "three", at="now")["status"] == "cancelled"
    assert act(corner, "cancel", joined, "four", at="now")["status"] == "cancelled"
    assert corner.told("subscription.cancelled") == ["subscription.cancelled"]


def test_what_an_action_gives_names_the_period_that_is_paid(corner):
    joined = member(corner)
    given = act(corner, "update", joined, quantity=2)
    assert given["period"] == {"start": "2027-01-31T09:00:00+00:00", "end": "2027-02-28T09:00:00+00:00"}
    corner.forward(days=28)
    given = act(corner, "update", joined, "more", quantity=3)
    assert given["period"] == {"start": "2027-02-28T09:00:00+00:00", "end": "2027-03-31T09:00:00+00:00"}
    assert "cancel_at" not in given
    fresh = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "fresh")
    assert "period" not in fresh


def test_what_is_changed_before_it_begins_is_told_with_its_start_and_it_is_no_member_before(corner):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    assert act(corner, "update", made["subscription"], quantity=2)["status"] == "pending"
    assert corner.told("subscription") == []
    with corner.hub.database.read() as connection:
        assert connection.execute(told_subscriptions.select()).all() == []
    corner.pay(made["checkout_url"])
    corner.run_due()
    assert (corner.told("subscription"), corner.event("subscription.started")["quantity"]) == (
        ["subscription.started"],
        2,
    )
    act(corner, "update", made["subscription"], "more", quantity=3)
    assert corner.event("subscription.updated")["changes"] == {"quantity": 3}
