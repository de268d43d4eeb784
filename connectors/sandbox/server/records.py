"""What the sandbox keeps: one frozen value per kind of thing. Amounts are whole minor units, times UTC.

``parent`` names what a record belongs to, ``due_at`` when the sandbox must look at it again by itself, ``key`` is unique
within the kind. The store keeps the three beside the record, so that it can find it by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.jsontypes import JsonObject

LAPSE_WARNING = timedelta(hours=24)
"""How long before a hold lapses the sandbox says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What all kinds share."""

    kind: ClassVar[str] = ""
    prefix: ClassVar[str] = ""

    id: str
    created_at: datetime

    @property
    def parent(self) -> str:
        """The id of what it belongs to, or nothing."""
        return ""

    @property
    def due_at(self) -> datetime | None:
        """When the sandbox has to do something about it by itself."""
        return None

    @property
    def key(self) -> str | None:
        """What may stand only once within its kind."""
        return None

    def but(self, **changes: object) -> Self:
        """The same record with some members changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Record):
    """What payments, links and subscriptions have in common: what the shop said when it asked for money."""

    description: str = ""
    customer: JsonObject = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    return_url: str = ""
    cancel_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Order):
    """Money asked of a payer.

    ``state`` is where the payment itself stands (created, pending, authorized, succeeded, failed, expired, voided,
    returned); :meth:`status` adds what became of the money afterwards.
    """

    kind: ClassVar[str] = "payment"
    prefix: ClassVar[str] = "pay"

    amount: int
    currency: str
    state: str = "created"
    capture: str = "automatic"
    authorization_days: int = 7
    escrow: bool = False
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    transferred: int = 0
    fee: int = 0
    capture_closed: bool = False
    method: Mapping[str, str] = field(default_factory=dict)
    stored_method: str = ""
    save_method: bool = False
    failure: str = ""
    failure_message: str = ""
    expires_at: datetime | None = None
    lapses_at: datetime | None = None
    next_at: datetime | None = None
    next_step: str = ""
    link: str = ""
    subscription: str = ""
    methods: tuple[str, ...] = ()
    frame_origin: str = ""

    def __post_init__(self) -> None:
        if not (0 <= self.captured <= self.amount and 0 <= self.refunded + self.disputed <= self.captured):
            message = f"payment {self.id}: captured {self.captured}, refunded {self.refunded}, of {self.amount}"
            raise ValueError(message)

    @property
    def parent(self) -> str:
        """Its subscription or link."""
        return self.subscription or self.link

    @property
    def lane(self) -> str:
        """Webhooks of one lane arrive in order."""
        return self.subscription or self.id

    @property
    def due_at(self) -> datetime | None:
        """When a late result comes, the bank takes it back, or nobody may pay any more."""
        waiting = self.expires_at if self.state in ("created", "failed", "pending") else None
        return min((at for at in (waiting, self.next_at) if at is not None), default=None)

    @property
    def rest(self) -> int:
        """What is still there of the captured money: neither refunded nor under dispute."""
        return self.captured - self.refunded - self.disputed

    @property
    def status(self) -> str:
        """The state as the API says it."""
        if self.state != "succeeded":
            return self.state
        if self.disputed:
            return "disputed"
        if self.refunded:
            return "refunded" if self.refunded == self.captured else "partially_refunded"
        return "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPayment(Record):
    """Something that belongs to one payment, or stands alone."""

    payment: str = ""

    @property
    def parent(self) -> str:
        """Its payment."""
        return self.payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(OfPayment):
    """Money that went back to the payer."""

    kind: ClassVar[str] = "refund"
    prefix: ClassVar[str] = "ref"

    amount: int
    currency: str
    status: str = "issued"
    total_refunded: int = 0
    reason: str = ""
    failure: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute(OfPayment):
    """A payer who asked the bank for the money back. ``status``: opened, answered, accepted, won, lost."""

    kind: ClassVar[str] = "dispute"
    prefix: ClassVar[str] = "dis"

    amount: int
    currency: str
    answer_by: datetime
    status: str = "opened"
    reason: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def due_at(self) -> datetime | None:
        """A dispute that nobody answered is lost at its date."""
        return self.answer_by if self.status == "opened" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(OfPayment):
    """Money set aside: an authorisation not yet captured, or captured money not yet given to anybody.

    ``mode``: authorization or collected. ``status``: held, frozen, released, settled, lapsed, voided, refunded.
    """

    kind: ClassVar[str] = "hold"
    prefix: ClassVar[str] = "hld"

    amount: int
    currency: str
    mode: str
    lapses_at: datetime
    status: str = "held"
    warned: bool = False
    parts: tuple[JsonObject, ...] = ()
    reason: str = ""

    @property
    def due_at(self) -> datetime | None:
        """The warning, then the lapse. A frozen collected hold does not lapse."""
        if self.status == "held" or (self.status == "frozen" and self.mode == "authorization"):
            return self.lapses_at if self.warned else self.lapses_at - LAPSE_WARNING
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Order):
    """An address that can be sent to somebody who pays there. ``status``: active, paid, expired, cancelled."""

    kind: ClassVar[str] = "link"
    prefix: ClassVar[str] = "lnk"

    amount: int
    currency: str
    reusable: bool = False
    status: str = "active"
    expires_at: datetime | None = None
    opened: bool = False
    payments: int = 0

    @property
    def due_at(self) -> datetime | None:
        """When it closes."""
        return self.expires_at if self.status == "active" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Record):
    """A price that is charged at an interval. ``status``: active, retired. ``cycles`` 0: until cancelled."""

    kind: ClassVar[str] = "plan"
    prefix: ClassVar[str] = "pln"

    name: str
    amount: int
    currency: str
    unit: str
    count: int = 1
    cycles: int = 0
    trial_days: int = 0
    description: str = ""
    status: str = "active"
    version: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Order):
    """A customer on a plan.

    ``status``: pending, trialing, active, past_due, paused, cancelling, cancelled, ended. ``cycle`` counts the periods
    that were charged; all are measured from ``anchor``. ``next_amount`` (−1: none) is the unit price from the next
    period on; ``credit`` what a change to a cheaper plan left over. ``off_percent`` or ``off_amount`` is the discount of
    the next ``off_left`` charges (−1: of all).
    """

    kind: ClassVar[str] = "subscription"
    prefix: ClassVar[str] = "sub"

    plan: str
    amount: int
    currency: str
    unit: str
    count: int
    cycles: int = 0
    trial_days: int = 0
    start_at: datetime | None = None
    quantity: int = 1
    status: str = "pending"
    stored_method: str = ""
    anchor: datetime | None = None
    cycle: int = 0
    period_start: datetime | None = None
    period_end: datetime | None = None
    charge_at: datetime | None = None
    attempt: int = 0
    next_amount: int = -1
    next_plan: str = ""
    credit: int = 0
    cancel_at: datetime | None = None
    resume_at: datetime | None = None
    paused_at: datetime | None = None
    reason: str = ""
    off_percent: str = ""
    off_amount: int = 0
    off_left: int = 0

    @property
    def charge(self) -> int:
        """What the next period costs, in minor units, less the discount."""
        whole = self.amount * self.quantity
        if self.off_left == 0:
            return whole
        off = Money(whole, self.currency).percent(self.off_percent).minor if self.off_percent else self.off_amount
        return max(whole - off, 0)

    @property
    def parent(self) -> str:
        """Its plan."""
        return self.plan

    @property
    def due_at(self) -> datetime | None:
        """The next charge, the end of the period after a cancellation, or the end of a pause."""
        if self.status == "paused":
            return self.resume_at
        if self.status == "cancelling":
            return self.cancel_at
        return self.charge_at if self.status in ("trialing", "active", "past_due") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(OfPayment):
    """A share that moved to a provider's account. ``status``: sent, failed, reversed."""

    kind: ClassVar[str] = "transfer"
    prefix: ClassVar[str] = "trf"

    provider: str
    amount: int
    currency: str
    status: str = "sent"
    reversed: int = 0
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.reversed <= self.amount:
            message = f"transfer {self.id}: reversed {self.reversed} of {self.amount}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout(Record):
    """Money on its way to a bank account. ``status``: sent, paid, failed."""

    kind: ClassVar[str] = "payout"
    prefix: ClassVar[str] = "pout"

    provider: str
    amount: int
    currency: str
    arrives_at: datetime
    status: str = "sent"
    source: str = ""
    destination: JsonObject = field(default_factory=dict)
    reason: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def due_at(self) -> datetime | None:
        """When it arrives."""
        return self.arrives_at if self.status == "sent" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Record):
    """A means of payment that later payments may charge. ``behaviour``: succeeds, or the code of a decline."""

    kind: ClassVar[str] = "method"
    prefix: ClassVar[str] = "mth"

    customer: str = ""
    behaviour: str = "succeeds"
    card: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """A payer that the sandbox knows again by the e-mail address."""

    kind: ClassVar[str] = "customer"
    prefix: ClassVar[str] = "cus"

    email: str

    @property
    def key(self) -> str | None:
        """The address."""
        return self.email


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Record):
    """An address that webhooks go to. ``events`` are globs; ``secret`` is shown once, when it is made."""

    kind: ClassVar[str] = "webhook_endpoint"
    prefix: ClassVar[str] = "whe"

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    enabled: bool = True
