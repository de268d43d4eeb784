"""2Checkout's API as its documentation words it: signed REST, JSON-RPC with sessions, the signature service."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.server import Answered, ComplaintError, Received
from tests.fakes.twocheckout_books import TwoCheckoutBooks
from tests.fakes.twocheckout_wire import (
    AUTHENTICATION,
    REASONS,
    claims_of,
    error,
    known,
    lengths,
    mac,
    number,
    read,
    written,
    wrong,
)

NO_SUCH = error(404, "RESOURCE_NOT_FOUND", "There is nothing at this address.")
SIGNER = "/checkout/api/encrypt/generate/signature"


class FakeTwoCheckout(TwoCheckoutBooks):
    def handle(self, request: Received) -> Answered:
        body = None
        if request.method in {"POST", "PUT"} and request.body:
            if request.headers.get("content-type") != "application/json":
                raise wrong("not JSON")
            body = read(request.body)
        if request.path == SIGNER:
            answer = self._sign(request, body)
        elif request.path == "/rpc/6.0/":
            answer = self._remote(body)
        else:
            answer = self._rest(request, body)
        return Answered(answer.status, written(answer.body), answer.headers) if answer.body is not None else answer

    def visit(self, address: str) -> str:
        """The payer opens a buy link: its signature must be the one that was given for exactly these parameters."""
        parameters = dict(parse_qsl(urlsplit(address).query))
        signature = parameters.pop("signature")
        reference = parameters["order-ext-ref"]
        page = {name: str(value) for name, value in self.pages[reference].items()}
        if parameters != page or signature != self._signature(self.pages[reference]):
            self.complaints.append(f"the link {address} is not what was signed")
        return reference

    # signing

    def _sign(self, request: Received, body: Any) -> Answered:
        claims = claims_of(request.headers.get("merchant-token", ""), self.word)
        if claims is None:
            return error(401, "AUTHENTICATION_ERROR", "The merchant token is not valid.")
        if claims.get("sub") != self.code or not claims.get("iat", 0) < claims.get("exp", 0):
            raise wrong("the token is of another merchant or ends before it begins")
        cart = "products" in body
        known(body, "cart" if cart else "link")
        if body.get("merchant") != self.code:
            raise wrong("another merchant's cart")
        reference = body["reference"]["external"]["order"] if cart else body["order-ext-ref"]
        if not reference or len(reference) > 100:
            raise wrong("the external reference has up to 100 characters")
        for product in body["products"] if cart else [body]:
            self._check_product(body, product, cart=cart)
        self.pages[reference] = body
        return Answered(200, {"signature": self._signature(body)})

    def _check_product(self, body: dict[str, Any], product: dict[str, Any], *, cart: bool) -> None:
        code = product.get("code") if cart else (None if body.get("dynamic") else product["prod"])
        if code is None:
            if not isinstance(product["price"], str) or Decimal(product["price"]) <= 0:
                raise wrong("a dynamic product has its price as text")
            if not body.get("currency") or ";" in str(product.get("name") or product.get("prod")):
                raise wrong("a dynamic product has a currency, and a name without semicolons")
        elif code not in self.products:
            raise ComplaintError("no such product", error(400, "PRODUCT_ERROR", "Product not found."))
        elif body.get("lock") != 1:
            raise wrong("products of the catalogue are signed only when they are locked")

    def _signature(self, body: Any) -> str:
        return mac(self.word, written(body), "sha256")

    # JSON-RPC

    def _remote(self, body: Any) -> Answered:
        method, parameters = body["method"], body["params"]
        if body.get("jsonrpc") != "2.0" or "id" not in body:
            raise wrong("no JSON-RPC 2.0")
        if method == "login":
            code, date, digest, algorithm = parameters
            if (code, digest) != (self.code, mac(self.key, lengths(code, date), algorithm)):
                return self._result(body, error={"code": "AUTHENTICATION_ERROR", "message": "Authentication failed"})
            return self._result(body, result="session-1")
        session, reference, *rest = parameters
        if session != "session-1":
            return self._result(body, error={"code": "FORBIDDEN", "message": "Invalid session"})
        if reference not in self.subscriptions:
            return self._result(body, error={"code": "SUBSCRIPTION_NOT_FOUND", "message": "Subscription not found"})
        if method == "setRenewalPause":
            day, reason = rest
            if len(day) != 10 or len(reason) > 100:
                raise wrong("a day and up to 100 characters")
            self.pauses[reference] = day
            return self._result(body, result=True)
        if method == "cancelRenewalPause":
            return self._result(body, result=self.pauses.pop(reference, None) is not None)
        raise ComplaintError("no such method", NO_SUCH)

    def _result(self, body: Any, **answer: Any) -> Answered:
        return Answered(200, {"id": body["id"], "jsonrpc": "2.0", **answer})

    # REST

    def _rest(self, request: Received, body: Any) -> Answered:
        signed = AUTHENTICATION.fullmatch(request.headers.get("x-avangate-authentication", ""))
        if signed is None or request.headers.get("accept") != "application/json":
            raise ComplaintError("not signed as documented", error(401, "AUTHENTICATION_ERROR", "No authentication."))
        code, date, digest, algorithm = signed.groups()
        if (code, digest) != (self.code, mac(self.key, lengths(code, date), algorithm)):
            return error(401, "AUTHENTICATION_ERROR", "Authentication failed for this account.")
        if not request.path.endswith("/"):
            raise ComplaintError("paths end with a slash", NO_SUCH)
        query = dict(request.params)
        match request.method, request.segments[2:]:
            case "GET", ["orders"]:
                return self._search(known(query, "search"))
            case "POST", ["orders"]:
                return self._place(known(body, "order"))
            case "POST", ["products"]:
                return self._add_product(known(body, "product"))
            case _, [kind, reference, *rest]:
                things = {"orders": self.orders, "products": self.products, "subscriptions": self.subscriptions}.get(
                    kind
                )
                if things is None:
                    raise ComplaintError("no such resource", NO_SUCH)
                if reference not in things:
                    return error(404, f"{kind[:-1].upper()}_NOT_FOUND", f"The {kind[:-1]} does not exist.")
                name = "_".join(["", request.method.lower(), kind[:-1], *rest[:1]])
                return getattr(self, name, self._nowhere)(things[reference], body, rest)
        raise ComplaintError("no such call", NO_SUCH)

    def _nowhere(self, *given: Any) -> Answered:
        raise ComplaintError("no such call", NO_SUCH)

    def _read(self, thing: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        return Answered(200, thing)

    _get_order = _get_product = _get_subscription = _read

    # orders

    def _search(self, query: dict[str, str]) -> Answered:
        tests = {"ONLY": (True,), "YES": (True, False)}.get(query.get("IncludeTestOrders", "NO"), (False,))
        found = [
            one
            for one in self.orders.values()
            if one["TestOrder"] in tests
            and query.get("ExternalRefNo", one["ExternalReference"]) == one["ExternalReference"]
            and query.get("StartDate", "2026-11-16") <= one["OrderDate"] < query.get("EndDate", "9999")
        ]
        page, limit = int(query.get("Page", 1)), int(query.get("Limit", 10))
        shown, running = [], Decimal(0)
        for one in found[(page - 1) * limit : page * limit]:
            # Lists add gross amounts up from order to order.
            running += one["GrossDiscountedPrice"]
            shown.append({**one, "GrossPrice": running, "GrossDiscountedPrice": running})
        return Answered(200, {"Items": shown, "Pagination": {"Page": page, "Limit": limit, "Count": len(self.orders)}})

    def _place(self, order: dict[str, Any]) -> Answered:
        (item,) = (known(one, "item") for one in order["Items"])
        billing, payment = known(order["BillingDetails"], "billing"), known(order["PaymentDetails"], "payment")
        earlier = self.orders.get(payment["PaymentMethod"].get("RefNo", ""))
        if payment["Type"] != "PREVIOUS_ORDER" or earlier is None:
            raise wrong("an unknown means of payment")
        if billing["Email"] != earlier["BillingDetails"]["Email"]:
            raise wrong("the e-mail address is not the earlier order's", "ORDER_EMAIL_INVALID")
        if payment["Currency"] != order["Currency"]:
            raise wrong("the currencies differ", "ORDER_CURRENCY_INVALID")
        sold = {
            "Code": item["Code"],
            "name": item.get("Name") or item["Code"],
            "currency": order["Currency"],
            "price": self._price_of(item),
            "ExternalReference": item.get("ExternalReference", ""),
            "Quantity": item["Quantity"],
        }
        refusal, self.refusal = self.refusal, {}
        made = self.new_order(sold, order["ExternalReference"], test=earlier["TestOrder"], Errors=refusal or None)
        made["PaymentDetails"]["Type"] = "PREVIOUS_ORDER"
        if not refusal:
            self.advance(made["RefNo"], "COMPLETE")
        return Answered(201, made)

    def _price_of(self, item: dict[str, Any]) -> Decimal:
        if item["Code"] is None:
            if item.get("IsDynamic") is not True or item.get("PurchaseType") != "PRODUCT" or not item.get("Name"):
                raise wrong("a dynamic item says what it is", "ORDER_PRODUCT_IS_DYNAMIC_INVALID")
            if item["Price"]["Type"] != "CUSTOM":
                raise wrong("a dynamic item has a price of its own", "ORDER_PRODUCT_PRICE_TYPE_INVALID")
        elif item["Code"] not in self.products:
            raise ComplaintError(
                "no product", error(400, "ORDER_PRODUCT_CODE_INVALID", "Requested product was not found.")
            )
        if "Price" in item:
            return number(item["Price"]["Amount"], "Price.Amount")
        return self.products[item["Code"]]["PricingConfigurations"][0]["Prices"]["Regular"][0]["Amount"]

    def _post_order_refund(self, order: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        known(body, "refund")
        if order["Status"] != "COMPLETE":
            return error(400, "ORDER_STATUS_INVALID", "Only complete orders are refunded.")
        if body["reason"] not in REASONS or not body["comment"]:
            return error(400, "REFUND_REASON_INVALID", "The reason is not one of the account's.")
        amount, whole = number(body["amount"], "amount"), order["GrossDiscountedPrice"]
        if amount > whole - order.get("refunded", 0):
            return error(400, "REFUND_AMOUNT_INVALID", "The amount is higher than what is left of the order.")
        for line in body["items"]:
            known(line, "refund_item")
            if line["LineItemReference"] != order["Items"][0]["LineItemReference"]:
                raise wrong("no such line")
        if amount < whole and sum(number(line["Amount"], "Amount") for line in body["items"]) != amount:
            raise wrong("a partial refund names its lines")
        order["refunded"] = order.get("refunded", 0) + amount
        kind = "TOTAL" if amount == whole else "PARTIAL"
        if kind == "TOTAL":
            order["Status"] = "REFUND"
        self.notify(
            order, ORDERSTATUS="REFUND", REFUND_TYPE=kind, IPN_TOTALGENERAL=f"-{amount}", IPN_TOTAL=[f"-{amount}"]
        )
        return Answered(200, True)

    # products

    def _add_product(self, product: dict[str, Any]) -> Answered:
        if product["ProductCode"] in self.products:
            return error(400, "PRODUCT_CODE_NOT_UNIQUE", "The product code is already in use.")
        self.products[product["ProductCode"]] = self._checked(product) | {
            "AvangateId": str(40898000 + len(self.products))
        }
        return Answered(201, True)

    def _checked(self, product: dict[str, Any]) -> dict[str, Any]:
        cycle = product["SubscriptionInformation"]
        if cycle["BillingCycleUnits"] not in {"D", "M"} or not 1 <= int(cycle["BillingCycle"]) <= 1095:
            raise wrong("a billing cycle is in days or months")
        for position, configuration in enumerate(product["PricingConfigurations"]):
            known(configuration, "pricing").setdefault("Code", f"54DCBC3D{position:02}")
            for price in configuration["Prices"]["Regular"]:
                number(price["Amount"], "Amount")
        return product

    def _put_product(self, product: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        changed = self._checked(known(body, "product"))
        if changed["ProductCode"] != product["ProductCode"]:
            raise wrong("the code cannot change")
        product |= changed
        return Answered(200, True)

    def _put_product_pricingconfigurations(self, product: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        configuration = next(one for one in product["PricingConfigurations"] if one["Code"] == rest[1])
        configuration |= known(body, "pricing")
        self._checked(product)
        return Answered(200, True)

    # subscriptions

    def _put_subscription(self, one: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        one |= known(body, "subscription")
        if one["Product"]["ProductCode"] not in self.products:
            return error(400, "PRODUCT_NOT_FOUND", "The product does not exist.")
        return Answered(200, True)

    def _delete_subscription(self, one: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        one |= {"SubscriptionEnabled": False, "RecurringEnabled": False}
        return Answered(200, True)

    def _post_subscription(self, one: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        one |= {"SubscriptionEnabled": True}
        return Answered(200, True)

    def _delete_subscription_renewal(self, one: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        one |= {"RecurringEnabled": False}
        return Answered(200, True)

    def _post_subscription_renewal(self, one: dict[str, Any], body: Any, rest: list[str]) -> Answered:
        one |= {"RecurringEnabled": True}
        return Answered(200, True)
