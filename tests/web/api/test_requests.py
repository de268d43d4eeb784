"""Requests: their key, their fields, their size; lists; events in; what is never taken."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from hub.engine.api_answers import ApiAnswers
from hub.journal.queries import EventFilter
from hub.journal.tables_api import api_requests
from hub.web.app import create_app

from .conftest import Program

LINES = [{"title": "Print", "price": {"minor": 1500, "currency": "EUR"}}]
CARD = "4111 1111 1111 1111"


def order(portal, key=None, **more):
    return portal.post("/orders", {"lines": LINES, **more}, key=key)


# once


def test_a_request_repeated_under_its_key_is_done_once_and_answered_the_same(portal):
    first, second = order(portal, "a"), order(portal, "a")
    assert (first.status_code, first.data) == (200, second.data)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(portal.get("/orders").json["data"]) == 1


def test_another_request_under_the_same_key_is_refused(portal):
    order(portal, "a")
    answer = order(portal, "a", description="Another")
    assert (answer.status_code, answer.json["code"]) == (422, "key_reused")


def test_keys_of_two_tokens_are_two_keys(portal, program):
    assert order(portal, "a").json["order"] != order(program(title="Other"), "a").json["order"]


def test_without_a_key_each_request_is_new(portal):
    assert order(portal).json["order"] != order(portal).json["order"]


def test_a_twin_under_way_is_told_to_come_back(hub, portal, clock):
    order(portal, "a")
    with hub.database.read() as connection:
        row = connection.execute(sa.select(api_requests)).one()
    answers = ApiAnswers(hub, row.token, "b")
    assert answers.begin("print") is None
    taken = portal.post("/orders", {"lines": LINES}, key="b")
    assert (taken.status_code, taken.json["code"]) == (422, "key_reused")
    with pytest.raises(Exception, match="at this moment"):
        answers.begin("print")
    clock.forward(minutes=3)
    assert answers.begin("print") is None  # who answered it died


def test_of_twins_at_the_same_moment_one_is_done_and_none_is_answered_otherwise(app, portal):
    twins = [Program(app.test_client(), portal.headers["Authorization"].partition(" ")[2]) for _ in range(6)]
    gate = threading.Barrier(len(twins))

    def ask(twin):
        gate.wait(10)
        return order(twin, "a")

    with ThreadPoolExecutor(len(twins)) as threads:
        answers = list(threads.map(ask, twins))
    done = [one for one in answers if one.status_code == 200]
    assert len({one.data for one in done}) == 1
    others = {(one.status_code, one.json["code"]) for one in answers if one.status_code != 200}
    assert others <= {(409, "in_progress")}
    assert sum("Idempotency-Replayed" not in one.headers for one in done) == 1
    assert len(portal.get("/orders").json["data"]) == 1


PAYMENT = {"amount": {"minor": 500, "currency": "EUR"}, "return_url": "https://portal.example.com/thanks"}


@pytest.mark.parametrize("mode", ["down", "lost", "reset"])
def test_after_a_failure_at_the_gateway_the_same_key_does_it_once(live, live_portal, mode):
    live.sandbox("POST", "/test/misbehaviour", {"mode": mode})
    failed = live_portal.post("/payments/sandbox", PAYMENT, key="a")
    assert failed.status_code == 503, failed.text
    assert int(failed.headers["Retry-After"]) > 0
    other = live_portal.post("/payments/sandbox", {**PAYMENT, "description": "Another"}, key="a")
    assert (other.status_code, other.json["code"]) == (422, "key_reused")
    live.sandbox("POST", "/test/misbehaviour", {"mode": "off"})
    live.clock.forward(minutes=5)  # past the pause of the connection that failed
    first, second = (live_portal.post("/payments/sandbox", PAYMENT, key="a") for _ in range(2))
    assert (first.status_code, first.data) == (200, second.data)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert [one["id"] for one in live.sandbox("GET", "/payments")["data"]] == [first.json["payment"]]


def test_what_may_work_later_is_not_kept(portal):
    first = portal.post("/payments/nowhere", {"amount": {"minor": 100, "currency": "EUR"}}, key="a")
    assert (first.status_code, first.json["code"]) == (404, "unknown_connection")
    assert (
        "Idempotency-Replayed"
        not in portal.post("/payments/nowhere", {"amount": {"minor": 100, "currency": "EUR"}}, key="a").headers
    )


def test_a_refusal_is_kept_like_a_success(portal):
    body = {"lines": [{"item": "nothing-such"}]}
    first, second = (portal.post("/orders", body, key="a") for _ in range(2))
    assert (first.status_code, second.status_code) == (422, 422)
    assert (first.data, second.headers["Idempotency-Replayed"]) == (second.data, "true")
    assert second.content_type == "application/problem+json"


def test_answers_are_forgotten_after_two_days_and_keys_after_a_year(hub, portal, clock):
    order(portal, "a")
    clock.forward(hours=47)
    order(portal, "b")
    clock.forward(hours=1)
    hub.payment_clock.run_due()
    assert answered(hub) == {"a": False, "b": True}
    clock.forward(hours=47)
    hub.payment_clock.run_due()
    assert answered(hub) == {"a": False, "b": False}
    clock.forward(days=396)
    hub.payment_clock.run_due()
    assert answered(hub) == {"a": False, "b": False}
    clock.forward(days=1)
    hub.payment_clock.run_due()
    assert answered(hub) == {"b": False}
    clock.forward(days=2)
    hub.payment_clock.run_due()
    assert answered(hub) == {}


def answered(hub):
    """Of each key that is remembered, whether its answer is kept."""
    with hub.database.read() as connection:
        rows = connection.execute(sa.select(api_requests)).all()
    assert all((row.answer is None) == (row.status is None) for row in rows)
    return {row.key: row.answer is not None for row in rows}


def test_days_later_a_key_finds_what_was_made_by_it_and_stands_for_no_other_request(hub, portal, clock):
    first = order(portal, "a")
    clock.forward(days=3)
    hub.payment_clock.run_due()
    again = order(portal, "a")
    assert "Idempotency-Replayed" not in again.headers
    assert again.json["order"] == first.json["order"]
    other = portal.post("/orders", {"lines": [{"title": "Other", "price": {"minor": 5, "currency": "EUR"}}]}, key="a")
    assert (other.status_code, other.json["code"]) == (422, "key_reused")


def test_kept_answers_are_encrypted(hub, portal):
    order(portal, "a")
    with hub.database.read() as connection:
        assert b"Print" not in connection.execute(sa.select(api_requests.c.answer)).scalar_one()


@pytest.mark.parametrize("key", ["x" * 201, "with blank"])
def test_a_key_that_is_none_is_refused(portal, key):
    answer = order(portal, key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


# fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": LINES, "colour": "red"}, "colour"),
        ({"lines": [{"title": "x", "price": {"minor": 1.5, "currency": "EUR"}}]}, "lines.0.price.minor"),
        ({"lines": LINES, "customer": {"email": 7}}, "customer.email"),
        ({"lines": LINES, "description": "x" * 501}, "description"),
        ({"lines": LINES, "description": "x\x00"}, "description"),
    ],
)
def test_a_wrong_field_is_named(portal, body, field):
    answer = portal.post("/orders", body)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json["errors"]]
    assert answer.json["remedy"]


def test_the_language_of_a_provider_is_taken_listed_and_checked(portal):
    vera = {"name": "Vera Lens", "email": "vera@example.com"}
    answer = portal.post("/providers", {**vera, "language": "tlh"})
    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, ["language"])
    made = portal.post("/providers", {**vera, "language": "hi"}).json
    assert made["language"] == "hi"
    assert portal.get(f"/providers/{made['provider']}").json["language"] == "hi"
    assert [one["language"] for one in portal.get("/providers").json["data"]] == ["hi"]


def test_what_the_address_says_is_not_said_twice(portal):
    assert portal.post("/orders/1/cancel", {"order": "2"}).json["errors"][0]["field"] == "order"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 422, "not_json"),
        (b"[1]", 422, "not_json"),
        (b"\xff", 422, "not_json"),
        (b"x" * 300_000, 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(portal, data, status, code):
    answer = portal.client.post("/api/v1/orders", data=data, headers=portal.headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_body_nested_without_end_is_refused(portal):
    deep = {}
    for _ in range(200):
        deep = {"x": deep}
    assert portal.post("/orders", {"lines": LINES, "metadata": deep}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"lines": LINES, "description": f"Card {CARD}, thanks"},
        {"lines": LINES, "metadata": {"note": CARD.replace(" ", "-")}},
        {"lines": LINES, "metadata": {CARD: "x"}},
        {"lines": LINES, "anything": 4111111111111111},
    ],
)
def test_card_numbers_are_refused_and_stored_nowhere(hub, portal, body, tmp_path):
    answer = portal.post("/orders", body, key="a")
    assert (answer.status_code, answer.json["code"]) == (422, "card_number")
    assert "4111" not in answer.text
    hub.close()
    for file in (tmp_path / "workspace").rglob("*"):
        if file.is_file():
            kept = file.read_bytes()
            assert CARD.encode() not in kept
            assert b"4111111111111111" not in kept


@pytest.mark.parametrize(
    "text", ["+49 30 1234567890", "2026-11-26 12:00:00", "4111111111111112", "DE89370400440532013000"]
)
def test_other_numbers_pass(portal, text):
    assert order(portal, description=text).status_code == 200


def test_an_address_that_is_none_is_a_problem_too(portal):
    assert portal.get("/nothing").json["code"] == "not_found"
    answer = portal.client.put("/api/v1/orders", headers=portal.headers)
    assert (answer.status_code, answer.json["code"]) == (405, "wrong_method")


def test_a_fault_of_the_hubs_own_says_its_number_and_nothing_else(app, portal, monkeypatch):
    monkeypatch.setattr("hub.web.api.views.listed", lambda *_: 1 // 0)
    answer = portal.get("/orders")
    assert (answer.status_code, answer.json["code"]) == (500, "fault")
    assert "err_" in answer.json["detail"]
    assert "ZeroDivision" not in answer.text


# lists


def test_a_list_is_read_page_by_page_to_its_end_without_a_gap(portal, clock):
    made = []
    for number in range(7):
        made.insert(0, order(portal).json["order"])
        clock.forward(seconds=number % 2)  # some at the same moment
    found, cursor = [], ""
    while cursor is not None:
        page = portal.get("/orders", limit=2, **({"cursor": cursor} if cursor else {})).json
        found += [one["order"] for one in page["data"]]
        cursor = page["next"]
    assert sorted(found) == sorted(made)
    assert len(found) == 7


def test_a_list_shows_only_what_was_asked_for(portal):
    kept, cancelled = order(portal).json, order(portal).json
    portal.done(f"/orders/{cancelled['order']}/cancel")
    assert [one["order"] for one in portal.get("/orders", state="open").json["data"]] == [kept["order"]]
    assert [one["number"] for one in portal.get("/orders", number=2).json["data"]] == [2]
    assert portal.get("/orders", state="paid").json == {"data": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"cursor": "nonsense"},
        {"cursor": "WzFd"},
        {"colour": "red"},
        {"number": "one"},
        {"state": "\x00"},
    ],
)
def test_a_wrong_parameter_is_named(portal, query):
    answer = portal.get("/orders", **query)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, next(iter(query)))


# events


def test_an_event_of_ones_own_is_recorded_once_and_listed(hub, portal):
    body = {"type": "acme.shipped", "data": {"order": "A-17"}}
    first, second = portal.done("/events", body, "a"), portal.done("/events", body, "a")
    assert first == second
    assert [one.type for one in hub.queries.events(EventFilter(type="acme.shipped")).items] == ["acme.shipped"]
    assert portal.get(f"/events/{first['event']}").json["data"] == {"order": "A-17"}
    assert portal.get("/events", type="acme.shipped").json["data"][0]["event"] == first["event"]


@pytest.mark.parametrize(
    "name", ["order.paid", "payment.succeeded", "payment.mine", "shipped", "Acme.Shipped", "a.b\x00"]
)
def test_nobody_tells_what_only_the_hub_can_know(hub, portal, name):
    answer = portal.post("/events", {"type": name, "data": {"order": "A-17"}})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "type"
    assert hub.queries.events(EventFilter()).items == ()


def test_who_did_it_stands_in_the_audit_trail_without_what_it_held(hub, portal):
    made = order(portal, customer={"email": "ada@example.com"}).json["order"]
    portal.done(f"/orders/{made}/cancel")
    newest, before = hub.store.audit_trail()[:2]
    assert (newest["actor"], newest["action"], newest["detail"]) == ("token Portal", "orders.cancel", {"order": made})
    assert "ada" not in str(before)


def test_a_reader_of_the_api_sees_no_page_and_no_cookie(app, portal):
    answer = create_app(app.extensions["hub"]).test_client().get("/api/v1/orders", headers=portal.headers)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
