"""The six questions that make an integration, their answers, and what these need of a gateway. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.connect.manifest import CAPABILITIES, Support
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.connect.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: ``title`` to choose it by, ``text`` what it means."""

    value: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """``many``: any number of the choices may be taken. ``when`` names the question and answers that make it matter."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    many: bool = False


QUESTIONS: Final = (
    Question(
        "received",
        "How is the money received?",
        (
            Choice("form", "By a form on a page of the hub", "You link to it from anywhere."),
            Choice("embedded", "By a form in your own site", "A snippet shows it in your page."),
            Choice(
                "link", "By payment links", "Each recipient gets a link by mail or message, one by one or from a list."
            ),
            Choice("order", "By orders from the catalogue", "Buyers choose among your gateways on the order's page."),
            Choice("invoice", "By invoices", "With number, PDF and a code to pay by."),
            Choice("portal", "By a portal that takes payments already", "The hub hears of them from the gateway."),
        ),
    ),
    Question(
        "split",
        "Is it split?",
        (
            Choice("none", "No", "All of it is yours."),
            Choice(
                "vendors", "Among the vendors of an order", "Each gets what was sold of theirs, less your commission."
            ),
            Choice("provider", "With one provider", "Such as a photographer or a driver; you keep a commission."),
        ),
    ),
    Question(
        "period",
        "One-time or recurring?",
        (
            Choice("once", "Once"),
            Choice("recurring", "Every month", "Charged until somebody cancels; failed charges are tried again."),
            Choice(
                "held",
                "Once, and held back until the work is done",
                "Released when the customer confirms, settled after a dispute.",
            ),
        ),
    ),
    Question(
        "fee",
        "Who bears the gateway's charges?",
        (
            Choice("platform", "You do"),
            Choice("vendors", "Whoever the money is split with", "In proportion to their shares."),
        ),
    ),
    Question(
        "after",
        "What happens after the payment?",
        (
            Choice("mail", "The payer is thanked by mail"),
            Choice("crm", "The CRM is told"),
            Choice("access", "The payer gets access", "To a course, a members' area, a download."),
            Choice(
                "provider",
                "Somebody is assigned to do the work",
                "By skill, region and calendar; they accept by a link.",
            ),
            Choice("team", "Your team is told in a channel"),
        ),
        many=True,
    ),
    Question(
        "refund",
        "Is it refundable?",
        (
            Choice("yes", "Yes", "Whole or in part; shares are taken back."),
            Choice("approval", "Yes, large ones after a second look", "Above a limit a person approves."),
            Choice("no", "No"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer of each question; ``after`` any number."""

    received: str = "form"
    split: str = "none"
    period: str = "once"
    fee: str = "platform"
    after: tuple[str, ...] = ("mail",)
    refund: str = "yes"

    @property
    def by_story(self) -> bool:
        """Whether it takes jobs with steps of their own, which a story of the gallery has and no short recipe does."""
        return self.period == "held" or "provider" in self.after

    @property
    def by_form(self) -> bool:
        """Whether a form of the hub's is filled in."""
        return self.received in {"form", "embedded"}


def answers_of(given: Mapping[str, Sequence[str]]) -> Answers:
    """The answers of a form; what was not answered is as by default. Raises ``ConfigError`` for one that is none."""
    found: dict[str, str | tuple[str, ...]] = {}
    for question in QUESTIONS:
        said = given.get(question.name)
        if said is None and not (question.many and given):
            continue
        known = [choice.value for choice in question.choices]
        strange = [one for one in said or () if one not in known]
        if strange:
            message = f"{question.title} {strange[0]!r} is no answer."
            raise ConfigError(message, remedy=f"Choose among {', '.join(known)}.")
        chosen = tuple(value for value in known if value in (said or ()))
        if question.many:
            found[question.name] = chosen
        elif chosen:
            found[question.name] = chosen[0]
    return Answers(**found)  # type: ignore[arg-type]


def conflicts(answers: Answers) -> dict[str, str]:
    """The answers that do not go together: by question, why not and what would. Empty when all do."""
    found: dict[str, str] = {}
    if answers.by_story and not answers.by_form:
        found["received"] = (
            "Work is ordered by a form, in which the customer says what is to be done, when and where. Choose a form here, "
            "or no work under 3 and 5."
        )
    if answers.split == "vendors" and answers.by_story:
        found["split"] = "A job is the work of one provider. Choose one provider here, or no work under 3 and 5."
    elif answers.split == "vendors" and answers.received != "order":
        found["split"] = (
            "Whose goods were sold is known of an order from the catalogue only. Choose orders under 1, or split with one "
            "provider."
        )
    if answers.period == "recurring" and answers.received in _PAID_ONCE:
        found["period"] = (
            f"{_PAID_ONCE[answers.received]} is paid once; nobody agrees by it to be charged every month. Choose a form "
            "under 1, or once here."
        )
    elif answers.period == "recurring" and answers.by_story:
        found["period"] = "A job is paid once. Choose once here, or let nobody be assigned under 5."
    if answers.fee == "vendors" and answers.split == "none":
        found["fee"] = (
            "Nothing is split, so nobody else can bear the charges. Choose yourself here, or a split under 2."
        )
    return found


_PAID_ONCE: Final[Mapping[str, str]] = {"link": "A payment link", "order": "An order", "invoice": "An invoice"}


def left_out(answers: Answers) -> tuple[str, ...]:
    """Of the answers that take a story of the gallery: what the story does not do by itself."""
    if not answers.by_story:
        return ()
    left = [_NOT_IN_STORIES[name] for name in answers.after if name in _NOT_IN_STORIES]
    if answers.period == "held" and "provider" in answers.after:
        left.append("assigning by skill and calendar: there the customer chooses among the offers of providers")
    if answers.fee == "vendors":
        left.append("charges that the provider bears: there they are yours")
    return tuple(left)


_NOT_IN_STORIES: Final[Mapping[str, str]] = {
    "crm": "telling the CRM",
    "access": "giving the payer access",
    "team": "telling your team",
}

_OF_ANSWERS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("received", "form"): ("single_payment",),
    ("received", "embedded"): ("single_payment",),
    ("received", "link"): ("payment_link",),
    ("received", "order"): ("single_payment",),
    ("received", "invoice"): ("single_payment",),
    ("received", "portal"): ("webhooks",),
    ("split", "vendors"): ("split_payment",),
    ("split", "provider"): ("split_payment",),
    ("period", "recurring"): ("recurring_payment", "plan_create", "plan_cancel"),
    ("period", "held"): ("escrow",),
    ("refund", "yes"): ("refund",),
    ("refund", "approval"): ("refund",),
}


def needs(answers: Answers) -> tuple[str, ...]:
    """The capabilities that the answers need, in the order of the gateways' table."""
    wanted = {
        key for (question, value), keys in _OF_ANSWERS.items() if getattr(answers, question) == value for key in keys
    }
    return tuple(key for key in CAPABILITIES if key in wanted)


@dataclass(frozen=True, slots=True)
class Fit:
    """A gateway beside the answers. ``missing``: what it cannot do, with why; ``by_hub``: what the hub does in its place."""

    manifest: Manifest
    missing: tuple[tuple[str, str], ...]
    by_hub: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether everything that is needed can be had there."""
        return not self.missing


def fits(answers: Answers, manifests: Iterable[Manifest]) -> list[Fit]:
    """Each gateway with what it lacks; those that fit first, those with the most of their own before others."""
    found = []
    for manifest in manifests:
        cells = {key: manifest.capabilities[key] for key in needs(answers) if key in manifest.capabilities}
        missing = [(CAPABILITIES[key], cell.reason) for key, cell in cells.items() if cell.status is Support.NONE]
        by_hub = [CAPABILITIES[key] for key, cell in cells.items() if cell.status is Support.HUB]
        found.append(Fit(manifest, tuple(missing), tuple(by_hub)))
    return sorted(found, key=lambda fit: (len(fit.missing), len(fit.by_hub), fit.manifest.title))


def story_of(answers: Answers) -> tuple[str, str]:
    """The story of the gallery that comes closest, and why."""
    if answers.period == "held":
        return "truck-hire", "It holds the money until the job is confirmed, releases it, and settles disputes."
    if answers.split == "vendors":
        return "multi-vendor-shop", "It divides each order among its vendors, pays them out and takes shares back."
    if answers.split == "provider" or "provider" in answers.after:
        return "photo-shoot", "It assigns a provider to a paid job, asks them by a link, and shares the price."
    if answers.received == "link":
        return "payment-links", "It sends links, reminds, and thanks who paid."
    if answers.received == "invoice":
        return "wholesale", "It makes orders of scanned goods, which the buyer pays by a code or by mail."
    if "access" in answers.after or (answers.period == "recurring" and answers.received != "portal"):
        return "online-course", "It gives access once or as a membership, and takes it away when that ends."
    if answers.received == "order":
        return "services", "Buyers choose how to pay, among the gateways that you have."
    if "crm" in answers.after or answers.received == "portal":
        return "crm-sync", "It keeps the CRM in step with who paid, left or was refunded."
    return "charity", "It takes payments by a form whose amount the payer may choose, and sends numbered receipts."
