"""The tables. Times are UTC, documents are canonical JSON; see ``docs/data-model.md`` for keys and who writes what when."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Body, Document, Moment

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("type", sa.String(120), nullable=False),
    sa.Column("source", sa.String(80), nullable=False, comment="the connection's name, or hub"),
    sa.Column("source_id", sa.String(200), nullable=False, comment="dedupe id within the source"),
    sa.Column("time", Moment, nullable=False, comment="when it happened, by the sender"),
    sa.Column("subject", sa.String(200), comment="what it is about: the payment, order, job … id"),
    sa.Column("search", sa.Text, comment="lower-case identifiers for the search field"),
    sa.Column("data", Document, nullable=False),
    sa.Column("raw", Body, comment="the body as received, until retention; compressed when large"),
    sa.Column("headers", Document, comment="the headers kept, redacted"),
    sa.Column("verification", Document, comment="scheme and result of the signature check"),
    sa.Column("caused_by_run", sa.String(40)),
    sa.Column("caused_by_step", sa.String(200)),
    sa.Column("duplicates", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("uq_events_source_source_id", "source", "source_id", unique=True),
    sa.Index("ix_events_type_id", "type", "id"),
    sa.Index("ix_events_subject_id", "subject", "id"),
    sa.Index(
        "ix_events_caused_by_run",
        "caused_by_run",
        sqlite_where=sa.text("caused_by_run IS NOT NULL"),
        postgresql_where=sa.text("caused_by_run IS NOT NULL"),
    ),
)

event_matches = sa.Table(
    "event_matches",
    metadata,
    sa.Column("event_type", sa.String(120), primary_key=True),
    sa.Column("match_hash", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(40), primary_key=True),
    comment="what a wait that begins later can find, for the match shapes that recipes use",
)

refusals = sa.Table(
    "refusals",
    metadata,
    sa.Column("connection", sa.String(80), primary_key=True),
    sa.Column("reason", sa.String(60), primary_key=True),
    sa.Column("hour", Moment, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last_message", sa.Text, comment="why the last one was refused; never its body"),
)

recipe_versions = sa.Table(
    "recipe_versions",
    metadata,
    sa.Column("recipe", sa.String(80), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("message", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", Moment, nullable=False),
)

recipes = sa.Table(
    "recipes",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("current", sa.Integer, nullable=False, comment="the version that new events start"),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("inputs", Document, comment="the installation's values for the recipe's inputs"),
    sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

wait_shapes = sa.Table(
    "wait_shapes",
    metadata,
    sa.Column("event_type", sa.String(120), primary_key=True, comment="exact, or payment.*"),
    sa.Column("paths", sa.String(500), primary_key=True, comment="sorted match paths, newline between"),
    sa.Column("created_at", Moment, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("recipe", sa.String(80), nullable=False),
    sa.Column("n", sa.Integer, nullable=False, comment="the recipe's version"),
    sa.Column("event_id", sa.String(40), nullable=False),
    sa.Column("replay", sa.String(40), nullable=False, server_default=""),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("key", sa.String(64), comment="digest of the rendered concurrency key; null without one"),
    sa.Column(
        "blocked", sa.Boolean, nullable=False, server_default=sa.false(), comment="an earlier run of its key goes first"
    ),
    sa.Column(
        "holds_key", sa.Boolean, nullable=False, server_default=sa.true(), comment="counts against its key's limit"
    ),
    sa.Column(
        "arrival", sa.String(40), nullable=False, comment="time-ordered id of this run's birth; order within a key"
    ),
    sa.Column("cursor", sa.String(200), comment="the path that ran last, for lists"),
    sa.Column("lease_owner", sa.String(40)),
    sa.Column("lease_until", Moment),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", Moment, comment="when to advance it next; null: only news wakes it"),
    sa.Column("error", Document),
    sa.Column("engine", sa.Integer, nullable=False, server_default="1", comment="engine version that began it"),
    sa.Column("started", Moment),
    sa.Column("ended", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_runs_status_due_at", "status", "due_at"),
    sa.Index("ix_runs_recipe_arrival", "recipe", "arrival"),
    sa.Index("ix_runs_arrival", "arrival"),
    sa.Index("ix_runs_event_id", "event_id"),
    sa.Index(
        "ix_runs_key_unfinished",
        "recipe",
        "key",
        "arrival",
        sqlite_where=sa.text("ended IS NULL AND key IS NOT NULL"),
        postgresql_where=sa.text("ended IS NULL AND key IS NOT NULL"),
    ),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False, comment="order of birth within the run"),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("input", Document),
    sa.Column("output", Document),
    sa.Column("error", Document),
    sa.Column("key", sa.String(64)),
    sa.Column("started", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.Column("due_at", Moment),
    sqlite_with_rowid=False,
)

waits = sa.Table(
    "waits",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("event_type", sa.String(120), primary_key=True, comment="exact, or payment.*"),
    sa.Column("match_hash", sa.String(64), nullable=False),
    sa.Column("filtered", sa.Boolean, nullable=False),
    sa.Column("due_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_waits_event_type_match_hash", "event_type", "match_hash"),
    sa.Index("ix_waits_due_at", "due_at"),
)

signals = sa.Table(
    "signals",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("event_id", sa.String(40), primary_key=True),
    sa.Column("created_at", Moment, nullable=False),
    comment="events that matched a wait and were not yet judged by its run; also a person's word, as an event",
)

questions = sa.Table(
    "questions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.Column("path", sa.String(200), nullable=False),
    sa.Column("whom", sa.String(320), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answers", Document, nullable=False),
    sa.Column("answer", sa.String(200)),
    sa.Column("answered_at", Moment),
    sa.Column("due_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_questions_run_id", "run_id"),
)

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("connector", sa.String(80), nullable=False),
    sa.Column("settings", Document, nullable=False),
    sa.Column("secrets", Document, nullable=False, comment="field -> [{token, created_at, expires_at}], encrypted"),
    sa.Column("health", Document, comment="last test, last call, last delivery, breaker"),
    sa.Column("poll_cursor", Document),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True, comment="template, form, catalogue"),
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("message", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", Moment, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("key", sa.String(120), primary_key=True, comment="one mail per step and recipient"),
    sa.Column("recipient", sa.String(320), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("message", sa.LargeBinary, nullable=False, comment="RFC 5322 bytes"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_outbox_created_at", "created_at"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("email", sa.String(320), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("role", sa.String(10), nullable=False, comment="viewer, editor or admin"),
    sa.Column("password_hash", sa.String(200)),
    sa.Column("preferences", Document, comment="time zone, language, theme"),
    sa.Column("session_epoch", sa.Integer, nullable=False, server_default="1", comment="raised to end all sessions"),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("last_login_at", Moment),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("actor", sa.String(200), nullable=False, comment="a user's mail address, cli, or hub"),
    sa.Column("action", sa.String(80), nullable=False),
    sa.Column("target", sa.String(200), nullable=False),
    sa.Column("detail", Document),
    sa.Column("created_at", Moment, nullable=False),
)

state = sa.Table(
    "state",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("value", Document, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("updated_at", Moment, nullable=False),
    comment="small facts of the installation: recipe_epoch, the set-up link's digest, schedule positions",
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("connection", sa.String(80), primary_key=True),
    sa.Column("payment", sa.String(255), primary_key=True, comment="the reference by which the connection knows it"),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("currency", sa.String(3)),
    sa.Column("amount", sa.BigInteger, comment="minor units; null while only a refund or dispute was told"),
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column(
        "facts", Document, nullable=False, comment="hub.payments.payment.Facts: state and amounts follow from them"
    ),
    sa.Column("begun", Moment, nullable=False),
    sa.Column("look_at", Moment, comment="when to ask the gateway; null: not before something is told"),
    sa.Column("looks", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_event", sa.String(40), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_payments_look_at", "look_at"),
    sa.Index("ix_payments_created_at", "created_at"),
    sa.Index("ix_payments_state_created_at", "state", "created_at"),
    comment="a projection of payment, refund and dispute events, written in the transaction that records them",
)

checkouts = sa.Table(
    "checkouts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), comment="the gateway's reference, once it was begun"),
    sa.Column("state", sa.String(12), nullable=False, comment="open, paid, failed or closed"),
    sa.Column("purpose", sa.String(12), nullable=False, comment="payment, form, link, subscription, charge"),
    sa.Column("owner", sa.String(40), comment="the link or subscription that it pays"),
    sa.Column("input", Document, nullable=False, comment="what payment.create or form.embed was given"),
    sa.Column("output", Document, comment="what it gave"),
    sa.Column("due_at", Moment, comment="news that its owner has not heard yet"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_checkouts_connection_payment", "connection", "payment"),
    sa.Index("ix_checkouts_owner", "owner"),
    sa.Index("ix_checkouts_due_at", "due_at"),
    comment="a visit to pay: the hub's page in front of a gateway's, and where the payer goes afterwards",
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, comment="active, paid, expired or cancelled"),
    sa.Column("input", Document, nullable=False, comment="what link.create was given"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("payments", sa.Integer, nullable=False, server_default="0", comment="how many succeeded"),
    sa.Column("opened_at", Moment),
    sa.Column("due_at", Moment, comment="when it expires; null: never, or it is over"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_links_due_at", "due_at"),
    sa.Index("ix_links_created_at", "created_at"),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, comment="active or retired"),
    sa.Column("terms", Document, nullable=False, comment="what plan.create was given, with the present price"),
    sa.Column("prices", Document, nullable=False, comment="[{price, from}], oldest first"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("plan", sa.String(40), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("terms", Document, nullable=False, comment="hub.payments.subscription.Subscription"),
    sa.Column("input", Document, nullable=False, comment="what subscription.create was given"),
    sa.Column("steps", Document, nullable=False, comment="[key, what it told] of the last steps that changed it"),
    sa.Column("due_at", Moment, comment="when its clock looks at it next; null: never"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_subscriptions_due_at", "due_at"),
    sa.Index("ix_subscriptions_plan", "plan"),
    comment="subscriptions whose clock the hub keeps; gateways keep their own",
)

charges = sa.Table(
    "charges",
    metadata,
    sa.Column("subscription", sa.String(40), primary_key=True),
    sa.Column("cycle", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, comment="started, ready, waiting, succeeded, failed, uncertain"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("payment", sa.String(255)),
    sa.Column("error", Document),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_charges_state", "state"),
    sa.Index("ix_charges_payment", "payment"),
    comment="each charge of a subscription: its intent is written before the gateway is called",
)

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("provider", sa.String(255), nullable=False),
    sa.Column("payment", sa.String(255)),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("reversed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("state", sa.String(12), nullable=False, comment="due, paid or reversed"),
    sa.Column("input", Document, nullable=False, comment="what transfer.create was given"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_transfers_provider_state", "provider", "state"),
    sa.Index("ix_transfers_payment", "payment"),
    comment="shares that the hub owes providers where the gateway passes none on by itself",
)
