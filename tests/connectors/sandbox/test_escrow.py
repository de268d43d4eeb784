import pytest


@pytest.fixture
def held(served):
    payment = served.paid(escrow=True)
    return served.get(f"/holds?payment={payment['id']}")["data"][0]


def accounts(served):
    return {name: amounts["USD"] for name, amounts in served.get("/balance")["accounts"].items()}


def test_collected_money_is_held_and_released_to_providers(served, held):
    assert (held["mode"], held["status"], held["amount"]) == ("collected", "held", 10000)
    parts = [{"provider": "owner", "amount": 9000}]
    released = served.post(f"/holds/{held['id']}/release", parts=parts)
    assert released["status"] == "released"
    assert released["parts"] == [{"provider": "owner", "amount": {"minor": 9000, "currency": "USD"}}]
    assert accounts(served) == {"fees": 320, "payers": -10000, "platform": 680, "provider:owner": 9000}


def test_held_money_moves_by_its_hold_only(served, held):
    answer = served.refused("/transfers", provider="a", amount=1, currency="USD", payment=held["payment"])
    assert answer == (409, "wrong_state")


def test_no_more_is_released_than_is_held(served, held):
    parts = [{"provider": "a", "amount": 6000}, {"provider": "b", "amount": 4001}]
    assert served.refused(f"/holds/{held['id']}/release", parts=parts) == (422, "amount_exceeds_rest")
    assert served.get(f"/holds/{held['id']}")["status"] == "held"


def test_a_release_that_fails_half_way_moves_nothing(served, held):
    parts = [{"provider": "a", "amount": 6000}, {"provider": "b_restricted", "amount": 4000}]
    assert served.refused(f"/holds/{held['id']}/release", parts=parts) == (422, "account_restricted")
    assert "provider:a" not in accounts(served)
    assert served.get("/transfers")["data"] == []


def test_a_frozen_hold_is_settled_with_any_division(served, held):
    served.post(f"/holds/{held['id']}/freeze", reason="customer_disputes")
    assert served.refused(f"/holds/{held['id']}/release", parts=[]) == (409, "wrong_state")
    settled = served.post(f"/holds/{held['id']}/settle", parts=[{"provider": "owner", "amount": 6000}], refund=3000)
    assert settled["status"] == "settled"
    assert accounts(served) == {"fees": 320, "payers": -7000, "platform": 680, "provider:owner": 6000}
    assert served.refused(f"/holds/{held['id']}/settle", parts=[]) == (409, "wrong_state")


def test_a_dispute_freezes_the_hold_until_it_is_won(served, held):
    dispute = served.post(f"/test/payments/{held['payment']}/dispute")
    assert served.get(f"/holds/{held['id']}")["status"] == "frozen"
    served.post(f"/test/disputes/{dispute['id']}/close", outcome="won")
    assert served.get(f"/holds/{held['id']}")["status"] == "held"


def test_a_refund_leaves_less_to_release(served, held):
    served.post("/refunds", payment=held["payment"], amount=4000)
    assert served.get(f"/holds/{held['id']}")["amount"] == 6000
    served.post("/refunds", payment=held["payment"])
    assert served.get(f"/holds/{held['id']}")["status"] == "refunded"


def test_collected_money_that_nobody_releases_falls_to_the_platform(served, held):
    served.forward("day", 90)
    assert served.get(f"/holds/{held['id']}")["status"] == "lapsed"
    assert (
        served.post("/transfers", provider="a", amount=1, currency="USD", payment=held["payment"])["status"] == "sent"
    )


def test_releasing_an_authorisation_captures_it_first(served):
    payment = served.paid(capture="manual")
    hold = served.get(f"/holds?payment={payment['id']}")["data"][0]
    assert (hold["mode"], hold["lapses_at"]) == ("authorization", payment["lapses_at"])
    served.post(f"/holds/{hold['id']}/release", parts=[{"provider": "owner", "amount": 9000}])
    assert served.get(f"/payments/{payment['id']}")["captured"] == 10000


def test_settling_an_authorisation_takes_only_what_is_not_given_back(served):
    payment = served.paid(capture="manual")
    hold = served.get(f"/holds?payment={payment['id']}")["data"][0]
    served.post(f"/holds/{hold['id']}/settle", parts=[{"provider": "owner", "amount": 3000}], refund=6000)
    after = served.get(f"/payments/{payment['id']}")
    assert (after["captured"], after["refunded"], after["transferred"]) == (4000, 0, 3000)


def test_settling_an_authorisation_wholly_for_the_payer_voids_it(served):
    payment = served.paid(capture="manual")
    hold = served.get(f"/holds?payment={payment['id']}")["data"][0]
    assert served.post(f"/holds/{hold['id']}/settle", refund=10000)["status"] == "voided"
    assert served.get(f"/payments/{payment['id']}")["status"] == "voided"


def test_a_part_in_another_currency_is_refused(served, held):
    parts = [{"provider": "a", "amount": 1, "currency": "EUR"}, {"provider": "b"}]
    answer = served.call("POST", f"/holds/{held['id']}/release", {"parts": parts})
    fields = {entry["field"] for entry in answer.json()["error"]["fields"]}
    assert fields == {"parts.0.currency", "parts.1.amount"}
