"""Starts a connector: a folder's files that pass the checker, to be filled in (``hub connector new``). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.connect.manifest import CAPABILITIES, Kind
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_NATIVE_AT_FIRST = {"single_payment", "connector_api", "webhooks"}


def new_connector(name: str, kind: str) -> Mapping[str, str]:
    """The files of a new connector by their path in its folder.

    Raises :class:`ConfigError` for a name that cannot be one or a kind that is none.
    """
    checked_name(name)
    if kind not in set(Kind):
        message = f"There is no kind {kind!r}."
        raise ConfigError(message, remedy=f"Use one of {', '.join(Kind)}.")
    title = name.replace("_", " ").title()
    files = {"connector.yaml": _head(name, title, kind), "README.md": readme(title)}
    if kind == Kind.GATEWAY:
        files["connector.yaml"] += _gateway()
        files["connector.py"] = _GATEWAY_CODE.format(title=title)
        files["samples/payment.paid.json"] = _SAMPLE
    else:
        files["connector.yaml"] += _PLAIN_ACTION
    return files


def checked_name(name: str) -> None:
    """Raises :class:`ConfigError` for a name that no connector can have."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} cannot be a connector's name."
        raise ConfigError(message, remedy="Use lower-case letters, digits and _, beginning with a letter.")


def _head(name: str, title: str, kind: str) -> str:
    webhook_field = _WEBHOOK_FIELD if kind == Kind.GATEWAY else ""
    webhook_step = "\n  3. Register {webhook_url} as a webhook and copy its secret." if kind == Kind.GATEWAY else ""
    return f"""\
connector: 1
name: {name}
title: {title}
kind: {kind}
summary: Say in a sentence what {title} is and what the hub does with it.
links:
  docs: https://{name.replace("_", "-")}.example/docs

connection:
  required: [api_base, api_key]
  properties:
    api_base: {{title: API address, type: string, format: uri, default: "https://api.{name.replace("_", "-")}.example"}}
    api_key: {{title: API key, type: string, secret: true}}
{webhook_field}
setup: |
  1. Open your account at {title} and make an API key.
  2. Copy it into the field above.{webhook_step}

api:
  base: ${{ connection.api_base }}
  auth: {{type: bearer, token: api_key}}
  # Where an error answer holds its code and words, and what its codes mean (hub/connect/errors.yaml).
  errors:
    code: answer.error.code
    message: answer.error.message
    table: {{invalid_key: unauthorised}}
"""


_WEBHOOK_FIELD = "    webhook_secret: {title: Webhook secret, type: string, secret: true}\n"

_PLAIN_ACTION = """
actions:
  item.get:
    title: Look an item up
    description: Reads one item.
    idempotent: nature
    errors: [not_found]
    input:
      type: object
      additionalProperties: false
      required: [item]
      properties:
        item: {type: string, minLength: 1, title: Item}
    output:
      type: object
      required: [item]
      properties:
        item: {type: string}
    rest:
      method: GET
      path: /v1/items/${ input.item }
      output: {item: "${ answer.id }"}
"""


def _gateway() -> str:
    cells = []
    for key in CAPABILITIES:
        if key in _NATIVE_AT_FIRST:
            cells.append(f"  {key}: {{status: native}}")
        else:
            cells.append(f"  {key}: {{status: none, reason: Not looked into yet; say why or how.}}")
    return "\ncapabilities:\n" + "\n".join(cells) + _GATEWAY_ACTIONS


_GATEWAY_ACTIONS = """

actions:
  payment.create:
    idempotent: key
    rest:
      method: POST
      path: /v1/payments
      headers: {Idempotency-Key: "${ key }"}
      json:
        amount: ${ input.amount.minor }
        currency: ${ input.amount.currency }
        return_url: ${ input.return_url }
        metadata: ${ input.metadata }
      output: {payment: "${ answer.id }", status: created, checkout_url: "${ answer.url }"}
  payment.get:
    idempotent: nature
    rest:
      method: GET
      path: /v1/payments/${ input.payment }
      output:
        payment: ${ answer.id }
        status: "${ answer.paid && 'succeeded' || 'created' }"
        amount: {units: "${ answer.amount }", currency: "${ answer.currency }"}
  request:
    idempotent: "no"

webhook:
  scheme: hmac
  secret: webhook_secret
  header: X-Signature
  algorithm: sha256
  encoding: hex
  dedupe: raw.id
  type: raw.type
  time: raw.created

events:
  - raw: payment.paid
    type: payment.succeeded
    data:
      payment: ${ raw.payment.id }
      amount: {units: "${ raw.payment.amount }", currency: "${ raw.payment.currency }"}
      metadata: ${ raw.payment.metadata }

samples:
  - file: samples/payment.paid.json
    raw: payment.paid
    gives: [payment.succeeded]
"""

_SAMPLE = """\
{
  "id": "evt_1",
  "type": "payment.paid",
  "created": 1700000000,
  "payment": {"id": "pay_1", "amount": 1999, "currency": "EUR", "metadata": {"order": "o_1"}}
}
"""

_GATEWAY_CODE = '''\
"""{title}: what connector.yaml cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import raise_for_status
from hub.connect.api import ActionCode, ConnectorCode
from hub.connect.auth import bearer, send
from hub.connect.rest import query_pairs

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json


def request(call: Call) -> Json:
    """Any call of the API, signed in."""
    url = cast("str", call.connection.settings["api_base"]).rstrip("/") + cast("str", call.input["path"])
    response = send(
        call.http,
        bearer(call.connection.secret("api_key")),
        cast("str", call.input.get("method", "GET")),
        url,
        now=call.now,
        params=query_pairs(call.input.get("query")),
        json=call.input.get("body"),
    )
    raise_for_status(response, now=call.now)
    return {{"status": response.status, "body": response.json() if response.body else None}}


connector = ConnectorCode(actions={{"request": ActionCode(request)}})
'''


def readme(title: str) -> str:
    """The README of a new connector, with the sections that every one has."""
    return f"""\
# {title}

## Set-up

Repeat the steps of `connector.yaml` with what an admin should know besides.

## Limits

What {title} limits: amounts, currencies, times, calls per second. Give the source of each.

## Quirks

What surprised you.

## Unconfirmed

What was read but not seen at a live account.
"""
