"""Webhooks that the hub sends: events of the types that a receiver wants, signed, in order, until they are delivered."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.engine.delivering import deliver
from hub.engine.turns import DECISION_EVENT
from hub.errors import ActionError, ConflictError, PermanentError
from hub.ids import derived_id, new_id
from hub.journal.book import found
from hub.journal.queries import Page, contains
from hub.journal.tables import events
from hub.journal.tables_api import outgoing_attempts, outgoing_messages, outgoing_webhooks
from hub.journal.tables_office import timers
from hub.vocabulary import expand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.engine.delivering import Attempted
    from hub.engine.hub import Hub
    from hub.engine.office import HubOffice
    from hub.journal.book import Book, Row
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer

PAUSES: Final = tuple(timedelta(minutes=one) for one in (0.1, 1, 5, 30, 120, 300, 600, 600, 840, 1200, 1440))
"""How long after each failure a message is sent again: at once, within the hour, then over four days."""

GIVES_UP: Final = timedelta(days=5)
"""A receiver that took nothing for so long is switched off."""

KEPT: Final = timedelta(days=30)
"""How long a message is kept with its tries: one that was delivered or given up, or waits for a webhook that is off."""

_TIMER: Final = "outgoing.send"
_FORGET: Final = "outgoing.forget"
_CLAIM: Final = timedelta(minutes=2)
_OVERLAP: Final = timedelta(hours=24)
_EXCERPT: Final = 500
_MOST_AT_ONCE: Final = 50
_MOST: Final = 50
_LONGEST_URL: Final = 2_048
_LONGEST_TITLE: Final = 120


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages of a webhook to list. ``text`` is looked for in type, event and message; ``since``: made since then."""

    state: str = ""
    text: str = ""
    since: datetime | None = None


class Outgoing:
    """Makes, changes and removes outgoing webhooks. Every change is in the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def create(self, key: str, title: str, url: str, types: Sequence[str], actor: str) -> tuple[str, str]:
        """A new one: its id and its secret, shown once. The same ``key`` makes the same one.

        Raises ``PermanentError`` (``bad_input``) that names the field.
        """
        office = self._hub.office(key)
        values = self._checked(title, url, types)
        identity, secret = office.identity("whk"), "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        row = {"id": identity, **values, "secrets": [self._kept(secret)], "enabled": True, "created_by": actor}

        def work(book: Book) -> Row | None:
            if len(book.rows(sa.select(outgoing_webhooks.c.id).limit(_MOST))) == _MOST:
                raise _wrong({"url": f"The hub sends to at most {_MOST} webhooks; delete one first."})
            return None if book.insert(outgoing_webhooks, row) else book.get(outgoing_webhooks, identity)

        known = office.change(work)
        if known is not None:
            return identity, self.secrets_of(known)[0]
        self._note(actor, "webhook.create", identity, {"title": title, "url": url})
        return identity, secret

    def change(self, identity: str, actor: str, **values: object) -> None:
        """Another ``title``, ``url``, ``types``, or on or off (``enabled``). What waits is sent when it is switched on."""

        def work(book: Book) -> None:
            row = book.get(outgoing_webhooks, identity)
            wanted = {name: values.get(name, getattr(row, name)) for name in ("title", "url", "types")}
            checked = self._checked(str(wanted["title"]), str(wanted["url"]), cast("Sequence[str]", wanted["types"]))
            enabled = bool(values.get("enabled", row.enabled))
            fresh = {"failing_since": None, "off_reason": None} if enabled and not row.enabled else {}
            book.change(outgoing_webhooks, row, **checked, enabled=enabled, **fresh)
            if fresh:
                # Those that came meanwhile are due already, and there may be hundreds of thousands of them.
                tried = sa.or_(outgoing_messages.c.tries > 0, outgoing_messages.c.due_at > book.now)
                again = sa.update(outgoing_messages).where(_waiting(identity), tried)
                book.connection.execute(again.values(due_at=book.now, tries=0))
            book.wake_at(_TIMER, identity, book.now if enabled else None)

        self._hub.office(new_id("whc", self._hub.now())).change(work)
        self._note(actor, "webhook.change", identity, cast("JsonObject", values))

    def renew_secret(self, key: str, identity: str, actor: str) -> str:
        """A new secret, shown once; messages are signed with the old one too for a day. The same ``key`` gives the same."""
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

        def work(book: Book) -> Row | None:
            row = book.get(outgoing_webhooks, identity)
            if any(one.get("key") == key for one in row.secrets):
                return row
            until = (book.now + _OVERLAP).isoformat()
            older = [{**one, "expires_at": one["expires_at"] or until} for one in row.secrets]
            kept = [one for one in older if datetime.fromisoformat(one["expires_at"]) > book.now]
            book.change(outgoing_webhooks, row, secrets=[{**self._kept(secret), "key": key}, *kept])
            return None

        known = self._hub.office(key).change(work)
        if known is not None:
            return self.secrets_of(known)[0]
        self._note(actor, "webhook.renew_secret", identity, {})
        return secret

    def delete(self, identity: str, actor: str) -> None:
        """Remove one with its messages. Raises ``NotFoundError``."""

        def work(book: Book) -> str:
            title = str(book.get(outgoing_webhooks, identity).title)
            mine = sa.select(outgoing_messages.c.id).where(outgoing_messages.c.webhook == identity)
            book.connection.execute(sa.delete(outgoing_attempts).where(outgoing_attempts.c.message.in_(mine)))
            book.connection.execute(sa.delete(outgoing_messages).where(outgoing_messages.c.webhook == identity))
            book.connection.execute(sa.delete(outgoing_webhooks).where(outgoing_webhooks.c.id == identity))
            book.wake_at(_TIMER, identity, None)
            return title

        title = self._hub.office(new_id("whc", self._hub.now())).change(work)
        self._note(actor, "webhook.delete", identity, {"title": title})

    def send_again(self, identity: str, message: str, actor: str) -> None:
        """Send a message once more, delivered or not, under the same ``webhook-id``.

        Raises ``NotFoundError``, or ``ConflictError`` when the webhook is switched off.
        """

        def work(book: Book) -> None:
            if not _of(book, identity, message)[0].enabled:
                raise ConflictError(
                    "This webhook is switched off.", remedy="Switch it on; then send the message again."
                )
            update = sa.update(outgoing_messages).where(outgoing_messages.c.id == message)
            book.connection.execute(update.values(state="waiting", due_at=book.now, tries=0, updated_at=book.now))
            book.wake_at(_TIMER, identity, book.now)

        self._hub.office(new_id("whc", self._hub.now())).change(work)
        self._note(actor, "webhook.send_again", identity, {"message": message})

    def pass_over(self, identity: str, message: str, actor: str) -> None:
        """Give up a message that waits, so that those behind it are sent.

        Raises ``NotFoundError``, or ``ConflictError`` when it was delivered or given up.
        """

        def work(book: Book) -> None:
            webhook, row = _of(book, identity, message)
            if row.state != "waiting":
                raise ConflictError("This message waits no more.", remedy="Look at the webhook's page again.")
            update = sa.update(outgoing_messages).where(outgoing_messages.c.id == message)
            book.connection.execute(update.values(state="failed", due_at=None, updated_at=book.now))
            book.wake_at(_TIMER, identity, book.now if webhook.enabled else None)

        self._hub.office(new_id("whc", self._hub.now())).change(work)
        self._note(actor, "webhook.skip", identity, {"message": message})

    def send_failed_again(self, identity: str, since: datetime | None, actor: str) -> int:
        """Send at once all that was not taken at its last try, if that was since then; gives how many messages these are.

        Raises ``NotFoundError``, or ``ConflictError`` when the webhook is switched off.
        """
        table = outgoing_messages
        failed = sa.or_(table.c.state == "failed", sa.and_(table.c.state == "waiting", table.c.tries > 0))
        late = (table.c.updated_at >= since) if since is not None else sa.true()

        def work(book: Book) -> int:
            if not book.get(outgoing_webhooks, identity).enabled:
                raise ConflictError("This webhook is switched off.", remedy="Switch it on; then send them again.")
            update = sa.update(table).where(table.c.webhook == identity, failed, late)
            again = {"state": "waiting", "due_at": book.now, "tries": 0, "updated_at": book.now}
            count = book.connection.execute(update.values(**again)).rowcount
            if count:
                book.wake_at(_TIMER, identity, book.now)
            return count

        count = self._hub.office(new_id("whc", self._hub.now())).change(work)
        detail: JsonObject = {"messages": count, "since": since.isoformat() if since is not None else None}
        self._note(actor, "webhook.send_failed_again", identity, detail)
        return count

    def get(self, identity: str) -> Row:
        """One webhook. Raises ``NotFoundError``."""
        with self._hub.database.read() as connection:
            query = sa.select(outgoing_webhooks).where(outgoing_webhooks.c.id == identity)
            return found(outgoing_webhooks, identity, connection.execute(query).first())

    def all(self) -> Sequence[Row]:
        """All of them, by title."""
        with self._hub.database.read() as connection:
            return connection.execute(sa.select(outgoing_webhooks).order_by(outgoing_webhooks.c.title)).all()

    def message_page(self, identity: str, chosen: MessageFilter, after: str | None, limit: int) -> Page:
        """Messages of a webhook, newest first; ``after`` is the cursor of the page before."""
        table = outgoing_messages
        query = sa.select(table).where(table.c.webhook == identity)
        if chosen.state:
            query = query.where(table.c.state == chosen.state)
        if chosen.text:
            query = query.where(contains(chosen.text, table.c.type, table.c.event, table.c.id))
        if chosen.since is not None:
            query = query.where(table.c.created_at >= chosen.since)
        if after:
            query = query.where(table.c.event < after)
        with self._hub.database.read() as connection:
            rows = connection.execute(query.order_by(table.c.event.desc()).limit(limit + 1)).all()
        return Page(tuple(rows[:limit]), rows[limit - 1].event if len(rows) > limit else None)

    def attempts(self, messages: Sequence[str]) -> Sequence[Row]:
        """Every try to deliver these messages, newest first."""
        query = sa.select(outgoing_attempts).where(outgoing_attempts.c.message.in_(messages))
        with self._hub.database.read() as connection:
            return connection.execute(query.order_by(outgoing_attempts.c.n.desc())).all()

    def secrets_of(self, row: Row) -> list[str]:
        """The secrets that messages are signed with now, newest first."""
        now = self._hub.now()
        valid = [one for one in row.secrets if not one["expires_at"] or datetime.fromisoformat(one["expires_at"]) > now]
        return [self._hub.keyring.decrypt(str(one["token"])) for one in valid]

    def rotate_keys(self) -> int:
        """Encrypt every secret under the newest key; give how many there were."""
        turn = self._hub.keyring.rotate

        def work(book: Book) -> int:
            rows = book.rows(sa.select(outgoing_webhooks))
            for row in rows:
                book.change(
                    outgoing_webhooks, row, secrets=[{**one, "token": turn(one["token"])} for one in row.secrets]
                )
            return sum(len(row.secrets) for row in rows)

        return self._hub.office(new_id("whc", self._hub.now())).change(work)

    def _checked(self, title: str, url: str, types: Sequence[str]) -> dict[str, object]:
        title, wrong = " ".join(title.split()), dict[str, str]()
        if not 0 < len(title) <= _LONGEST_TITLE:
            wrong["title"] = f"Write a name of 1 to {_LONGEST_TITLE} characters."
        try:
            self._hub.outbound.guard.target(url)
        except ActionError as error:
            wrong["url"] = error.message
        if not url.isascii() or len(url) > _LONGEST_URL:
            wrong["url"] = f"Write an address of at most {_LONGEST_URL} ASCII characters."
        if not types:
            wrong["types"] = "Name at least one type of events, such as order.paid, payment.* or *."
        for one in types:
            if not expand(one) and not (one.endswith(".*") and expand(f"{one[:-1]}x")):  # acme.*: a family of one's own
                wrong["types"] = f"{one[:80]!r} is no type of events. Write order.paid, payment.* or *."
                break
        if wrong:
            raise _wrong(wrong)
        return {"title": title, "url": url, "types": list(dict.fromkeys(types))}

    def _kept(self, secret: str) -> dict[str, str | None]:
        return {"token": self._hub.keyring.encrypt(secret), "expires_at": None}

    def _note(self, actor: str, action: str, target: str, detail: JsonObject) -> None:
        self._hub.store.note(actor, action, target, self._hub.now(), detail)


# what follows from events


def project(book: Book, items: Sequence[NewEvent]) -> None:
    """Write a message for each webhook that wants a new event, in the transaction that records it; also while it is off."""
    for row in book.rows(_WEBHOOKS) if items else ():
        woken = False
        for item in items:
            if item.type == DECISION_EVENT or not wants(row.types, item.type):
                continue
            identity = derived_id("msg", row.id, item.id)
            message = {"id": identity, "webhook": row.id, "event": item.id, "type": item.type, "state": "waiting"}
            woken = book.insert(outgoing_messages, {**message, "due_at": book.now}) or woken
        if woken:
            if row.enabled:
                book.wake_at(_TIMER, row.id, book.now)
            later = book.now + KEPT
            book.insert(timers, {"kind": _FORGET, "subject": "all", "set_for": later, "due_at": later})


_WEBHOOKS = sa.select(outgoing_webhooks)


def wants(patterns: Sequence[str], event_type: str) -> bool:
    """Whether one of the patterns (``order.paid``, ``payment.*``, ``*``) stands for a type."""
    return any(one in {"*", event_type} or (one.endswith(".*") and event_type.startswith(one[:-1])) for one in patterns)


def forget(office: Office, subject: str) -> None:
    """Forget the messages that were kept long enough; wakes again for those that were not."""
    table = outgoing_messages

    def work(book: Book) -> None:
        off = table.c.webhook.in_(sa.select(outgoing_webhooks.c.id).where(sa.not_(outgoing_webhooks.c.enabled)))
        old = sa.and_(sa.or_(table.c.state != "waiting", off), table.c.created_at <= book.now - KEPT)
        mine = sa.select(table.c.id).where(old)
        book.connection.execute(sa.delete(outgoing_attempts).where(outgoing_attempts.c.message.in_(mine)))
        book.connection.execute(sa.delete(table).where(old))
        oldest = book.connection.execute(sa.select(table.c.created_at).order_by(table.c.created_at).limit(1)).scalar()
        if oldest is not None:
            book.wake_at(_FORGET, subject, max(oldest + KEPT, book.now + timedelta(days=1)))

    office.change(work)


# sending


def send(office: Office, subject: str) -> None:
    """Send what waits for a webhook, oldest first; a message that fails holds up those behind it, until it is given up."""
    hub = cast("HubOffice", office).hub
    for _ in range(_MOST_AT_ONCE):
        claimed = office.change(lambda book: _claim(book, subject, hub.now()))
        if claimed is None:
            return
        webhook, message, event = claimed
        done = deliver(hub, webhook, message, event, Outgoing(hub).secrets_of(webhook))
        if not office.change(lambda book, one=claimed, done=done: _settle(book, one, done, hub.now())):  # type: ignore[misc]  # its types are those of the loop
            return
    office.change(lambda book: book.wake_at(_TIMER, subject, hub.now()))


def _claim(book: Book, identity: str, now: datetime) -> tuple[Row, Row, Row | None] | None:
    """The webhook and its next message, for this process alone; None when there is none, or it is not due yet."""
    webhook = book.find(outgoing_webhooks, identity)
    if webhook is None or not webhook.enabled:
        return None
    table = outgoing_messages
    query = sa.select(table).where(_waiting(identity)).order_by(table.c.event).limit(1)
    message = book.connection.execute(query).first()
    if message is None:
        return None
    if message.due_at > now:
        book.wake_at(_TIMER, identity, message.due_at)
        return None
    claim = sa.update(table).where(table.c.id == message.id, table.c.due_at == message.due_at)
    if book.connection.execute(claim.values(due_at=now + _CLAIM)).rowcount != 1:
        return None
    return webhook, message, book.connection.execute(sa.select(events).where(events.c.id == message.event)).first()


def _settle(book: Book, claimed: tuple[Row, Row, Row | None], done: Attempted, now: datetime) -> bool:
    """Write down what came of it; True when the next message may be sent."""
    before, message, event = claimed
    attempt = {"message": message.id, "n": message.attempts + 1, "status": done.status, "error": done.error}
    book.insert(outgoing_attempts, {**attempt, "answer": done.answer, "milliseconds": done.milliseconds})
    now_is = book.find(outgoing_messages, message.id)
    skipped = now_is is None or now_is.state == "failed"
    lost = event is None or (done.error is not None and (skipped or message.tries >= len(PAUSES)))
    values: dict[str, object] = {"state": "failed" if lost else "delivered", "due_at": None}
    if done.error is not None and not lost:
        values = {"state": "waiting", "due_at": now + PAUSES[message.tries]}
    counted = {"tries": message.tries + 1, "attempts": message.attempts + 1, "updated_at": now}
    update = sa.update(outgoing_messages).where(outgoing_messages.c.id == message.id)
    book.connection.execute(update.values(**values, **counted))
    webhook = book.find(outgoing_webhooks, before.id)
    if webhook is None or not webhook.enabled:
        return False
    if done.error is None:
        if webhook.failing_since is not None:
            book.change(outgoing_webhooks, webhook, failing_since=None)
        return True
    since = webhook.failing_since or now
    if now - since >= GIVES_UP:
        _switch_off(book, webhook, done.error)
        return False
    if webhook.failing_since is None:
        book.change(outgoing_webhooks, webhook, failing_since=since)
    if not lost:
        book.wake_at(_TIMER, webhook.id, cast("datetime", values["due_at"]))
    return lost


def _switch_off(book: Book, webhook: Row, reason: str) -> None:
    days = GIVES_UP.days
    said = f"It took no message for {days} days. The last failure: {reason}"[:_EXCERPT]
    book.change(outgoing_webhooks, webhook, enabled=False, off_reason=said)
    data = {"webhook": webhook.id, "url": webhook.url, "title": webhook.title, "reason": said}
    book.tell("hub.webhook_switched_off", f"webhook_switched_off:{webhook.id}:{webhook.version}", data)


def _of(book: Book, identity: str, message: str) -> tuple[Row, Row]:
    """A webhook and one of its messages. Raises ``NotFoundError``."""
    webhook, row = book.get(outgoing_webhooks, identity), book.get(outgoing_messages, message)
    return webhook, found(outgoing_messages, message, row if row.webhook == identity else None)


def _waiting(identity: str) -> sa.ColumnElement[bool]:
    return sa.and_(outgoing_messages.c.webhook == identity, outgoing_messages.c.state == "waiting")


def _wrong(wrong: Mapping[str, str]) -> PermanentError:
    """The error of input, by field what is wrong with it."""
    details: JsonObject = {"errors": [{"field": field, "message": message} for field, message in wrong.items()]}
    message = " ".join(f"{field}: {said}" for field, said in wrong.items())
    return PermanentError(message, code="bad_input", remedy="Correct what is named.", details=details)


TIMERS: Final[Mapping[str, Timer]] = {_TIMER: send, _FORGET: forget}
