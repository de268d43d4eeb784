from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.moneygram.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError
from tests.fakes.moneygram_books import HOST, PARTNER, public_key, signature

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
EVENT = {
    "eventId": "752486481744557471490362098772",
    "eventDate": "2026-11-23T09:00:00.483061",
    "subscriptionType": "TRANSACTION_STATUS_EVENT",
    "eventPayload": {"transactionId": "t-1", "agentPartnerId": PARTNER, "transactionStatus": "IN TRANSIT"},
}
BODY = json.dumps(EVENT).encode()

# Two deliveries of MoneyGram's sandbox, recorded in the public repository unicef/hope-payment-gateway (test_verify.py).
SANDBOX_KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0Dm7LFleQyaXakYdNOvCv2Irm2ufOcncek0Q4J+MtzmEYvdlfhx5Sm206s2Z5l0/+6YyA3tFljRNCFar3lm96o/S6IFNo0xOsCy+Il7EzQNl4S7kojqnOGfgMgUBC/qxf0S7zkh7y0St8G3OpcjYg7Ff7PAFXmcgjk22F1lUeOqy+zyP2dRJ+NEKZrcHJhbFheB0dPH++e+1foHSfhz+I+Pt9DDaESJasJptZGo0Ww3U+KkPmrDriOLbvpdE4r7MKzeQfGa7SMx4VzhtWFa98/6V6MO29ZjkegejHBZsCekA/1NU0gAQhQnxuYsgdCn/9LogrWqUS8Tl44K2yPYCsQIDAQAB"  # fmt: skip
SENT = {
    "t": 1679925945,
    "s": "wGIPt8Wt16Vl9yMGEBO7ByZA8zkJzuUjaE/2G5NDez8SEGDnX5VdxoSqdTN8N6/LaX2jV/9o25fWppJoxBBK6g/SHKFAo/Ib8uOnNYWeyjdrhZ4RVBCmB+IcdKuSXZHWFwtCLZM0R6PitE4HkXJrooe5KY93VzR8migLd7bw4ANAFwhYLBn6JmfnKO78A1hqpsUsq1T28Aph+6mYPx2q4SrfpkKK/YAoZrCpZMR/nzZMYevJhupy4i7B2L5axv94gm6YKZkaTAjCJWtXp2Kkv+UQ4Dpo7I+DkxWObg8dCy1JfzLlh57XswSdyiombhizHI89MgW4j1IWHZ4EZWxc6Q==",
    "host": "f-p-sandbox.snssdk.com",
    "partner": "74097706",
    "body": '{"eventId":"740708201679925945014500444747","eventDate":"2023-03-27T14:05:44.884026","subscriptionId":"15efa8b3-bb09-4fe9-a295-55fc323cf3ee","subscriptionType":"TRANSACTION_STATUS_EVENT","eventPayload":{"transactionId":"3009143868","agentPartnerId":"74097706","referenceNumber":"40196296","transactionSendDate":"2023-03-27T14:05:41.007","transactionStatusDate":"2023-03-27T14:05:41.007","transactionStatus":"SENT","transactionSubStatus":[]}}',
}  # fmt: skip
REFUNDED = {
    "t": 1744557471,
    "s": "UhqXSGEQ2d3Tg9Q0/H/TEW+ERZkmPJ+xI5+rH+Y3AH1IBlqTzXgtaIS4ilXWmuE6+G9E3nylSNDu8mFjk99Q5aiiLhJ4BSl8RpY+Q5zKH07k4slKqVWmgpjrdEOVXpa367e59lW20f41JIoLmf05LHWgI6/ttcr1fsCBCkKUfYBGeF4oaOlSK/NGMomF97Whw+uuso9TaTco2h3ognkqxunWq8xOpzDqIz1kTXXTJr4DAxVIKfrDcw+q41YkeP3IrISnCPun9kjCrWKi6bU6+5Z5jYj4tGxlTJS1EBMwE6EYh7PJ5Jbxd/pueetE8+Te39nGSVQFG2BLfjNIomS99Q==",
    "host": "payment-hope-stg.unitst.org",
    "partner": "75601117",
    "body": '{"eventId":"752486481744557471490362098772","eventDate":"2025-04-13T15:17:51.483061","subscriptionId":"237c8303-de5f-4665-986c-32e08e963929","subscriptionType":"TRANSACTION_STATUS_EVENT","eventPayload":{"transactionId":"ca4c68c6-74aa-4120-8f2d-ab03c62913de","agentPartnerId":"75601117","referenceNumber":"76916143","transactionSendDate":"2025-04-13T10:17:12.000037","transactionStatusDate":"2025-04-13T15:17:51.483061","expectedPayoutDate":"2025-04-13","transactionStatus":"REFUNDED","transactionSubStatus":[]}}',
}  # fmt: skip
VECTORS = pytest.mark.parametrize("vector", [SENT, REFUNDED], ids=["SENT", "REFUNDED"])


def take(header=None, body=BODY, *, now=NOW, url=f"https://{HOST}/hooks/mg", headers=None, **settings):
    given = {"agent_partner_id": PARTNER, "public_key": public_key(), **settings}
    sent = {"signature": signature(body, at=AT) if header is None else header} if headers is None else headers
    request = WebhookRequest("POST", url, "", sent, body)
    return receive(request, Connection("mg", "moneygram", given, {}), now, pytest.fail)


def take_vector(vector, *, at=None, now=None, **changes):
    settings = {
        "webhook_host": vector["host"],
        "agent_partner_id": vector["partner"],
        "public_key": SANDBOX_KEY,
        "body": vector["body"].encode(),
        **changes,
    }
    signed_at = datetime.fromtimestamp(vector["t"], tz=UTC)
    return take(f"t={at or vector['t']}, s={vector['s']}", now=now or signed_at, **settings)


def refused(*given, **options):
    with pytest.raises(SignatureError) as caught:
        take(*given, **options)
    assert caught.value.remedy
    return caught.value.code


@VECTORS
def test_recorded_delivery_is_authentic_and_a_hint(vector):
    delivered = take_vector(vector)
    (event,) = delivered.events
    told = json.loads(vector["body"])
    assert (event.id, event.payload) == (told["eventId"], told)
    assert event.type == f"TRANSACTION.{told['eventPayload']['transactionStatus']}"
    # Its times have no zone, and are UTC: the signature's own time lies within a second.
    assert abs(event.time.timestamp() - vector["t"]) < 2
    assert delivered.hint


@VECTORS
@pytest.mark.parametrize("fault", ["key", "no host", "port", "other host", "time", "blanks", "tampered"])
def test_recorded_delivery_fails_as_it_must(vector, fault):
    changes = {
        "key": {"public_key": public_key()},
        "no host": {"webhook_host": None, "url": "https:///hooks/mg"},
        "port": {"webhook_host": f"{vector['host']}:443"},
        "other host": {"webhook_host": HOST},
        "time": {"at": vector["t"] + 1},
        "blanks": {"body": json.dumps(json.loads(vector["body"])).encode()},
        "tampered": {"body": vector["body"].replace("transactionSubStatus", "transactionSubstatus").encode()},
    }[fault]
    with pytest.raises(SignatureError) as caught:
        take_vector(vector, **changes)
    assert caught.value.code == "bad_signature"


@VECTORS
def test_recorded_delivery_is_stale_today(vector):
    with pytest.raises(SignatureError) as caught:
        take_vector(vector, now=NOW)
    assert caught.value.code == "stale"


def test_both_keys_pass_in_either_form():
    pem = f"-----BEGIN PUBLIC KEY-----\n{public_key()[:64]}\n{public_key()[64:]}\n-----END PUBLIC KEY-----\n"
    for keys in (f"{public_key('next')}, {public_key()}", f"{public_key('next')}\n\n{public_key()}", pem + pem, pem):
        assert take(public_key=keys).events
    assert refused(public_key=public_key("next")) == "bad_signature"
    assert refused(public_key="") == "no_secret"


def test_host_is_the_hubs_own_where_none_is_registered():
    assert take(url=f"https://{HOST}:8443/hooks/mg").events
    assert refused(url="https://elsewhere.example.com/hooks/mg") == "bad_signature"
    assert take(url="https://inner.example/hooks/mg", webhook_host=HOST).events


def test_host_of_the_request_counts_nothing():
    headers = {"signature": signature(BODY, at=AT, host="evil.example"), "host": "evil.example"}
    assert refused(headers=headers) == "bad_signature"


def test_body_counts_byte_for_byte():
    good = signature(BODY, at=AT)
    assert refused(good, BODY + b" ") == "bad_signature"
    assert refused(good, json.dumps(EVENT, separators=(",", ":")).encode()) == "bad_signature"
    assert refused(good, BODY.replace(b"IN TRANSIT", b"RECEIVED")) == "bad_signature"


@pytest.mark.parametrize(("minutes", "code"), [(65.1, "stale"), (-5.1, "future")])
def test_time_is_bounded_on_both_sides(minutes, code):
    assert refused(now=NOW + timedelta(minutes=minutes)) == code


@pytest.mark.parametrize("minutes", [-5, 0, 65])
def test_an_hour_is_fresh(minutes):
    assert take(now=NOW + timedelta(minutes=minutes)).events


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda good: "", "no_signature"),
        (lambda good: good.partition(",")[0], "no_signature"),
        (lambda good: f"t={AT}, s=", "no_signature"),
        (lambda good: good.partition(",")[2], "no_timestamp"),
        (lambda good: good.replace("t=", "t=x"), "no_timestamp"),
        (lambda good: f"{good}, {good}", "no_signature"),
        (lambda good: f"t={AT},{good}", "no_timestamp"),
        (lambda good: good.replace("s=", "s=!"), "bad_signature"),
        (lambda good: good.replace(str(AT), "9" * 30), "bad_signature"),
    ],
)
def test_header_that_is_not_in_the_form_is_refused(make, code):
    assert refused(make(signature(BODY, at=AT))) == code


def test_missing_header_is_refused():
    assert refused(headers={}) == "no_signature"


def test_blanks_in_the_header_do_not_matter():
    stamp, _, signed = signature(BODY, at=AT).partition(", ")
    for header in (f"{stamp},{signed}", f" {stamp} ,  {signed} ", f"{signed},{stamp}"):
        assert take(header).events


def test_time_beyond_all_calendars_is_refused():
    huge = 10**20
    assert refused(signature(BODY, at=huge)) == "no_timestamp"


def test_another_partners_delivery_is_refused():
    assert refused(agent_partner_id="70000000") == "wrong_account"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "not_json"),
        (b"[]", "bad_shape"),
        (b'{"eventId": "1", "subscriptionType": "TRANSACTION_STATUS_EVENT"}', "bad_shape"),
        (json.dumps({**EVENT, "eventPayload": {"transactionId": "t-1"}}).encode(), "bad_shape"),
    ],
)
def test_signed_nonsense_is_told_apart(body, code):
    with pytest.raises(DeliveryError) as caught:
        take(body=body)
    assert caught.value.code == code


def test_other_subscriptions_keep_their_name():
    body = json.dumps({**EVENT, "subscriptionType": "PROFILE_EVENT", "eventDate": "soon"}).encode()
    (event,) = take(body=body).events
    assert (event.type, event.time) == ("PROFILE_EVENT", None)
