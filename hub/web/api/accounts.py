"""Where a provider's money goes, by the API: given and replaced in full, read with the ends of numbers only.

These are no actions of a connector, so that no account stands in the steps of a recipe.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from hub.bank_accounts import HOLDER, IBAN, LONGEST_PART, PARTS, TYPES, ending_of, kind_of, masked
from hub.commerce.provider_forms import account_words, read_account_parts
from hub.commerce.providers import find_provider, keep_account, keep_gateway_account
from hub.connect.redaction import has_card_number
from hub.errors import PermanentError
from hub.payments.destinations import (
    CARD_NUMBER,
    LONGEST,
    GatewayAccount,
    destination_problems,
    pays_by_reference,
)
from hub.payments.payout_runs import payout_refusal
from hub.web.acting import manifest_of
from hub.web.api.bearer import caller
from hub.web.api.listings import bad_field
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.jsontypes import Json, JsonObject, JsonSchema

NUMBER: Final = "bank.number"
"""The member that may begin like a card's number without being one: it is judged here, and by the schemes' own ranges."""

_PART: Final[JsonSchema] = {"type": "string", "maxLength": LONGEST_PART}
BANK: Final[JsonSchema] = {
    "type": "object",
    "additionalProperties": False,
    "title": "Bank account",
    "description": "iban: iban and, if you like, bic. us: routing, number, type. in: ifsc, number. gb: sort_code, "
    "number. other: bic, number.",
    "required": [HOLDER],
    "properties": {
        "kind": {"enum": list(PARTS), "default": IBAN, "title": "Kind"},
        HOLDER: {"type": "string", "minLength": 1, "maxLength": 70, "title": "Holder"},
        "iban": {**_PART, "title": "IBAN"},
        "bic": {**_PART, "title": "BIC"},
        "routing": {
            **_PART,
            "title": "Routing number",
            "description": "Of the American Bankers Association, nine digits.",
        },
        "ifsc": {**_PART, "title": "IFSC"},
        "sort_code": {**_PART, "title": "Sort code"},
        "number": {**_PART, "title": "Account number"},
        "type": {"enum": list(TYPES), "title": "Type"},
    },
}
_REFERENCE: Final[JsonSchema] = {"type": "string", "maxLength": LONGEST}
GIVEN: Final[JsonSchema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "bank": BANK,
        "connection": {
            "type": "string",
            "minLength": 1,
            "maxLength": 80,
            "title": "Connection",
            "description": "In place of bank: whose gateway pays them.",
        },
        "account": {
            **_REFERENCE,
            "title": "Account",
            "description": "How that gateway knows them. Left out: as it is.",
        },
        "to": {
            "type": "object",
            "maxProperties": 50,
            "additionalProperties": _REFERENCE,
            "title": "Destination",
            "description": "Where that gateway sends payouts, by the fields that its page names, such as address.city. "
            "Left out: as it is.",
        },
    },
}
"""What is given: a bank account, or what a gateway wants to know."""

SHOWN: Final[JsonSchema] = {
    "type": "object",
    "required": ["provider", "gateways"],
    "properties": {
        "provider": {"type": "string"},
        "bank": {
            "type": "object",
            "description": "As it was given; of the number the end only. Left out: none is known.",
        },
        "gateways": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["connection"],
                "properties": {
                    "connection": {"type": "string"},
                    "account": {"type": "string", "description": "Its end only."},
                    "to": {"type": "object", "description": "The ends of what was given."},
                },
            },
        },
    },
}
"""What is told of it."""


def shown(provider: str) -> JsonObject:
    """Where a provider's money goes. Raises ``NotFoundError``."""
    with the_hub().database.read() as connection:
        row = find_provider(connection, provider)
    bank: JsonObject = {"bank": cast("JsonObject", masked(row.bank))} if row.bank else {}
    return {"provider": row.id, **bank, "gateways": [_shown(name, kept) for name, kept in sorted(row.accounts.items())]}


def _shown(connection: str, kept: Json) -> JsonObject:
    known = GatewayAccount.of(kept)
    account = {"account": f"…{ending_of(known.reference)}"} if known.reference else {}
    to = {"to": {name: f"…{ending_of(text)}" for name, text in known.to.items()}} if known.to else {}
    return {"connection": connection, **account, **to}


def keeping(provider: str, body: JsonObject) -> Callable[[str], Json]:
    """What keeps an account that fits its schema, given the key of the work. Raises ``PermanentError`` when it is wrong."""
    if ("bank" in body) is ("connection" in body):
        raise bad_field("bank", "Give a bank account, or a connection with account or to.")
    if "bank" in body:
        given = cast("Mapping[str, str]", body["bank"])
        kind = kind_of(given)
        values, wrong = read_account_parts(kind, {name: text for name, text in given.items() if name != "kind"})
        unfit = {
            name: "An account of this kind has no such part."
            for name in given
            if name not in {"kind", HOLDER, *PARTS[kind]}
        }
        said = {**{name: account_words(one) for name, one in wrong.items()}, **unfit}
        if said:
            is_card = any(one.name == "card_number" for one in wrong.values())
            raise _wrong({f"bank.{name}": words for name, words in said.items()}, is_card=is_card)
        return partial(_keep_bank, provider, values)
    for name in ("account", "to"):
        if name in body:
            return partial(_keep_gateway, provider, body, _checked(body))
    raise bad_field("account", "Say how this gateway knows them, or where it sends payouts (to).")


def _checked(body: JsonObject) -> str:
    """The connection, whose gateway pays providers and takes what is given."""
    name = str(body["connection"])
    manifest = manifest_of(name)
    if manifest is None:
        raise bad_field("connection", "There is no such connection.")
    refusal = payout_refusal(manifest)
    if refusal and "transfer.create" not in manifest.actions:
        raise bad_field("connection", refusal)
    account, to = str(body.get("account") or ""), cast("Mapping[str, str]", body.get("to") or {})
    if account and not pays_by_reference(manifest):
        raise bad_field("account", "This gateway knows nobody by an account; say where it pays under to.")
    if has_card_number(account):
        raise bad_field("account", CARD_NUMBER)
    if to and (problems := destination_problems(manifest, to)):
        raise _wrong({f"to.{field}": words for field, words in problems.items()})
    return name


def _wrong(said: Mapping[str, str], *, is_card: bool = False) -> PermanentError:
    field, words = next(iter(said.items()))
    errors = [{"field": name, "message": text} for name, text in said.items()]
    code = "card_number" if is_card else "bad_input"
    return PermanentError(
        f"{field}: {words}", code=code, remedy="Correct the fields under errors.", details={"errors": errors}
    )


def _keep_bank(provider: str, values: JsonObject, key: str) -> Json:
    hub = the_hub()
    keep_account(hub.office(key), provider, values, caller().actor)
    return shown(provider)


def _keep_gateway(provider: str, body: JsonObject, connection: str, key: str) -> Json:
    hub = the_hub()
    with hub.database.read() as tx:
        known = GatewayAccount.of(find_provider(tx, provider).accounts.get(connection))
    account = str(body.get("account", known.reference))
    to = cast("Mapping[str, str]", body.get("to", known.to))
    keep_gateway_account(hub.office(key), provider, connection, GatewayAccount(account, to).to_json(), caller().actor)
    return shown(provider)
