"""Webhooks that the hub sends: what is sent, how it is proved, when it is sent again."""

import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from hub.engine.outgoing import GIVES_UP, PAUSES, Outgoing, forget, send, wants
from hub.engine.tokens import SCOPES, Tokens
from hub.errors import ConflictError, NotFoundError
from hub.journal.queries import EventFilter
from hub.web.app import create_app

from .conftest import Program
from .receiver import Receiver, messages

TYPES = ["acme.*", "order.paid"]


@pytest.fixture
def hub(open_hub):
    return open_hub(allow_private_addresses=("127.0.0.1",))


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def outgoing(hub):
    return Outgoing(hub)


@pytest.fixture
def made(outgoing, receiver):
    """A webhook: its id and secret."""
    return outgoing.create("key", "Portal", receiver.url, TYPES, "admin@example.com")


def tell(hub, name="acme.shipped", **data):
    return hub.runs.record(name, data or {"order": "A-17"}, "admin@example.com")[0]


def run_due(hub):
    while hub.payment_clock.run_due():
        pass


def verified(secret, taken, moment):
    """What the specification's own library makes of a delivery at this moment."""
    headers, body = taken
    with_time = {name.lower(): value for name, value in headers.items()}
    assert int(with_time["webhook-timestamp"]) == int(moment.timestamp())
    return Webhook(secret).verify(body, with_time)


@pytest.fixture
def at_the_hubs_time(monkeypatch, clock):
    """The library compares with the real time; here with the hub's."""

    class Now:
        @staticmethod
        def now(tz=None):
            return clock().astimezone(tz)

        @staticmethod
        def fromtimestamp(*arguments, **named):
            return type(clock()).fromtimestamp(*arguments, **named)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Now)


def test_an_event_of_a_wanted_type_is_sent_once_and_proved(hub, made, receiver, clock, at_the_hubs_time):
    identity, secret = made
    event = tell(hub, order="A-17")
    tell(hub, "other.thing", x=1)
    run_due(hub)
    assert len(receiver.taken) == 1
    said = verified(secret, receiver.taken[0], clock())
    assert (said["id"], said["type"], said["data"]) == (event, "acme.shipped", {"order": "A-17"})
    assert said["timestamp"] == clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers, body = receiver.taken[0]
    assert headers["Webhook-Id"] == messages(Outgoing(hub), identity)[0].id
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", {name.lower(): value for name, value in headers.items()})
    run_due(hub)
    assert len(receiver.taken) == 1


def test_events_arrive_in_their_order_also_when_one_fails(hub, made, receiver, clock):
    receiver.answers = [500]
    events = [tell(hub, n=number) for number in range(3)]
    run_due(hub)
    assert [json.loads(body)["id"] for _, body in receiver.taken] == events[:1]
    clock.forward(seconds=PAUSES[0].total_seconds())
    run_due(hub)
    assert [json.loads(body)["id"] for _, body in receiver.taken] == [events[0], *events]


def test_a_new_event_does_not_shorten_the_pause_of_a_receiver_that_fails(hub, made, receiver, clock):
    receiver.answers = [500, 500]
    tell(hub)
    run_due(hub)
    tell(hub)
    run_due(hub)
    assert len(receiver.taken) == 1
    clock.forward(seconds=PAUSES[0].total_seconds())
    run_due(hub)
    assert len(receiver.taken) == 2


def test_each_try_is_written_down(hub, made, outgoing, receiver, clock):
    receiver.answers = [500]
    tell(hub)
    run_due(hub)
    clock.forward(seconds=PAUSES[0].total_seconds())
    run_due(hub)
    message = messages(outgoing, made[0])[0]
    assert (message.state, message.attempts) == ("delivered", 2)
    second, first = outgoing.attempts([message.id])
    assert (first.status, first.answer) == (500, "seen")
    assert "only 2xx counts" in first.error
    assert (second.status, second.error) == (204, None)
    assert outgoing.get(made[0]).failing_since is None


def test_a_receiver_that_takes_nothing_for_days_is_switched_off_and_told_of(hub, made, outgoing, receiver, clock):
    receiver.answers = [500] * 100
    begun = clock()
    tell(hub)
    while outgoing.get(made[0]).enabled:
        run_due(hub)
        clock.forward(hours=1)
        if clock() - begun > timedelta(days=1):
            tell(hub)
        assert clock() - begun < GIVES_UP + timedelta(days=2)
    assert clock() - begun >= GIVES_UP
    row = outgoing.get(made[0])
    assert "answered 500" in row.off_reason
    told = hub.queries.events(EventFilter(type="hub.webhook_switched_off")).items
    assert len(told) == 1
    assert hub.queries.event(told[0].id).data["webhook"] == made[0]
    sent = len(receiver.taken)
    tell(hub)
    run_due(hub)
    assert len(receiver.taken) == sent


def test_what_waited_is_sent_when_it_is_switched_on_again(hub, made, outgoing, receiver, clock):
    receiver.answers = [500]
    tell(hub)
    run_due(hub)
    outgoing.change(made[0], "admin@example.com", enabled=False)
    clock.forward(days=1)
    run_due(hub)
    assert len(receiver.taken) == 1
    outgoing.change(made[0], "admin@example.com", enabled=True)
    run_due(hub)
    assert [row.state for row in messages(outgoing, made[0])] == ["delivered"]


def test_what_happens_while_it_is_off_is_sent_in_order_when_it_is_switched_on(hub, made, outgoing, receiver, clock):
    outgoing.change(made[0], "admin@example.com", enabled=False)
    told = [tell(hub, n=number) for number in range(2)]
    clock.forward(days=2)
    run_due(hub)
    assert receiver.taken == []
    outgoing.change(made[0], "admin@example.com", enabled=True)
    told.append(tell(hub, n=2))
    run_due(hub)
    assert [json.loads(body)["id"] for _, body in receiver.taken] == told


def test_what_waits_for_a_webhook_that_is_off_is_kept_for_thirty_days(hub, made, outgoing, clock):
    outgoing.change(made[0], "admin@example.com", enabled=False)
    tell(hub)
    clock.forward(days=20)
    tell(hub)
    run_due(hub)
    assert len(messages(outgoing, made[0])) == 2
    clock.forward(days=11)
    run_due(hub)
    assert len(messages(outgoing, made[0])) == 1


def test_what_waits_for_a_webhook_that_is_on_is_never_forgotten(hub, made, outgoing, receiver, clock):
    receiver.answers = [500]
    tell(hub)
    run_due(hub)
    clock.forward(days=31)
    forget(hub.office("forget"), "all")
    assert [row.state for row in messages(outgoing, made[0])] == ["waiting"]
    run_due(hub)
    assert len(receiver.taken) == 2


def test_a_message_that_is_refused_can_be_skipped_and_those_behind_it_go_on(hub, made, outgoing, receiver, clock):
    receiver.answers = [400]
    first, second = tell(hub), tell(hub)
    run_due(hub)
    assert len(receiver.taken) == 1
    refused = messages(outgoing, made[0])[1]
    assert refused.event == first
    outgoing.pass_over(made[0], refused.id, "admin@example.com")
    run_due(hub)
    assert [json.loads(body)["id"] for _, body in receiver.taken] == [first, second]
    assert [row.state for row in messages(outgoing, made[0])] == ["delivered", "failed"]
    with pytest.raises(ConflictError):
        outgoing.pass_over(made[0], messages(outgoing, made[0])[0].id, "admin@example.com")
    with pytest.raises(NotFoundError):
        outgoing.pass_over("whk_other", refused.id, "admin@example.com")


def test_a_message_that_is_skipped_while_it_is_tried_does_not_wait_again(hub, made, outgoing, receiver, clock):
    tell(hub)

    def refuse():
        outgoing.pass_over(made[0], messages(outgoing, made[0])[0].id, "admin@example.com")
        return 400

    receiver.answers = [refuse]
    run_due(hub)
    clock.forward(days=1)
    run_due(hub)
    assert len(receiver.taken) == 1
    assert [row.state for row in messages(outgoing, made[0])] == ["failed"]


def test_a_message_is_given_up_after_its_last_try_and_the_next_goes_on(hub, made, outgoing, receiver, clock):
    tell(hub)
    receiver.answers = [500] * (len(PAUSES) + 1)
    run_due(hub)
    for pause in PAUSES:
        clock.forward(seconds=pause.total_seconds())
        run_due(hub)
    assert [row.state for row in messages(outgoing, made[0])] == ["failed"]
    tell(hub)
    run_due(hub)
    assert [row.state for row in messages(outgoing, made[0])] == ["delivered", "failed"]


def test_a_message_can_be_sent_again_under_the_same_id(hub, made, outgoing, receiver):
    tell(hub)
    run_due(hub)
    message = messages(outgoing, made[0])[0]
    outgoing.send_again(made[0], message.id, "admin@example.com")
    run_due(hub)
    assert [headers["Webhook-Id"] for headers, _ in receiver.taken] == [message.id] * 2
    assert messages(outgoing, made[0])[0].attempts == 2


def test_a_renewed_secret_signs_beside_the_old_one_for_a_day(hub, made, outgoing, receiver, clock, at_the_hubs_time):
    newer = outgoing.renew_secret("renew", made[0], "admin@example.com")
    assert outgoing.renew_secret("renew", made[0], "admin@example.com") == newer
    tell(hub)
    run_due(hub)
    for secret in (made[1], newer):
        verified(secret, receiver.taken[0], clock())
    clock.forward(hours=25)
    tell(hub)
    run_due(hub)
    verified(newer, receiver.taken[1], clock())
    with pytest.raises(WebhookVerificationError):
        verified(made[1], receiver.taken[1], clock())


def test_new_keys_of_the_hub_keep_the_secret(hub, made, outgoing):
    assert outgoing.rotate_keys() == 1
    assert outgoing.secrets_of(outgoing.get(made[0])) == [made[1]]


def test_secrets_are_encrypted(hub, made, outgoing):
    assert made[1] not in str(outgoing.get(made[0]).secrets)


def test_inner_addresses_are_not_called(open_hub, receiver, clock):
    strict = open_hub()
    outgoing = Outgoing(strict)
    identity, _ = outgoing.create("key", "Inner", receiver.url, ["*"], "admin@example.com")
    tell(strict)
    run_due(strict)
    message = messages(outgoing, identity)[0]
    assert receiver.taken == []
    assert "an address inside the network" in outgoing.attempts([message.id])[0].error


def test_redirects_are_not_followed_and_do_not_count(hub, made, outgoing, receiver):
    receiver.answers = [302]
    tell(hub)
    run_due(hub)
    assert messages(outgoing, made[0])[0].state == "waiting"


def test_two_processes_send_a_message_once(hub, made, receiver):
    tell(hub)
    send(hub.office("one"), made[0])
    send(hub.office("two"), made[0])
    assert len(receiver.taken) == 1


def test_the_hub_sends_to_so_many_and_no_more(outgoing, receiver):
    for number in range(50):
        outgoing.create(f"key {number}", "Portal", receiver.url, TYPES, "admin@example.com")
    with pytest.raises(Exception, match="at most 50"):
        outgoing.create("key 50", "Portal", receiver.url, TYPES, "admin@example.com")


@pytest.mark.parametrize(
    ("patterns", "name", "fits"),
    [
        (["*"], "order.paid", True),
        (["order.paid"], "order.paid", True),
        (["order.*"], "order.paid", True),
        (["order.*"], "orders.paid", False),
        (["payment.*", "link.paid"], "link.opened", False),
    ],
)
def test_patterns(patterns, name, fits):
    assert wants(patterns, name) is fits


# by the API


@pytest.fixture
def portal(hub):
    _, secret = Tokens(hub).create("Portal", SCOPES, None, "admin@example.com")
    return Program(create_app(hub).test_client(), secret)


def test_a_program_has_events_sent_to_it(hub, portal, receiver):
    body = {"url": receiver.url, "types": TYPES}
    made = portal.done("/webhooks", body, "a")
    assert portal.done("/webhooks", body, "a")["secret"] == made["secret"]
    portal.done("/events", {"type": "acme.shipped", "data": {"n": 1}})
    run_due(hub)
    messages = portal.get(f"/webhooks/{made['webhook']}/messages").json["data"]
    assert [one["state"] for one in messages] == ["delivered"]
    portal.done(f"/webhooks/{made['webhook']}/messages/{messages[0]['message']}/send-again")
    run_due(hub)
    assert len(receiver.taken) == 2
    assert "secret" not in portal.get(f"/webhooks/{made['webhook']}").json
    portal.done(f"/webhooks/{made['webhook']}/delete")
    assert portal.get(f"/webhooks/{made['webhook']}").status_code == 404
    assert portal.get("/webhooks").json["data"] == []


def test_what_a_webhook_was_sent_is_read_page_by_page(hub, portal, receiver):
    place = f"/webhooks/{portal.done('/webhooks', {'url': receiver.url, 'types': TYPES}, 'a')['webhook']}/messages"
    told = [portal.done("/events", {"type": "acme.shipped", "data": {"n": n}}, f"e{n}")["event"] for n in range(3)]
    first = portal.get(place, limit=2).json
    rest = portal.get(place, limit=2, cursor=first["next"]).json
    assert {one["event"] for page in (first, rest) for one in page["data"]} == set(told)
    assert (len(rest["data"]), rest["next"]) == (1, None)
    run_due(hub)
    assert portal.get(place, state="waiting").json["data"] == []
    assert len(portal.get(place, state="delivered", type="acme.shipped").json["data"]) == 3
    assert portal.get("/webhooks/whk_none/messages").status_code == 404


def test_a_program_skips_a_message_that_it_refuses(hub, portal, receiver):
    place = f"/webhooks/{portal.done('/webhooks', {'url': receiver.url, 'types': TYPES}, 'a')['webhook']}/messages"
    receiver.answers = [400]
    portal.done("/events", {"type": "acme.shipped", "data": {}}, "e")
    run_due(hub)
    (waiting,) = portal.get(place, state="waiting").json["data"]
    done = portal.done(f"{place}/{waiting['message']}/skip", {}, "skip")
    assert (done["message"], done["state"]) == (waiting["message"], "failed")
    assert portal.get(place, state="failed").json["data"][0]["message"] == waiting["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "https://user:word@example.com/"}, "url"),
        ({"url": "nothing"}, "url"),
        ({"types": []}, "types"),
        ({"types": ["order.eaten"]}, "types"),
        ({"title": " "}, "title"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said_by_field(portal, receiver, change, field):
    answer = portal.post("/webhooks", {"url": receiver.url, "types": TYPES, "title": "Portal", **change})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
