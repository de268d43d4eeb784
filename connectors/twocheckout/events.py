"""What 2Checkout reports of orders and subscriptions, in one shape for the event map; and the same by asking.

A raw event's payload holds 2Checkout's own fields, as they came, and under ``hub`` what the map could not read out of
them: which references the order carries, which amount a refund gave back, whether a period was renewed. An order that was
read from the API (polls, INS) is put into the fields of an IPN, so that one map tells both and one fact has one source id.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from connectors.twocheckout.api import TwoCheckout, flag, is_test, member, segment, time_of, zone
from connectors.twocheckout.carried import page_of, unpacked
from connectors.twocheckout.orders import total
from hub.connect.api import Polled, RawEvent
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from connectors.twocheckout.api import Answer
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

OTHER_MODE = "other_mode."
"""Before the type of what belongs to the other mode: live orders on a test connection, test orders on a live one."""

LOOKS_BACK = timedelta(days=3)
"""How old an order may be that a poll finds: older ones that are undecided are asked about one by one."""
PAGE = 100
MOST_PAGES = 10

_APPROVAL: Mapping[str, str] = {"OK": "APPROVED", "WAITING": "UNDER REVIEW", "FRAUD": "DENIED", "INVALIDDATA": "DENIED"}
_DECIDED = frozenset({"COMPLETE", "REFUND", "REVERSED"})
_PURCHASE_ORDER_REFUSED = ("REJECTED", "CANCELED")


def order_event(fields: dict[str, Json], connection: Connection) -> RawEvent:
    """The raw event of an IPN's fields."""
    clock = _clock(fields, connection)
    number, status, date = (str(fields.get(name) or "") for name in ("REFNO", "ORDERSTATUS", "IPN_DATE"))
    kind = status.upper() or "UNKNOWN"
    if fields.get("FRAUD_STATUS") == "DENIED" and kind not in _DECIDED:
        kind = "DENIED"
    message = str(fields.get("MESSAGE_ID") or "|".join((number, status, str(fields.get("MESSAGE_TYPE") or ""), date)))
    payload: JsonObject = {**fields, "hub": _of_order(fields, message, clock)}
    return RawEvent(f"ipn:{message}", f"order.{kind}", payload, _moment(date, clock))


def license_event(fields: dict[str, Json], connection: Connection) -> RawEvent:
    """The raw event of an LCN's fields."""
    code, changed = (str(fields.get(name) or "") for name in ("LICENSE_CODE", "DATE_UPDATED"))
    reason = str(fields.get("DISPATCH_REASON") or _reason(fields)).upper()
    message = str(
        fields.get("MESSAGE_ID") or "|".join((code, reason, changed, str(fields.get("EXPIRATION_DATE") or "")))
    )
    hub: JsonObject = {
        "test": flag(fields.get("TEST")),
        "ends_at": time_of(fields.get("EXPIRATION_DATE"), connection),
        "plan": None,
        "recurring": None,
    }
    at = time_of(changed, connection)
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    return RawEvent(f"lcn:{message}", f"license.{reason}", {**fields, "hub": hub}, moment)


def in_its_mode(raw: RawEvent, connection: Connection) -> RawEvent:
    """The event as it is; of another type when it belongs to the other mode, for which it stands for no money."""
    tested = member(raw.payload, "hub", "test")
    if tested is None or tested is is_test(connection) or raw.type.startswith(OTHER_MODE):
        return raw
    return replace(raw, type=f"{OTHER_MODE}{raw.type}")


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Read from the API what a notification leaves out or cannot prove. Raises like an action.

    INS messages become what their order is now. An IPN whose account does not send ``TEST_ORDER`` gets it from its order. An
    LCN gets product and renewal from its subscription.
    """
    if raw.type.startswith("ins."):
        return _read_order(raw, call)
    if raw.type.startswith("license."):
        return _with_subscription(raw, call)
    if raw.type.startswith("order.") and member(raw.payload, "hub", "test") is None:
        order = TwoCheckout(call).get(f"/orders/{segment(member(raw.payload, 'REFNO'))}/")
        hub = {**member(raw.payload, "hub"), "test": flag(order.get("TestOrder")) is True}
        return in_its_mode(replace(raw, payload={**cast("JsonObject", raw.payload), "hub": hub}), call.connection)
    return raw


def poll(call: Call, cursor: Json) -> Polled:
    """Orders of the last days that are new or have changed since the last poll; the first one only sets the mark.

    2Checkout lists no changes, so the cursor holds how each order of these days stood.
    """
    orders = _recent(call)
    standing = {str(one["RefNo"]): _standing(one) for one in orders if one.get("RefNo")}
    if not isinstance(cursor, dict):
        return Polled((), {"seen": standing})
    seen = cast("JsonObject", cursor.get("seen") or {})
    changed = [one for one in orders if one.get("RefNo") and seen.get(str(one["RefNo"])) != _standing(one)]
    events = tuple(
        read_event({**one, "GrossDiscountedPrice": _gross(one)}, call.connection) for one in reversed(changed)
    )
    return Polled(events, {"seen": standing})


def read_event(order: Answer, connection: Connection) -> RawEvent:
    """The raw event of an order that was read: as an IPN would have told it."""
    fields = notification_of(order)
    raw = order_event(fields, connection)
    at = time_of(order.get("FinishDate") or order.get("OrderDate"), connection)
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    raw = replace(raw, id=f"order:{order.get('RefNo')}:{_standing(order)}", time=moment)
    return in_its_mode(raw, connection)


def notification_of(order: Answer) -> dict[str, Json]:
    """An order of the API in the names of an IPN. It does not say what a refund gave back: an IPN does."""
    billing = order.get("BillingDetails") or {}
    method = member(order, "PaymentDetails", "PaymentMethod") or {}
    items = [one for one in order.get("Items") or [] if isinstance(one, dict)]
    known = {
        "REFNO": order.get("RefNo"),
        "REFNOEXT": order.get("ExternalReference"),
        "ORDERNO": order.get("OrderNo") or None,
        "ORDERSTATUS": order.get("Status"),
        "FRAUD_STATUS": _APPROVAL.get(str(order.get("ApproveStatus"))),
        "CHARGEBACK_RESOLUTION": order.get("ChargebackResolution"),
        "CHARGEBACK_REASON_CODE": order.get("ChargebackReasonCode"),
        "TEST_ORDER": "1" if flag(order.get("TestOrder")) else "0",
        "CURRENCY": str(order.get("Currency") or "").upper(),
        "IPN_TOTALGENERAL": total(order),
        "FIRSTNAME": billing.get("FirstName"),
        "LASTNAME": billing.get("LastName"),
        "CUSTOMEREMAIL": billing.get("Email"),
        "PHONE": billing.get("Phone"),
        "CARD_TYPE": method.get("CardType"),
        "CARD_LAST_DIGITS": method.get("LastDigits"),
    }
    fields: dict[str, Json] = {name: str(value) for name, value in known.items() if value not in (None, "")}
    fields["IPN_EXTERNAL_REFERENCE"] = [str(one.get("ExternalReference") or "") for one in items]
    fields["IPN_PCODE"] = [str(one.get("Code") or "") for one in items]
    return fields


def _of_order(fields: Mapping[str, Json], message: str, clock: tzinfo) -> JsonObject:
    external = fields.get("REFNOEXT")
    license_type, lifetime = _item(fields, "IPN_LICENSE_TYPE"), _item(fields, "IPN_LICENSE_LIFETIME")
    subscription = None if lifetime.upper() == "YES" else _item(fields, "IPN_LICENSE_REF") or None
    renewed = license_type.upper() == "RENEWAL" or bool(_item(fields, "ORIGINAL_REFNOEXT"))
    amount = _decimal(fields.get("IPN_TOTALGENERAL"))
    starts, ends = (_time(_item(fields, f"IPN_LICENSE_{name}"), clock) for name in ("START", "EXP"))
    return {
        "test": flag(fields.get("TEST_ORDER")),
        "carried": unpacked(external, _item(fields, "IPN_EXTERNAL_REFERENCE")),
        "checkout": page_of(external),
        "amount": f"{abs(amount):f}" if amount is not None else None,
        "refund": _refund(fields, amount, message),
        "subscription": subscription,
        "plan": _item(fields, "IPN_PCODE") or _item(fields, "IPN_LICENSE_PROD") or "unknown",
        "renewed": renewed,
        "period": {"start": starts, "end": ends},
        "name": " ".join(str(fields[part]) for part in ("FIRSTNAME", "LASTNAME") if fields.get(part)) or None,
        "unpaid": fields.get("FRAUD_STATUS") != "DENIED"
        and fields.get("IPN_PURCHASE_ORDER_INFO") not in _PURCHASE_ORDER_REFUSED,
    }


def _refund(fields: Mapping[str, Json], amount: Decimal | None, message: str) -> Json:
    """What a refund gave back; null where the notification does not say it without doubt.

    Accounts differ in whether amounts of refunds are negative. A whole refund is the whole amount either way; a part is
    known by negative totals only.
    """
    if fields.get("ORDERSTATUS") != "REFUND" or amount is None:
        return None
    number = str(fields.get("REFNO"))
    if str(fields.get("REFUND_TYPE") or "").upper().startswith("TOTAL"):
        return {"id": f"{number}:total", "amount": f"{abs(amount):f}"}
    if not str(fields.get("REFUND_TYPE") or "").upper().startswith("PARTIAL"):
        return None
    lines = [one for one in map(_decimal, _items(fields, "IPN_TOTAL")) if one is not None and one < 0]
    given_back = amount if amount < 0 else sum(lines, Decimal())
    return {"id": f"{number}:{message}", "amount": f"{abs(given_back):f}"} if given_back else None


def _read_order(raw: RawEvent, call: Call) -> RawEvent:
    """What the order of an INS message is now; the message itself when it is no order of this API."""
    try:
        order = TwoCheckout(call).get(f"/orders/{segment(member(raw.payload, 'sale_id'))}/")
    except PermanentError as error:
        if error.code == "not_found":
            return raw
        raise
    return read_event(order, call.connection)


def _with_subscription(raw: RawEvent, call: Call) -> RawEvent:
    """An LCN with what its subscription is now; as it came when the API does not know it any more."""
    try:
        subscription = TwoCheckout(call).get(f"/subscriptions/{segment(member(raw.payload, 'LICENSE_CODE'))}/")
    except PermanentError as error:
        if error.code == "not_found":
            return raw
        raise
    hub = {
        **member(raw.payload, "hub"),
        "plan": member(subscription, "Product", "ProductCode") or None,
        "recurring": flag(subscription.get("RecurringEnabled")),
    }
    return replace(raw, payload={**cast("JsonObject", raw.payload), "hub": hub})


def _recent(call: Call) -> list[Answer]:
    """The orders of the last days, the newest first."""
    api = TwoCheckout(call)
    query = {
        "StartDate": f"{call.now - LOOKS_BACK:%Y-%m-%d}",
        "IncludeTestOrders": "ONLY" if is_test(call.connection) else "NO",
        "Limit": str(PAGE),
    }
    found: dict[str, Answer] = {}
    for page in range(1, MOST_PAGES + 1):
        items = api.get("/orders/", {**query, "Page": str(page)}).get("Items") or []
        found |= {str(one.get("RefNo")): one for one in items}
        # The total that the answer gives is the account's, not the search's.
        if len(items) < PAGE:
            break
    return sorted(found.values(), key=lambda one: str(one.get("OrderDate")), reverse=True)


def net_and_tax(order: Answer) -> Decimal | None:
    """What the payer pays of a listed order: net and tax; None where it does not say.

    Gross amounts are of no use there: 2Checkout adds them up from order to order.
    """
    net, tax = _decimal(order.get("NetDiscountedPrice")), _decimal(order.get("VAT"))
    return net + tax if net is not None and tax is not None else None


def _gross(order: Answer) -> object:
    known = net_and_tax(order)
    return total(order) if known is None else known


def _standing(order: Answer) -> str:
    return "/".join(str(order.get(name) or "") for name in ("Status", "ApproveStatus", "ChargebackResolution"))


def _reason(fields: Mapping[str, Json]) -> str:
    """Why an LCN came, where its account does not send it: from what the subscription is."""
    status = re.sub(r"[ _-]", "", str(fields.get("STATUS") or "").upper())
    return {"EXPIRED": "LICENCE_EXPIRATION", "PASTDUE": "LICENCE_PASTDUE"}.get(status, "LICENCE_CHANGE")


def _decimal(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _items(fields: Mapping[str, Json], name: str) -> list[Json]:
    value = fields.get(name)
    return list(value) if isinstance(value, list) else [value] if value else []


def _item(fields: Mapping[str, Json], name: str) -> str:
    return next((str(one) for one in _items(fields, name)), "")


def _clock(fields: Mapping[str, Json], connection: Connection) -> tzinfo:
    """The zone of an IPN's times: its own offset (``GMT+03:00``), else the account's."""
    offset = re.fullmatch(r"GMT([+-])(\d\d):?(\d\d)", str(fields.get("TIMEZONE_OFFSET") or ""))
    if offset is None:
        return zone(connection)
    moment = datetime.fromisoformat(f"2000-01-01T00:00:00{offset[1]}{offset[2]}:{offset[3]}")
    return moment.tzinfo or ZoneInfo("UTC")


def _moment(text: str, clock: tzinfo) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=clock).astimezone(UTC)
    except ValueError:
        return None


def _time(text: str, clock: tzinfo) -> Json:
    """RFC 3339 text of a time in an IPN; null for none and for *never*."""
    if not text or text.startswith(("9999", "0000")):
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=clock)
    except ValueError:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
