import pytest
import requests

BODY = {"amount": 500, "currency": "EUR"}


def misbehave(served, mode, **more):
    return served.post("/test/misbehaviour", mode=mode, **more)


@pytest.mark.parametrize(("mode", "status"), [("down", 503), ("throttle", 429), ("lying", 200), ("html", 200)])
def test_it_answers_badly_for_so_many_requests_and_does_nothing(served, mode, status):
    misbehave(served, mode, requests=2, seconds=7)
    for _ in range(2):
        answer = served.call("POST", "/payments", BODY)
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == ("7" if mode == "throttle" else None)
        if mode == "html":
            assert "<html" in answer.text.lower() or answer.text.startswith("<!doctype")
        else:
            assert answer.json()["error"]["code"]
    assert served.call("POST", "/payments", BODY).status_code == 201
    assert len(served.get("/payments")["data"]) == 1


def test_it_goes_on_until_it_is_switched_off(served):
    misbehave(served, "down")
    assert [served.call("GET", "/ping").status_code for _ in range(3)] == [503] * 3
    misbehave(served, "off")
    assert served.call("GET", "/ping").status_code == 200


def test_a_reset_comes_before_anything_was_done(served):
    misbehave(served, "reset", requests=1)
    with pytest.raises(requests.RequestException):
        served.call("POST", "/payments", BODY)
    assert served.get("/payments")["data"] == []


def test_a_lost_answer_comes_after_it_was_done_and_the_key_finds_it_again(served):
    misbehave(served, "lost", requests=1)
    with pytest.raises(requests.RequestException):
        served.call("POST", "/payments", BODY, **{"Idempotency-Key": "k"})
    again = served.call("POST", "/payments", BODY, **{"Idempotency-Key": "k"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(served.get("/payments")["data"]) == 1


def test_slow_answers_rightly_after_its_pause(served, monkeypatch):
    pauses = []
    monkeypatch.setattr("connectors.sandbox.server.misbehaviour.time.sleep", pauses.append)
    misbehave(served, "slow", requests=1, seconds=9)
    assert served.call("POST", "/payments", BODY).status_code == 201
    assert pauses == [9]


def test_one_text_is_refused_and_others_are_not(served):
    misbehave(served, "refuse", match="asha@example.com")
    assert served.refused("/payments", **BODY, customer={"email": "asha@example.com"}) == (400, "invalid_request")
    assert served.call("POST", "/payments", {**BODY, "customer": {"email": "ada@example.com"}}).status_code == 201


def test_a_single_request_misbehaves_by_its_header(served):
    assert served.call("GET", "/ping", **{"Sandbox-Fail": "down"}).status_code == 503
    assert served.call("GET", "/ping", **{"Sandbox-Fail": "dance"}).status_code == 400
    assert served.call("GET", "/ping").status_code == 200


def test_the_crm_misbehaves_apart_from_the_gateway(served):
    misbehave(served, "down", scope="crm")
    assert served.call("GET", "/ping").status_code == 200
    headers = {"Authorization": f"Bearer {served.sandbox.site.crm_token}"}
    assert requests.get(f"{served.url}/crm/v1/ping", headers=headers, timeout=10).status_code == 503


@pytest.mark.parametrize(
    "body", [{"mode": "dance"}, {"mode": "down", "scope": "moon"}, {"mode": "refuse"}, {"mode": "down", "requests": 0}]
)
def test_misbehaviour_that_does_not_exist_is_refused(served, body):
    assert served.refused("/test/misbehaviour", **body) == (400, "invalid_request")
