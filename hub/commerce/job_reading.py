"""Jobs as they are read: found, with their offers, and as events and actions carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce.numbers import as_number
from hub.journal.book import found
from hub.journal.tables import payments
from hub.journal.tables_escrow import holds
from hub.journal.tables_work import job_payments, jobs, offers, providers
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

    Row = sa.Row[Any]

FOR_PROVIDER: Final = "j"
FOR_CUSTOMER: Final = "c"
"""The kinds of the signed addresses at which a provider, or the customer, sees a job."""


_HELD: Final = ("requested", "held", "frozen", "releasing")


def find_job(connection: sa.Connection, reference: str) -> Row:
    """A job by its id or its number. Raises ``NotFoundError``."""
    number = as_number(reference)
    by = jobs.c.id == reference if number is None else jobs.c.number == number
    return found(jobs, reference, connection.execute(sa.select(jobs).where(by)).first())


def price_of(job: Row) -> Money | None:
    """What the job costs its customer; None until that is known."""
    return None if job.price is None or job.currency is None else Money(job.price, job.currency)


def is_held(connection: sa.Connection, job: Row) -> bool:
    """Whether money is held for a job now: what becomes of it decides how a dispute of the job ends."""
    held = sa.select(holds.c.id).where(holds.c.id == job.hold, holds.c.state.in_(_HELD))
    return job.hold is not None and connection.execute(held).first() is not None


def offers_of(connection: sa.Connection, job: str) -> Sequence[Row]:
    """Who offered a price or was asked, oldest first, with the provider's name and rating."""
    query = (
        sa.select(offers, providers.c.name, providers.c.rating)
        .join(providers, providers.c.id == offers.c.provider)
        .where(offers.c.job == job)
        .order_by(offers.c.created_at, offers.c.id)
    )
    return connection.execute(query).all()


def payments_of(connection: sa.Connection, job: str) -> Sequence[Row]:
    """The payments that were begun for a job, oldest first; ``at_gateway`` is how each stands there."""
    same = sa.and_(payments.c.connection == job_payments.c.connection, payments.c.payment == job_payments.c.payment)
    query = (
        sa.select(job_payments, payments.c.state.label("at_gateway"), payments.c.refunded)
        .join(payments, same)
        .where(job_payments.c.job == job)
        .order_by(job_payments.c.created_at, job_payments.c.id)
    )
    return connection.execute(query).all()


def provider_address(office: Office, job: str, provider: str) -> str:
    """Where a provider sees a job and answers; nobody else has this address."""
    return office.address(FOR_PROVIDER, f"{job}:{provider}")


def job_event(connection: sa.Connection, job: Row, /, **more: Json) -> JsonObject:
    """The data of a ``job.*`` event, with the language of the provider whom it names."""
    price = price_of(job)
    named = more.get("provider") or job.provider
    spoken = sa.select(providers.c.language).where(providers.c.id == named)
    told: JsonObject = {
        "job": job.id,
        "number": str(job.number),
        "title": job.title,
        "kind": job.kind or None,
        "skills": list(job.skills) or None,
        "region": job.region or None,
        "date": job.date,
        "price": price.to_json() if price is not None else None,
        "customer": job.customer,
        "metadata": job.metadata,
        "provider": job.provider,
        "provider_language": connection.scalar(spoken) if named else None,
        "offer": job.offer,
        "order": job.order,
        "connection": job.connection,
        "payment": job.payment,
        "hold": job.hold,
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


def job_output(office: Office, connection: sa.Connection, job: Row) -> JsonObject:
    """A job as the actions give it."""
    output: JsonObject = {
        **job_event(connection, job),
        "state": job.state,
        "awaiting": job.awaiting,
        "paid": job.payment is not None,
        "place": job.place or None,
        "description": job.description or None,
        "url": office.address(FOR_CUSTOMER, job.id),
        "offers": cast("list[Json]", [_offer(row) for row in offers_of(connection, job.id)]),
        "reason": job.reason,
        "until": job.due_at.isoformat() if job.due_at else None,
    }
    return {name: value for name, value in output.items() if value is not None}


def _offer(row: Row) -> JsonObject:
    price = Money(row.minor, row.currency).to_json() if row.minor is not None else None
    said: JsonObject = {
        "offer": row.id,
        "provider": row.provider,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "price": price,
        "note": row.note or None,
    }
    return {name: value for name, value in said.items() if value is not None}
