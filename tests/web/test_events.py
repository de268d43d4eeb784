import json
from datetime import UTC, datetime

import pytest

from hub.journal.entries import Happening

from .conftest import PAID

TIME = datetime(2026, 11, 23, 11, 59, tzinfo=UTC)


def record(hub, **parts):
    values = {"type": "payment.succeeded", "source": "stripe", "source_id": "evt_1", "data": PAID, "time": TIME}
    return hub.recorder.record(Happening(**{**values, **parts}), hub.now()).event_id


def test_a_hub_without_events_says_where_they_come_from(admin):
    assert "No events yet" in admin.page("/events")
    assert "No event fits" in admin.page("/events?type=payment.*")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("type=payment.succeeded", True),
        ("type=payment.*", True),
        ("type=refund.*", False),
        ("source=stripe", True),
        ("source=hub", False),
        ("subject=pay_1", True),
        ("text=ada@EXAMPLE.com", True),
        ("text=nobody", False),
        ("period=week", True),
    ],
)
def test_the_list_is_filtered(hub, admin, asked, shown):
    identity = record(hub)
    assert (f"/events/{identity}" in admin.page(f"/events?{asked}")) is shown


def test_an_event_shows_what_came_and_what_was_made_of_it(hub, admin, recipe):
    raw = json.dumps({"object": "event", "amount": 4900}).encode()
    identity = record(
        hub,
        raw=raw,
        headers={"user-agent": "Stripe/1.0"},
        verification={"result": "verified", "scheme": "stripe"},
    )
    page = admin.page(f"/events/{identity}")
    assert "verified" in page
    assert "Stripe/1.0" in page
    assert '<span class="j-name">"object"</span>' in page.replace("&#34;", '"')
    assert "€49.00" in page
    assert "/runs/run_" in page


def test_a_repeated_delivery_is_counted(hub, admin):
    identity = record(hub)
    record(hub)
    record(hub)
    assert "3 times, recorded once" in admin.page(f"/events/{identity}")


def test_a_body_that_is_no_json_is_shown_as_it_came(hub, admin):
    identity = record(hub, raw=b"a=1&b=\xff<script>")
    page = admin.page(f"/events/{identity}")
    assert "a=1&amp;b=\ufffd&lt;script&gt;" in page


def test_nothing_that_came_in_becomes_markup(hub, admin):
    evil = "<script>alert(1)</script>"
    data = {**PAID, "payment": evil, "customer": {"email": "a@b.c", "name": f'"><img src=x onerror=alert(1)>{evil}'}}
    identity = record(hub, data=data, raw=json.dumps(data).encode(), headers={"user-agent": evil})
    for address in ("/", "/events", f"/events/{identity}", f"/events?text={evil}", f"/runs?text={evil}"):
        page = admin.page(address)
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address


def test_an_event_is_replayed(hub, admin, event):
    before = len(hub.queries.event(event).runs)
    done = admin.post(f"/events/{event}/replay", recipe="thanks")
    assert done.headers["Location"].startswith("/runs/run_")
    assert len(hub.queries.event(event).runs) == before + 1


def test_a_replay_that_nothing_takes_is_said(hub, admin, event):
    hub.recipes.enable("thanks", "test", enabled=False)
    answer = admin.post(f"/events/{event}/replay")
    assert answer.status_code == 409
    assert "No enabled recipe starts with this event." in answer.text


def test_a_sample_is_sent_and_starts_what_fits(hub, admin, recipe):
    assert "pay_" in admin.page("/send-event?type=payment.succeeded")
    told = admin.post("/send-event", type="payment.succeeded", data=json.dumps(PAID), follow=True)
    assert "1 recipe started." in told.text
    assert (
        "No enabled recipe starts with it."
        in admin.post("/send-event", type="course.finished", data="{}", follow=True).text
    )


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("payment.succeeded", "{}", "payment"),
        ("payment.succeeded", "[]", "not a JSON object"),
        ("payment.succeeded", '{"a": 1,}', "This is not JSON"),
        ("nodot", "{}", "Use small letters and a dot"),
        ("Course.Finished", "{}", "Use small letters and a dot"),
        ("", "{}", "Use small letters and a dot"),
    ],
)
def test_a_wrong_sample_is_refused_and_stays_on_the_page(hub, admin, kind, data, said):
    before = hub.queries.counts(TIME).events
    answer = admin.post("/send-event", type=kind, data=data)
    assert answer.status_code == 422
    assert said in answer.text
    assert hub.queries.counts(TIME).events == before


def test_refused_deliveries_are_shown_with_their_reason(hub, admin):
    assert "Every delivery so far was believed" in admin.page("/refusals")
    for _ in range(3):
        hub.store.count_refusal("stripe", "bad_signature", "No signature fits the body.", hub.now())
    page = admin.page("/refusals")
    assert "bad_signature" in page
    assert "3 ×" in page
    assert "No signature fits the body." in page
    assert "3 deliveries were refused" in admin.page("/events")
