"""Visa Acceptance's REST API for one call: signed in, encrypted where the connection says so, amounts and errors read."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from connectors.visa.errors import failure_of
from connectors.visa.jose import JoseError, decrypted, encrypted, read_json
from connectors.visa.signing import WITH_BODY, Unsigned, certificate_number, headers, private_key
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure
from hub.connect.encoding import with_query
from hub.connect.manifest import load_manifest
from hub.connect.mapping import without_nulls
from hub.errors import ConfigError, MoneyError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from hub.connect.api import Call, Connection
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

HOSTS: Mapping[str, str] = {"test": "https://apitest.cybersource.com", "live": "https://api.cybersource.com"}
"""By the connection's mode; India's and Visa's own host names are entered as the address of the API."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body is decrypted and not yet judged."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Json:
        """The body as JSON, fractions as text; null for none. Raises ``bad_answer``."""
        if not self.body.strip():
            return None
        try:
            return read_json(self.body)
        except ValueError as error:
            words = self.body[:500].decode("utf-8", "replace")
            raise failure(
                "bad_answer", "Visa's address answered with something else than JSON.", details=words
            ) from error

    def object(self) -> JsonObject:
        """The body as an object. Raises ``bad_answer``."""
        value = self.json()
        if not isinstance(value, dict):
            raise failure("bad_answer", "Visa answered with something else than an object.")
        return value


class Visa:
    """The API for one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._connection = call.connection
        self.base = base_of(call.connection)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """GET. Raises like an action."""
        return self.judged(self.send("GET", path, query=query)).object()

    def found(self, path: str) -> JsonObject | None:
        """GET; None when Visa does not know it (or does not know it yet: searches lag behind by minutes)."""
        answer = self.send("GET", path)
        return None if answer.status == 404 else self.judged(answer).object()  # noqa: PLR2004

    def write(self, method: str, path: str, body: Json = None, *, repeatable: bool = False) -> JsonObject:
        """POST, PATCH or PUT; nulls are left out. Raises like an action.

        Without ``repeatable`` a lost answer and a 5xx are uncertain: Visa takes no idempotency key.
        """
        answer = self.judged(self.send(method, path, body=body, repeatable=repeatable), repeatable=repeatable)
        return answer.object() if answer.body.strip() else {}

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        extra: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """One request, whatever the answer's status."""
        url = with_query(f"{self.base}{path}", query)
        content = self._content(body) if method in WITH_BODY else b""
        request = Unsigned(method, url, content, self._call.now)
        response_key = self._connection.settings.get("response_key_id")
        signed_in = headers(request, self._connection, str(response_key) if response_key else None)
        typed = {"Content-Type": "application/json"} if method in WITH_BODY else {}
        response = self._call.http.request(
            method,
            url,
            headers={"Accept": "application/json", **typed, **(extra or {}), **signed_in},
            body=content if method in WITH_BODY else None,
            repeatable=repeatable,
        )
        return Answer(response.status, response.headers, self._plain(response.body))

    def judged(self, answer: Answer, *, repeatable: bool = True) -> Answer:
        """The answer when it is a 2xx. Raises what any other means."""
        if answer.status >= 400:  # noqa: PLR2004
            raise failure_of(cast("HttpResponse", answer), answer.body, self._call.now, repeatable=repeatable)
        if answer.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"Visa's address answered {answer.status}; check the connection's address.")
        return answer

    def _content(self, body: Json) -> bytes:
        plain = json.dumps(without_nulls(body) or {}, separators=(",", ":"), ensure_ascii=False).encode()
        text = self._connection.settings.get("request_certificate")
        if not text:
            return plain
        certificate = _certificate(str(text))
        key = cast("RSAPublicKey", certificate.public_key())
        header: JsonObject = {"kid": certificate_number(certificate), "iat": int(self._call.now.timestamp())}
        return json.dumps({"encryptedRequest": encrypted(header, plain, key)}, separators=(",", ":")).encode()

    def _plain(self, body: bytes) -> bytes:
        """The body, decrypted where Visa encrypted it: ``{"encryptedResponse": …}`` and nothing beside it."""
        if b'"encryptedResponse"' not in body:
            return body
        try:
            value = read_json(body)
            token = value.get("encryptedResponse") if isinstance(value, dict) and len(value) == 1 else None
            return decrypted(token, encryption_keys(self._connection)) if isinstance(token, str) else body
        except JoseError as error:
            raise failure("bad_answer", f"Visa's encrypted answer cannot be opened. {error}") from error


if TYPE_CHECKING:
    from hub.connect.api import HttpResponse


def base_of(connection: Connection) -> str:
    """The API's address: the connection's own, else that of its mode."""
    own = connection.settings.get("api_base")
    return str(own or HOSTS[str(connection.settings.get("mode") or "test")]).rstrip("/")


def encryption_keys(connection: Connection) -> tuple[RSAPrivateKey, ...]:
    """The private keys for what Visa encrypts for us (answers, webhooks), the newest first; several while one rotates."""
    return tuple(_key(text) for text in connection.secret_versions("encryption_key"))


@functools.lru_cache(maxsize=32)
def _key(text: str) -> RSAPrivateKey:
    return private_key(text, None)[0]


@functools.lru_cache(maxsize=32)
def _certificate(text: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        message = "The certificate for encrypting requests cannot be read."
        raise ConfigError(message, remedy="Download it again from the Business Center, in PEM form.") from error
    if not isinstance(certificate.public_key(), RSAPublicKey):
        message = "The certificate for encrypting requests holds no RSA key."
        raise ConfigError(message, remedy="Download the request certificate, not another one.")
    return certificate


def segment(reference: Json) -> str:
    """A reference as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """The currencies as the manifest has them."""
    return load_manifest(Path(__file__).parent).currencies


def amount_details(amount: Json) -> dict[str, Json]:
    """``totalAmount`` (decimal text, major units) and ``currency``. Raises ``PermanentError`` (``bad_input``)."""
    return {"totalAmount": decimal(amount), "currency": Money.from_json(amount).currency}


def decimal(amount: Json) -> str:
    """An amount as decimal text in major units. Raises ``PermanentError`` (``bad_input``)."""
    money = Money.from_json(amount)
    if money.minor <= 0:
        raise failure("bad_input", f"{money} is not an amount that can be paid.")
    try:
        return to_gateway_decimal(money, currencies())
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(amount: Json, currency: Json) -> Money | None:
    """Money of Visa's decimal text and currency; None where either is missing."""
    if not isinstance(amount, (str, int)) or isinstance(amount, bool) or not isinstance(currency, str):
        return None
    return from_gateway_decimal(amount, currency, currencies())


def money_json(amount: Json, currency: Json) -> Json:
    """As :func:`money_of`, as JSON."""
    money = money_of(amount, currency)
    return None if money is None else cast("Json", money.to_json())


def object_of(value: Json) -> JsonObject:
    """A member that is an object; empty when it is missing."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Json) -> list[JsonObject]:
    """A member that is a list of objects."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words(thing: JsonObject, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Visa itself calls it."""
    own = {"name": "visa", "id": thing.get("id"), "status": thing.get("status"), **more}
    return {name: value for name, value in own.items() if value is not None}
