import pytest


def test_a_subscription_starts_and_renews_by_the_clock(served):
    subscription = served.subscribed()
    assert subscription["status"] == "active"
    assert subscription["period"] == {"start": "2026-11-23T09:00:00.000Z", "end": "2026-12-23T09:00:00.000Z"}
    served.forward("month", 3)
    now = served.get(f"/subscriptions/{subscription['id']}")
    assert (now["cycle"], now["period"]["start"]) == (4, "2027-02-23T09:00:00.000Z")
    assert served.events("subscription.") == [
        "subscription.created",
        "subscription.started",
        *["subscription.renewed"] * 3,
    ]
    assert served.get("/balance")["accounts"]["payers"] == {"EUR": -6000}


def test_everything_due_on_the_way_happens_in_order(served):
    served.subscribed(interval="week")
    served.subscribed(interval="day", interval_count=10)
    served.forward("month")
    times = [event["created"] for event in served.get("/events?limit=100")["data"]]
    assert times == sorted(times)
    assert len(set(times)) > 5


def test_a_plan_begun_on_the_31st_keeps_its_day(served):
    served.post("/test/clock", now="2027-01-31T09:00:00Z")
    subscription = served.subscribed()
    ends = []
    for _ in range(4):
        end = served.get(f"/subscriptions/{subscription['id']}")["period"]["end"]
        ends.append(end[:10])
        served.post("/test/clock", now=end)
    assert ends == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]


def test_a_trial_is_free_and_then_charged(served):
    subscription = served.subscribed(trial_days=14)
    assert (subscription["status"], subscription["next_charge_at"]) == ("trialing", "2026-12-07T09:00:00.000Z")
    assert served.get("/payments")["data"] == []
    served.forward("day", 14)
    assert served.get(f"/subscriptions/{subscription['id']}")["status"] == "active"
    assert len(served.get("/payments")["data"]) == 1


@pytest.mark.parametrize(
    ("discount", "charges"),
    [
        ({"percent": "12.5"}, [1312, 1312, 1312]),
        ({"percent": "50", "cycles": 1}, [750, 1500, 1500]),
        ({"amount": 500, "cycles": 2}, [1000, 1000, 1500]),
    ],
)
def test_the_first_charges_are_less_by_the_discount(served, discount, charges):
    plan = served.post("/plans", name="M", amount=1500, currency="EUR")
    begun = served.post("/subscriptions", plan=plan["id"], discount=discount)
    served.post(f"/test/subscriptions/{begun['id']}/choose")
    served.forward("month", 2)
    assert sorted(one["amount"] for one in served.get("/payments")["data"]) == sorted(charges)


@pytest.mark.parametrize(
    "discount", [{}, {"percent": "100"}, {"percent": "5", "amount": 5}, {"amount": 0}, {"less": 1}]
)
def test_a_discount_that_is_none_is_refused(served, discount):
    plan = served.post("/plans", name="M", amount=1500, currency="EUR")
    assert served.refused("/subscriptions", plan=plan["id"], discount=discount) == (400, "invalid_request")


def test_a_first_charge_can_be_put_off(served):
    plan = served.post("/plans", name="M", amount=100, currency="EUR")
    begun = served.post("/subscriptions", plan=plan["id"], start_at="2026-12-01T00:00:00Z")
    started = served.post(f"/test/subscriptions/{begun['id']}/choose")
    assert started["next_charge_at"] == "2026-12-01T00:00:00.000Z"


def test_another_card_is_charged_at_once_what_is_overdue(served):
    subscription = served.subscribed("pay_once")
    served.forward("month", 1)
    method = served.paid(save_method=True)["stored_method"]
    changed = served.post(f"/subscriptions/{subscription['id']}", method=method)
    assert changed["status"] == "active"
    assert served.events("subscription.")[-2:] == ["subscription.updated", "subscription.renewed"]
    served.post(f"/subscriptions/{subscription['id']}", method=method)
    assert served.events("subscription.renewed") == ["subscription.renewed"]


def test_charges_that_fail_are_repeated_and_then_the_subscription_ends(served):
    subscription = served.subscribed("pay_once")
    served.forward("month", 1)
    late = served.get(f"/subscriptions/{subscription['id']}")
    assert (late["status"], late["attempt"], late["next_charge_at"]) == ("past_due", 1, "2026-12-26T09:00:00.000Z")
    served.forward("month", 1)
    over = served.get(f"/subscriptions/{subscription['id']}")
    assert (over["status"], over["reason"]) == ("cancelled", "payment_failed")
    assert served.events("subscription.")[2:] == [
        *["subscription.payment_failed"] * 4,
        "subscription.cancelled",
        "subscription.ended",
    ]


def test_a_mended_card_saves_the_subscription(served):
    subscription = served.subscribed("pay_once")
    served.forward("month", 1)
    served.post(f"/test/methods/{subscription['stored_method']}", behaviour="succeeds")
    served.forward("day", 3)
    saved = served.get(f"/subscriptions/{subscription['id']}")
    assert (saved["status"], saved["attempt"]) == ("active", None)
    assert saved["period"]["end"] == "2027-01-23T09:00:00.000Z"


def test_a_declined_start_leaves_it_pending(served):
    subscription = served.subscribed("decline")
    assert subscription["status"] == "pending"
    assert served.events("payment.", "subscription.") == ["subscription.created", "payment.created", "payment.failed"]


@pytest.mark.parametrize(("existing", "amounts"), [("move", [1500, 1800]), ("keep", [1500, 1500])])
def test_a_new_price_holds_from_the_next_period_for_those_who_are_moved(served, existing, amounts):
    subscription = served.subscribed()
    changed = served.post(f"/plans/{subscription['plan']}", amount=1800, existing=existing)
    assert (changed["amount"], changed["version"]) == (1800, 2)
    served.forward("month")
    assert [one["amount"] for one in reversed(served.get("/payments")["data"])] == amounts


def test_a_plan_keeps_its_currency(served):
    plan = served.post("/plans", name="M", amount=100, currency="EUR")
    assert served.refused(f"/plans/{plan['id']}", amount=100, currency="USD") == (400, "invalid_request")


def test_nobody_starts_on_a_retired_plan_but_running_ones_go_on(served):
    subscription = served.subscribed()
    assert served.post(f"/plans/{subscription['plan']}/cancel")["status"] == "retired"
    assert served.post(f"/plans/{subscription['plan']}/cancel")["status"] == "retired"
    assert served.refused("/subscriptions", plan=subscription["plan"]) == (409, "wrong_state")
    served.forward("month")
    assert served.get(f"/subscriptions/{subscription['id']}")["cycle"] == 2


def test_a_plan_with_a_number_of_charges_ends_by_itself(served):
    subscription = served.subscribed(cycles=2)
    served.forward("month", 4)
    assert served.get(f"/subscriptions/{subscription['id']}")["status"] == "ended"
    assert len(served.get("/payments")["data"]) == 2


def test_cancelling_at_the_end_lets_the_paid_period_run(served):
    subscription = served.subscribed()
    leaving = served.post(f"/subscriptions/{subscription['id']}/cancel")
    assert (leaving["status"], leaving["cancel_at"]) == ("cancelling", "2026-12-23T09:00:00.000Z")
    served.forward("month")
    assert served.get(f"/subscriptions/{subscription['id']}")["status"] == "cancelled"
    assert len(served.get("/payments")["data"]) == 1
    assert served.events("subscription.")[-2:] == ["subscription.cancelled", "subscription.ended"]


def test_a_cancellation_can_be_taken_back(served):
    subscription = served.subscribed()
    served.post(f"/subscriptions/{subscription['id']}/cancel")
    assert served.post(f"/subscriptions/{subscription['id']}/resume")["status"] == "active"
    served.forward("month")
    assert served.get(f"/subscriptions/{subscription['id']}")["cycle"] == 2


def test_cancelling_now_ends_it_at_once(served):
    subscription = served.subscribed()
    assert served.post(f"/subscriptions/{subscription['id']}/cancel", at="now")["status"] == "cancelled"
    assert served.refused(f"/subscriptions/{subscription['id']}/cancel") == (409, "wrong_state")
    assert served.forward("month") == 0


def test_a_pause_charges_nothing_and_ends_by_itself(served):
    subscription = served.subscribed()
    served.post(f"/subscriptions/{subscription['id']}/pause", until="2027-02-01T09:00:00Z")
    served.forward("month", 2)
    assert len(served.get("/payments")["data"]) == 1
    served.forward("month", 1)
    resumed = served.get(f"/subscriptions/{subscription['id']}")
    assert resumed["status"] == "active"
    assert resumed["period"]["start"] == "2027-02-01T09:00:00.000Z"


def test_a_short_pause_leaves_the_period_as_it_is(served):
    subscription = served.subscribed()
    served.post(f"/subscriptions/{subscription['id']}/pause")
    resumed = served.post(f"/subscriptions/{subscription['id']}/resume")
    assert resumed["period"] == subscription["period"]


@pytest.mark.parametrize(
    ("prorate", "charged", "next_charge"),
    [("now", [1500, 750], 3000), ("next_period", [1500], 3750), ("none", [1500], 3000)],
)
def test_a_dearer_plan_in_the_middle_of_a_period(served, prorate, charged, next_charge):
    subscription = served.subscribed(interval="day", interval_count=10)
    dearer = served.post("/plans", name="L", amount=3000, currency="EUR", interval="day", interval_count=10)
    served.forward("day", 5)
    moved = served.post(f"/subscriptions/{subscription['id']}", plan=dearer["id"], prorate=prorate)
    assert moved["amount"] == 3000
    assert [one["amount"] for one in reversed(served.get("/payments")["data"])] == charged
    served.forward("day", 5)
    assert served.get("/payments")["data"][0]["amount"] == next_charge


def test_a_cheaper_plan_leaves_a_credit_for_the_next_charge(served):
    subscription = served.subscribed(interval="day", interval_count=10)
    cheaper = served.post("/plans", name="S", amount=500, currency="EUR", interval="day", interval_count=10)
    served.forward("day", 5)
    served.post(f"/subscriptions/{subscription['id']}", plan=cheaper["id"])
    served.forward("day", 5)
    assert len(served.get("/payments")["data"]) == 1
    served.forward("day", 10)
    assert served.get("/payments")["data"][0]["amount"] == 500


def test_a_plan_with_another_interval_begins_with_the_next_period(served):
    subscription = served.subscribed()
    yearly = served.post("/plans", name="Year", amount=15000, currency="EUR", interval="year")
    moved = served.post(f"/subscriptions/{subscription['id']}", plan=yearly["id"])
    assert moved["amount"] == 1500
    served.forward("month")
    now = served.get(f"/subscriptions/{subscription['id']}")
    assert (now["plan"], now["period"]["end"]) == (yearly["id"], "2027-12-23T09:00:00.000Z")


def test_a_stored_means_starts_it_at_once_or_is_declined(served):
    method = served.paid(save_method=True)["stored_method"]
    plan = served.post("/plans", name="M", amount=100, currency="EUR")
    assert served.post("/subscriptions", plan=plan["id"], method=method)["status"] == "active"
    served.post(f"/test/methods/{method}", behaviour="card_declined")
    refused = served.call("POST", "/subscriptions", {"plan": plan["id"], "method": method})
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "card_declined")


def test_the_clock_goes_forward_only_and_not_too_far(served):
    assert served.refused("/test/clock", now="2020-01-01T00:00:00Z") == (400, "invalid_request")
    assert served.refused("/test/clock", unit="year", count=2) == (400, "invalid_request")
    served.forward("month")
    assert served.get("/test/clock")["now"] == "2026-12-23T09:00:00.000Z"
    served.clock.pass_(hours=1)
    assert served.get("/test/clock")["now"] == "2026-12-23T10:00:00.000Z"
