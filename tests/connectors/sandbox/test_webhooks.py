import json
import socket
import threading
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.sandbox.server.delivery import pause_after, sign


def deliver(served):
    return served.sandbox.deliver_due(served.clock.now)


def test_the_signature_is_what_the_standards_own_library_makes(served):
    secret, now = served.sandbox.site.webhook_secret, datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    expected = Webhook(secret).sign("evt_1", now, '{"a": "ü"}')
    assert sign(secret, "evt_1", int(now.timestamp()), '{"a": "ü"}'.encode()) == expected


def test_a_delivery_is_accepted_by_the_standards_own_library(serving, tmp_path, hook):
    with serving(f"sqlite:///{tmp_path}/now.db", hook.url, background=True) as served:
        served.payment()
        hook.wait_for(1)
    headers, body = hook.received[0]
    verifier = Webhook(served.sandbox.site.webhook_secret)
    assert verifier.verify(body, headers)["type"] == "payment.created"
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body.replace(b"10000", b"10001"), headers)


def test_what_is_not_taken_is_repeated_with_longer_pauses(served, hook):
    hook.answers = [500, 500, 404]
    served.payment()
    assert deliver(served) == 1
    assert deliver(served) == 0
    for seconds in (1, 2):
        served.clock.pass_(seconds=seconds)
        assert deliver(served) == 1
    served.clock.pass_(seconds=4)
    assert deliver(served) == 1
    assert deliver(served) == 0
    ids = {headers["webhook-id"] for headers, _ in hook.received}
    times = [int(headers["webhook-timestamp"]) for headers, _ in hook.received]
    assert len(ids) == 1
    assert times == sorted(set(times))


def test_pauses_double_up_to_an_hour():
    assert [pause_after(n).total_seconds() for n in (1, 2, 3, 11, 12, 13, 99)] == [1, 2, 4, 1024, 2048, 3600, 3600]


def test_nobody_there_is_repeated_too_and_given_up_after_three_days(serving, tmp_path):
    with serving(f"sqlite:///{tmp_path}/s.db", "http://127.0.0.1:9/hooks") as served:
        served.payment()
        made = 0
        for _ in range(90):
            made += deliver(served)
            served.clock.pass_(hours=1)
        assert 70 < made < 80
        page = served.shop.get(f"{served.url}/deliveries", timeout=10).text
        assert "given up" in page


def test_events_of_one_payment_wait_for_each_other_and_others_do_not(served, hook):
    hook.answers = [500]
    first = served.paid()
    deliver(served)
    assert hook.types == ["payment.created"]
    served.payment(metadata={"other": "1"})
    deliver(served)
    assert [json.loads(body)["data"]["metadata"] for _, body in hook.received[1:]] == [{"other": "1"}]
    served.clock.pass_(seconds=1)
    deliver(served)
    told = [json.loads(body) for _, body in hook.received]
    assert [one["type"] for one in told if one["data"]["id"] == first["id"]] == [
        "payment.created",
        "payment.created",
        "payment.succeeded",
    ]


def test_the_queue_survives_a_restart(serving, tmp_path, hook):
    url = f"sqlite:///{tmp_path}/s.db"
    with serving(url, hook.url) as served:
        served.paid()
    with serving(url, hook.url, background=True):
        hook.wait_for(2)
    assert hook.types == ["payment.created", "payment.succeeded"]


def test_two_dispatchers_on_one_database_send_everything_once(serving, tmp_path, hook):
    url = f"sqlite:///{tmp_path}/s.db"
    with serving(url, hook.url) as one, serving(url, hook.url) as other:
        for _ in range(20):
            one.paid()
        threads = [threading.Thread(target=deliver, args=(served,)) for served in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        deliver(one)
    ids = [headers["webhook-id"] for headers, _ in hook.received]
    assert len(ids) == len(set(ids)) == 40


def test_a_registered_endpoint_gets_what_it_asked_for_with_its_own_secret(served, hook):
    made = served.post("/webhook_endpoints", url=hook.url, events=["payment.succ*", "refund.*"])
    assert "secret" not in served.get("/webhook_endpoints")["data"][0]
    served.paid()
    deliver(served)
    assert hook.types == ["payment.succeeded"]
    headers, body = hook.received[0]
    moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert Webhook(made["secret"]).sign(headers["webhook-id"], moment, body.decode()) == headers["webhook-signature"]
    served.call("DELETE", f"/webhook_endpoints/{made['id']}")
    assert served.get("/webhook_endpoints")["data"] == []


def test_an_endpoint_that_says_gone_is_switched_off(served, hook):
    served.post("/webhook_endpoints", url=hook.url)
    hook.answers = [410]
    served.payment()
    deliver(served)
    assert served.get("/webhook_endpoints")["data"][0]["enabled"] is False
    served.payment()
    assert deliver(served) == 0


@pytest.mark.parametrize("url", ["", "ftp://x", "file:///etc/passwd", None])
def test_an_endpoint_needs_a_web_address(served, url):
    assert served.refused("/webhook_endpoints", url=url) == (400, "invalid_request")


def test_an_endpoint_that_was_removed_gets_nothing_more(served, hook):
    made = served.post("/webhook_endpoints", url=hook.url)
    served.payment()
    served.call("DELETE", f"/webhook_endpoints/{made['id']}")
    deliver(served)
    assert hook.received == []


def test_the_signature_has_the_real_time_when_the_clock_is_ahead(served, hook):
    served.forward("month")
    served.payment()
    deliver(served)
    headers, body = hook.received[0]
    assert int(headers["webhook-timestamp"]) == int(served.clock.now.timestamp())
    assert json.loads(body)["created"] == "2026-12-23T09:00:00.000Z"


def test_sending_once_more_repeats_the_same_event(served, hook):
    served.payment()
    deliver(served)
    page = served.shop.get(f"{served.url}/deliveries", timeout=10).text
    delivery = page.split("/deliveries/")[1].split('"')[0]
    again = served.shop.post(f"{served.url}/deliveries/{delivery}/resend", timeout=10)
    assert again.status_code == 200
    deliver(served)
    (first, body), (second, other) = hook.received
    assert (first["webhook-id"], body) == (second["webhook-id"], other)
    shown = served.shop.get(again.url, timeout=10).text
    assert second["webhook-signature"] in shown
    assert "taken" in shown


def test_what_falls_due_happens_without_anybody_asking(serving, tmp_path, hook):
    with serving(f"sqlite:///{tmp_path}/s.db", hook.url, background=True) as served:
        now = datetime.now(UTC)
        soon = now.replace(microsecond=0).timestamp() + 2
        served.payment(expires_at=datetime.fromtimestamp(soon, UTC).isoformat())
        hook.wait_for(2)
    assert hook.types == ["payment.created", "payment.expired"]


def test_an_answer_that_breaks_off_is_no_answer(serving, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def break_off():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        thread = threading.Thread(target=break_off)
        thread.start()
        with serving(f"sqlite:///{tmp_path}/s.db", f"http://127.0.0.1:{listener.getsockname()[1]}/hooks") as served:
            served.payment()
            assert deliver(served) == 1
            thread.join()
            page = served.shop.get(f"{served.url}/deliveries", timeout=10).text
            assert ">pending<" in page
