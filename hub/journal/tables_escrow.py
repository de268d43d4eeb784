"""Escrow and payouts: holds with their divisions, payouts to providers with the runs that send them."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), comment="the gateway's reference; null until it was begun"),
    sa.Column("state", sa.String(12), nullable=False, comment="as hub.payments.holds names them"),
    sa.Column("mode", sa.String(16), nullable=False, comment="authorization or collected"),
    sa.Column(
        "owner", sa.String(255), nullable=False, comment="the job or order; the ledger's account is held:<owner>"
    ),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="minor units: asked for, then what came in"),
    sa.Column("terms", Document, nullable=False, comment="hub.payments.holds.Hold: state and sums follow from it"),
    sa.Column("input", Document, nullable=False, comment="what payments/hold was given, with why the mode was chosen"),
    sa.Column("output", Document, comment="what beginning the payment gave"),
    sa.Column("plan", Document, comment="what is released by itself when nobody objects: when, to whom"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_holds_connection_payment", "connection", "payment"),
    sa.Index("ix_holds_owner", "owner"),
    sa.Index("ix_holds_state_created_at", "state", "created_at"),
    sa.Index("ix_holds_created_at", "created_at"),
    info={"title": "hold"},
    comment="money in escrow: authorised and not yet taken, or collected and not yet passed on",
)

divisions = sa.Table(
    "divisions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("hold", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False, comment="release, settle, cancel or collect"),
    sa.Column("state", sa.String(12), nullable=False, comment="running, uncertain, done or refused"),
    sa.Column("before", sa.String(12), nullable=False, comment="the hold's state, to go back to when it is refused"),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="minor units of the hold's currency that it divides"),
    sa.Column("parts", Document, nullable=False, comment="[{provider | customer, amount, commission, …}]"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("actor", sa.String(320), nullable=False, server_default="", comment="who asked; empty: a recipe"),
    sa.Column("output", Document, comment="what came of it: references of refund and transfers"),
    sa.Column("error", Document, comment="why it was refused, or what nobody knows"),
    sa.Column("due_at", Moment, comment="from when another may go on with it; null once it is over"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_divisions_hold", "hold"),
    sa.Index("ix_divisions_state", "state"),
    info={"title": "division"},
    comment="each release, settlement or return of held money: written before the first outside call",
)

payout_runs = sa.Table(
    "payout_runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column(
        "step", sa.String(40), nullable=False, comment="runs of one step share it, so that its repeat gives them"
    ),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("connection", sa.String(80), comment="the gateway that sends the payouts; null: a bank file does"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("size", sa.Integer, nullable=False, comment="how many payouts it has"),
    sa.Column("total", sa.BigInteger, nullable=False, comment="minor units"),
    sa.Column("debtor", Document, comment="{name, iban, bic} of the own account, for a bank file"),
    sa.Column("actor", sa.String(320), nullable=False, server_default="", comment="who began it; empty: a recipe"),
    sa.Column("downloaded_at", Moment, comment="when the bank file was taken first"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_payout_runs_created_at", "created_at"),
    sa.Index("ix_payout_runs_step", "step"),
    info={"title": "payout run"},
)

payouts = sa.Table(
    "payouts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("run", sa.String(40), comment="the payout run; null: a hold's release sends it by itself"),
    sa.Column("way", sa.String(12), nullable=False, comment="payout or transfer by the gateway, or bank"),
    sa.Column("provider", sa.String(255), nullable=False),
    sa.Column("connection", sa.String(80), comment="null: by bank file"),
    sa.Column("state", sa.String(12), nullable=False, comment="queued, sent, paid, failed or uncertain"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="minor units"),
    sa.Column("recipient", Document, nullable=False, comment="where it goes: {name, iban, bic} or {provider, to}"),
    sa.Column(
        "origin", Document, nullable=False, comment="what it is for: {hold, payment, job, order}, empty for dues"
    ),
    sa.Column("reference", sa.String(255), comment="the gateway's own of the payout"),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why it failed, or what nobody knows"),
    sa.Column("looks", sa.Integer, nullable=False, server_default="0"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_payouts_run", "run"),
    sa.Index("ix_payouts_provider_created_at", "provider", "created_at"),
    sa.Index("ix_payouts_connection_reference", "connection", "reference"),
    sa.Index("ix_payouts_state", "state"),
    info={"title": "payout"},
    comment="its amount is taken off the provider's account with it, and put back when it fails",
)
