"""The files that answers make: recipes with their tests, and a form, as a person would have written them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.engine.guide.questions import Answers
    from hub.money import Money

_PAID: Final = "{payment: pay_1, amount: {minor: 4900, currency: EUR}, customer: {email: ada@example.com, name: Ada}%s}"
_INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "commission": ("10", "What you keep, in per cent"),
    "provider": ("prv_1", "Who gets the share"),
    "crm": ("crm", "The connection of your CRM"),
    "resource": ("members", "What they get access to"),
    "team": ("team", "The connection of your team's channel"),
}
"""The recipes' inputs: what they are at first, where nothing else was chosen, and what they are for."""


ENDINGS: Final = ("unpaid", "ended", "refund")
"""What the names of the further recipes end with."""


@dataclass(frozen=True, slots=True)
class Integration:
    """What is made: ``name`` of its files, ``title`` for people, ``connection`` of the gateway, ``price`` of the form.

    ``price`` None: the payer writes the amount, in ``currency``. ``site`` is the origin of the site that shows the form;
    ``picked`` has by the recipes' inputs what was chosen for them, such as the provider or the CRM's connection.
    """

    name: str
    title: str
    connection: str
    currency: str
    price: Money | None = None
    site: str = ""
    picked: Mapping[str, str] = field(default_factory=dict)

    def default(self, name: str) -> str:
        """What an input of the recipes is at first."""
        return self.picked.get(name) or _INPUTS[name][0]


@dataclass(frozen=True, slots=True)
class _Step:
    """A step, the inputs of the recipe that it uses, and what its test expects (``with`` of the call)."""

    id: str
    text: str
    expected: str
    uses: tuple[str, ...] = ()


def recipes_of(answers: Answers, made: Integration) -> dict[str, str]:
    """The recipes by name: what happens after a payment, after a failed charge, after a refund."""
    found = {made.name: _after_payment(answers, made)}
    if answers.period == "recurring":
        found[f"{made.name}-unpaid"] = _unpaid(answers, made)
        if "access" in answers.after:
            found[f"{made.name}-ended"] = _ended(answers, made)
    if answers.refund != "no":
        found[f"{made.name}-refund"] = _refunded(answers, made)
    return found


def form_of(answers: Answers, made: Integration) -> str:
    """The form by which is paid; empty when there is none."""
    if not answers.by_form:
        return ""
    price = f'{{fixed: "{made.price.to_decimal_text()}"}}' if made.price else f"{{free: {_LIMITS}}}"
    offers = (
        "  offers:\n    - {name: monthly, title: Every month, every: month}\n" if answers.period == "recurring" else ""
    )
    embed = f"embed: [{_quoted(made.site) if made.site else ''}]  # the sites that may show it\n"
    return f"""\
form: 1
name: {made.name}
title: {_quoted(made.title)}
fields:
  - {{name: name, type: text, title: Your name, required: true}}
  - {{name: email, type: email, title: E-mail address, required: true}}
pay:
  by: {made.connection}
  amount:
    {made.currency}: {price}
{offers}after:
  thanks: Thank you. A mail is on its way to you.
{embed if answers.received == "embedded" else ""}"""


_LIMITS: Final = "{min: 1, max: 10000}"


def _after_payment(answers: Answers, made: Integration) -> str:
    making = {"access": _access, "mail": _mail, "crm": _crm, "team": _team}
    steps = [_split(answers, made)] if answers.split != "none" else []
    steps += [make(answers) for name, make in making.items() if name in answers.after]
    steps = steps or [_noted()]
    where, data = _ours(answers, made)
    return _recipe(
        made,
        made.name,
        made.title,
        "Written from your answers under New integration; change it as you like.",
        "payment.succeeded",
        where,
        steps,
        _PAID % data,
    )


def _ours(answers: Answers, made: Integration) -> tuple[str, str]:
    """The condition by which a payment is known as one of this integration's, and what has it in a test."""
    if answers.by_form:
        return f"event.data.metadata.form == '{made.name}'", f", metadata: {{form: {made.name}}}"
    field = {"link": "link", "order": "order", "invoice": "invoice"}.get(answers.received)
    if field is None:
        return "event.data.customer.email", ""
    return f"event.data.{field} && event.data.customer.email", f", {field}: {field}_1"


def _split(answers: Answers, made: Integration) -> _Step:
    shared = answers.split == "provider"
    whose = "\n    provider: ${ inputs.provider }" if shared else ""
    text = f"""\
- id: split
  title: Divide it, less your commission
  call: payments/split
  with:
    payment: ${{ event.data.payment }}{whose}
    rule: {{commission: {{percent: "${{ inputs.commission }}"}}, fee_borne_by: {answers.fee}}}
"""
    whom = f", provider: {made.default('provider')}" if shared else ""
    rule = f'rule: {{commission: {{percent: "10"}}, fee_borne_by: {answers.fee}}}'
    uses = ("commission", "provider") if shared else ("commission",)
    return _Step("split", text, f"{{payment: pay_1{whom}, {rule}}}", uses)


def _access(answers: Answers) -> _Step:
    recurring = answers.period == "recurring"
    ground = "\n    subscription: ${ event.data.subscription }" if recurring else ""
    text = f"""\
- id: access
  title: Give access
  if: event.data.customer.email
  call: access/grant
  with:
    customer: ${{ event.data.customer }}
    resource: ${{ inputs.resource }}
    payment: ${{ event.data.payment }}{ground}
"""
    return _Step("access", text, "{resource: members, payment: pay_1}", ("resource",))


def _revoke(ground: str, expected: str) -> _Step:
    text = f"""\
- id: revoke
  title: End the access
  if: event.data.customer.email
  call: access/revoke
  with:
    customer: ${{ event.data.customer }}
    resource: ${{ inputs.resource }}
    {ground}: ${{ event.data.{ground} }}
    reason: {expected}
"""
    return _Step("revoke", text, f"{{resource: members, reason: {expected}}}", ("resource",))


def _mail(answers: Answers) -> _Step:
    del answers
    return _Step("thanks", _mail_text("thanks", "Thank the payer", "Thank you for your payment", _THANKS), _TO_ADA)


_TO_ADA: Final = "{to: ada@example.com}"
_HELLO: Final = "Hello ${ default(event.data.customer.name, 'there') },\n\n"
_THANKS: Final = _HELLO + "we received ${ format_money(event.data.amount, 'en') }. Thank you!"


def _mail_text(identity: str, title: str, subject: str, body: str) -> str:
    lines = "\n".join(f"      {line}".rstrip() for line in body.splitlines())
    return f"""\
- id: {identity}
  title: {title}
  if: event.data.customer.email
  call: mail/send
  with:
    to: ${{ event.data.customer.email }}
    subject: {subject}
    text: |
{lines}
"""


def _crm(answers: Answers) -> _Step:
    del answers
    text = """\
- id: contact
  title: Tell the CRM
  if: event.data.customer.email
  call: ${ inputs.crm }/contact.upsert
  with:
    email: ${ event.data.customer.email }
    properties:
      hub_last_payment: ${ event.data.payment }
      hub_last_amount: ${ format_money(event.data.amount, 'en') }
  retry: {attempts: 12, first: 30s, factor: 3, max: 2h}
"""
    return _Step("contact", text, "{email: ada@example.com, properties: {hub_last_amount: €49.00}}", ("crm",))


def _team(answers: Answers) -> _Step:
    del answers
    text = """\
- id: team
  title: Tell your team
  call: ${ inputs.team }/message.post
  with:
    text: "Paid: ${ format_money(event.data.amount, 'en') } by ${ default(event.data.customer.name, 'somebody') }"
"""
    return _Step("team", text, '{text: "Paid: €49.00 by Ada"}', ("team",))


def _noted() -> _Step:
    """Something must happen, so that its run is seen."""
    text = """\
- id: paid
  title: What was paid
  set: {amount: "${ format_money(event.data.amount, 'en') }"}
"""
    return _Step("paid", text, "")


def _unpaid(answers: Answers, made: Integration) -> str:
    where, sample = _of_members(answers, made)
    body = (
        f"{_HELLO}your payment of this period did not go through. We try again; "
        "please see that your card or account can be charged."
    )
    step = _Step(
        "unpaid", _mail_text("unpaid", "Say so to the member", "Your payment did not go through", body), _TO_ADA
    )
    title = f"{made.title}: a charge failed"
    about = "The charge is tried again by itself; the member is told each time."
    return _recipe(made, f"{made.name}-unpaid", title, about, "subscription.payment_failed", where, [step], sample)


def _ended(answers: Answers, made: Integration) -> str:
    where, sample = _of_members(answers, made)
    title, about = f"{made.title}: ended", "Who no longer pays has no access any more, once the paid time is over."
    steps = [_Step("paid", _AS_LONG, ""), _revoke("subscription", "ended")]
    event = "[subscription.cancelled, subscription.ended]"
    return _recipe(made, f"{made.name}-ended", title, about, event, where, steps, sample)


_AS_LONG: Final = """\
- id: paid
  title: As long as it is paid
  if: event.data.cancel_at
  wait: {until: event.data.cancel_at}
"""


def _of_members(answers: Answers, made: Integration) -> tuple[str, str]:
    """The condition by which a subscription is known as one of this integration's, and a sample of its data."""
    where = _ours(answers, made)[0] if answers.by_form else "event.data.customer.email"
    data = f", metadata: {{form: {made.name}}}" if answers.by_form else ""
    return where, f"{{subscription: sub_1, plan: plan_1, customer: {{email: ada@example.com, name: Ada}}{data}}}"


def _refunded(answers: Answers, made: Integration) -> str:
    where, data = _ours(answers, made)
    body = _HELLO + "${ format_money(event.data.amount, 'en') } is on its way back to you."
    steps = [_Step("told", _mail_text("told", "Say so to the payer", "Your refund", body), _TO_ADA)]
    if "access" in answers.after:
        steps.append(_revoke("payment", "refunded"))
    sample = f"{{refund: ref_1, {(_PAID % data)[1:]}"
    about = "Refund it on the payment's page; what others got of it is taken back there."
    return _recipe(made, f"{made.name}-refund", f"{made.title}: refunded", about, "refund.issued", where, steps, sample)


def _recipe(  # noqa: PLR0913 (the parts of a recipe)
    made: Integration, name: str, title: str, about: str, event: str, where: str, steps: Sequence[_Step], sample: str
) -> str:
    inputs = "".join(
        f"  {name}: {{type: string, default: {_quoted(made.default(name))}, description: {_INPUTS[name][1]}}}\n"
        for step in steps
        for name in step.uses
    )
    calls = "".join(f"        - {{step: {step.id}, with: {step.expected}}}\n" for step in steps if step.expected)
    body = "\n".join("".join(f"  {line}\n" if line else "\n" for line in step.text.splitlines()) for step in steps)
    return f"""\
hub: 1
recipe: {name}
title: {_quoted(title)}
description: {_quoted(about)}
enabled: true
{f"inputs:{chr(10)}{inputs}" if inputs else ""}on:
  event: {event}
  from: {made.connection}
  where: {where}
steps:
{body}
tests:
  - name: it happens as it should
    event:
      type: {event.strip("[").partition(",")[0]}
      connection: {made.connection}
      data: {sample}
    expect:
      status: succeeded
{f"      calls:{chr(10)}{calls}" if calls else ""}"""


def _quoted(text: str) -> str:
    """A text as a YAML scalar in double quotes; JSON's quoting is YAML's."""
    return orjson.dumps(text).decode()
