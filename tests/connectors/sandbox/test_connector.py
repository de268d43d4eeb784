"""The connector as the hub uses it: over HTTP, with the settings of the first start."""

import pytest

from hub.connect.api import WebhookRequest
from hub.connect.conformance import check_connector
from hub.connect.manifest import CAPABILITIES, Support, gateway_actions
from hub.connect.registry import Registry
from hub.errors import PermanentError, SignatureError, TransientError

USD = {"minor": 10000, "currency": "USD"}
MANIFEST = Registry.load().get("sandbox").manifest


def usd(minor):
    return {"minor": minor, "currency": "USD"}


def test_it_keeps_the_rules_of_all_connectors():
    assert check_connector(MANIFEST.folder, "connectors.sandbox") == []


def test_it_does_everything_natively():
    assert {key: cell.status for key, cell in MANIFEST.capabilities.items()} == dict.fromkeys(
        CAPABILITIES, Support.NATIVE
    )
    # Its webhooks tell the outcome before the payer's browser is back: nothing is left to complete.
    assert gateway_actions().keys() - MANIFEST.actions.keys() == {"payment.complete"}


def test_the_first_starts_settings_just_work(desk):
    assert desk.connector.test(desk.call()) == "Connected to the sandbox. Its clock says 2026-11-23T09:00:00.000Z."


def test_a_payment_from_start_to_refund(desk, served):
    given = {
        "amount": USD,
        "order": "o_77",
        "customer": {"email": "ada@example.com", "address": {"city": "London", "country": "GB"}},
        "metadata": {"order": "o_77"},
        "return_url": "https://shop.example.com/thanks",
        "save_method": True,
    }
    created = desk.run("payment.create", given)
    assert created["status"] == "created"
    assert created["checkout_url"].endswith(f"/pay/{created['payment']}")
    assert desk.run("payment.create", given) == created
    served.post(f"/test/payments/{created['payment']}/choose")
    paid = desk.run("payment.get", {"payment": created["payment"]})
    assert (paid["status"], paid["captured"], paid["fee"]) == ("succeeded", USD, usd(320))
    assert paid["method"] == {"kind": "card", "brand": "testcard", "last4": "0000", "country": "US"}
    refund = desk.run(
        "payment.refund", {"payment": created["payment"], "amount": usd(2500), "reason": "duplicate"}, "r"
    )
    assert (refund["status"], refund["total_refunded"]) == ("issued", usd(2500))
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.refund", {"payment": created["payment"], "amount": usd(7501)}, "r2")
    assert caught.value.code == "amount_exceeds_rest"
    again = desk.run("payment.create", {"amount": usd(100), "method": paid["stored_method"]}, "again")
    assert again["status"] == "succeeded"


def test_a_declined_means_is_permanent_with_the_gateways_words(desk, served):
    method = served.paid(save_method=True)["stored_method"]
    served.post(f"/test/methods/{method}", behaviour="insufficient_funds")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": USD, "method": method})
    assert caught.value.code == "insufficient_funds"
    assert "does not hold enough money" in str(caught.value)


def test_an_authorisation_is_captured_or_let_go(desk, served):
    first = desk.run("payment.create", {"amount": USD, "capture": "manual", "options": {"authorization_days": 3}}, "a")
    served.post(f"/test/payments/{first['payment']}/choose")
    part = {"payment": first["payment"], "amount": usd(4000), "final": False}
    captured = desk.run("payment.capture", part, "c")
    assert (captured["captured"], captured["lapses_at"]) == (usd(4000), "2026-11-26T09:00:00.000Z")
    assert desk.run("payment.capture", part, "c") == captured
    second = desk.run("payment.create", {"amount": USD, "capture": "manual"}, "b")
    served.post(f"/test/payments/{second['payment']}/choose")
    assert desk.run("payment.void", {"payment": second["payment"], "reason": "out of stock"}, "v")["status"] == "voided"


def test_embedded_payments_and_forms(desk):
    embedded = desk.run(
        "payment.create", {"amount": USD, "presentation": "embedded", "options": {"origin": "https://shop.example"}}
    )
    assert embedded["client"]["kind"] == "sandbox"
    form = desk.run("form.embed", {"amount": USD, "origin": "https://shop.example", "order": "o_1"}, "f")
    assert form["script_url"].endswith("/static/embed.js")
    assert form["payment"] in form["client"]["snippet"]
    assert form["origins"] == [form["script_url"].split("/sandbox")[0]]


def test_links(desk):
    link = desk.run("link.create", {"amount": USD, "description": "Invoice 17", "expires_at": "2026-12-01T00:00:00Z"})
    assert (link["status"], link["expires_at"]) == ("active", "2026-12-01T00:00:00.000Z")
    assert desk.run("link.cancel", {"link": link["link"]}, "c")["status"] == "cancelled"


def test_plans_and_subscriptions(desk, served):
    plan = desk.run("plan.create", {"name": "M", "price": usd(1500), "interval": {"unit": "month"}}, "p")
    assert plan["interval"] == {"unit": "month", "count": 1}
    begun = desk.run("subscription.create", {"plan": plan["plan"], "customer": {"email": "ada@example.com"}}, "s")
    assert begun["status"] == "pending"
    served.post(f"/test/subscriptions/{begun['subscription']}/choose")
    subscription = {"subscription": begun["subscription"]}
    changed = desk.run("plan.update", {"plan": plan["plan"], "price": usd(1800), "existing": "move"}, "u")
    assert changed["price"] == usd(1800)
    assert desk.run("subscription.update", {**subscription, "quantity": 2}, "q")["status"] == "active"
    assert desk.run("subscription.pause", subscription, "pause")["status"] == "paused"
    assert desk.run("subscription.resume", subscription, "resume")["status"] == "active"
    leaving = desk.run("subscription.cancel", {**subscription, "reason": "moved"}, "cancel")
    assert (leaving["status"], leaving["cancel_at"]) == ("cancelling", leaving["period"]["end"])
    assert desk.run("plan.cancel", {"plan": plan["plan"]}, "retire")["status"] == "retired"


def test_lists_are_narrowed_down_by_time_and_read_page_by_page(desk, served):
    paid = served.paid()
    made = [
        desk.run("transfer.create", {"provider": "a", "amount": usd(1), "payment": paid["id"]}, f"t{n}")
        for n in range(102)
    ]
    served.clock.pass_(hours=2)
    desk.run("transfer.create", {"provider": "a", "amount": usd(7), "payment": paid["id"]}, "later")
    desk.run("transfer.reverse", {"transfer": made[0]["transfer"]}, "back")
    between = {"since": "2026-11-23T08:00:00Z", "until": "2026-11-23T10:00:00Z"}
    first = desk.run("transfer.list", between)
    rest = desk.run("transfer.list", {**between, "after": first["next"]})
    items = [*first["items"], *rest["items"]]
    assert [one["transfer"] for one in items] == [one["transfer"] for one in made[::-1]]
    assert (len(first["items"]), "next" in rest) == (100, False)
    assert items[-1]["reversed"] == usd(1)
    payout = desk.run("payout.create", {"provider": "a", "amount": usd(50)}, "p")["payout"]
    dispute = served.post(f"/test/payments/{paid['id']}/dispute")["id"]
    later = {"since": "2026-11-23T10:00:00Z", "until": "2026-11-24T00:00:00Z"}
    (listed,) = desk.run("payout.list", later)["items"]
    assert (listed["payout"], listed["status"], listed["amount"]) == (payout, "sent", usd(50))
    (listed,) = desk.run("dispute.list", later)["items"]
    assert (listed["dispute"], listed["status"], listed["payment"]) == (dispute, "opened", paid["id"])
    assert desk.run("dispute.list", between)["items"] == []


def test_a_list_wants_times_that_it_can_read(desk):
    answer = desk.run("request", {"path": "/ping"})
    assert answer["status"] == 200
    with pytest.raises(PermanentError, match="created_from must be a time"):
        desk.run("request", {"path": "/transfers", "query": {"created_from": "yesterday"}})


def test_shares_payouts_and_disputes(desk, served):
    paid = served.paid()
    share = desk.run("transfer.create", {"provider": "a", "amount": usd(5251), "payment": paid["id"]}, "t")
    assert (share["status"], share["payment"]) == ("sent", paid["id"])
    taken = desk.run("transfer.reverse", {"transfer": share["transfer"], "amount": usd(251)}, "v")
    assert taken["amount"] == usd(251)
    payout = desk.run("payout.create", {"provider": "a", "amount": usd(5000)}, "p")
    assert payout["expected_at"] == "2026-11-23T09:00:10.000Z"
    served.clock.pass_(seconds=10)
    assert desk.run("payout.get", {"payout": payout["payout"]})["status"] == "paid"
    with pytest.raises(TransientError) as caught:
        desk.run("payout.create", {"provider": "a", "amount": usd(1)}, "p2")
    assert caught.value.code == "balance_too_low"
    dispute = served.post(f"/test/payments/{paid['id']}/dispute")
    answered = desk.run("dispute.answer", {"dispute": dispute["id"], "evidence": {"shipping_tracking": "1Z"}}, "d")
    assert answered["status"] == "answered"


def test_holds(desk, served):
    made = desk.run("payment.create", {"amount": USD, "options": {"escrow": True}}, "p")
    served.post(f"/test/payments/{made['payment']}/choose")
    hold = served.get(f"/holds?payment={made['payment']}")["data"][0]["id"]
    assert desk.run("hold.freeze", {"hold": hold, "reason": "customer_disputes"}, "f")["status"] == "frozen"
    parts = [{"provider": "owner", "amount": usd(6000)}]
    settled = desk.run("hold.settle", {"hold": hold, "parts": parts, "refund": usd(4000)}, "s")
    assert (settled["status"], settled["parts"]) == ("settled", parts)
    other = desk.run("payment.create", {"amount": USD, "options": {"escrow": True}}, "o")
    served.post(f"/test/payments/{other['payment']}/choose")
    hold = served.get(f"/holds?payment={other['payment']}")["data"][0]["id"]
    assert desk.run("hold.release", {"hold": hold, "parts": parts}, "r")["status"] == "released"


def test_any_call_of_the_api(desk):
    made = desk.run("request", {"method": "POST", "path": "/payments", "body": {"amount": 5, "currency": "JPY"}}, "k")
    assert made["status"] == 201
    again = desk.run("request", {"method": "POST", "path": "/payments", "body": {"amount": 5, "currency": "JPY"}}, "k")
    assert again["body"] == made["body"]
    listed = desk.run("request", {"path": "/payments", "query": {"limit": 1}}, "l")
    assert [one["id"] for one in listed["body"]["data"]] == [made["body"]["id"]]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("down", "gateway_down"),
        ("throttle", "rate_limited"),
        ("html", "bad_answer"),
        ("lying", "gateway_down"),
        ("reset", None),
        ("lost", None),
    ],
)
def test_a_bad_day_is_transient_and_the_key_keeps_it_once(desk, served, mode, code):
    served.post("/test/misbehaviour", mode=mode, requests=1, seconds=3)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.create", {"amount": USD})
    assert code in (None, caught.value.code)
    if mode == "throttle":
        assert caught.value.retry_after == 3
    desk.run("payment.create", {"amount": USD})
    assert len(served.get("/payments")["data"]) == 1


def test_wrong_values_are_permanent_with_the_gateways_words(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "pay_0"})
    assert (caught.value.code, caught.value.gateway_code) == ("not_found", "not_found")
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": {"minor": 1, "currency": "XXX"}}, "x")
    assert "currency must be an ISO 4217 currency" in str(caught.value)


def test_polling_finds_every_event_once_and_goes_on(desk, served):
    for _ in range(60):
        served.paid()
    polled = desk.connector.poll(desk.call(), None)
    assert len(polled.events) == 120
    assert len({event.id for event in polled.events}) == 120
    assert desk.connector.poll(desk.call(), polled.cursor).events == ()
    served.payment()
    assert [event.type for event in desk.connector.poll(desk.call(), polled.cursor).events] == ["payment.created"]


def test_a_webhook_becomes_a_canonical_event(desk, served, hook):
    served.paid(
        customer={"email": "ada@example.com"}, metadata={"order": "o_77"}, references={"order": "o_77", "job": "j_1"}
    )
    served.sandbox.deliver_due(served.clock.now)
    received = []
    for headers, body in hook.received:
        request = WebhookRequest("POST", hook.url, "", headers, body)
        received += desk.connector.receive(request, desk.connection, served.clock.now, pytest.fail).events
    created, succeeded = received
    assert (created.type, created.data["next"]["kind"]) == ("payment.created", "redirect")
    assert succeeded.type == "payment.succeeded"
    assert succeeded.source_id == f"payment.succeeded:{succeeded.data['payment']}"
    assert succeeded.data["amount"] == succeeded.data["captured"] == USD
    assert (succeeded.data["order"], succeeded.data["job"]) == ("o_77", "j_1")
    assert succeeded.data["metadata"] == {"order": "o_77"}
    assert succeeded.data["customer"]["email"] == "ada@example.com"


def test_a_forged_or_stale_webhook_is_refused(desk, served, hook):
    served.payment()
    served.sandbox.deliver_due(served.clock.now)
    headers, body = hook.received[0]
    forged = WebhookRequest("POST", hook.url, "", headers, body.replace(b"10000", b"99999"))
    with pytest.raises(SignatureError) as caught:
        desk.connector.receive(forged, desk.connection, served.clock.now, pytest.fail)
    assert caught.value.code == "bad_signature"
    late = WebhookRequest("POST", hook.url, "", headers, body)
    with pytest.raises(SignatureError) as caught:
        desk.connector.receive(late, desk.connection, served.clock.pass_(minutes=6), pytest.fail)
    assert caught.value.code == "stale"


def everything(served):
    """One history in which the sandbox tells everything that it can tell."""
    paid = served.paid(references={"order": "o_77"})
    served.post("/refunds", payment=paid["id"], amount=2500)
    refund = served.post("/refunds", payment=paid["id"], amount=100)
    served.post(f"/test/refunds/{refund['id']}/fail")
    share = served.post("/transfers", provider="vendor", amount=5000, currency="USD", payment=paid["id"])
    served.post(f"/transfers/{share['id']}/reversals", amount=250)
    served.post("/payouts", provider="vendor", amount=3000, currency="USD")
    payout = served.post("/payouts", provider="vendor", amount=1000, currency="USD")
    served.post(f"/test/payouts/{payout['id']}/fail")
    dispute = served.post(f"/test/payments/{paid['id']}/dispute")
    served.post(f"/test/disputes/{dispute['id']}/close")
    for choice in ("decline", "later", "return"):
        served.paid(choice=choice)
    served.payment(expires_at="2026-11-24T09:00:00Z")
    served.post(f"/payments/{served.payment()['id']}/void")
    parts = served.paid(capture="manual")
    for amount in (4000, 1000):
        served.post(f"/payments/{parts['id']}/capture", amount=amount, final=amount == 1000)
    served.post(f"/payments/{served.paid(capture='manual')['id']}/void")
    served.paid(capture="manual")
    held = served.get(f"/holds?payment={served.paid(escrow=True)['id']}")["data"][0]
    served.post(f"/holds/{held['id']}/freeze")
    served.post(f"/holds/{held['id']}/settle", parts=[{"provider": "owner", "amount": 6000}], refund=3000)
    other = served.paid(escrow=True)
    dispute = served.post(f"/test/payments/{other['id']}/dispute")
    served.post(f"/test/disputes/{dispute['id']}/close")
    served.post("/refunds", payment=other["id"], amount=10)
    served.post("/refunds", payment=other["id"])
    link = served.post("/links", amount=500, currency="USD", reusable=False)
    payment = served.shop.post(link["url"], allow_redirects=False, timeout=10).headers["Location"].rpartition("/")[2]
    served.post(f"/test/payments/{payment}/choose")
    served.post("/links", amount=500, currency="USD", expires_at="2026-11-25T09:00:00Z")
    served.post(f"/links/{served.post('/links', amount=500, currency='USD')['id']}/cancel")
    subscription = served.subscribed()
    served.post(f"/plans/{subscription['plan']}", amount=1800)
    served.post(f"/plans/{subscription['plan']}/cancel")
    served.post(f"/subscriptions/{subscription['id']}", quantity=2)
    served.post(f"/subscriptions/{served.subscribed()['id']}/pause", until="2026-12-01T09:00:00Z")
    served.subscribed("pay_once")
    served.subscribed(trial_days=14)
    served.post(f"/subscriptions/{served.subscribed()['id']}/cancel")
    served.forward("day", 100)


def same_shape(sample, real):
    """Whether both hold the same members; what may be null or empty may differ in kind."""
    if isinstance(sample, dict) and isinstance(real, dict):
        free = {"metadata", "payment_metadata", "references", "customer", "changes"}
        return sample.keys() == real.keys() and all(key in free or same_shape(sample[key], real[key]) for key in sample)
    return True


def test_everything_it_can_tell_is_known_mapped_and_like_its_sample(desk, served):
    everything(served)
    samples = {sample.raw: MANIFEST.sample_payload(sample) for sample in MANIFEST.samples}
    events = desk.connector.poll(desk.call(), None).events
    assert {event.type for event in events} == samples.keys()
    for event in events:
        mapped = desk.connector.map(event, desk.connection)
        assert bool(mapped) != (event.type in MANIFEST.informational)
        assert same_shape(samples[event.type], event.payload), event.type
    assert served.books_balance()
