"""Every gateway's webhooks as they arrive over HTTP: what is genuine is taken, everything else refused, with the same answer
from ``hub webhook verify``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
import yaml
from click.testing import CliRunner

from hub.cli import hub_command
from tests.fakes.amazon_pay_sns import rsa_key
from tests.stories.cells import begin_something
from tests.stories.markets import changed
from tests.stories.payers import MARKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.gateway import Webhook


@dataclass(frozen=True)
class Scheme:
    """What a gateway's scheme signs, and where. ``members``: the signatures stand in the body, not in a header."""

    header: str = ""
    members: tuple[str, ...] = ()
    wrong: Mapping[str, Any] | None = None
    """Fields of a connection with another key."""
    latest: timedelta | None = None
    """After this time a delivery is stale; None: the scheme signs no time."""
    early: timedelta | None = None
    signs_bytes: bool = True
    """False: it signs values, so that the same values may be written anew."""
    signs_body: bool = True


def public_key() -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa_key("somebody else").public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


SCHEMES = {
    "amazon_pay": Scheme(
        members=("Signature",), latest=timedelta(days=16), early=timedelta(minutes=10), signs_bytes=False,
        wrong={"topic_arn": "arn:aws:sns:us-east-1:123456789012:of-somebody-else"},
    ),
    "authorize_net": Scheme("x-anet-signature", wrong={"signature_key": "AB" * 64}),
    "instamojo": Scheme(members=("mac",), wrong={"salt": "the_salt_of_somebody_else"}, signs_bytes=False),
    "mastercard": Scheme(
        "x-notification-secret", wrong={"webhook_secret": "F" * 32}, signs_bytes=False, signs_body=False
    ),
    "moneygram": Scheme(
        "signature", wrong={"public_key": public_key()}, latest=timedelta(minutes=70), early=timedelta(minutes=70)
    ),
    "paypal": Scheme("paypal-transmission-sig", latest=timedelta(days=30)),
    "razorpay": Scheme("x-razorpay-signature", wrong={"webhook_secret": "of_somebody_else"}),
    "stripe": Scheme(
        "stripe-signature", wrong={"webhook_secret": "whsec_of_somebody_else"}, latest=timedelta(minutes=6),
        early=timedelta(minutes=6),
    ),
    "twocheckout": Scheme(
        members=("SIGNATURE_SHA3_256", "SIGNATURE_SHA2_256", "HASH"), wrong={"secret_key": "the_key_of_somebody_else"}
    ),
    "visa": Scheme(
        "v-c-signature", latest=timedelta(minutes=70), early=timedelta(minutes=70),
        wrong={"webhook_key": "00000000-0000-4000-8000-00000000aaaa:" + "QUJD" * 11},
    ),
}  # fmt: skip
ASKED = {"paypal"}
"""Whose connection asks the gateway to verify: there a refusal is the gateway's own word, which a look from outside lacks."""


@pytest.fixture(scope="module", params=SCHEMES)
def sent(request, tmp_path_factory):
    """A market, its scheme, a genuine delivery, and the folder for the command's files."""
    folder = tmp_path_factory.mktemp(request.param)
    with MARKETS[request.param].opened(folder / "data") as market:
        begin_something(market, "o_hook")
        yield market, SCHEMES[request.param], market.fake.webhooks(market.hooks)[0], folder


def verdicts(
    sent, webhook: Webhook, *, at: timedelta = timedelta(), wrong: Mapping[str, Any] | None = None
) -> list[str]:
    """The hub's answer over HTTP and the command's, each as the code of the refusal; ``taken`` when there is none."""
    market, _, _, folder = sent
    said = []
    if wrong is None:
        before, market.live.clock.offset = market.live.clock.offset, market.live.clock.offset + at
        answer = market.send(webhook)
        market.live.clock.offset = before
        assert answer.status_code in {200, 400, 401}, answer.text
        said.append("taken" if answer.ok else str(answer.json()["error"]))
    if market.name not in ASKED:
        said.append(by_command(market, webhook, folder, at, wrong or {}))
    return said


def by_command(market, webhook, folder, at, wrong) -> str:
    lines = [
        f"POST {market.hooks}?{webhook.query} HTTP/1.1",
        *(f"{name}: {text}" for name, text in webhook.headers.items()),
    ]
    (folder / "request.http").write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + webhook.body)
    fields = {**market.fake.fields(), **market.fields, **wrong}
    (folder / "fields.yaml").write_text(yaml.safe_dump(fields))
    command = ["webhook", "verify", market.name, str(folder / "request.http"), "--config", str(folder / "fields.yaml")]
    command += ["--at", (market.live.clock() + at).isoformat()]
    for number, (url, content) in enumerate(webhook.fetches.items()):
        (folder / f"{number}.pem").write_bytes(content)
        command += ["--fetch", f"{url}={folder / f'{number}.pem'}"]
    result = CliRunner().invoke(hub_command, command)
    verdict = json.loads(result.stdout)
    assert result.exit_code == (0 if verdict["accepted"] else 1)
    return "taken" if verdict["accepted"] else verdict["code"]


def refused(said: list[str]) -> bool:
    """Whether all that were asked refuse, for one reason."""
    return len(set(said)) == 1 and said[0] != "taken"


def rewritten(body: bytes) -> bytes:
    """The same values, written anew."""
    if body.startswith(b"{"):
        return json.dumps(json.loads(body), indent=3, sort_keys=True).encode()
    return urlencode(sorted(parse_qsl(body.decode(), keep_blank_values=True), reverse=True)).encode()


def signed_by(webhook: Webhook, scheme: Scheme, times: int) -> Webhook:
    """The delivery with its signature so many times."""
    if scheme.header:
        headers = {name: text for name, text in webhook.headers.items() if name.lower() != scheme.header}
        value = next(text for name, text in webhook.headers.items() if name.lower() == scheme.header)
        return replace(webhook, headers={**headers, scheme.header: ", ".join([value] * times)} if times else headers)
    if webhook.body.startswith(b"{"):
        pairs = json.loads(webhook.body, object_pairs_hook=list)
        kept = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in multiplied(pairs, scheme.members, times)]
        return replace(webhook, body=("{" + ", ".join(kept) + "}").encode())
    pairs = parse_qsl(webhook.body.decode(), keep_blank_values=True)
    return replace(webhook, body=urlencode(multiplied(pairs, scheme.members, times)).encode())


def multiplied(pairs, members, times):
    return [pair for pair in pairs for _ in range(times if pair[0] in members else 1)]


def test_what_is_genuine_is_taken_as_often_as_it_comes(sent):
    assert set(verdicts(sent, sent[2]) + verdicts(sent, sent[2])) == {"taken"}


def test_a_changed_body_is_refused_or_never_believed(sent):
    market, scheme, webhook, _ = sent
    forged = replace(webhook, body=changed(webhook.body))
    if scheme.signs_body:
        assert refused(verdicts(sent, forged))
    else:  # the secret stands in clear beside it: what the body names is read from the gateway, which does not know it
        events = len(market.live.events())
        assert market.send(forged).status_code == 503
        assert len(market.live.events()) == events


def test_a_body_written_anew_is_refused_where_bytes_are_signed(sent):
    _, scheme, webhook, _ = sent
    said = verdicts(sent, replace(webhook, body=rewritten(webhook.body)))
    assert refused(said) if scheme.signs_bytes else set(said) == {"taken"}


def test_another_key_proves_nothing(sent):
    market, scheme, webhook, _ = sent
    if scheme.wrong is None:
        market.fake.webhook_id, known = "WH-OF-SOMEBODY-ELSE", market.fake.webhook_id
        assert refused(verdicts(sent, replace(webhook, body=changed(webhook.body))))
        market.fake.webhook_id = known
    else:
        assert refused(verdicts(sent, webhook, wrong=scheme.wrong))


def test_what_is_old_or_of_the_future_is_refused_where_a_time_is_signed(sent):
    _, scheme, webhook, _ = sent
    if scheme.latest is None:
        assert set(verdicts(sent, webhook, at=timedelta(hours=12))) == {"taken"}, "nothing signed tells its age"
        return
    assert set(verdicts(sent, webhook, at=scheme.latest)) == {"stale"}
    if scheme.early is not None:
        assert set(verdicts(sent, webhook, at=-scheme.early)) == {"future"}


@pytest.mark.parametrize("times", [0, 2])
def test_a_missing_or_doubled_signature_is_refused(sent, times):
    _, scheme, webhook, _ = sent
    assert refused(verdicts(sent, signed_by(webhook, scheme, times)))


def test_what_was_refused_is_counted_with_its_reason_and_not_kept(sent):
    market, scheme, webhook, _ = sent
    verdicts(sent, signed_by(webhook, scheme, 0))
    counted = [one for one in market.live.hub.store.refusals() if one["connection"] == "shop"]
    assert counted
    assert all(one["last_message"] for one in counted)
