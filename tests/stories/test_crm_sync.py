"""Story 3.7: who paid is in the CRM, once, in order, whatever the CRM does meanwhile."""

from __future__ import annotations

import requests


def subjects(live):
    """Of the mails that went out, in their order."""
    return [mail["subject"] for mail in live.hub.store.mails()][::-1]


def contact(live, email):
    """The customer in the CRM: there is exactly one contact with this address."""
    everybody = live.crm("/records/contact")["data"]
    found = live.crm(f"/contacts/{email}")
    assert [one["id"] for one in everybody if email in str(one)] == [found["id"]]
    return found["properties"]


def test_a_payment_brings_the_customer_into_the_crm_and_says_welcome(live):
    payment = live.pay("ada@example.com")
    run = live.run_of(payment, "crm-sync")
    live.until(lambda: live.status(run.id) == "succeeded")
    properties = contact(live, "ada@example.com")
    assert properties["hub_last_payment"] == payment
    assert properties["hub_last_amount"] == "€49.00"
    assert [mail["recipient"] for mail in live.hub.store.mails()] == ["ada@example.com"]


def test_a_second_payment_updates_the_same_contact(live):
    live.run_of(live.pay("ada@example.com"), "crm-sync")
    second = live.pay("Ada@Example.com", amount=5900, metadata={"portal": "club"})
    run = live.run_of(second, "crm-sync")
    live.until(lambda: live.status(run.id) == "succeeded")
    properties = contact(live, "ada@example.com")
    assert properties["hub_last_payment"] == second
    assert subjects(live) == ["Welcome, Ada Lovelace", "Receipt: €59.00 for your membership"]


def test_whom_the_crm_knew_for_another_reason_is_welcomed_and_who_is_a_member_already_is_not(live):
    for email in ("ada@example.com", "grace@example.com"):
        live.crm("/contacts/upsert", "POST", {"email": email, "properties": {"source": "newsletter"}})
    live.crm("/lists/Members/members/grace@example.com", "PUT", {})
    for email in ("ada@example.com", "grace@example.com"):
        run = live.run_of(live.pay(email, metadata={"portal": "club"}), "crm-sync")
        live.until(lambda run=run: live.status(run.id) == "succeeded")
    assert subjects(live) == ["Welcome, Ada Lovelace", "Receipt: €49.00 for your membership"]


def test_who_was_refunded_and_comes_back_is_welcomed_again(live):
    first = live.pay("ada@example.com")
    live.run_of(first, "crm-sync")
    live.sandbox("POST", "/refunds", {"payment": first})
    live.until(lambda: [one for one in live.runs(recipe="crm-sync") if one.event_type == "refund.issued"])
    run = live.run_of(live.pay("ada@example.com"), "crm-sync")
    live.until(lambda: live.status(run.id) == "succeeded")
    assert subjects(live) == ["Welcome, Ada Lovelace"] * 2


def test_while_the_crm_is_down_nothing_is_lost_and_one_customers_order_is_kept(live):
    live.sandbox("POST", "/test/misbehaviour", {"scope": "crm", "mode": "down"})
    first = live.pay("ada@example.com", amount=1000)
    run = live.run_of(first, "crm-sync")
    live.until(lambda: live.status(run.id) == "waiting")
    second = live.pay("ada@example.com", amount=2000)  # its event comes after the first one's, which waits
    other = live.pay("grace@example.com")
    behind = live.run_of(second, "crm-sync")
    live.run_of(other, "crm-sync")
    assert live.hub.queries.run(behind.id).summary.blocked
    live.clock.forward(minutes=1)
    live.until(lambda: any(step.attempt > 1 for step in live.hub.queries.run(run.id).steps))
    live.sandbox("POST", "/test/misbehaviour", {"scope": "crm", "mode": "off"})

    def all_through():
        live.clock.forward(minutes=10)
        return all(one.status == "succeeded" for one in live.runs(recipe="crm-sync"))

    live.until(all_through)
    properties = contact(live, "ada@example.com")
    assert properties["hub_last_payment"] == second
    steps = {
        run.id: [step for step in live.hub.queries.run(run.id).steps if step.path == "contact"] for run in live.runs()
    }
    assert all(len({step.key for step in attempts}) == 1 for attempts in steps.values() if attempts)


def test_bad_data_stops_the_run_with_the_crms_own_words_and_goes_on_once_mended(live):
    rule = {"scope": "crm", "mode": "refuse", "match": "ada@example.com", "requests": 1}
    live.sandbox("POST", "/test/misbehaviour", rule)
    payment = live.pay("ada@example.com")
    run = live.run_of(payment, "crm-sync")
    live.until(lambda: live.status(run.id) == "failed")
    detail = live.hub.queries.run(run.id)
    attempts = [step for step in detail.steps if step.path == "contact"]
    assert len(attempts) == 1
    assert detail.summary.error["step"] == "contact"
    assert "The value '[person]' is not accepted here." in str(detail.summary.error)
    assert [event.type for event in live.events(type="hub.run_failed")] == ["hub.run_failed"]
    live.sandbox("POST", "/test/misbehaviour", {"scope": "crm", "mode": "off"})
    live.hub.runs.retry(run.id, "test")
    live.until(lambda: live.status(run.id) == "succeeded")
    keys = {step.key for step in live.hub.queries.run(run.id).steps if step.path == "contact"}
    assert len(keys) == 1
    assert contact(live, "ada@example.com")["hub_last_payment"] == payment


def test_a_refund_updates_the_same_contact(live):
    payment = live.pay("ada@example.com")
    paid = live.run_of(payment, "crm-sync")
    live.until(lambda: live.status(paid.id) == "succeeded")
    live.sandbox("POST", "/refunds", {"payment": payment})
    run = live.until(
        lambda: next((one for one in live.runs(recipe="crm-sync") if one.event_type == "refund.issued"), None)
    )
    live.until(lambda: live.status(run.id) == "succeeded")
    properties = contact(live, "ada@example.com")
    assert properties["hub_membership"] == "refunded"


def test_the_same_delivery_again_starts_nothing(live):
    payment = live.pay("ada@example.com")
    live.run_of(payment, "crm-sync")
    (event,) = live.events(type="payment.succeeded")
    detail = live.hub.queries.event(event.id)
    from connectors.sandbox.server.keys import keys_of
    from hub.connect.signatures import sign_standard_webhook

    secret = keys_of(live.hub.keyring.derived("sandbox")).webhook_secret
    headers = sign_standard_webhook(secret, detail.source_id, live.clock(), detail.raw)
    answer = requests.post(
        f"{live.address}/hooks/sandbox",
        data=detail.raw,
        headers={**headers, "content-type": "application/json"},
        timeout=10,
    )
    assert answer.ok
    (again,) = live.events(type="payment.succeeded")
    assert (again.id, again.duplicates) == (event.id, 1)
    assert len(live.runs(recipe="crm-sync")) == 1


def test_a_forged_delivery_is_refused_and_counted(live):
    answer = requests.post(
        f"{live.address}/hooks/sandbox",
        data=b'{"type": "payment.succeeded"}',
        headers={
            "webhook-id": "x",
            "webhook-timestamp": str(int(live.clock().timestamp())),
            "webhook-signature": "v1,AAAA",
        },
        timeout=10,
    )
    assert answer.status_code == 401
    assert live.events() == []
    assert [(row["connection"], row["reason"]) for row in live.hub.store.refusals()] == [("sandbox", "bad_signature")]
