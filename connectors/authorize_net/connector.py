"""Authorize.Net: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.authorize_net import listings, pages, payments, plans, polling, refunds, subscriptions, webhooks
from connectors.authorize_net.api import ENDPOINT, REST, AuthorizeNet, currency_of, object_of, read_json
from connectors.authorize_net.endpoints import AuthorizeNetEndpoints
from connectors.authorize_net.errors import failure_of
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode
from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json


def request(call: Call) -> Json:
    """Any call (``request``): one operation of the JSON API, or the REST API of webhooks.

    An operation's body is one object by the name of its root, in the schema's order; credentials are put in here.
    """
    given = call.input
    path, method, body = str(given["path"]), str(given.get("method", "GET")), given.get("body")
    if path == ENDPOINT:
        return _operation(call, method, body)
    if not path.startswith(f"{REST}/") or ".." in unquote(path).split("/") or "?" in path or "#" in path:
        message = f"Authorize.Net has {ENDPOINT} and what is below {REST}/, as plain paths; parameters go under query."
        raise failure("bad_input", message)
    query = {name: str(value) for name, value in cast("dict[str, Json]", given.get("query") or {}).items()}
    response = AuthorizeNet(call).send_rest(method, path, query=query, body=body)
    return _output(response, read_json(response.body) if response.body.strip() else None)


def _operation(call: Call, method: str, body: Json) -> Json:
    root, members = next(iter(body.items())) if isinstance(body, dict) and len(body) == 1 else ("", None)
    if method != "POST" or not isinstance(members, dict):
        raise failure("bad_input", f"{ENDPOINT} takes POST with one object: {{getTransactionDetailsRequest: {{…}}}}.")
    if "merchantAuthentication" in members:
        raise failure("bad_input", "Leave merchantAuthentication out: the connection's credentials are put in.")
    reads = root.startswith(("get", "ARBGet", "authenticateTest"))
    answer, response = AuthorizeNet(call).exchange(root, members, repeatable=reads)
    problem = failure_of(answer, repeatable=reads)
    if problem is not None:
        raise problem
    return _output(response, answer)


def _output(response: HttpResponse, body: Json) -> Json:
    return {
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.headers.items()},
        "body": body,
    }


def test(call: Call) -> str:
    """Ask who the merchant is, and for the newest transaction: what look-ups and events rely on."""
    api = AuthorizeNet(call)
    merchant = api.ask("getMerchantDetailsRequest")
    listed = merchant.get("currencies")
    known = listed.get("currency") if isinstance(listed, dict) else listed
    currencies = [known] if isinstance(known, str) else known if isinstance(known, list) else []
    own = currency_of(call.connection)
    if currencies and own not in currencies:
        names = ", ".join(str(one) for one in currencies)
        message = f"The account at Authorize.Net is in {names}, the connection in {own}."
        raise ConfigError(message, remedy="Open Connections and choose the account's currency.")
    paging = {"sorting": {"orderBy": "submitTimeUTC", "orderDescending": True}, "paging": {"limit": 1, "offset": 1}}
    api.ask("getUnsettledTransactionListRequest", object_of(cast("Json", paging)))
    mode = "live: real money" if call.connection.settings.get("mode") == "live" else "test: no real money"
    return f"Authorize.Net accepts the keys of {merchant.get('merchantName') or 'the account'} ({mode}), in {own}."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create, payments.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(refunds.refund, refunds.find_refunded),
        "plan.create": ActionCode(plans.create),
        "plan.update": ActionCode(plans.update),
        "subscription.create": ActionCode(subscriptions.create, subscriptions.find_created),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "form.embed": ActionCode(pages.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    enrich=webhooks.enrich,
    poll=polling.poll,
    test=test,
    endpoints=AuthorizeNetEndpoints(),
)
