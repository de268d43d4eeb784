"""Small forms to write one's own from."""

from __future__ import annotations

from typing import Final

from hub.web.starters import Starter

FORM_STARTERS: Final = (
    Starter(
        "contact",
        "Ask something",
        "Name, mail address and a message; no money.",
        """\
form: 1
name: contact
title: Write to us
fields:
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: E-mail address, required: true}
  - {name: message, type: lines, title: Your message, required: true}
after:
  thanks: Thank you. We will answer soon.
""",
    ),
    Starter(
        "payment",
        "Take a payment",
        "A fixed price, paid once, by the connection that you name.",
        """\
form: 1
name: workshop
title: Join the workshop
description: Saturday, 10:00 to 16:00.
fields:
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: E-mail address, required: true}
pay:
  by: sandbox                  # the gateway's connection
  amount:
    EUR: {fixed: "49.00"}
after:
  thanks: Your place is booked.
""",
    ),
    Starter(
        "donation",
        "Take donations",
        "The donor sets the amount, once or every month.",
        """\
form: 1
name: give
title: {en: Give to the shelter, de: Für das Tierheim spenden}
fields:
  - {name: name, type: text, title: {en: Your name, de: Ihr Name}, required: true}
  - {name: email, type: email, title: {en: E-mail address, de: E-Mail-Adresse}, required: true}
pay:
  by: sandbox                  # the gateway's connection
  amount:                      # suggested amounts, and a free one within limits
    EUR: {choices: [10, 25, 50], free: {min: 1, max: 5000}}
  offers:
    - {name: once, title: {en: Once, de: Einmal}}
    - {name: monthly, title: {en: Every month, de: Jeden Monat}, every: month}
after:
  thanks: {en: Thank you!, de: Vielen Dank!}
""",
    ),
)
"""The first is what a new form begins with."""


def form_starter(name: str) -> Starter:
    """A starter by its name; the first for a name that is none."""
    return next((one for one in FORM_STARTERS if one.name == name), FORM_STARTERS[0])
