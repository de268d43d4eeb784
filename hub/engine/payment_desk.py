"""What people do on the public pages to pay: open a link, begin a payment, come back from the gateway."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from hub.connect.api import Call
from hub.connect.manifest import Support
from hub.engine.gateway_calls import Attempt, part_key, reference_of
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, links
from hub.payments.links import MOST_ATTEMPTS, link_event, link_payment
from hub.payments.payment import UNPAID
from hub.payments.store import PAID
from hub.payments.telling import report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import sqlalchemy as sa

    from hub.connect.api import Connection
    from hub.connect.connector import LoadedConnector
    from hub.engine.hub import Hub
    from hub.jsontypes import Json, JsonObject
    from hub.payments.store import PaymentStore

PAY_PURPOSE = "pay"
LINK_PURPOSE = "link"
LASTS = timedelta(days=36_600)
"""How long an address of a page stays readable. What can be done there, and until when, its row says."""
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""From when addresses count: the same thing has the same address whenever it is asked for."""

_OURS = frozenset({"after", "after_cancel", "origin", "subscription"})
"""Members of a visit's input that are the hub's: where the payer goes in the end, which page may show ours in a frame, whose
means of payment is replaced."""
_DELIVERED_WITHIN = timedelta(minutes=10)
"""Webhooks mostly come within seconds; after this time without one it is told."""
_FRESH = timedelta(minutes=30)
_LATE = frozenset({"pending", "authorized", *PAID})
_NOT_PAID = frozenset({"created", *UNPAID})


class Pages:
    """Implements :class:`hub.payments.desk.Addresses`: signed, single-purpose, not to be guessed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def pay(self, checkout: str) -> str:
        """Where a visit to pay begins and ends."""
        return f"{self._hub.settings.address}/pay/{self._hub.keyring.sign(PAY_PURPOSE, checkout, now=_SINCE)}"

    def link(self, link: str) -> str:
        """Where a payment link is opened."""
        return f"{self._hub.settings.address}/l/{self._hub.keyring.sign(LINK_PURPOSE, link, now=_SINCE)}"

    def page(self, kind: str, identity: str) -> str:
        """Where a thing of this kind is shown to whom it concerns; see :meth:`hub.office.Office.address`."""
        return f"{self._hub.settings.address}/{kind}/{self._hub.keyring.sign(f'page-{kind}', identity, now=_SINCE)}"

    def identity(self, kind: str, token: str) -> str:
        """Whose address this is. Raises ``LinkError`` for one that the hub never made."""
        return str(self._hub.keyring.unsign(f"page-{kind}", token, LASTS))

    def are_ours(self, address: str) -> bool:
        """Whether an address is one of the hub's own pages to pay."""
        return address.startswith(f"{self._hub.settings.address}/pay/")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a visit to pay stands. ``state``: open, waiting, paid, failed, closed, or given_back when it was closed and paid
    all the same; ``reason`` a code of the error table.
    """

    visit: sa.Row[Any]
    state: str
    reason: str = ""


class PaymentDesk:
    """Serves the public pages. Every call of a gateway has a key of its visit, so that a double click is one call."""

    def __init__(self, hub: Hub, store: PaymentStore) -> None:
        self._hub = hub
        self.store = store

    # links

    def open_link(self, identity: str) -> sa.Row[Any]:
        """A link as it is; the first time, that it was opened is told. Raises ``NotFoundError``."""
        row = self.store.get(links, identity)
        now = self._hub.now()
        if row.state == "active" and row.opened_at is None and self.store.open_link(identity, now):
            happening = Happening("link.opened", row.connection, f"link.opened:{identity}", link_event(row), now)
            self._hub.recorder.record(happening, now)
        return row

    def click(self, identity: str) -> str:
        """Begin to pay a link: the address where the payer pays. Two clicks within half an hour lead to one checkout.

        Raises ``PermanentError`` (``wrong_state``: it is paid, expired, cancelled) and what the gateway says.
        """
        now = self._hub.now()
        row = self.store.get(links, identity)
        if row.state != "active" or (row.due_at is not None and row.due_at <= now):
            message = "This link takes no payment any more."
            raise PermanentError(message, code="wrong_state", remedy="Ask who sent it for a new one.")
        begun = self._begun(row)
        if begun is not None:
            return begun
        if row.attempts >= MOST_ATTEMPTS or not self.store.count_attempt(row.id, row.attempts, now):
            message = "This link is being used at this very moment, or was used too often."
            raise PermanentError(message, code="conflict", remedy="Wait a moment and press Pay again.")
        key = part_key(hashlib.sha256(row.id.encode()).hexdigest()[:40], str(row.attempts))
        checkout = derived_id("chk", key)
        connection, connector, call = self.call(row.connection, key, {})
        attempt = Attempt(call, connector, [])
        given = link_payment(self._hub.gateway_calls.desk(attempt, call), row, checkout)
        visit = {"id": checkout, "connection": connection.name, "state": "open", "purpose": "link", "owner": row.id}
        self.store.add(checkouts, {**visit, "input": {**given, "after": row.input.get("return_url")}}, now)
        self.begin(checkout)
        return self.address_of(self.store.get(checkouts, checkout))

    def _begun(self, link: sa.Row[Any]) -> str | None:
        """Where a payer was led by a click a moment ago, as long as that payment is still open."""
        for visit in self.store.list(checkouts, checkouts.c.owner == link.id, limit=1):
            if visit.state == "paid" and not link.input.get("reusable"):
                return self._hub.pages.pay(visit.id)
            fresh = self._hub.now() - visit.created_at < _FRESH
            if visit.state == "open" and fresh and visit.output is not None:
                if not self.has_lapsed(visit):
                    return self.address_of(visit)
                if self._was_paid(visit):
                    return self._hub.pages.pay(visit.id)
        return None

    # visits

    def address_of(self, visit: sa.Row[Any]) -> str:
        """Where the payer pays: the gateway's page, or ours where the gateway has a form instead of an address."""
        output = visit.output or {} if visit.state not in {"paid", "closed"} else {}
        return str(output.get("checkout_url") or self._hub.pages.pay(visit.id))

    def begin(self, identity: str) -> JsonObject:
        """Begin the visit's payment at the gateway, once; give what the gateway gave. Raises like an action, and
        ``PermanentError`` (``wrong_state``) when the visit is closed.

        What the gateway let lapse before anybody paid is begun anew, after it was asked whether somebody did after all.
        """
        visit, part = self.store.get(checkouts, identity), "begin"
        if visit.state == "closed":
            message = "This page is closed, and takes no payment any more."
            raise PermanentError(message, code="wrong_state", remedy="Ask who sent it for a new one.")
        if visit.output is not None:
            if not self.has_lapsed(visit) or self._was_paid(visit):
                return cast("JsonObject", visit.output)
            part = f"begin:{visit.payment}"
        output = self._begin(visit, part_key(hashlib.sha256(identity.encode()).hexdigest()[:40], part))
        anew = {"state": "open"} if visit.output is not None else {}
        known = {"payment": output.get("payment"), "output": output, "connection": self.doer_of(visit.connection)}
        self.store.change_checkout(identity, self._hub.now(), **known, **anew)
        return output

    def doer_of(self, name: str) -> str:
        """The connection that does the work of another one; the payment, its events and its form are that connection's."""
        connection = self._hub.accounts.get(name)
        routed = self._hub.registry.get(connection.connector).manifest.is_routed
        return str(connection.settings["route"]) if routed else name

    def _begin(self, visit: sa.Row[Any], key: str) -> JsonObject:
        given = {name: value for name, value in visit.input.items() if name not in _OURS}
        if visit.output is None or "status" in visit.output:  # it is no form of the gateway's own
            given["return_url"] = f"{self._hub.pages.pay(visit.id)}/return"
            return cast("JsonObject", self.act(visit.connection, "payment.create", key, given))
        # A form has a page of its own each time; this one leads there.
        kept = {"origin": visit.input.get("origin"), "return_url": visit.input.get("after")}
        given |= {name: value for name, value in kept.items() if value is not None}
        form = cast("JsonObject", self.act(visit.connection, "form.embed", key, given))
        return {"payment": form.get("payment"), "checkout_url": form["page_url"], "status": "created"}

    def has_lapsed(self, visit: sa.Row[Any]) -> bool:
        """Whether the time is over that the gateway gave for paying, while the visit's own end is still to come."""
        end = (visit.output or {}).get("expires_at")
        return end is not None and _moment(end) <= self._hub.now() and not self._has_ended(visit)

    def _has_ended(self, visit: sa.Row[Any]) -> bool:
        end = visit.input.get("expires_at")
        return end is not None and _moment(end) <= self._hub.now()

    def _was_paid(self, visit: sa.Row[Any]) -> bool:
        key = part_key(hashlib.sha256(visit.id.encode()).hexdigest()[:40], f"lapsed:{visit.payment}")
        output = cast("JsonObject", self.act(visit.connection, "payment.get", key, {"payment": visit.payment}))
        self.tell(visit.connection, output, visit.input, known_as=visit.payment)
        return output["status"] not in _NOT_PAID

    def returned(self, identity: str, parameters: Mapping[str, str]) -> Standing:
        """The payer's browser came back with these parameters: prove them, finish what the gateway needs, tell the outcome.

        What the browser says is never believed by itself. Raises like an action.
        """
        visit = self.store.get(checkouts, identity)
        if visit.payment is None:
            return self.standing(identity)
        connector = self._hub.registry.get(self._hub.accounts.get(visit.connection).connector)
        given: JsonObject = {"payment": visit.payment}
        action = "payment.get"
        if "payment.complete" in connector.manifest.actions:
            action, given = "payment.complete", {**given, "parameters": dict(parameters)}
        key = part_key(hashlib.sha256(identity.encode()).hexdigest()[:40], "return")
        output = cast("JsonObject", self.act(visit.connection, action, key, given))
        if output["payment"] != visit.payment:  # before it is told, as what is told decides the visit of this payment
            self.store.change_checkout(identity, self._hub.now(), payment=output["payment"])
        self.tell(visit.connection, output, visit.input, known_as=visit.payment)
        if output["status"] in UNPAID:
            return Standing(visit, "failed", str(output.get("reason") or ""))
        standing = self.standing(identity)
        if standing.state == "paid" and standing.visit.state == "open":  # a webhook told it before the visit knew it
            now = self._hub.now()
            self.store.change_checkout(identity, now, state="paid", due_at=now)
        return standing

    def standing(self, identity: str) -> Standing:
        """How a visit stands, from what was recorded. Raises ``NotFoundError``."""
        visit = self.store.get(checkouts, identity)
        payment = self.store.payment(visit.connection, visit.payment) if visit.payment else None
        if visit.state == "paid":
            return Standing(visit, "paid")
        if visit.state == "closed":
            late = payment is not None and payment.state in _LATE
            return Standing(visit, "given_back" if late else "closed")
        if payment is None or payment.state == "created":
            return Standing(visit, "failed" if visit.state == "failed" else "open")
        if payment.state == "pending":
            return Standing(visit, "waiting")
        if payment.state == "expired" and self.has_lapsed(visit):
            return Standing(visit, "open")
        if payment.state in UNPAID:
            return Standing(visit, "failed", str(_newest(payment.facts, "reason") or ""))
        return Standing(visit, "paid")

    # what is learnt of payments

    def look(self, row: sa.Row[Any]) -> bool:
        """Ask the gateway about one unfinished payment; True when it told something new. Raises like an action."""
        connection = self._hub.accounts.get(row.connection)
        actions = self._hub.registry.get(connection.connector).manifest.actions
        following = _newest(row.facts, "next")
        completes = isinstance(following, dict) and following.get("kind") == "complete"
        action = "payment.complete" if completes and "payment.complete" in actions else "payment.get"
        if action not in actions:
            return False
        key = part_key(hashlib.sha256(f"{row.connection}:{row.payment}".encode()).hexdigest()[:40], f"look{row.looks}")
        output = cast("JsonObject", self.act(row.connection, action, key, {"payment": row.payment}))
        found = self.tell(row.connection, output, {}, known_as=row.payment)
        if found:
            self._notice_silence(row)
        return found

    def _notice_silence(self, payment: sa.Row[Any]) -> None:
        """A payment was decided, the gateway has webhooks, and none of them came: the admin should look at them."""
        hub, now = self._hub, self._hub.now()
        row = hub.store.connection(payment.connection)
        manifest = hub.registry.get(row.connector).manifest if row is not None else None
        if row is None or manifest is None or manifest.capabilities["webhooks"].status is not Support.NATIVE:
            return
        heard = row.health.get("last_delivery_at")
        if now - payment.begun < _DELIVERED_WITHIN or (heard and str(heard) >= payment.begun.isoformat()):
            return
        if not row.health.get("silent_since"):
            hub.store.note_health(row.name, {"silent_since": now.isoformat()})
        data: JsonObject = {"connection": row.name, **({"last_at": heard} if heard else {})}
        source_id = f"webhook_silent:{row.name}:{now:%Y-%m-%d}"
        hub.recorder.record(Happening("hub.webhook_silent", "hub", source_id, data, now), now)

    def tell(self, connection: str, output: JsonObject, given: JsonObject, known_as: str | None = None) -> bool:
        """Record what an output says of a payment, under the id that the gateway's own report of it would have."""
        reference = str(output["payment"])
        row = self.store.payment(connection, reference) or (known_as and self.store.payment(connection, known_as))
        fields = cast("Mapping[str, Sequence[Json]]", row.facts.get("fields") or {}) if row else {}
        told = report(output, given, {name: pair[1] for name, pair in fields.items()})
        if told is None:
            return False
        now, seen = self._hub.now(), cast("JsonObject", {"result": "polled", "scheme": "poll"})
        happening = Happening(told.type, connection, told.source_id, told.data, now, verification=seen)
        recorded = self._hub.recorder.record(happening, now)
        if known_as and known_as != reference:
            self.store.forget_payment(connection, known_as)
        return not recorded.duplicate

    # calls outside of runs

    def call(self, name: str, key: str, given: JsonObject) -> tuple[Connection, LoadedConnector, Call]:
        """A call of a connection's connector outside of any run, under a key of its own."""
        connection = self._hub.accounts.get(name)
        connector = self._hub.registry.get(connection.connector)
        http = self._hub.outbound.client(connection, connector.manifest)
        return connection, connector, Call(connection, given, key, reference_of(key), self._hub.now(), http)

    def act(  # noqa: PLR0913 (what makes one call)
        self,
        name: str,
        action: str,
        key: str,
        given: JsonObject,
        *,
        repeated: bool = True,
        caused_by: tuple[str | None, str | None] = (None, None),
    ) -> Json:
        """Call a connection for somebody who waits; the events that come of it are recorded before this returns.

        Calls of one key are told to be repeats (unless ``repeated`` says that this is the first), so that a gateway without
        keys is asked before anything is done twice. Raises like an action.
        """
        connection, connector, call = self.call(name, key, given)
        emitted: list[Happening] = []
        call = replace(call, services=self._hub.services.lend(caused_by, emitted, key))
        spec = self._hub.registry.action(connection.connector, action)
        attempt = Attempt(call, connector, emitted, repeated=repeated, cause=caused_by)
        output = self._hub.gateway_calls.run(spec, attempt)
        if emitted:
            self._hub.recorder.record_all(emitted, self._hub.now())
        return output


def _moment(text: Json) -> datetime:
    return datetime.fromisoformat(str(text))


def _newest(facts: JsonObject, name: str) -> Json:
    fields = cast("Mapping[str, Sequence[Json]]", facts.get("fields") or {})
    return fields[name][1] if name in fields else None
