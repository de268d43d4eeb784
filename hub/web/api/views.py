"""The endpoints of the API: each line of the table, the lists, events, and the webhooks that the hub sends."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
import sqlalchemy as sa
from flask import Response, render_template, request
from werkzeug.exceptions import HTTPException

from hub.connect.schemas import CompiledSchema
from hub.engine.outgoing import Outgoing
from hub.engine.tokens import RESOURCES
from hub.errors import ConfigError, HubError, NotFoundError
from hub.journal.tables import events
from hub.vocabulary import event_types, validate_data
from hub.web.access import Pages, Role
from hub.web.api import accounts
from hub.web.api.bearer import caller
from hub.web.api.listings import LISTINGS, MESSAGES, Listing, bad_field, listed, one_of
from hub.web.api.openapi import CODES, EVENT, OWN, STATUSES, chapters, description
from hub.web.api.operations import OPERATIONS, PREFIX, Operation, rule_of
from hub.web.api.problems import problem_of, problem_of_anything, problem_of_http, wrong_fields
from hub.web.api.requests import answered_once, body_of_request, refuse_secrets
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from hub.connect.manifest import ActionSpec
    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject

pages: Final = Pages("api", __name__)
pages.register_error_handler(HubError, problem_of)
pages.register_error_handler(HTTPException, problem_of_http)
pages.register_error_handler(Exception, problem_of_anything)


@lru_cache(maxsize=512)
def _compiled(schema: bytes) -> CompiledSchema:
    return CompiledSchema(cast("JsonObject", orjson.loads(schema)))


def check(schema: JsonObject, given: JsonObject) -> None:
    """Raise ``PermanentError`` that names every field which does not fit the schema."""
    problems = _compiled(orjson.dumps(schema)).problems(given)
    if problems:
        raise wrong_fields(problems)


# actions


def _act(operation: Operation, **path: str) -> Response:
    refuse_secrets(path)
    body = body_of_request() if operation.method == "POST" else {}
    for name in body:
        if name in path:
            raise bad_field(name, "The address says this already; leave it out.")
    if operation.method == "GET" and request.args:
        raise bad_field(next(iter(request.args)), "This address takes no parameters.")
    connection = operation.connector or path["connection"]
    given: dict[str, Json] = {**body, **{name: value for name, value in path.items() if _is_input(operation, name)}}
    if operation.by_caller:
        if "actor" in body:
            raise bad_field("actor", "The hub says this itself; leave it out.")
        given["actor"] = caller().actor
    check(_spec(connection, operation).input, given)
    if operation.method == "GET":
        return _json(_do(operation, connection, given, f"api read {request.path} {the_hub().now().isoformat()}"))
    return answered_once(path, body, partial(_do, operation, connection, given))


def _is_input(operation: Operation, name: str) -> bool:
    """A gateway's action is called on a connection; for the hub's own the connection is an input."""
    return name != "connection" or bool(operation.connector)


def _spec(connection: str, operation: Operation) -> ActionSpec:
    hub = the_hub()
    try:
        connector = hub.accounts.get(connection).connector
    except ConfigError as error:
        raise NotFoundError(error.message, code="unknown_connection", remedy=error.remedy) from error
    return hub.registry.action(connector, operation.action)


def _do(operation: Operation, connection: str, given: JsonObject, key: str) -> Json:
    hub = the_hub()
    if operation.scope.endswith(":read"):
        return hub.payments.act(connection, operation.action, hub.office(key).key, given)
    output = hub.office(key).call(connection, operation.action, given, operation.action)
    about = {name: value for name, value in given.items() if name in operation.places}
    hub.store.note(caller().actor, f"{operation.resource}.{operation.action}", connection, hub.now(), about)
    return output


# lists


def _list(listing: Listing, **fixed: str) -> Response:
    asked = {name: request.args[name] for name in request.args}
    refuse_secrets({**asked, **fixed})
    return _json(listed(the_hub().database, listing, asked, fixed))


def _one(listing: Listing, **path: str) -> Response:
    refuse_secrets(path)
    return _json(one_of(the_hub().database, listing, path))


# events


def send_event() -> Response:
    """Take in an event of the caller's own; recipes start with it as with any other."""
    body = body_of_request()
    check(EVENT, body)
    return answered_once({}, body, partial(_record, body))


def _record(body: JsonObject, key: str) -> Json:
    hub = the_hub()
    event_type, data = str(body["type"]), cast("JsonObject", body["data"])
    if event_type in event_types():
        raise bad_field("type", "Only the hub tells this. Take a name of your own, such as acme.shipped.")
    try:
        validate_data(event_type, data)
    except HubError as error:
        field = "data" if error.code == "bad_data" else "type"
        raise bad_field(field, str(error)) from error
    office = hub.office(key)
    source_id = office.identity("sent")

    def work(book: Book) -> None:
        book.tell(event_type, source_id, data)

    office.change(work)
    query = sa.select(events.c.id).where(events.c.source == "hub", events.c.source_id == source_id)
    with office.read() as connection:
        return {"event": str(connection.execute(query).scalar_one()), "type": event_type}


# outgoing webhooks


def create_webhook() -> Response:
    """A new outgoing webhook; its secret is shown in this answer only."""
    body = body_of_request()
    check(OWN["webhooks.create"].body, body)

    def act(key: str) -> Json:
        url, types = str(body["url"]), cast("list[str]", body["types"])
        outgoing = Outgoing(the_hub())
        identity, secret = outgoing.create(key, str(body.get("title") or url[:120]), url, types, caller().actor)
        return {**_webhook(identity), "secret": secret}

    return answered_once({}, body, act)


def change_webhook(webhook: str) -> Response:
    """Another title, address or types; on or off."""
    body = body_of_request()
    check(OWN["webhooks.update"].body, body)

    def act(_key: str) -> Json:
        Outgoing(the_hub()).change(webhook, caller().actor, **body)
        return _webhook(webhook)

    return answered_once({"webhook": webhook}, body, act)


def delete_webhook(webhook: str) -> Response:
    """Remove it with its messages."""
    body = _nothing()

    def act(_key: str) -> Json:
        Outgoing(the_hub()).delete(webhook, caller().actor)
        return {"webhook": webhook, "deleted": True}

    return answered_once({"webhook": webhook}, body, act)


def renew_secret(webhook: str) -> Response:
    """A new secret, shown in this answer only."""
    body = _nothing()

    def act(key: str) -> Json:
        return {"webhook": webhook, "secret": Outgoing(the_hub()).renew_secret(key, webhook, caller().actor)}

    return answered_once({"webhook": webhook}, body, act)


def list_messages(webhook: str) -> Response:
    """What a webhook was sent."""
    Outgoing(the_hub()).get(webhook)
    return _list(MESSAGES, webhook=webhook)


def send_again(webhook: str, message: str) -> Response:
    """Send a message once more."""
    body = _nothing()

    def act(_key: str) -> Json:
        Outgoing(the_hub()).send_again(webhook, message, caller().actor)
        return {"webhook": webhook, "message": message, "state": "waiting"}

    return answered_once({"webhook": webhook, "message": message}, body, act)


def pass_over(webhook: str, message: str) -> Response:
    """Give a message up that waits."""
    body = _nothing()

    def act(_key: str) -> Json:
        Outgoing(the_hub()).pass_over(webhook, message, caller().actor)
        return {"webhook": webhook, "message": message, "state": "failed"}

    return answered_once({"webhook": webhook, "message": message}, body, act)


def _nothing() -> JsonObject:
    body = body_of_request()
    check({"type": "object", "additionalProperties": False}, body)
    return body


def _webhook(identity: str) -> JsonObject:
    listing = next(one for one in LISTINGS if one.resource == "webhooks")
    return one_of(the_hub().database, listing, {"webhook": identity})


# where providers' money goes


def show_account(provider: str) -> Response:
    """Where a provider's money goes; of numbers the ends only."""
    refuse_secrets({"provider": provider})
    return _json(accounts.shown(provider))


def keep_account(provider: str) -> Response:
    """Another bank account, or what a gateway wants to know; the provider is told by mail."""
    refuse_secrets({"provider": provider})
    body = body_of_request(spared={accounts.NUMBER})
    check(OWN["payouts.keep_account"].body, body)
    return answered_once({"provider": provider}, body, accounts.keeping(provider, body))


# what describes it


@pages.page(f"{PREFIX}/openapi.json", Role.PUBLIC, limit="60 per minute")
def openapi() -> ResponseReturnValue:
    """The description, OpenAPI 3.1."""
    return _json(description(the_hub().registry, the_hub().settings.address))


@pages.page(f"{PREFIX}/docs", Role.PUBLIC, limit="60 per minute")
def docs() -> ResponseReturnValue:
    """The description for people."""
    said = description(the_hub().registry, the_hub().settings.address)
    return render_template(
        "api_docs.html", parts=chapters(said), said=said, scopes=RESOURCES, codes=CODES, statuses=STATUSES
    )


def _json(value: Json) -> Response:
    return Response(orjson.dumps(value), 200, mimetype="application/json")


def _endpoint(rule: str, method: str, scope: str, name: str, view: Callable[..., ResponseReturnValue]) -> None:
    """Put an endpoint under the API; two of one name are told apart by their places in the table."""

    def endpoint(**path: Any) -> ResponseReturnValue:  # noqa: ANN401 (Flask's arguments of a path)
        return view(**path)

    endpoint.__name__ = name.replace(".", "_")
    pages.page(rule, Role.PUBLIC, scope=scope, method=method)(endpoint)


for _operation in OPERATIONS:
    _endpoint(_operation.rule, _operation.method, _operation.scope, _operation.id, partial(_act, _operation))
for _listing in LISTINGS:
    _all = list_messages if _listing is MESSAGES else partial(_list, _listing)
    _endpoint(rule_of(_listing.path), "GET", _listing.scope, _listing.id, _all)
    if _listing.one:
        _endpoint(rule_of(_listing.one_path), "GET", _listing.scope, _listing.one_id, partial(_one, _listing))
for _name, _view in {
    "events.send": send_event,
    "payouts.account": show_account,
    "payouts.keep_account": keep_account,
    "webhooks.create": create_webhook,
    "webhooks.update": change_webhook,
    "webhooks.delete": delete_webhook,
    "webhooks.renew_secret": renew_secret,
    "webhooks.send_again": send_again,
    "webhooks.skip": pass_over,
}.items():
    _own = OWN[_name]
    _endpoint(_own.rule, _own.method, _own.scope, _name, cast("Callable[..., ResponseReturnValue]", _view))
