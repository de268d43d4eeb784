"""How gateways know a provider, and where they send a payout: the fields that a manifest asks for, kept and judged. Pure.

A gateway that needs a destination with each payout (``to`` of ``payout.create``) lists its fields under ``to`` in the limits
of its capability ``payout``. A field's name is its path in ``to``: ``address.city``. All are texts, and none ever holds a
card's number: a card is named by the reference under which its number is stored elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from hub.connect.redaction import has_card_number
from hub.connect.schemas import CompiledSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.bank_accounts import BankAccount
    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject

LONGEST: Final = 255
"""Characters of a field whose manifest names no other limit, and of a gateway's reference."""
CARD_NUMBER: Final = "This looks like a card's number, which the hub never keeps. Give a stored reference instead."


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """How one gateway knows a provider.

    ``reference``: its account there, to which shares are passed on, empty without one. ``to``: where its payouts go, by the
    field's name, empty where the reference says it.
    """

    reference: str = ""
    to: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Json) -> GatewayAccount:
        """As it is kept with the provider: a text is the reference alone."""
        if isinstance(kept, dict):
            to = cast("Mapping[str, str]", kept.get("to") or {})
            return cls(str(kept.get("account") or ""), to)
        return cls(str(kept or ""))

    def to_json(self) -> Json:
        """To be kept; an empty text when nothing is known."""
        if not self.to:
            return self.reference
        return {**({"account": self.reference} if self.reference else {}), "to": dict(self.to)}

    def destination(self, manifest: Manifest) -> Mapping[str, str]:
        """Where payouts go, by field. A reference that is all that must be filled in stands for it."""
        required = [one.name for one in destination_fields(manifest) if one.required]
        if self.to or not self.reference or not required:
            return self.to
        alone = {required[0]: self.reference}
        return {} if destination_problems(manifest, alone) else alone


@dataclass(frozen=True, slots=True)
class DestinationField:
    """One text of a destination. ``longest``: in characters."""

    name: str
    title: str
    description: str
    required: bool
    longest: int


def destination_fields(manifest: Manifest) -> tuple[DestinationField, ...]:
    """What a gateway wants to know of where a payout goes, in its order; empty where an account's reference is enough."""
    schema = _schema(manifest)
    required = cast("list[str]", schema.get("required") or [])
    return tuple(
        DestinationField(
            name,
            str(one["title"]),
            str(one.get("description") or ""),
            name in required,
            cast("int", one.get("maxLength") or LONGEST),
        )
        for name, one in cast("Mapping[str, JsonObject]", schema.get("properties") or {}).items()
    )


def destination_problems(manifest: Manifest, to: Mapping[str, str]) -> dict[str, str]:
    """By field, what is wrong with a destination; empty when a payout can go there."""
    fields = {one.name: one for one in destination_fields(manifest)}
    wrong = {name: "This gateway has no such field." for name in to if name not in fields}
    for problem in CompiledSchema({"type": "object", **_schema(manifest)}).problems(cast("Json", dict(to))):
        if problem.missing:
            wrong.setdefault(problem.missing, "Without it no payout can be sent there.")
        elif problem.path in fields:
            wrong.setdefault(problem.path, f"This does not fit. {fields[problem.path].description}".rstrip())
    for name, text in to.items():
        if name in fields and len(text) > fields[name].longest:
            wrong[name] = f"At most {fields[name].longest} characters, please."
        elif has_card_number(text):
            wrong[name] = CARD_NUMBER
    return wrong


def destination_of(manifest: Manifest, connection: str, account: GatewayAccount) -> JsonObject | str:
    """A payout's ``to`` as ``payout.create`` takes it, or why nothing can be sent there."""
    flat = account.destination(manifest)
    if not flat:
        return f"The provider has no destination for payouts at {connection}."
    titles = {one.name: one.title for one in destination_fields(manifest)}
    for name, said in destination_problems(manifest, flat).items():
        return f"The provider's destination at {connection} is not right. {titles.get(name, name)}: {said}"
    return _nested(flat)


def bank_destination(manifest: Manifest, account: BankAccount) -> JsonObject | None:
    """A payout's ``to`` made of a bank account, or None where the gateway pays none of this kind.

    ``bank`` in the limits of its payouts says how: kind of account -> member of ``to`` -> part of the account, such as
    ``{in: {name: name, account_number: number, ifsc: ifsc}}``.
    """
    cell = manifest.capabilities.get("payout")
    taking = cast("Mapping[str, Mapping[str, str]]", cell.limits.get("bank") or {}) if cell is not None else {}
    parts = taking.get(account.kind)
    return None if parts is None else _nested({name: str(getattr(account, part)) for name, part in parts.items()})


def pays_by_reference(manifest: Manifest) -> bool:
    """Whether an account's reference is kept for this gateway: shares are passed on to it, or payouts go there."""
    return not destination_fields(manifest) or "transfer.create" in manifest.actions


def _schema(manifest: Manifest) -> JsonObject:
    cell = manifest.capabilities.get("payout")
    return cast("JsonObject", cell.limits.get("to") or {}) if cell is not None else {}


def _nested(flat: Mapping[str, str]) -> JsonObject:
    found: dict[str, Json] = {}
    for path, text in flat.items():
        *outer, name = path.split(".")
        here = found
        for part in outer:
            here = cast("dict[str, Json]", here.setdefault(part, {}))
        here[name] = text
    return found
