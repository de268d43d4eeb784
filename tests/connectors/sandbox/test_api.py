import threading

import pytest
import requests


def test_without_the_key_nothing_is_told(served):
    answer = requests.get(f"{served.url}/v1/payments", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorised"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_key_with_strange_letters_is_refused(served):
    headers = {"Authorization": "Bearer ключ".encode()}
    assert requests.get(f"{served.url}/v1/payments", headers=headers, timeout=10).status_code == 401


def test_every_wrong_field_is_named_at_once(served):
    body = {
        "amount": "10",
        "customer": {"email": "ada@", "age": 3},
        "return_url": "javascript:alert(1)",
        "colour": "red",
    }
    answer = served.call("POST", "/payments", body)
    assert answer.status_code == 400
    fields = {entry["field"]: entry["message"] for entry in answer.json()["error"]["fields"]}
    assert fields == {
        "amount": "must be a whole number from 1 to 1000000000000",
        "colour": "is not a field of this request",
        "currency": "is missing",
        "customer.age": "is not a field of this request",
        "customer.email": "must be an e-mail address",
        "return_url": "must be an http or https address",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0, "currency": "USD"},
        {"amount": -5, "currency": "USD"},
        {"amount": 10.5, "currency": "JPY"},
        {"amount": True, "currency": "USD"},
        {"amount": 10**13, "currency": "USD"},
        {"amount": 10, "currency": "usd"},
        {"amount": 10, "currency": "XXX"},
        {"amount": 10, "currency": "USD", "expires_at": "2020-01-01T00:00:00Z"},
        {"amount": 10, "currency": "USD", "expires_at": "tomorrow"},
        {"amount": 10, "currency": "USD", "metadata": {"order": 7}},
        {"amount": 10, "currency": "USD", "escrow": True, "capture": "manual"},
        {"amount": 10, "currency": "USD", "methods": ["pigeon"]},
        {"amount": 10, "currency": "USD", "description": "\x00"},
        [],
        "payment",
    ],
)
def test_what_cannot_be_a_payment_is_refused(served, body):
    answer = served.call("POST", "/payments", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert served.get("/payments")["data"] == []


def test_a_body_that_is_not_json_is_said_to_be_none(served):
    answer = served.shop.post(f"{served.url}/v1/payments", data=b"amount=1", timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")


def test_unknown_things_and_ways_answer_in_json(served):
    assert served.call("GET", "/payments/pay_1").json()["error"]["code"] == "not_found"
    assert served.call("GET", "/nothing").json()["error"]["code"] == "not_found"
    assert served.call("DELETE", "/payments").json()["error"]["code"] == "method_not_allowed"
    too_large = served.shop.post(f"{served.url}/v1/payments", data=b"x" * 1_100_000, timeout=10)
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "too_large")


def test_the_same_key_and_request_give_the_first_answer_again(served):
    body = {"amount": 500, "currency": "EUR"}
    first = served.call("POST", "/payments", body, **{"Idempotency-Key": "k"})
    second = served.call("POST", "/payments", dict(reversed(body.items())), **{"Idempotency-Key": "k"})
    assert second.json() == first.json()
    assert second.status_code == 201
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(served.get("/payments")["data"]) == 1


def test_the_same_key_with_another_request_is_refused(served):
    served.call("POST", "/payments", {"amount": 500, "currency": "EUR"}, **{"Idempotency-Key": "k"})
    other = served.call("POST", "/payments", {"amount": 501, "currency": "EUR"}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")
    elsewhere = served.call("POST", "/links", {"amount": 500, "currency": "EUR"}, **{"Idempotency-Key": "k"})
    assert elsewhere.status_code == 409


def test_a_refusal_does_not_use_the_key_up(served):
    refused = served.call("POST", "/payments", {"amount": 0, "currency": "EUR"}, **{"Idempotency-Key": "k"})
    made = served.call("POST", "/payments", {"amount": 1, "currency": "EUR"}, **{"Idempotency-Key": "k"})
    assert (refused.status_code, made.status_code) == (400, 201)


def test_a_key_that_is_too_long_is_refused(served):
    answer = served.call("POST", "/payments", {"amount": 1, "currency": "EUR"}, **{"Idempotency-Key": "k" * 256})
    assert answer.status_code == 400


def test_the_same_request_from_many_at_once_happens_once(served):
    answers = []

    def ask():
        with requests.Session() as session:
            session.headers.update(served.shop.headers)
            session.headers["Idempotency-Key"] = "k"
            body = {"amount": 500, "currency": "EUR"}
            answers.append(session.post(f"{served.url}/v1/payments", json=body, timeout=30).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert len(served.get("/payments")["data"]) == 1


def test_lists_are_read_page_by_page_newest_first(served):
    made = [served.payment(amount)["id"] for amount in range(1, 8)]
    seen, after = [], ""
    while True:
        page = served.get(f"/payments?limit=3{after and '&after=' + after}")
        seen += [one["id"] for one in page["data"]]
        after = page["next"]
        if not page["has_more"]:
            break
    assert seen == made[::-1]
    assert after is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=٣"])
def test_a_limit_that_is_none_is_refused(served, query):
    assert served.call("GET", f"/payments?{query}").status_code == 400


def test_going_on_from_an_unknown_place_is_refused(served):
    assert served.call("GET", "/payments?after=pay_0").status_code == 404
    assert served.call("GET", "/events?after=evt_0").status_code == 404


def test_an_amount_in_another_currency_is_never_taken_for_the_same(served):
    paid = served.paid(10000, "USD")
    assert served.refused("/refunds", payment=paid["id"], amount=100, currency="JPY") == (400, "invalid_request")
    assert served.refused("/transfers", provider="a", amount=1, currency="EUR", payment=paid["id"]) == (
        422,
        "currency_unsupported",
    )


def test_a_payer_is_known_again_by_the_address(served):
    first = served.payment(customer={"email": "Ada@Example.com", "name": "Ada"})
    second = served.payment(customer={"email": "ada@example.com"})
    named = served.payment(customer={"id": "mine", "email": "ada@example.com"})
    assert first["customer"]["id"] == second["customer"]["id"] != named["customer"]["id"] == "mine"
