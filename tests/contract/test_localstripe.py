from __future__ import annotations

import queue
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hub.connect.api import Connection
from hub.errors import PermanentError
from tests.contract.desk import Desk
from tests.contract.localstripe import SECRET_KEY, running_localstripe

EUR = {"minor": 1999, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
WEBHOOK_SECRET = "whsec_made_up_for_localstripe"


@pytest.fixture(scope="module")
def localstripe():
    with running_localstripe() as server:
        yield server


@pytest.fixture
def desk(localstripe, registry, outbound):
    secrets = {"secret_key": (SECRET_KEY,), "webhook_secret": (WEBHOOK_SECRET,)}
    settings = {"api_base": localstripe.url, "api_version": "2026-06-24.dahlia"}
    return Desk(registry.get("stripe"), outbound, Connection("stripe-main", "stripe", settings, secrets))


@pytest.fixture
def deliveries(localstripe):
    """What localstripe posts, as it comes: body and headers."""
    came: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    localstripe.register_webhook(f"http://127.0.0.1:{server.server_port}/hooks/stripe-main", WEBHOOK_SECRET)
    yield came
    server.shutdown()
    thread.join()
    server.server_close()


def customer_with_card(localstripe, number="4242424242424242"):
    customer = localstripe.post("/v1/customers", email="ada@example.com", name="Ada Lovelace")["id"]
    card = localstripe.card(number)
    localstripe.post(f"/v1/payment_methods/{card}/attach", customer=customer)
    return customer, card


def pay(desk, localstripe, key, **more):
    customer, card = customer_with_card(localstripe)
    given = {"amount": EUR, "method": card, "customer": {"id": customer, **ADA}, "order": "o_1", **more}
    return desk.run("payment.create", given, key=key)


def test_test_button(desk):
    assert "test mode" in desk.connector.test(desk.call())


def test_payment_is_charged_read_and_refunded_in_parts(desk, localstripe):
    paid = pay(desk, localstripe, "one")
    assert (paid["status"], paid["amount"]) == ("succeeded", EUR)
    got = desk.run("payment.get", {"payment": paid["payment"]})
    assert (got["status"], got["metadata"]["order"]) == ("succeeded", "o_1")
    part = {"payment": paid["payment"], "amount": {"minor": 500, "currency": "EUR"}}
    refunded = desk.run("payment.refund", part, key="r")
    assert (refunded["status"], refunded["amount"]["minor"]) == ("issued", 500)


def test_authorised_payment_is_captured_or_let_go(desk, localstripe):
    held = pay(desk, localstripe, "held", capture="manual")
    assert held["status"] == "authorized"
    taken = desk.run(
        "payment.capture", {"payment": held["payment"], "amount": {"minor": 1500, "currency": "EUR"}}, key="c"
    )
    assert taken["status"] in {"succeeded", "partially_refunded"}
    other = pay(desk, localstripe, "other", capture="manual")
    assert desk.run("payment.void", {"payment": other["payment"]}, key="v")["status"] == "voided"


def test_declined_card_is_permanent(desk, localstripe):
    customer = localstripe.post("/v1/customers", email="ada@example.com")["id"]
    card = localstripe.card("4000000000000341")
    localstripe.post(f"/v1/payment_methods/{card}/attach", customer=customer)
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.create", {"amount": EUR, "method": card, "customer": {"id": customer}}, key="declined")
    assert caught.value.gateway_code == "card_declined"


def test_unknown_payment_is_not_found(desk):
    with pytest.raises(PermanentError) as caught:
        desk.run("payment.get", {"payment": "pi_nobody"})
    assert caught.value.code == "not_found"


def test_customers_and_products_by_request(desk):
    made = desk.run("request", {"method": "POST", "path": "/v1/customers", "body": ADA}, key="cus")["body"]
    read = desk.run("request", {"path": f"/v1/customers/{made['id']}"})["body"]
    assert read["email"] == "ada@example.com"
    product = {"method": "POST", "path": "/v1/products", "body": {"name": "Gold membership"}}
    assert desk.run("request", product, key="prod")["body"]["name"] == "Gold membership"


def test_subscription_is_cancelled_at_its_end_and_at_once(desk, localstripe):
    customer, card = customer_with_card(localstripe)
    localstripe.post(f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": card})
    plan = {"amount": 1900, "currency": "eur", "interval": "month", "product[name]": "Gold"}
    plan_id = localstripe.post("/v1/plans", **plan)["id"]
    made = localstripe.post("/v1/subscriptions", customer=customer, **{"items[0][plan]": plan_id})
    reference = {"subscription": made["id"]}
    ending = desk.run("subscription.cancel", reference, key="c1")
    assert (ending["status"], ending["plan"]) == ("cancelling", plan_id)
    assert desk.run("subscription.cancel", {**reference, "at": "now"}, key="c2")["status"] == "cancelled"


def test_signed_webhooks_become_events_of_the_hub(desk, localstripe, deliveries):
    paid = pay(desk, localstripe, "hook")
    told = {}
    # Each delivery comes a second late, so those of earlier tests come here too.
    while f"payment.succeeded:{paid['payment']}" not in told:
        body, headers = deliveries.get(timeout=15)
        told |= {event.source_id: event for event in desk.receive(body, headers, now=datetime.now(UTC)).events}
    event = told[f"payment.succeeded:{paid['payment']}"]
    assert event.data["amount"] == EUR
    assert event.data["order"] == "o_1"
    assert event.data["customer"]["email"] == "ada@example.com"


def test_lost_events_are_found_by_polling(desk, localstripe):
    first = desk.connector.poll(desk.call(now=datetime.now(UTC)), None)
    paid = pay(desk, localstripe, "polled")
    polled = desk.connector.poll(desk.call(now=datetime.now(UTC)), first.cursor)
    told = [event for raw in polled.events for event in desk.connector.map(raw, desk.connection)]
    assert paid["payment"] in {event.data.get("payment") for event in told if event.type == "payment.succeeded"}
