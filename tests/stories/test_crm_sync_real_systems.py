"""Story 3.7 with Stripe, HubSpot and Salesforce as their own interfaces are, each faked by a server of its own."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.fakes import fake_salesforce
from tests.fakes.fake_hubspot import FakeHubSpot
from tests.fakes.fake_salesforce import FakeSalesforce
from tests.fakes.server import DOWN, LOST, MAINTENANCE, RESET
from tests.stories.conftest import LiveHub

SAMPLES = Path(__file__).parents[2] / "connectors/stripe/samples"
WEBHOOK_SECRET = "whsec_made_up_for_the_story"
ADA = "ada@example.com"
HUB_PROPERTIES = {"hub_membership", "hub_last_payment", "hub_last_amount"}


class Shop:
    """A hub between Stripe and two CRMs. ``pay`` and ``refund`` are what Stripe tells of a customer."""

    def __init__(self, live, hubspot, salesforce):
        self.live, self.hubspot, self.salesforce = live, hubspot, salesforce
        self._number = 0

    def pay(self, payment, address=ADA, amount=4900, currency="eur", name="Ada King Lovelace"):
        raw = sample("payment_intent.succeeded", f"evt_{payment}")
        about = {"order": f"o_{payment}", "hub_flow": "intent", "hub_email": address}
        metadata = {**about, "hub_name": name} if name else about
        changed = {"id": payment, "amount": amount, "amount_received": amount, "currency": currency}
        raw["data"]["object"] |= {**changed, "metadata": metadata}
        self.deliver(raw)
        return raw

    def refund(self, payment, address=ADA):
        raw = sample("refund.created", f"evt_refund_{payment}")
        changed = {"id": f"re_{payment}", "payment_intent": payment, "amount": 4900, "currency": "eur"}
        raw["data"]["object"] |= {**changed, "metadata": {"hub_email": address, "hub_name": "Ada King Lovelace"}}
        self.deliver(raw)
        return raw

    def deliver(self, raw, secret=WEBHOOK_SECRET):
        """Post it as Stripe does, signed now."""
        body = json.dumps(raw, indent=2).encode()
        stamp = int(self.live.clock().timestamp())
        signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={signature}"}
        answer = requests.post(f"{self.live.address}/hooks/stripe-main", data=body, headers=headers, timeout=60)
        expected = 200 if secret == WEBHOOK_SECRET else 401
        assert answer.status_code == expected, answer.text

    def run(self, payment, event_type="payment.succeeded"):
        """The run of this payment's event, once it is there."""
        return self.live.until(lambda: next((one for one in self.runs(event_type) if payment in self.tells(one)), None))

    def runs(self, event_type=""):
        return [one for one in self.live.runs(recipe="crm-sync") if one.event_type.startswith(event_type)]

    def tells(self, run):
        return (self.live.hub.queries.event(run.event_id).data["payment"],)

    def ended(self, run, status="succeeded"):
        """Wait until the run has ended so; give its steps' attempts."""
        self.live.until(lambda: self.live.status(run.id) in {"succeeded", "failed"})
        detail = self.live.hub.queries.run(run.id)
        assert (detail.summary.status, detail.summary.error) == (status, detail.summary.error)
        return detail

    def attempts(self, run, path="contact"):
        return [step for step in self.live.hub.queries.run(run.id).steps if step.path == path]

    def hours_pass(self, run, hours):
        """Let time pass hour by hour, until the run has been tried again in each."""
        for _ in range(hours):
            before = len(self.attempts(run))
            self.live.clock.forward(hours=1)
            self.live.hub.driver.sweep()
            self.live.until(
                lambda before=before: len(self.attempts(run)) > before and self.live.status(run.id) == "waiting"
            )

    def all_through(self):
        """Let time pass until every run has succeeded."""

        def through():
            if all(one.status == "succeeded" for one in self.runs()):
                return True
            self.live.clock.forward(hours=3)
            self.live.hub.driver.sweep()
            return False

        self.live.until(through)

    def contact(self, address=ADA):
        """HubSpot's one contact of this address: its properties."""
        found = [one for one in self.hubspot.records["contacts"].values() if one["properties"]["email"] == address]
        assert len(found) == 1
        return found[0]["properties"]

    def person(self, address=ADA):
        """Salesforce's one contact of this address."""
        (found,) = [one for one in self.salesforce.records["Contact"].values() if one["Hub_Id__c"] == address]
        return found

    def members(self):
        """The addresses on HubSpot's list of members."""
        contacts = self.hubspot.records["contacts"]
        return {contacts[one]["properties"]["email"] for one in self.hubspot.lists["31"]["members"]}

    def upserts(self):
        """What HubSpot was told of contacts, in order."""
        told = [one.json()["inputs"][0] for one in self.hubspot.received if one.path.endswith("/contacts/batch/upsert")]
        return [(one["properties"]["email"], one["properties"].get("hub_last_payment", "")) for one in told]

    def mails(self):
        return sorted(mail["recipient"] for mail in self.live.hub.store.mails())

    def subjects(self, address=ADA):
        """Of the mails to one address, in their order."""
        mails = self.live.hub.store.mails()[::-1]
        return [mail["subject"].replace("\xa0", "") for mail in mails if mail["recipient"] == address]


def sample(name, identity):
    raw = json.loads((SAMPLES / f"{name}.json").read_text())
    return {**raw, "id": identity}


on_both_databases = pytest.mark.parametrize("shop", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def shop(request, tmp_path, monkeypatch):
    more = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        more["database_url"] = request.getfixturevalue("postgres_url")
    fields = fake_salesforce.FIELDS["Contact"] | {"Hub_Last_Payment__c"}
    monkeypatch.setitem(fake_salesforce.FIELDS, "Contact", fields)
    with FakeHubSpot().running() as hubspot, FakeSalesforce().running() as salesforce:
        hubspot.known["contacts"] |= HUB_PROPERTIES
        hosts = tuple(fake.url.removeprefix("http://") for fake in (hubspot, salesforce))
        live = LiveHub(tmp_path / "data", allow_private_addresses=hosts, **more)
        # The pauses of a broken circuit shall go by with the clock too.
        live.hub.outbound._monotonic = lambda: time.monotonic() + live.clock.offset.total_seconds()
        for name, connector, given in (
            ("stripe-main", "stripe", {"secret_key": "sk_test_made_up", "webhook_secret": WEBHOOK_SECRET}),
            ("hubspot", "hubspot", {"api_base": hubspot.url, "access_token": hubspot.token}),
            (
                "salesforce",
                "salesforce",
                {"my_domain": salesforce.url, "client_id": "consumer-key", "client_secret": "consumer-secret"},
            ),
        ):
            live.hub.accounts.create(name, connector, given, "test")
        live.hub.recipes.set_inputs("crm-sync", {"crm": "hubspot", "salesforce": "salesforce"}, "test")
        yield Shop(live, hubspot, salesforce)
        live.close()
    assert hubspot.complaints == []
    assert salesforce.complaints == []


def test_who_paid_is_once_in_both_crms_on_the_list_and_welcomed(shop):
    shop.pay("pi_1")
    shop.ended(shop.run("pi_1"))
    assert shop.contact() == {
        "email": ADA,
        "firstname": "Ada",
        "lastname": "King Lovelace",
        "hub_membership": "active",
        "hub_last_payment": "pi_1",
        "hub_last_amount": "€49.00",
    }
    person = shop.person()
    assert (person["FirstName"], person["LastName"], person["Email"]) == ("Ada", "King Lovelace", ADA)
    assert (person["Hub_Membership__c"], person["Hub_Last_Payment__c"]) == ("active", "pi_1")
    assert shop.members() == {ADA}
    assert shop.mails() == [ADA]


def test_a_second_payment_updates_the_same_records_and_keeps_the_name(shop):
    shop.pay("pi_1")
    shop.pay("pi_2", address=" Ada@Example.COM", amount=5900, name="")
    for payment in ("pi_1", "pi_2"):
        shop.ended(shop.run(payment))
    contact, person = shop.contact(), shop.person()
    assert (contact["hub_last_payment"], contact["hub_last_amount"]) == ("pi_2", "€59.00")
    assert (contact["firstname"], contact["lastname"]) == ("Ada", "King Lovelace")
    assert (person["LastName"], person["Hub_Last_Payment__c"]) == ("King Lovelace", "pi_2")
    assert (len(shop.hubspot.records["contacts"]), len(shop.salesforce.records["Contact"])) == (1, 1)
    assert shop.members() == {ADA}
    assert shop.subjects() == ["Welcome, Ada King Lovelace", "Receipt: €59.00 for your membership"]


def test_who_was_put_on_the_list_by_an_answer_that_was_lost_is_welcomed_all_the_same(shop):
    shop.hubspot.has_moods = lambda request: request.path.endswith("/memberships/add")
    shop.hubspot.treat(LOST)
    shop.pay("pi_1")
    run = shop.run("pi_1")
    shop.all_through()
    assert len(shop.attempts(run, "member")) == 2
    assert shop.subjects() == ["Welcome, Ada King Lovelace"]


def test_somebody_without_a_name_is_in_both_crms(shop):
    shop.pay("pi_1", name="")
    shop.ended(shop.run("pi_1"))
    assert "firstname" not in shop.contact()
    assert shop.person()["LastName"] == ADA


@pytest.mark.parametrize(
    ("amount", "currency", "shown"), [(500, "jpy", "¥500"), (12500, "kwd", "KWD12.500"), (1999, "usd", "$19.99")]
)
def test_amounts_are_told_with_their_currencys_own_decimals(shop, amount, currency, shown):
    shop.pay("pi_1", amount=amount, currency=currency)
    shop.ended(shop.run("pi_1"))
    assert shop.contact()["hub_last_amount"].replace("\xa0", "") == shown
    (mail,) = shop.live.hub.store.mails()
    message = email.message_from_bytes(shop.live.hub.store.mail(mail["key"])[2], policy=email.policy.default)
    assert shown in message.get_body(("plain",)).get_content().replace("\xa0", "")


@on_both_databases
def test_hubspot_down_for_hours_loses_nothing_and_keeps_each_customers_order(shop):
    shop.hubspot.treat(*[DOWN] * 1000)
    shop.pay("pi_1")
    first = shop.run("pi_1")
    shop.live.until(lambda: shop.live.status(first.id) == "waiting")
    shop.pay("pi_2", amount=5900)
    shop.refund("pi_1")
    shop.pay("pi_grace", address="grace@example.com", name="Grace Hopper")
    later = [shop.run("pi_2"), shop.run("pi_1", "refund.issued")]
    assert all(shop.live.hub.queries.run(one.id).summary.blocked for one in later)
    shop.hours_pass(first, 5)
    assert {one.status for one in shop.runs()} <= {"waiting", "ready", "running"}
    assert (shop.hubspot.records["contacts"], shop.salesforce.records["Contact"], shop.mails()) == ({}, {}, [])
    failed = len(shop.hubspot.received)
    shop.hubspot.moods.clear()
    shop.all_through()
    told = [payment for address, payment in shop.upserts() if address == ADA]
    assert told[-3:] == ["pi_1", "pi_2", ""]
    assert set(told[:-3]) == {"pi_1"}
    assert len(shop.hubspot.received) > failed
    assert (shop.contact()["hub_membership"], shop.contact()["hub_last_payment"]) == ("refunded", "pi_2")
    assert shop.person()["Hub_Membership__c"] == "refunded"
    assert shop.members() == {"grace@example.com"}
    assert shop.mails() == [ADA, ADA, "grace@example.com"]
    for run in shop.runs():
        assert len({step.key for step in shop.attempts(run)}) == 1


@pytest.mark.parametrize("system", ["hubspot", "salesforce"])
@pytest.mark.parametrize("mood", [DOWN, MAINTENANCE, RESET, LOST], ids=["down", "maintenance", "reset", "lost"])
def test_one_bad_answer_ends_in_one_record(shop, system, mood):
    getattr(shop, system).treat(mood)
    shop.pay("pi_1")
    shop.run("pi_1")
    shop.all_through()
    assert (len(shop.hubspot.records["contacts"]), len(shop.salesforce.records["Contact"])) == (1, 1)
    assert (shop.contact()["hub_last_payment"], shop.person()["Hub_Last_Payment__c"]) == ("pi_1", "pi_1")
    assert shop.mails() == [ADA]


def test_a_session_that_salesforce_ended_is_renewed(shop):
    shop.pay("pi_1")
    shop.ended(shop.run("pi_1"))
    shop.salesforce.end_sessions()
    shop.pay("pi_2")
    shop.ended(shop.run("pi_2"))
    assert (shop.person()["Hub_Last_Payment__c"], shop.salesforce.logins) == ("pi_2", 2)


@on_both_databases
def test_hubspots_refusal_stops_the_run_with_its_own_words_and_it_goes_on_once_mended(shop):
    shop.hubspot.known["contacts"].remove("hub_last_amount")
    shop.pay("pi_1")
    run = shop.run("pi_1")
    detail = shop.ended(run, "failed")
    assert detail.summary.error["step"] == "contact"
    assert 'Property "hub_last_amount" does not exist' in str(detail.summary.error)
    assert len(shop.attempts(run)) == 1
    assert (shop.salesforce.records["Contact"], shop.mails()) == ({}, [])
    shop.live.clock.forward(hours=12)
    shop.live.hub.driver.sweep()
    assert shop.live.status(run.id) == "failed"
    shop.hubspot.known["contacts"].add("hub_last_amount")
    shop.live.hub.runs.retry(run.id, "test")
    shop.live.until(lambda: shop.live.status(run.id) == "succeeded")
    assert len({step.key for step in shop.attempts(run)}) == 1
    traces = {one.json()["inputs"][0]["objectWriteTraceId"] for one in shop.hubspot.received if "upsert" in one.path}
    assert len(traces) == 1
    assert (shop.contact()["hub_last_payment"], shop.person()["Hub_Last_Payment__c"]) == ("pi_1", "pi_1")
    assert shop.mails() == [ADA]


def test_a_step_before_the_refused_one_is_not_done_again(shop):
    shop.hubspot.lists["31"]["name"] = "Somebody else's"
    shop.pay("pi_1")
    run = shop.run("pi_1")
    detail = shop.ended(run, "failed")
    assert detail.summary.error["step"] == "before"
    assert "Members" in str(detail.summary.error)
    shop.hubspot.lists["31"]["name"] = "Members"
    shop.live.hub.runs.retry(run.id, "test")
    shop.live.until(lambda: shop.live.status(run.id) == "succeeded")
    assert (len(shop.upserts()), shop.members(), shop.mails()) == (1, {ADA}, [ADA])


def test_a_refund_updates_the_same_records_and_takes_the_contact_off_the_list(shop):
    shop.pay("pi_1")
    shop.ended(shop.run("pi_1"))
    shop.refund("pi_1")
    shop.ended(shop.run("pi_1", "refund.issued"))
    contact, person = shop.contact(), shop.person()
    assert (contact["hub_membership"], contact["hub_last_payment"]) == ("refunded", "pi_1")
    assert (person["Hub_Membership__c"], person["LastName"]) == ("refunded", "King Lovelace")
    assert (len(shop.hubspot.records["contacts"]), len(shop.salesforce.records["Contact"])) == (1, 1)
    assert shop.members() == set()
    assert shop.mails() == [ADA]


@on_both_databases
def test_the_same_delivery_many_times_at_once_starts_one_run(shop):
    raw = shop.pay("pi_1")
    threads = [threading.Thread(target=shop.deliver, args=(raw,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.ended(shop.run("pi_1"))
    (event,) = shop.live.events(type="payment.succeeded")
    assert event.duplicates == 8
    assert (len(shop.runs()), len(shop.upserts()), shop.mails()) == (1, 1, [ADA])


def test_what_stripe_tells_of_one_payment_in_any_order_is_one_payment(shop):
    session = sample("checkout.session.completed", "evt_session")
    session["data"]["object"]["payment_intent"] = "pi_1"
    charge = sample("charge.succeeded", "evt_charge")
    charge["data"]["object"]["payment_intent"] = "pi_1"
    shop.deliver(session)
    shop.deliver(charge)
    shop.pay("pi_1")
    shop.deliver(session)
    shop.all_through()
    (event,) = shop.live.events(type="payment.succeeded")
    assert event.duplicates == 2
    assert (len(shop.runs()), len(shop.hubspot.records["contacts"]), len(shop.mails())) == (1, 1, 1)


def test_payments_and_refunds_that_come_late_or_first_end_in_one_record_each(shop):
    shop.refund("pi_1")
    shop.pay("pi_2", amount=5900)
    shop.pay("pi_1")
    shop.live.until(lambda: len(shop.runs()) == 3)
    shop.all_through()
    assert (len(shop.hubspot.records["contacts"]), len(shop.salesforce.records["Contact"])) == (1, 1)
    assert [payment for _, payment in shop.upserts()] == ["", "pi_2", "pi_1"]


def test_a_delivery_that_stripe_did_not_sign_reaches_no_crm(shop):
    raw = sample("payment_intent.succeeded", "evt_forged")
    shop.deliver(raw, secret="whsec_of_a_forger")
    assert (shop.live.events(), shop.hubspot.received, shop.salesforce.received) == ([], [], [])
    assert [(row["connection"], row["reason"]) for row in shop.live.hub.store.refusals()] == [
        ("stripe-main", "bad_signature")
    ]
