"""A code on a form: what it makes of the price or why it does not hold; redeemed with the submission, and never twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from hub.commerce.form_amounts import Said, amount_input
from hub.commerce.submissions import Reduction, connection_of, known_plan
from hub.errors import PermanentError
from hub.journal.tables_billing import redemptions
from hub.money import Money
from hub.payments.coupons import WhyNot, find, take, why_not
from hub.payments.discounts import exactly, off
from hub.web.speech import amount, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.commerce.form_fields import Answers
    from hub.commerce.forms import Form, Offer
    from hub.jsontypes import JsonObject
    from hub.office import Office

CODE: Final = "coupon"
"""The input in which the code is typed, and the value of the button that looks at it."""

SEEN: Final = "seen"
"""The input that says for which code, offer and price a reduced price was shown."""

_SAID: Final[Mapping[WhyNot, str]] = {
    WhyNot.UNKNOWN: "coupon_unknown",
    WhyNot.OVER: "coupon_over",
    WhyNot.USED: "coupon_used",
    WhyNot.OTHER_PLAN: "coupon_not_here",
}


@dataclass(frozen=True, slots=True)
class Reduced:
    """A price with a code: ``first`` is what the first charge takes instead of ``whole``.

    ``is_news``: the visitor has not been shown it yet, and sends nothing without looking at it.
    """

    code: str
    offer: Offer
    whole: Money
    first: Money
    discount: JsonObject
    plan: str | None
    identity: str
    is_news: bool = False

    @property
    def seen(self) -> str:
        """What tells this price from every other that could have been shown; the page brings it back."""
        return f"{self.code} {self.offer.name} {self.whole} {self.first} {self.discount.get('cycles', '')}".strip()

    def reduction(self) -> Reduction:
        """What the submission is kept with."""
        given: JsonObject = {"code": self.code, "plan": self.plan}
        is_recurring = self.offer.is_recurring
        return Reduction(
            self.code,
            self.whole if is_recurring else self.first,
            self.discount if is_recurring else None,
            lambda book: take(book, self.identity, given),
        )


def reduced(office: Office, form: Form, answers: Answers, entered: Mapping[str, str]) -> Reduced | Said | None:
    """What the typed code makes of the price that was chosen, or what is to be said at its field; None without a code.

    ``office`` is the one of the submission: a code that it redeemed already is still its own, though it is used up.
    """
    typed, offer, whole = entered.get(CODE, "").strip(), answers.offer, answers.amount
    if form.pay is None or not form.pay.takes_coupons or not typed or offer is None or whole is None:
        return None
    identity, by = office.identity("rdm"), connection_of(form, answers)
    with office.read() as connection:
        row = find(connection, typed)
        plan = known_plan(connection, form, offer, whole, by or "")
        is_ours = connection.execute(redemptions.select().where(redemptions.c.id == identity)).first() is not None
    why = why_not(row, plan, office.now) if row is None or not is_ours else None
    if why is not None or row is None:
        return Said(_SAID[why or WhyNot.UNKNOWN])
    if _is_written(offer, whole, entered) or not _is_possible(office, offer, by):
        return Said(_SAID[WhyNot.OTHER_PLAN])
    try:
        discount = exactly(row.discount, whole)
    except PermanentError:
        return Said(_SAID[WhyNot.OTHER_PLAN])
    first = Money(whole.minor - off(discount, whole.minor, whole.currency, 0), whole.currency)
    found = Reduced(row.id, offer, whole, first, discount, plan, identity)
    return replace(found, is_news=entered.get(SEEN) != found.seen)


def _is_written(offer: Offer, whole: Money, entered: Mapping[str, str]) -> bool:
    """Whether the payer wrote the amount, of which no coupon can take anything off."""
    price = offer.prices[whole.currency]
    return price.fixed is None and entered.get(amount_input(offer, whole.currency)) not in {
        one.to_decimal_text() for one in price.choices
    }


def _is_possible(office: Office, offer: Offer, by: str | None) -> bool:
    """Whether the gateway can take less: some keep the calendar of their subscriptions themselves, and know no discounts."""
    return not offer.is_recurring or by is None or office.manifest(by).takes_discounts


def with_problem(answers: Answers, said: Said) -> Answers:
    """The answers with something to be said at the code's field."""
    return replace(answers, problems={**answers.problems, CODE: said})


def of_the_price(answers: Answers) -> Answers:
    """The answers with what is wrong about the price alone: whoever looks at a code has not filled in the rest yet."""
    wrong = {name: one for name, one in answers.problems.items() if not name.startswith("f-") and name != "by"}
    return replace(answers, problems=wrong)


def price_words(found: Reduced, every: str) -> str:
    """The price with the code in the visitor's words. ``every`` says how often it is charged; empty for once."""
    first, whole = amount(found.first.to_json()), amount(found.whole.to_json())
    if not found.offer.is_recurring:
        return say("form.coupon_once", first=first, whole=whole)
    cycles = cast("int | None", found.discount.get("cycles"))
    if cycles is None:
        return say("form.coupon_always", first=first, whole=whole, every=every)
    if cycles == 1:
        return say("form.coupon_first", first=first, whole=whole, every=every)
    return say("form.coupon_cycles", first=first, whole=whole, every=every, count=cycles)
