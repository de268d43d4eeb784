"""Work that is paid for: the providers who do it, the jobs, who was asked or offered a price, and what was paid for them."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

providers = sa.Table(
    "providers",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, comment="registered, approved or suspended"),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("phone", sa.String(60), nullable=False, server_default=""),
    sa.Column("skills", Document, nullable=False, comment="[skill]"),
    sa.Column("region", sa.String(120), nullable=False, server_default=""),
    sa.Column("language", sa.String(2), comment="in which they are written to; null: not known"),
    sa.Column("calendar", Document, nullable=False, comment="[day that is not free]"),
    sa.Column("accounts", Document, nullable=False, comment="connection -> how its gateway knows them"),
    sa.Column("bank", Document, nullable=False, comment="{iban, bic, holder}, empty until they say it"),
    sa.Column("rating", sa.Float),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_providers_state", "state"),
    info={"title": "provider"},
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True, comment="what people call it"),
    sa.Column("state", sa.String(16), nullable=False, comment="as hub.commerce.job_states names them"),
    sa.Column("awaiting", sa.String(12), comment="what an assigned job waits for: acceptance or payment"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(60), nullable=False, server_default=""),
    sa.Column("skills", Document, nullable=False, comment="[skill] that are needed"),
    sa.Column("region", sa.String(120), nullable=False, server_default=""),
    sa.Column("date", sa.String(10), comment="the day of the work, 2026-11-23"),
    sa.Column("place", sa.String(300), nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("currency", sa.String(3), comment="null: the first offer says it"),
    sa.Column("price", sa.BigInteger, comment="minor units; null until an offer is chosen"),
    sa.Column("customer", Document),
    sa.Column("metadata", Document),
    sa.Column("order", sa.String(40), comment="the order by which it was bought"),
    sa.Column("pay", sa.String(12), nullable=False, comment="escrow or direct: on the job's page; none: elsewhere"),
    sa.Column("connections", Document, comment="the connections offered to pay with; null: all that can"),
    sa.Column("connection", sa.String(80), comment="which took the payment"),
    sa.Column("payment", sa.String(255), comment="which paid it; null: not paid"),
    sa.Column("hold", sa.String(40), comment="in which its money is held"),
    sa.Column("provider", sa.String(40)),
    sa.Column("offer", sa.String(40), comment="the offer that was chosen"),
    sa.Column("terms", Document, nullable=False, comment="{answer_within, confirm_within, offers_within, only}"),
    sa.Column("round", sa.Integer, nullable=False, server_default="0", comment="how often it was given to somebody"),
    sa.Column("reason", sa.String(500), comment="why it is unfilled, disputed or cancelled"),
    sa.Column("due_at", Moment, comment="until when somebody must offer, answer or confirm"),
    sa.Column("search", sa.Text, nullable=False, comment="number, title, customer in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_jobs_state_updated_at", "state", "updated_at"),
    sa.Index("ix_jobs_provider_date", "provider", "date"),
    sa.Index("ix_jobs_date", "date"),
    info={"title": "job"},
)

offers = sa.Table(
    "offers",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of job and provider"),
    sa.Column("job", sa.String(40), nullable=False),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column(
        "kind", sa.String(12), nullable=False, comment="offer: they named a price; asked: the job was given to them"
    ),
    sa.Column("state", sa.String(12), nullable=False, comment="open, chosen, accepted, declined, lapsed or passed"),
    sa.Column("currency", sa.String(3)),
    sa.Column("minor", sa.BigInteger, comment="the price, minor units"),
    sa.Column("note", sa.String(500), nullable=False, server_default="", comment="what the provider wrote beside it"),
    sa.Column("due_at", Moment, comment="until when one who was asked can answer"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_offers_job", "job"),
    sa.Index("ix_offers_provider", "provider"),
    info={"title": "offer"},
)

job_payments = sa.Table(
    "job_payments",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of connection and payment"),
    sa.Column("job", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False, comment="as in the table payments"),
    sa.Column("state", sa.String(12), nullable=False, comment="begun, taken, returned, surplus, refunded or stuck"),
    sa.Column("currency", sa.String(3)),
    sa.Column("minor", sa.BigInteger, comment="what came in or was set aside, minor units"),
    sa.Column("reason", sa.String(60), comment="why it is surplus: paid_already, cancelled, other_amount"),
    sa.Column("error", Document, comment="why it could not be given back"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_job_payments_job", "job"),
    sa.Index("ix_job_payments_state", "state"),
    info={"title": "payment of a job"},
)
