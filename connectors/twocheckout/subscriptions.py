"""Subscriptions: begun on 2Checkout's page or form, or on an earlier order's means; 2Checkout keeps the clock.

Sources: ``Subscription`` of 2checkout-php-sdk 1.1.1 for enabling, disabling and updating; the pages "Disable recurring
billing", "Pause subscription" and "Cancel subscription pause". The latter two exist as JSON-RPC methods only.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.twocheckout import checkout
from connectors.twocheckout.api import Answer, TwoCheckout, member, segment, time_of, zone
from connectors.twocheckout.carried import page_of
from connectors.twocheckout.orders import place, previous, read
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

LONGEST_REASON = 100


def create(call: Call) -> Json:
    """Start a subscription (``subscription.create``)."""
    api, given = TwoCheckout(call), call.input
    if given.get("start_at") or given.get("trial_days"):
        message = "2Checkout charges the first period at once; a trial is set up at the product in the Control Panel."
        raise failure("bad_input", f"{message} Leave start_at and trial_days out.")
    if given.get("method"):
        return _start(api, call)
    begun: JsonObject = {
        "subscription": call.reference,
        "status": "pending",
        "plan": given["plan"],
        "gateway": {"name": "twocheckout", "checkout": call.reference},
    }
    if given.get("presentation") == "embedded":
        made = checkout.plan_cart(api, call)
        return {**begun, "subscription": made["payment"], "client": made["client"]}
    return {**begun, "checkout_url": checkout.plan_link(api, call)}


def find_created(call: Call) -> Json | None:
    """Whether this step's order is there: by the reference that it carries."""
    api = TwoCheckout(call)
    order = read(api, call, call.reference)
    return _begun(call, order) if order is not None else None


def update(call: Call) -> Json:
    """Move it to another product or quantity (``subscription.update``), from its next period on."""
    api, given = TwoCheckout(call), call.input
    if given.get("method") or given.get("metadata") or given.get("prorate") == "now":
        message = "2Checkout changes a subscription's product and quantity from its next period on."
        raise failure("bad_input", f"{message} Leave method, metadata and prorate: now out.")
    subscription = _found(api, call)
    product = dict(subscription.get("Product") or {})
    wanted = {"ProductCode": given.get("plan"), "ProductQuantity": given.get("quantity")}
    wanted = {name: value for name, value in wanted.items() if value is not None and product.get(name) != value}
    if wanted:
        changed = {**subscription, "Product": {**product, **wanted}}
        api.change("PUT", _path(subscription), changed)
        subscription = api.get(_path(subscription))
    return output(subscription, call)


def pause(call: Call) -> Json:
    """Charge nothing until a day (``subscription.pause``); 2Checkout wants to know it."""
    api, given = TwoCheckout(call), call.input
    if not given.get("until"):
        raise failure("bad_input", "2Checkout pauses until a day, three years away at most: give until.")
    subscription = _found(api, call)
    day = datetime.fromisoformat(str(given["until"])).astimezone(zone(call.connection))
    reason = str(given.get("reason") or "")[:LONGEST_REASON]
    paused = api.remote("setRenewalPause", str(subscription["SubscriptionReference"]), f"{day:%Y-%m-%d}", reason)
    if not paused:
        raise failure("wrong_state", "2Checkout did not pause the subscription and did not say why.")
    return {**output(subscription, call), "status": "paused"}


def resume(call: Call) -> Json:
    """Charges go on (``subscription.resume``): a pause ends; what was cancelled or no longer renewed is enabled again."""
    api = TwoCheckout(call)
    subscription = _found(api, call)
    path = _path(subscription)
    is_off, ends = (subscription.get(name) is False for name in ("SubscriptionEnabled", "RecurringEnabled"))
    if is_off:
        api.change("POST", path)
    if ends:
        api.change("POST", f"{path}renewal/")
    if not is_off and not ends:
        api.remote("cancelRenewalPause", str(subscription["SubscriptionReference"]))
    return output(api.get(path), call)


def cancel(call: Call) -> Json:
    """End it now, or let it run out with the period that is paid (``subscription.cancel``)."""
    api, given = TwoCheckout(call), call.input
    subscription = _found(api, call)
    path = _path(subscription)
    if given.get("at", "period_end") == "period_end":
        if subscription.get("RecurringEnabled") is not False:
            api.change("DELETE", f"{path}renewal/")
        return output({**subscription, "RecurringEnabled": False}, call)
    if subscription.get("SubscriptionEnabled") is not False:
        api.change("DELETE", path)
    return output({**subscription, "SubscriptionEnabled": False}, call)


def output(subscription: Answer, call: Call) -> JsonObject:
    """A subscription of 2Checkout's in the hub's words."""
    status = status_of(subscription, call.connection, call.now)
    end = time_of(subscription.get("ExpirationDate"), call.connection)
    return {
        "subscription": subscription.get("SubscriptionReference"),
        "status": status,
        "plan": member(subscription, "Product", "ProductCode") or None,
        "period": {"start": time_of(subscription.get("StartDate"), call.connection), "end": end},
        "cancel_at": end if status == "cancelling" else None,
        "gateway": {"name": "twocheckout", "id": str(subscription.get("SubscriptionReference"))},
    }


def status_of(subscription: Answer, connection: Connection, now: datetime) -> str:
    """What its switches and its end mean."""
    if subscription.get("SubscriptionEnabled") is False:
        return "cancelled"
    end = time_of(subscription.get("ExpirationDate"), connection)
    if isinstance(end, str) and datetime.fromisoformat(end) < now:
        return "ended" if subscription.get("RecurringEnabled") is False else "past_due"
    if subscription.get("RecurringEnabled") is False:
        return "cancelling"
    return "trialing" if str(subscription.get("Type")).upper() == "TRIAL" else "active"


def _start(api: TwoCheckout, call: Call) -> JsonObject:
    given = call.input
    earlier = previous(api, call, str(given["method"]))
    item: JsonObject = {"Code": given["plan"], "Quantity": given.get("quantity", 1)}
    currency = str(earlier.get("Currency") or member(earlier, "PaymentDetails", "Currency") or "").upper()
    return _begun(call, place(api, call, item, earlier, currency))


def _begun(call: Call, order: Answer) -> JsonObject:
    """A subscription whose first order is there. 2Checkout names it once the order is complete, mostly minutes later."""
    made = _of_order(order)
    status = str(order.get("Status"))
    return {
        "subscription": made or call.reference,
        "status": "active" if status == "COMPLETE" and made else "pending",
        "plan": call.input["plan"],
        "gateway": {"name": "twocheckout", "id": str(order.get("RefNo")), "status": status},
    }


def _of_order(order: Answer) -> str | None:
    for item in order.get("Items") or []:
        for one in member(item, "ProductDetails", "Subscriptions") or []:
            if one.get("SubscriptionReference"):
                return str(one["SubscriptionReference"])
    return None


def _found(api: TwoCheckout, call: Call) -> Answer:
    """The subscription of an input: by 2Checkout's reference, else by the hub's over its first order.

    Raises ``PermanentError``: ``not_found``, ``wrong_state`` while nobody has paid yet.
    """
    reference: str | None = str(call.input["subscription"])
    if page_of(reference) is not None:
        order = read(api, call, str(reference))
        reference = _of_order(order) if order is not None else None
        if reference is None:
            raise failure("wrong_state", "Nobody has paid the first period yet, so there is no subscription.")
    return api.get(f"/subscriptions/{segment(reference)}/")


def _path(subscription: Answer) -> str:
    return f"/subscriptions/{segment(subscription['SubscriptionReference'])}/"
