"""Small recipes to write one's own from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Starter:
    """A text to begin with. ``name`` is its place in addresses."""

    name: str
    title: str
    summary: str
    text: str


STARTERS: Final = (
    Starter(
        "receipt",
        "Thank who paid",
        "A payment succeeded → a mail to the customer.",
        """\
hub: 1
recipe: thank-you
title: Thank who paid
on:
  event: payment.succeeded
  where: event.data.customer.email        # only when we know an address
steps:
  - id: thanks
    call: mail/send
    with:
      to: ${ event.data.customer.email }
      subject: Thank you for your payment
      text: |
        We received ${ format_money(event.data.amount, 'en') }. Thank you!

tests:
  - name: the customer gets a mail
    event:
      type: payment.succeeded
      data: {payment: pay_1, amount: {minor: 4900, currency: EUR}, customer: {email: ada@example.com}}
    expect:
      status: succeeded
      calls:
        - {step: thanks, with: {to: ada@example.com}}
""",
    ),
    Starter(
        "reminder",
        "Remind after a failed payment",
        "A payment failed → wait a day, unless it was paid meanwhile → a mail.",
        """\
hub: 1
recipe: failed-payment-reminder
title: Remind after a failed payment
on:
  event: payment.failed
  where: event.data.customer.email
steps:
  - id: paid
    title: Paid after all?
    wait: {event: payment.succeeded, match: {data.payment: "${ event.data.payment }"}, timeout: 1d}
    on_timeout: continue

  - id: remind
    if: steps.paid.status == 'timed_out'
    call: mail/send
    with:
      to: ${ event.data.customer.email }
      subject: Your payment did not go through
      text: |
        Your payment of ${ format_money(event.data.amount, 'en') } did not go through. Please try again.
""",
    ),
    Starter(
        "approval",
        "Ask a person first",
        "A large refund → somebody is asked by mail → only then it goes on.",
        """\
hub: 1
recipe: refund-watch
title: Ask about large refunds
inputs:
  whom: {type: string, default: admin@example.com, description: Who is asked}
on:
  event: refund.issued
  where: event.data.amount.minor > `50000`        # 500.00
steps:
  - id: question
    ask:
      whom: ${ inputs.whom }
      question: Is the refund of ${ format_money(event.data.amount, 'en') } in order?
      answers: ["yes", "no"]
      timeout: 48h
    on_timeout: continue

  - if: steps.question.output == 'no'
    then:
      - id: alarm
        call: mail/send
        with:
          to: ${ inputs.whom }
          subject: A refund to look into
          text: The refund ${ event.data.refund } was not in order.
""",
    ),
    Starter(
        "schedule",
        "Every Monday morning",
        "A clock → a mail.",
        """\
hub: 1
recipe: monday-mail
title: Every Monday morning
on:
  schedule: {cron: "0 9 * * MON", timezone: Europe/Berlin}
steps:
  - id: mail
    call: mail/send
    with:
      to: admin@example.com
      subject: A new week
      text: Look at the runs that failed last week.
""",
    ),
    Starter(
        "empty",
        "An empty recipe",
        "The least that a recipe needs.",
        """\
hub: 1
recipe: my-recipe
title: What it does, in a few words
on:
  event: payment.succeeded
steps:
  - id: note
    call: hub/log
    with: {message: "A payment came in"}
""",
    ),
)


def starter_named(name: str) -> Starter:
    """The starter of that name; the empty one when there is none."""
    return next((one for one in STARTERS if one.name == name), STARTERS[-1])
