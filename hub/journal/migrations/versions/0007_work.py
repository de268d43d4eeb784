"""Providers, jobs, accesses; tokens of the API and webhooks out."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "accesses",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of email, resource and ground"),
        sa.Column("email", sa.String(length=320), nullable=False, comment="small letters: by it a customer is known"),
        sa.Column("resource", sa.String(length=120), nullable=False),
        sa.Column(
            "ground",
            sa.String(length=255),
            nullable=False,
            comment="the subscription or payment it rests on; empty: somebody's word. Its end leaves the others",
        ),
        sa.Column("state", sa.String(length=12), nullable=False, comment="active, revoked or expired"),
        sa.Column("until", hub.journal.columns.Moment(), nullable=True, comment="null: without end"),
        sa.Column("customer", hub.journal.columns.Document(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False, comment="what the customer calls the resource"),
        sa.Column("address", sa.Text(), nullable=False, comment="where it is used; empty where that needs no address"),
        sa.Column(
            "reference",
            hub.journal.columns.Document(),
            nullable=False,
            comment="payment, subscription, plan, order, metadata: as granted",
        ),
        sa.Column("reason", sa.String(length=200), nullable=True, comment="why it was revoked"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accesses")),
    )
    op.create_index("ix_accesses_created_at", "accesses", ["created_at"], unique=False)
    op.create_index("ix_accesses_email", "accesses", ["email"], unique=False)
    op.create_table(
        "api_requests",
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False, comment="the Idempotency-Key that the caller sent"),
        sa.Column("fingerprint", sa.String(length=64), nullable=False, comment="of method, path and body"),
        sa.Column(
            "until",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="who answers it now does so at most until then; null: it is answered, or free",
        ),
        sa.Column("status", sa.Integer(), nullable=True, comment="of the answer; null: there is none yet"),
        sa.Column(
            "answer",
            hub.journal.columns.Body(),
            nullable=True,
            comment="encrypted: it may hold a secret that is shown once",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("token", "key", name=op.f("pk_api_requests")),
    )
    op.create_index("ix_api_requests_created_at", "api_requests", ["created_at"], unique=False)
    op.create_table(
        "job_payments",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of connection and payment"),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False, comment="as in the table payments"),
        sa.Column(
            "state", sa.String(length=12), nullable=False, comment="begun, taken, returned, surplus, refunded or stuck"
        ),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True, comment="what came in or was set aside, minor units"),
        sa.Column(
            "reason",
            sa.String(length=60),
            nullable=True,
            comment="why it is surplus: paid_already, cancelled, other_amount",
        ),
        sa.Column("error", hub.journal.columns.Document(), nullable=True, comment="why it could not be given back"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_payments")),
    )
    op.create_index("ix_job_payments_job", "job_payments", ["job"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="what people call it"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="as hub.commerce.job_states names them"),
        sa.Column(
            "awaiting",
            sa.String(length=12),
            nullable=True,
            comment="what an assigned job waits for: acceptance or payment",
        ),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=60), server_default="", nullable=False),
        sa.Column("skills", hub.journal.columns.Document(), nullable=False, comment="[skill] that are needed"),
        sa.Column("region", sa.String(length=120), server_default="", nullable=False),
        sa.Column("date", sa.String(length=10), nullable=True, comment="the day of the work, 2026-11-23"),
        sa.Column("place", sa.String(length=300), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True, comment="null: the first offer says it"),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="minor units; null until an offer is chosen"),
        sa.Column("customer", hub.journal.columns.Document(), nullable=True),
        sa.Column("metadata", hub.journal.columns.Document(), nullable=True),
        sa.Column("order", sa.String(length=40), nullable=True, comment="the order by which it was bought"),
        sa.Column(
            "pay", sa.String(length=12), nullable=False, comment="escrow or direct: on the job's page; none: elsewhere"
        ),
        sa.Column(
            "connections",
            hub.journal.columns.Document(),
            nullable=True,
            comment="the connections offered to pay with; null: all that can",
        ),
        sa.Column("connection", sa.String(length=80), nullable=True, comment="which took the payment"),
        sa.Column("payment", sa.String(length=255), nullable=True, comment="which paid it; null: not paid"),
        sa.Column("hold", sa.String(length=40), nullable=True, comment="in which its money is held"),
        sa.Column("provider", sa.String(length=40), nullable=True),
        sa.Column("offer", sa.String(length=40), nullable=True, comment="the offer that was chosen"),
        sa.Column(
            "terms",
            hub.journal.columns.Document(),
            nullable=False,
            comment="{answer_within, confirm_within, offers_within, only}",
        ),
        sa.Column(
            "round", sa.Integer(), server_default="0", nullable=False, comment="how often it was given to somebody"
        ),
        sa.Column("reason", sa.String(length=500), nullable=True, comment="why it is unfilled, disputed or cancelled"),
        sa.Column(
            "due_at",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="until when somebody must offer, answer or confirm",
        ),
        sa.Column("search", sa.Text(), nullable=False, comment="number, title, customer in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("number", name=op.f("uq_jobs_number")),
    )
    op.create_index("ix_jobs_date", "jobs", ["date"], unique=False)
    op.create_index("ix_jobs_provider_date", "jobs", ["provider", "date"], unique=False)
    op.create_index("ix_jobs_state_updated_at", "jobs", ["state", "updated_at"], unique=False)
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of job and provider"),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=12),
            nullable=False,
            comment="offer: they named a price; asked: the job was given to them",
        ),
        sa.Column(
            "state", sa.String(length=12), nullable=False, comment="open, chosen, accepted, declined, lapsed or passed"
        ),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True, comment="the price, minor units"),
        sa.Column(
            "note",
            sa.String(length=500),
            server_default="",
            nullable=False,
            comment="what the provider wrote beside it",
        ),
        sa.Column(
            "due_at", hub.journal.columns.Moment(), nullable=True, comment="until when one who was asked can answer"
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index("ix_offers_job", "offers", ["job"], unique=False)
    op.create_index("ix_offers_provider", "offers", ["provider"], unique=False)
    op.create_table(
        "outgoing_attempts",
        sa.Column("message", sa.String(length=40), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True, comment="of the receiver's answer; null: there was none"),
        sa.Column("error", sa.Text(), nullable=True, comment="why it does not count as delivered"),
        sa.Column("answer", sa.Text(), nullable=True, comment="the beginning of the receiver's answer"),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("message", "n", name=op.f("pk_outgoing_attempts")),
        comment="each try to deliver a message",
    )
    op.create_table(
        "outgoing_messages",
        sa.Column("id", sa.String(length=40), nullable=False, comment="webhook-id; made of the webhook and the event"),
        sa.Column("webhook", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=120), nullable=False, comment="of the event"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="waiting, delivered or failed"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False, comment="since it was last sent by hand"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="of all times"),
        sa.Column("due_at", hub.journal.columns.Moment(), nullable=True, comment="when it is tried next"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_messages")),
        comment="one event for one webhook; written in the transaction that records the event",
    )
    op.create_index("ix_outgoing_messages_created_at", "outgoing_messages", ["created_at"], unique=False)
    op.create_index(
        "ix_outgoing_messages_webhook_state", "outgoing_messages", ["webhook", "state", "event"], unique=False
    )
    op.create_table(
        "outgoing_webhooks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("types", hub.journal.columns.Document(), nullable=False, comment="[order.paid, payment.*, *]"),
        sa.Column(
            "secrets",
            hub.journal.columns.Document(),
            nullable=False,
            comment="[{token, expires_at}], newest first, encrypted",
        ),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "failing_since",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="the first failure since a delivery succeeded last",
        ),
        sa.Column("off_reason", sa.String(length=500), nullable=True, comment="why the hub switched it off by itself"),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_webhooks")),
    )
    op.create_table(
        "portal_requests",
        sa.Column(
            "id", sa.String(length=40), nullable=False, comment="made of email and quarter of an hour: one mail in each"
        ),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the mail, in the visitor's language"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_requests")),
        comment="kept a day; whether a mail goes out is decided later, so that the page tells nobody who is a customer",
    )
    op.create_index("ix_portal_requests_created_at", "portal_requests", ["created_at"], unique=False)
    op.create_table(
        "providers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="registered, approved or suspended"),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("phone", sa.String(length=60), server_default="", nullable=False),
        sa.Column("skills", hub.journal.columns.Document(), nullable=False, comment="[skill]"),
        sa.Column("region", sa.String(length=120), server_default="", nullable=False),
        sa.Column("calendar", hub.journal.columns.Document(), nullable=False, comment="[day that is not free]"),
        sa.Column(
            "accounts",
            hub.journal.columns.Document(),
            nullable=False,
            comment="connection -> how its gateway knows them",
        ),
        sa.Column(
            "bank",
            hub.journal.columns.Document(),
            nullable=False,
            comment="{iban, bic, holder}, empty until they say it",
        ),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
    )
    op.create_index("ix_providers_state", "providers", ["state"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False, comment="who uses it"),
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="SHA-256 of the secret, which is kept nowhere"
        ),
        sa.Column(
            "hint", sa.String(length=8), nullable=False, comment="the secret's last characters, to tell tokens apart"
        ),
        sa.Column("scopes", hub.journal.columns.Document(), nullable=False, comment="[orders:read, orders:write …]"),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("expires_at", hub.journal.columns.Moment(), nullable=True, comment="null: it does not expire"),
        sa.Column("last_used_at", hub.journal.columns.Moment(), nullable=True, comment="to the minute"),
        sa.Column("revoked_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_index("uq_tokens_digest", "tokens", ["digest"], unique=True)
