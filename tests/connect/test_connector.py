from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.connect.api import ActionCode, Answer, ConnectorCode, Delivery, Polled, RawEvent, WebhookRequest
from hub.connect.connector import LoadedConnector
from hub.connect.manifest import load_manifest
from hub.connect.skeleton import new_connector
from hub.errors import ConfigError, DeliveryError, NotFoundError, PermanentError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PAID = {"payment": {"id": "p_1", "amount": 1999, "currency": "EUR"}}
REQUEST = WebhookRequest("POST", "https://h/", "", {}, b"")


@pytest.fixture
def load(tmp_path):
    def load(code=None, change=("", "")):
        for path, text in new_connector("acme", "gateway").items():
            (tmp_path / "acme" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "acme" / path).write_text(text.replace(*change))
        return LoadedConnector(load_manifest(tmp_path / "acme"), lambda: code or ConnectorCode())

    return load


@pytest.fixture
def call(make_call, make_connection):
    return make_call(make_connection({"api_base": "https://api.example"}, api_key="k"))


def action(run, find=None):
    return ConnectorCode(actions={"request": ActionCode(run, find)})


def test_an_action_gets_its_input_and_gives_its_output(load, call):
    seen = []
    connector = load(action(lambda call: seen.append(call.input) or {"status": 200, "body": None}))
    assert connector.run("request", call.with_input({"path": "/x"})) == {"status": 200, "body": None}
    assert seen == [{"path": "/x"}]


def test_wrong_input_is_refused_with_the_place_and_nothing_is_called(load, call):
    connector = load(action(lambda call: pytest.fail("called")))
    with pytest.raises(PermanentError, match="Acme, request: ") as error:
        connector.run("request", call.with_input({"path": 5, "methd": "GET"}))
    assert error.value.code == "bad_input"
    assert "path: 5 is not of type" in error.value.message
    assert "'methd' was unexpected" in error.value.message


def test_a_null_for_what_may_be_left_out_counts_as_left_out(load, call):
    seen = []
    connector = load(action(lambda call: seen.append(call.input) or {"status": 200, "body": None}))
    given = {"path": "/x", "query": None, "body": None}
    connector.run("request", call.with_input(given))
    assert seen == [{"path": "/x", "body": None}]
    assert given["query"] is None
    with pytest.raises(PermanentError, match='"path" is a required property'):
        connector.run("request", call.with_input({"path": None}))


def leak(secret):
    return ConnectorCode(actions={"request": ActionCode(lambda call: secret(call.connection.secret("api_key")))})


@pytest.fixture
def secret_call(make_call, make_connection):
    return make_call(make_connection({}, api_key="hush-hush-hush"), {"path": "/x"})


def test_a_secret_that_the_system_echoes_does_not_reach_the_output(load, secret_call):
    echo = leak(lambda key: {"status": 200, "body": {"you_sent": f"Bearer {key}", "client_secret": "of the payer"}})
    output = load(echo).run("request", secret_call)
    assert output["body"] == {"you_sent": "Bearer [hidden]", "client_secret": "of the payer"}


def test_a_secret_does_not_reach_an_error(load, secret_call):
    def fail(key):
        details = {"header": f"Basic {key}", "password": "x"}
        raise PermanentError(f"Wrong key {key}.", gateway_code=f"bad {key}", details=details)

    with pytest.raises(PermanentError) as error:
        load(leak(fail)).run("request", secret_call)
    assert str(error.value) == "Wrong key [hidden]."
    assert error.value.gateway_code == "bad [hidden]"
    assert error.value.details == {"header": "Basic [hidden]", "password": "[hidden]"}
    assert "hush" not in repr(error.value)


def test_wrong_output_is_told_with_the_place(load, call):
    connector = load(action(lambda call: {"status": "fine", "body": 1}))
    with pytest.raises(PermanentError, match="status: ") as error:
        connector.run("request", call.with_input({"path": "/x"}))
    assert error.value.code == "bad_output"


def test_looking_up_gives_the_output_or_none(load, call):
    found = [None, {"status": 200, "body": 1}]
    connector = load(action(lambda call: {}, lambda call: found.pop(0)))
    call = call.with_input({"path": "/x"})
    assert connector.find("request", call) is None
    assert connector.find("request", call) == {"status": 200, "body": 1}


def test_an_action_without_a_look_up_says_so(load, call):
    with pytest.raises(ConfigError) as error:
        load(action(lambda call: {})).find("request", call.with_input({"path": "/x"}))
    assert error.value.code == "no_lookup"


def test_an_unknown_action_and_one_that_nothing_does(load, call):
    with pytest.raises(NotFoundError, match="no action 'fly'"):
        load().run("fly", call)
    with pytest.raises(ConfigError, match="nothing does it"):
        load().run("request", call.with_input({"path": "/x"}))


def verifying(*events, **more):
    return ConnectorCode(verify=lambda *_: Delivery(events, **more))


def receive(connector, make_connection):
    return connector.receive(REQUEST, make_connection(), NOW, lambda url: b"")


def test_a_delivery_becomes_events_and_what_has_no_meaning_is_shown(load, make_connection):
    raws = (RawEvent("e_1", "payment.paid", PAID), RawEvent("e_2", "ping", {}))
    reception = receive(load(verifying(*raws, answer=Answer(202), hint=True)), make_connection)
    assert [event.type for event in reception.events] == ["payment.succeeded"]
    assert reception.raw == raws
    assert [raw.type for raw in reception.unmapped] == ["ping"]
    assert (reception.pending, reception.answer.status, reception.hint) == ((), 202, True)


def test_a_connector_that_re_reads_gets_its_events_pending(load, make_connection, call):
    raw = RawEvent("e_1", "payment.paid", {"id": "p_1"})
    code = replace(verifying(raw), enrich=lambda raw, call: replace(raw, payload=PAID))
    connector = load(code)
    reception = receive(connector, make_connection)
    assert (reception.events, reception.pending) == ((), (raw,))
    (event,) = connector.map(connector.enrich(raw, call), call.connection)
    assert event.data["payment"] == "p_1"


def test_only_what_the_manifest_names_is_read_again(load, make_connection, call):
    raws = (RawEvent("e_1", "payment.paid", {"id": "p_1"}), RawEvent("e_2", "ping", {}))
    code = replace(verifying(*raws), enrich=lambda raw, call: replace(raw, payload=PAID))
    connector = load(code)
    connector.manifest = replace(connector.manifest, enrich=("payment.*",))
    reception = receive(connector, make_connection)
    assert (reception.raw, reception.pending) == (raws, raws[:1])
    assert connector.enrich(raws[1], call) is raws[1]
    told = RawEvent("e_3", "payment.paid", PAID)
    connector = load(replace(verifying(told), enrich=lambda raw, call: pytest.fail("nobody asked for it")))
    connector.manifest = replace(connector.manifest, enrich=("refund.*",))
    reception = receive(connector, make_connection)
    assert (reception.pending, [event.type for event in reception.events]) == ((), ["payment.succeeded"])


def test_a_mapping_fault_is_not_silent(load, make_connection):
    with pytest.raises(DeliveryError) as fault:
        receive(load(verifying(RawEvent("e_1", "payment.paid", {"payment": {}}))), make_connection)
    assert fault.value.code == "mapping"


def test_a_connector_without_webhooks_says_so(load, make_connection):
    connector = load(change=("scheme: hmac", "scheme: code"))
    with pytest.raises(NotFoundError) as error:
        receive(connector, make_connection)
    assert error.value.code == "no_webhook"


def test_polling_and_testing_go_to_the_code_or_say_that_there_is_none(load, call):
    code = ConnectorCode(poll=lambda call, cursor: Polled((), [cursor]), test=lambda call: "Fine.")
    connector = load(code)
    assert connector.poll(call, 1).cursor == [1]
    assert connector.test(call) == "Fine."
    bare = load(ConnectorCode())
    assert "nothing to test" in bare.test(call)
    with pytest.raises(ConfigError, match="not polled"):
        bare.poll(call, None)


def test_code_is_imported_once_and_only_when_needed(tmp_path, load):
    manifest = load().manifest
    imported = []
    connector = LoadedConnector(manifest, lambda: imported.append(1) or ConnectorCode())
    assert imported == []
    assert connector.code is connector.code
    assert imported == [1]
