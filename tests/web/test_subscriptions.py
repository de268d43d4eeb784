"""Plans and subscriptions in the pages: made, repriced, retired; paused, resumed, cancelled; doubt decided by a person."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from hub.journal.entries import Happening
from tests.fakes.server import LOST
from tests.payments.conftest import ADA, EUR, Corner

from .conftest import HASH, PASSWORD, Visitor

PLAN = {"name": "Gold", "connection": "corner", "amount": "19.00", "currency": "eur", "unit": "month", "count": "1"}


@pytest.fixture
def corner(tmp_path, gateway, request):
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway, **getattr(request, "param", {}))
    for role in ("editor", "viewer"):
        made.hub.store.create_user(f"{role}@example.com", role, role, HASH, made.moment)
    yield made
    made.hub.close()


def enter(corner, role):
    found = Visitor(corner.client.application)
    assert found.log_in(f"{role}@example.com", PASSWORD).status_code == 303
    return found


@pytest.fixture
def editor(corner):
    return enter(corner, "editor")


def make_plan(corner, editor, **more):
    answer = editor.post("/plans/new", **{**PLAN, "key": "k1", **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def member(corner, plan_address):
    given = {"plan": plan_address.rpartition("/")[2], "customer": ADA, "method": "m_ada"}
    made = corner.act("subscription.create", given, "join")["subscription"]
    corner.run_due()
    return f"/subscriptions/corner/{made}"


def test_a_hub_without_any_says_where_they_come_from(editor):
    assert "No plans yet" in editor.page("/plans")
    assert "No subscriptions yet" in editor.page("/subscriptions")


def test_a_plan_is_made_once_however_often_the_button_is_pressed(corner, editor):
    first, second = make_plan(corner, editor), make_plan(corner, editor)
    assert first == second
    page = editor.page("/plans")
    assert page.count(first) == 1
    assert "€19.00 every month · 0 subscriptions" in page
    assert corner.told("plan") == ["plan.created"]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("amount", "0", "above zero"),
        ("amount", "-5", "below zero"),
        ("amount", "19.005", "EUR"),
        ("amount", "1e9", "1e9"),
        ("amount", "", "is empty"),
        ("currency", "XXQ", "XXQ"),
        ("name", "", "Give it a name"),
        ("name", "x" * 10_000, "At most 120"),
        ("count", "0", "from 1 to 365"),
        ("count", "१२", "from 1 to 365"),
        ("trial_days", "9" * 40, "from 0 to 730"),
        ("cycles", "many", "from 1 to 1200"),
        ("unit", "moon", "Choose day"),
        ("connection", "nowhere", "Choose the gateway"),
        ("description", "y" * 1001, "At most 1,000"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(corner, editor, field, typed, said):
    answer = editor.post("/plans/new", **{**PLAN, "key": "k", field: typed})
    assert answer.status_code == 422
    assert (
        said in answer.text.split(f'id="{field}"')[1].split("</div></div>")[0] if field != "currency" else answer.text
    )
    assert 'value="19.00"' in answer.text or field == "amount"
    assert corner.told("plan") == []


def test_a_new_price_holds_from_the_next_period_for_who_is_moved(corner, editor):
    plan = make_plan(corner, editor)
    subscription = member(corner, plan)
    assert "1 active" in editor.page(plan)
    wrong = editor.post(plan, do="reprice", amount="19,5,0", key="k")
    assert wrong.status_code == 422
    assert editor.post(plan, do="reprice", amount="25.00", existing="move", key="k2").status_code == 303
    assert "€25.00" in editor.page(plan)
    corner.forward(days=32)
    assert [one["amount"] for one in corner.gateway.charges] == [1900, 2500]
    assert "kept by the hub" in enter(corner, "editor").page(subscription)


def test_a_retired_plan_offers_nothing_more(corner, editor):
    plan = make_plan(corner, editor)
    assert editor.post(plan, do="retire", key="k").status_code == 303
    page = editor.page(plan)
    assert "Retire it" not in page
    assert "Set the price" not in page
    assert corner.told("plan") == ["plan.created", "plan.cancelled"]


def test_a_subscription_is_found_paused_resumed_and_cancelled(corner, editor):
    subscription = member(corner, make_plan(corner, editor))
    assert subscription in editor.page("/subscriptions?text=ADA@")
    assert subscription not in editor.page("/subscriptions?text=bob")
    assert subscription not in editor.page("/subscriptions?state=paused")
    steps = (("pause", "paused"), ("resume", "active"), ("cancel", "cancelling"), ("end", "cancelled"))
    for number, (do, state) in enumerate(steps):
        corner.moment += timedelta(seconds=1)
        assert editor.post(subscription, do=do, key=f"k{number}").status_code == 303
        assert subscription in editor.page(f"/subscriptions?state={state}"), do
    over = editor.post(subscription, do="resume", key="late")
    assert over.status_code == 422
    assert "as it stands" in over.text


def test_of_a_charge_that_failed_the_page_says_what_comes_next(corner):
    subscription = member(corner, make_plan(corner, enter(corner, "editor")))
    said = "The last charge did not go through"
    assert said not in enter(corner, "editor").page(subscription)
    corner.gateway.declines = True
    corner.forward(days=31)
    page = enter(corner, "viewer").page(subscription)
    assert said in page
    assert "The next try is on March 4, 2027" in page
    assert 'href="/m"' in page


def test_of_a_payment_that_the_bank_took_back_the_page_says_what_comes_next(corner):
    subscription = member(corner, make_plan(corner, enter(corner, "editor")))
    news = {"payment": "c_1", "amount": EUR}
    corner.hub.recorder.record(Happening("payment.returned", "corner", "back", news, corner.moment), corner.moment)
    corner.run_due()
    page = enter(corner, "viewer").page(subscription)
    assert "The bank took a payment back" in page
    assert "The next try is on February 1, 2027" in page
    assert "returned by the bank" in page


def test_only_editors_act(corner, editor):
    plan = make_plan(corner, editor)
    subscription = member(corner, plan)
    viewer = enter(corner, "viewer")
    assert "End now" not in viewer.page(subscription)
    assert viewer.post(subscription, do="end", key="k").status_code == 403
    assert viewer.post(plan, do="retire", key="k").status_code == 403
    assert viewer.get("/plans/new").status_code == 403


@pytest.mark.parametrize("corner", [{"idempotent": "no"}], indirect=True)
def test_a_charge_in_doubt_waits_for_a_persons_word(corner, editor, gateway):
    gateway.treat(LOST)
    subscription = member(corner, make_plan(corner, editor))
    assert "Charges that need your word" in editor.page("/subscriptions")
    assert "No decision was given" in editor.post(subscription, do="decide").text
    assert "Did this charge happen?" in editor.page(subscription)
    assert editor.post(subscription, do="decide", happened="yes", payment="c_1").status_code == 303
    assert "Did this charge happen?" not in editor.page(subscription)
    assert corner.told("subscription") == ["subscription.started"]


def test_addresses_of_nothing_are_not_found(corner, editor):
    for address in ("/plans/corner/pln_none", "/subscriptions/corner/sub_none"):
        assert editor.get(address).status_code == 404


def table_of(editor, address):
    return list(csv.DictReader(io.StringIO(editor.get(address).data.decode("utf-8-sig"))))


def test_plans_are_found_and_exported(corner, editor):
    gold = make_plan(corner, editor)
    silver = make_plan(corner, editor, name="Silber für Ärzte", key="k2", currency="JPY", amount="500")
    member(corner, gold)
    for asked, shown in (
        ("text=gold", {gold}), ("text=ärzte", {silver}), (f"text={gold.rpartition('/')[2]}", {gold}), ("text=lead", set()),
        ("state=active", {gold, silver}), ("state=retired", set()), ("connection=corner", {gold, silver}),
    ):  # fmt: skip
        page = editor.page(f"/plans?{asked}")
        assert {one for one in (gold, silver) if f'"{one}"' in page} == shown, asked
    assert "No plan fits" in editor.page("/plans?text=lead")
    rows = {row["name"]: row for row in table_of(editor, "/plans.csv")}
    assert (rows["Gold"]["price"], rows["Gold"]["unit"], rows["Gold"]["subscriptions"]) == ("19.00", "month", "1")
    assert (rows["Silber für Ärzte"]["price"], rows["Silber für Ärzte"]["currency"]) == ("500", "JPY")
    assert [row["name"] for row in table_of(editor, "/plans.csv?text=gold")] == ["Gold"]


def test_subscriptions_are_exported_as_they_are_found(corner, editor):
    address = member(corner, make_plan(corner, editor))
    (row,) = table_of(editor, "/subscriptions.csv")
    assert (row["subscription"], row["amount"], row["currency"]) == (address.rpartition("/")[2], "19.00", "EUR")
    assert (row["email"], row["state"]) == ("ada@example.com", "active")
    assert row["paid_until"].startswith("2027-02-2")
    assert table_of(editor, "/subscriptions.csv?state=paused") == []
