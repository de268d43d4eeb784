from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connectors.amazon_pay.signing import canonical_query, canonical_request, string_to_sign
from connectors.amazon_pay.webhooks import receive
from hub.connect.api import Connection, WebhookRequest
from hub.errors import DeliveryError, SignatureError, UnavailableError
from tests.fakes.amazon_pay_sns import HOST, TOPIC, certificate_of, certificate_url, delivery, handshake, published

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MERCHANT = "A1MADEUP000000"
NOTE = {"MerchantID": MERCHANT, "ObjectType": "CHARGE", "ObjectId": "S01-1234567-7654321-C012345"}

# Vectors of the AWS SDK for Java 2 (services-custom/sns-message-manager, test resources): three messages and their certificate.
AWS_TOPIC = "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"
AWS_HOST = "https://sns.us-west-2.amazonaws.com"
AWS_CERTIFICATE_URL = f"{AWS_HOST}/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
AWS_CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIFxTCCBK2gAwIBAgIQBkyRNHAyygLkObkxH5ju+zANBgkqhkiG9w0BAQsFADA8
MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRwwGgYDVQQDExNBbWF6b24g
UlNBIDIwNDggTTAxMB4XDTI1MTExMDAwMDAwMFoXDTI2MTAxNDIzNTk1OVowHDEa
MBgGA1UEAxMRc25zLmFtYXpvbmF3cy5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IB
DwAwggEKAoIBAQChbVNQ+DEaT5WN+l+bg0iEeF666Z6LDFc1KJr4lNl0odcXQSsk
KsZYCMVdp4I/Ikk9zWyckRTMkmQGYimpD+bTsMCP5C/sJIU0E9Y2OXjjl5Videkq
qnRL9VdE5N41Rvks7S/5MpYcSmCsmaHfwcv82Gvx2zm9CrA5Xu7K2ZqhzRQPCRSP
mHTHQr4ED63ujE+qTpPgQZ0TvgmcrAc08Z75Z7Zzs17aTNc3YhAtQx9WowN8uiHk
kgc+ONNdtwKvWZNmnbmxMHYtYc291WCP1K1Nh4TV5XNyjIebzQKDrqTCN0ItAr1x
e6Bl3BYS3SG9XHAy0q3ekITzQsKypcuaK6dTAgMBAAGjggLhMIIC3TAfBgNVHSME
GDAWgBSBuA5jiokSGOX6OztQlZ/m5ZAThTAdBgNVHQ4EFgQUBQEUzzzuVJAKzAlR
d0Q//W6HvZUwHAYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wEwYDVR0gBAww
CjAIBgZngQwBAgEwDgYDVR0PAQH/BAQDAgWgMBMGA1UdJQQMMAoGCCsGAQUFBwMB
MDsGA1UdHwQ0MDIwMKAuoCyGKmh0dHA6Ly9jcmwucjJtMDEuYW1hem9udHJ1c3Qu
Y29tL3IybTAxLmNybDB1BggrBgEFBQcBAQRpMGcwLQYIKwYBBQUHMAGGIWh0dHA6
Ly9vY3NwLnIybTAxLmFtYXpvbnRydXN0LmNvbTA2BggrBgEFBQcwAoYqaHR0cDov
L2NydC5yMm0wMS5hbWF6b250cnVzdC5jb20vcjJtMDEuY2VyMAwGA1UdEwEB/wQC
MAAwggF/BgorBgEEAdZ5AgQCBIIBbwSCAWsBaQB3ANdtfRDRp/V3wsfpX9cAv/mC
yTNaZeHQswFzF8DIxWl3AAABmnAb33MAAAQDAEgwRgIhANXAgMEZWU326cqxqwnf
ntD0XcBjRbmvVMOp3hZ8boPXAiEAkI3NTMXcdLCChHak1ipOae7K7r3spMGUMk6Q
cEUKqBEAdgDCMX5XRRmjRe5/ON6ykEHrx8IhWiK/f9W1rXaa2Q5SzQAAAZpwG9+u
AAAEAwBHMEUCIQD+Qyok8NYaFuQkccW+XIMmxHxj6Yka2wjtg6UN/tbU5wIgcp4z
8MyC/dUfeLRuHAt0owtVgEu7xXqrMBOYlbXrfC4AdgDLOPcViXyEoURfW8Hd+8lu
8ppZzUcKaQWFsMsUwxRY5wAAAZpwG9+yAAAEAwBHMEUCIQCmu1jQUG9A2br7OqwM
FvQXtBX10yIvvDa6a2Ov1Zgg6gIgKlqRvN6WhX0pSHAN2bKmjRwIUI3X9kjS/A/m
DYULaV4wDQYJKoZIhvcNAQELBQADggEBAIbTQWQhqrG6SzwLq79tKCpI0aL0xlD+
/jrGPxpwTlK7rtAArHiEVh/bsmwLYRlIxPBiU+NE/kqeT0lhJA6/e3X3KRmnpJ6u
Z70PJGYwmZbSRsFom0vGFBMncX0qYx1iD0dooPeAkkSnM5j81rBh+FepV3HfF+tA
9gaglWLsU7Z/A0fdn9D32UPreVHloOut5EyEinvXRUAWZco9CRloyEXJr7Mxq9MZ
vYOK+5wuSPHnPij+fGlQsPxEgoTnCmU03PqNS49kL13jjEnYYdijqL+4rfHtuZbc
4hlVoZfttwg8wD3m5brhQ+GkBBNYN8HFtdVy/BnFi+SPJqv6BgB3Y00=
-----END CERTIFICATE-----
"""
AWS_V2 = {
    "Type": "Notification",
    "MessageId": "9d2c5580-b61d-550c-8583-37a582870907",
    "TopicArn": AWS_TOPIC,
    "Message": "This message uses signature version 2.",
    "Timestamp": "2026-03-06T20:00:26.893Z",
    "SignatureVersion": "2",
    "Signature": "kGNJ7FIM5DJxRv9bdoSJBty2WHpADFWrJ0ZQU/A2sALy6tBE5hqfUvPRlklTJ+PACFMguoFOO7W6ac/Bs4gR+JBRFhx4598X8/HWzrmaLrtB2f7nzViHbpzYN+u+OewXhxjj2lNsu0bLKv6fogkACytDIOhjZylbfJoPphDYAB7T3Ila7u+K3m2wLHH4k1cPYKyBf5FI/kAoQAVsY6qFHeb6CWfHsdM98I2gwyEvwJSzW0iyYBfqckmthQwH3Ex53jrhQlZylXFDYmstSJAdvbLeGqIUxKyk+O25wYgBjbbbeR+2qE2UCGEQrk1Bq018wmTxdHZmDhoBjJXiGmFkfg==",
    "SigningCertURL": AWS_CERTIFICATE_URL,
}  # fmt: skip
AWS_V1 = {
    "Type": "Notification",
    "MessageId": "26858270-545e-5848-82a2-e05566af3dcf",
    "TopicArn": AWS_TOPIC,
    "Subject": "My message subject",
    "Message": "Hello! This message has a subject.",
    "Timestamp": "2026-03-06T19:53:21.424Z",
    "SignatureVersion": "1",
    "Signature": "jvNSgHVOF9KUOKI3bmQZhURD0kDN6txhfjiyuvnV95Dw6b2SRa7nq3AhM8agP0KUCIrRgKHqUlN6K2XBA35Lzkx1eI5RT0oXIN00pvvzGxSz0ddnuSGmDJM7bd/b1vl2RlLjz+KvkhzEtspxLnxjLsGl2EpOmztt+um7owb4475sOLdGTx1QiFV/8HqB2J0DyjeWdRZvu7Xpsf1Yd2rgmijFoz8x89Vw8pIksjczr4q16pxdh/XKWjbN2uPoC+3EeYdljL8KUvLYH9ueHSs5E9qq2iLdze4+FtANnE73XRvvSGE0KI+FGOvz1igest6qon3g1/CVy4mq3n19TsCSmA==",
    "SigningCertURL": AWS_CERTIFICATE_URL,
}  # fmt: skip
AWS_TOKEN = "2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da14007cbccefffd35b695feb8f0294d01fd9644f41e1ddfad261519a2c0bac743ff375eeb64530147d2da57f3acc54739da14c8dbd48a9d58ce996eff0d498ea6b4b9f58720d8959b52b99b8de148081720d7da17434e376614a00c992e7823e4"  # fmt: skip
AWS_HANDSHAKE = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "f3f2fc87-c426-4c2f-9044-b55890c0939c",
    "Token": AWS_TOKEN,
    "TopicArn": AWS_TOPIC,
    "Message": f"You have chosen to subscribe to the topic {AWS_TOPIC}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
    "SubscribeURL": f"{AWS_HOST}/?Action=ConfirmSubscription&TopicArn={AWS_TOPIC}&Token={AWS_TOKEN}",
    "Timestamp": "2026-03-06T19:31:32.895Z",
    "SignatureVersion": "1",
    "Signature": "Ce2Ax8UbEq0RrVH7gsjP9WZ9bzif7dUkAY4OH99Pv7FSrvs8cK+uiH3a6ig54rXWUnZRUejk8K6KeK5Q80O9iJp8KbPRKdQ0PkJ3YASdabhfK0e7evC05YR2pFoS6nNaqNzT7HrR1d1Z9iLoFxluo2Dzb7kWVB7e9jp/y+ZBXRzRIaZgscM84kahBc6QgXOFJA1/PFA4cB5qaa6tBcUFtTE63o9vJ4wMmKk93W9MoszC+dNJeVFr8VHmt3toR+3JauBCZnGdgXgsDhni4PduSfWJJxEpuOK41iYf1hW+xFNFFsv46siTFiHdHiYDfI7/VlaY4spMgkq3EndRr7rHzQ==",
    "SigningCertURL": AWS_CERTIFICATE_URL,
}  # fmt: skip
AWS_NOW = datetime(2026, 3, 6, 20, 1, tzinfo=UTC)


def connection(**settings):
    given = {"merchant_id": MERCHANT, "topic_arn": TOPIC, **settings}
    return Connection("apay", "amazon_pay", given, {})


def take(webhook, *, now=NOW, fetched=None, headers=None, **settings):
    asked = [] if fetched is None else fetched
    known = {**webhook.fetches, AWS_CERTIFICATE_URL: AWS_CERTIFICATE.encode()}

    def fetch(url):
        asked.append(url)
        return known.get(url, b"<ConfirmSubscriptionResponse/>")

    sent = webhook.headers if headers is None else headers
    request = WebhookRequest("POST", "https://hub.example.com/hooks/apay", "", sent, webhook.body)
    return receive(request, connection(**settings), now, fetch)


def take_aws(envelope, **options):
    return take(delivery(envelope), now=AWS_NOW, topic_arn=AWS_TOPIC, **options)


def refused(webhook, **options):
    with pytest.raises(SignatureError) as caught:
        take(webhook, **options)
    assert caught.value.remedy
    return caught.value.code


def signed(**changes):
    return published(json.dumps(NOTE), **changes)


@pytest.mark.parametrize("envelope", [AWS_V2, AWS_V1], ids=["version 2", "version 1"])
def test_amazons_vectors_are_authentic_though_no_notification_of_amazon_pay(envelope):
    with pytest.raises(DeliveryError) as caught:
        take_aws(envelope)
    assert caught.value.code == "bad_shape"


@pytest.mark.parametrize("envelope", [AWS_V2, AWS_V1, AWS_HANDSHAKE], ids=["version 2", "version 1", "handshake"])
def test_amazons_vectors_with_one_more_blank_are_refused(envelope):
    with pytest.raises(SignatureError) as caught:
        take_aws({**envelope, "Message": f"{envelope['Message']} "})
    assert caught.value.code == "bad_signature"


def test_amazons_handshake_is_answered_at_the_pinned_host():
    asked = []
    delivered = take_aws(AWS_HANDSHAKE, fetched=asked)
    assert [event.type for event in delivered.events] == ["SubscriptionConfirmation"]
    assert asked[-1].startswith(f"{AWS_HOST}/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns")
    assert asked[-1].endswith(f"&Token={AWS_TOKEN}")
    assert AWS_TOKEN not in json.dumps(delivered.events[0].payload)


def test_amazons_certificate_is_over_today():
    aged = replace(delivery({**AWS_V2, "Timestamp": "2026-11-23T09:00:00Z"}))
    assert refused(aged, topic_arn=AWS_TOPIC) == "bad_certificate"


# Button and requests.

PHP_KEY = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6Eqj050ePXhA39d4FyvS
QyIbW9frefsjw9JSPIRHX4XimpAOgJ75BmG/wptqXOG79xDyWOXmHHz5alRjvoQA
lI7HOdnScWxHO+9esm1koJyvug23Pa5KN8j7BYRpFOuYhFS8hxUEsmMYSw7iIsck
bqBB7VzxnGfP10kNcAhJ+GSbHN74CsqJJkX+66m85Mrb/13QxZVbIsZLwfQ/S12l
StvI1rjtyXBEmfEWNOZLQdPdM2QBkCm+vp9QjsD2zpINCCazp+DibqjcCtSGN2mS
iraFSBKdg1E55K11E56pF55BsZk5lo8/aGAMEYzJB4XYwaMV21Fadg8sM0NRlBFl
uwIDAQAB
-----END PUBLIC KEY-----
"""
PHP_PAYLOAD = '{"storeId":"amzn1.application-oa2-client.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","webCheckoutDetails":{"checkoutReviewReturnUrl":"https://localhost/test/CheckoutReview.php","checkoutResultReturnUrl":"https://localhost/test/CheckoutResult.php"}}'  # fmt: skip
PHP_DIGEST = "8dec52d799607be40f82d5c8e7ecb6c171e6591c41b1111a576b16076c89381c"
V2_SIGNATURE = "5928Sq6vQFTwRq5M4JAiclUus1Lh9hiMhOCY/6bNPTqP08jIMUTDRpdcQy7OXfFBdX1eET/ED/+yDu0eXmpwuaIHmC3xZPlGlIdILfKIP/Cv4/hM2UCbrbJUgA7mqEN46AI1fqTcrsvltZCc8B6CxkJl5JdBjwW7aLqKFWAFTqmtmGM0KyDTLDqh4Ta5uLAew9AjoLbapO/NB0NcVefIoHV2QQ/y+A34UlWotVXSlIKD2zZzNquvyMSGcyNN+64YD0IqT9rzp/TUIhXcM462H+JBw0yr2zB4jprr2qISqXVXhcrKXlqV9u+1zzmaim8p2WUpQtzH8fTV9vlng/+wDg=="  # fmt: skip


def test_buttons_text_is_that_of_the_php_library():
    assert string_to_sign("AMZN-PAY-RSASSA-PSS", PHP_PAYLOAD) == f"AMZN-PAY-RSASSA-PSS\n{PHP_DIGEST}"
    assert string_to_sign("AMZN-PAY-RSASSA-PSS-V2", PHP_PAYLOAD) == f"AMZN-PAY-RSASSA-PSS-V2\n{PHP_DIGEST}"


@pytest.mark.parametrize(("salt", "matches"), [(32, True), (20, False)])
def test_version_2_takes_a_salt_of_32_bytes(salt, matches):
    text = string_to_sign("AMZN-PAY-RSASSA-PSS-V2", PHP_PAYLOAD).encode()
    key = load_pem_public_key(PHP_KEY)
    try:
        key.verify(base64.b64decode(V2_SIGNATURE), text, PSS(MGF1(hashes.SHA256()), salt), hashes.SHA256())
        verified = True
    except InvalidSignature:
        verified = False
    assert verified == matches


def test_canonical_request_is_that_of_the_node_library():
    headers = {
        "x-amz-pay-idempotency-key": "madeupkey0123456789",
        "Content-Type": "application/json",
        "accept": " application/json ",
        "x-amz-pay-region": "na",
        "x-amz-pay-host": "pay-api.amazon.com",
        "x-amz-pay-date": "20260101T000000Z",
    }
    body = b'{"chargeId":"S03-0000000-0000000-C000000","refundAmount":{"amount":"14.00","currencyCode":"USD"}}'
    text = canonical_request("POST", "https://pay-api.amazon.com/v2/refunds", headers, body)
    assert text.splitlines()[-1] == "18c3bdf1f0151140480bd06213540a1758102776034405595bdb7e2dd1a47d56"
    digest = "26625c0bc56d476ccd7d2b689bbb90433ceba166ef0dc4bbe52263e7519058a5"
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert string_to_sign("AMZN-PAY-RSASSA-PSS", text).endswith(digest)


def test_query_is_sorted_and_encoded_as_in_the_php_library():
    pairs = [("softDescriptor", "chargeTest-1"), ("amount", "100.50"), ("customInformation", "Information about order")]
    expected = "amount=100.50&customInformation=Information%20about%20order&softDescriptor=chargeTest-1"
    assert canonical_query(pairs) == expected


# Notifications.


@pytest.mark.parametrize("version", ["1", "2"])
def test_notification_is_a_hint_of_what_to_read(version):
    envelope = signed(version=version)
    delivered = take(delivery(envelope))
    (event,) = delivered.events
    assert (event.id, event.type, event.time) == (envelope["MessageId"], "CHARGE", NOW)
    assert event.payload["ObjectId"] == NOTE["ObjectId"]
    assert delivered.hint
    assert delivered.answer.status == 200


def test_body_may_be_written_anew_for_only_its_members_are_signed():
    webhook = delivery(signed())
    anew = json.dumps(dict(sorted(json.loads(webhook.body).items())), separators=(",", ":")).encode()
    assert take(replace(webhook, body=anew)).events


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "Type"])
def test_changed_member_is_refused(name):
    envelope = signed()
    other = {
        "Message": json.dumps({**NOTE, "ObjectId": "S01-0000000-0000000-C000000"}),
        "MessageId": "another",
        "Timestamp": "2026-11-23T09:00:01.000Z",
        "Type": "Notification ",
    }[name]
    webhook = delivery({**envelope, name: other})
    if name == "Type":
        with pytest.raises(DeliveryError):
            take(webhook)
    else:
        assert refused(webhook) == "bad_signature"


def test_subject_that_was_added_or_taken_away_is_refused():
    assert refused(delivery({**signed(), "Subject": "added"})) == "bad_signature"
    envelope = signed(Subject="signed")
    assert take(delivery(envelope)).events
    del envelope["Subject"]
    assert refused(delivery(envelope)) == "bad_signature"


def test_another_key_does_not_pass_for_amazons():
    webhook = delivery({**signed(key="stranger"), "SigningCertURL": certificate_url("sns")})
    assert refused(webhook) == "bad_signature"


def test_certificate_of_another_name_is_refused():
    webhook = delivery(signed(key="other-name"), key="other-name")
    named = {certificate_url("other-name"): certificate_of("other-name-2", "evil.example.com")}
    assert refused(replace(webhook, fetches=named)) == "bad_certificate"
    assert refused(replace(webhook, fetches={certificate_url("other-name"): b"<html>"})) == "bad_certificate"


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        f"https://{HOST}:8443/SimpleNotificationService-0123456789abcdef.pem",
        f"https://user@{HOST}/SimpleNotificationService-0123456789abcdef.pem",
        f"https://{HOST}/mine/SimpleNotificationService-0123456789abcdef.pem",
        f"https://{HOST}/SimpleNotificationService-0123456789abcdef.pem?x=1",
        f"https://{HOST}/../SimpleNotificationService-0123456789abcdef.pem",
        "",
    ],
)
def test_certificate_is_fetched_from_nowhere_else(url):
    asked = []
    assert refused(delivery({**signed(), "SigningCertURL": url}), fetched=asked) == "bad_certificate_url"
    assert asked == []


@pytest.mark.parametrize("known", ["", "arn:aws:sns:us-east-1:210987654321:other", None])
def test_topic_that_the_connection_does_not_name_is_refused_and_named(known):
    asked = []
    with pytest.raises(SignatureError) as caught:
        take(delivery(signed()), topic_arn=known, fetched=asked)
    assert caught.value.code == "wrong_topic"
    assert TOPIC in caught.value.message
    assert asked == []


def test_several_topics_may_be_named():
    assert take(delivery(signed()), topic_arn=f"arn:aws:sns:us-east-1:210987654321:other, {TOPIC}").events


def test_another_merchants_notification_is_refused():
    assert refused(delivery(signed()), merchant_id="A2OTHER0000000") == "wrong_account"


@pytest.mark.parametrize(("days", "code"), [(15.1, "stale"), (-0.01, "future")])
def test_time_is_bounded_on_both_sides(days, code):
    assert refused(delivery(signed()), now=NOW + timedelta(days=days)) == code


def test_notification_may_be_as_old_as_amazon_repeats_it():
    assert take(delivery(signed()), now=NOW + timedelta(days=14)).events
    assert take(delivery(signed()), now=NOW - timedelta(minutes=4)).events


def test_missing_signature_is_refused():
    envelope = signed()
    del envelope["Signature"]
    assert refused(delivery(envelope)) == "no_signature"
    assert refused(delivery({**signed(), "SignatureVersion": "3"})) == "bad_signature"
    assert refused(delivery({**signed(), "Signature": "not base64!"})) == "bad_signature"
    assert refused(delivery({**signed(), "Timestamp": "yesterday"})) == "no_timestamp"


def test_doubled_member_is_refused():
    webhook = delivery(signed())
    doubled = webhook.body.replace(b'"Type"', b'"Message": "{}", "Type"')
    assert refused(replace(webhook, body=doubled)) == "doubled_member"


def test_header_that_disagrees_is_refused_and_one_that_is_missing_is_not():
    webhook = delivery(signed())
    assert take(webhook, headers={}).events
    with pytest.raises(DeliveryError):
        take(webhook, headers={"x-amz-sns-message-type": "SubscriptionConfirmation"})


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "not_json"), (b"[]", "no_signature"), (b"\xff", "not_json"), (b"12", "not_json")]
)
def test_nonsense_is_told_apart(body, code):
    with pytest.raises((DeliveryError, SignatureError)) as caught:
        take(replace(delivery(signed()), body=body), headers={})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "message", ["not json", "[]", '{"ObjectType": "CHARGE"}', '{"ObjectType": 1, "ObjectId": "x"}']
)
def test_message_that_is_no_notification_is_refused(message):
    with pytest.raises(DeliveryError) as caught:
        take(delivery(published(message)))
    assert caught.value.code == "bad_shape"


def test_missing_member_is_refused():
    envelope = handshake()
    del envelope["Token"]
    with pytest.raises(DeliveryError, match="no Token"):
        take(delivery(envelope))


# The handshake.


def test_handshake_is_answered_at_an_address_of_our_own_making():
    asked = []
    envelope = handshake()
    evil = {**envelope, "SubscribeURL": "https://evil.example/"}
    with pytest.raises(SignatureError):
        take(delivery(evil), fetched=asked)
    assert asked == [certificate_url("sns")]
    take(delivery(envelope), fetched=asked)
    assert asked[-1].startswith(f"https://{HOST}/?Action=ConfirmSubscription&TopicArn=arn%3Aaws")
    assert asked[-1].endswith(envelope["Token"])


def test_handshake_of_another_topic_is_not_answered():
    asked = []
    assert refused(delivery(handshake()), topic_arn="", fetched=asked) == "wrong_topic"
    assert asked == []


def test_end_of_a_subscription_is_only_noted():
    asked = []
    envelope = published("You have left.", Type="UnsubscribeConfirmation", Token="t", SubscribeURL=f"https://{HOST}/")
    assert take(delivery(envelope), fetched=asked).events[0].type == "UnsubscribeConfirmation"
    assert not [url for url in asked if "Action" in url]


def test_certificate_that_cannot_be_fetched_now_is_asked_for_again():
    def fetch(url):
        raise SignatureError(f"{url} answered 503.", code="not_fetched", remedy="Try again later.")

    webhook = delivery(signed(key="away"), key="away")
    request = WebhookRequest("POST", "https://hub.example.com/hooks/apay", "", webhook.headers, webhook.body)
    with pytest.raises(UnavailableError):
        receive(request, connection(), NOW, fetch)
