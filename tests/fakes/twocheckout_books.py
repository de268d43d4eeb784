"""What 2Checkout keeps: orders, products, subscriptions, and the notifications that it still has to send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.twocheckout_wire import NOW, is_receipt, notification, returned

FORM = {"content-type": "application/x-www-form-urlencoded"}


class TwoCheckoutBooks(FakeGateway):
    code = "250111206876"
    key = "made_up_secret_key"
    word = "made_up_buy_link_word"
    ins_word = "made_up_ins_word"

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.products: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.pauses: dict[str, str] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        """Links and carts that were signed, by the reference that they carry."""
        self.outbox: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        """Fields of notifications, each with the values that its receipt is made over."""
        self.sent: list[tuple[str, ...]] = []
        self.refusal: dict[str, str] = {}
        """The ``Errors`` of the next order that is placed by the API."""
        self.now = NOW
        self.offset = "GMT+02:00"
        self._count = 0

    # what every gateway's fake offers

    def fields(self) -> dict[str, Any]:
        return {
            "merchant_code": self.code,
            "secret_key": self.key,
            "buy_link_secret_word": self.word,
            "ins_secret_word": self.ins_word,
            "mode": "live",
            "api_base": self.url,
            "checkout_base": self.url,
            "return_url": "https://shop.example.com/thanks",
        }

    def pay(self, payment: str, *, status: str = "COMPLETE") -> dict[str, str]:
        """The payer pays on the page or form that was signed; the browser brings back what ConvertPlus appends."""
        page = self.pages[payment]
        order = self.new_order(self._ordered(payment, page), payment, test=bool(page.get("test")))
        self.advance(order["RefNo"], "AUTHRECEIVED")
        if status == "COMPLETE":
            self.advance(order["RefNo"], status)
        flat = {name: str(value) for name, value in page.items() if isinstance(value, (str, int))}
        return returned({**flat, "refno": order["RefNo"], "order-ext-ref": payment}, self.word)

    def decline(self, payment: str) -> None:
        order = self.new_order(self._ordered(payment, self.pages[payment]), payment)
        self.advance(order["RefNo"], "INVALID")

    def webhooks(self, url: str) -> list[Webhook]:
        waiting, self.outbox = self.outbox, []
        self.sent = [values for _, values in waiting]
        return [Webhook(notification(fields, self.key), FORM) for fields, _ in waiting]

    def acknowledged(self, number: int, answer: bytes) -> bool:
        """Whether the answer to the delivery of this number satisfies 2Checkout."""
        return is_receipt(answer, self.key, *self.sent[number])

    # orders

    def new_order(
        self, item: dict[str, Any], reference: str | None, *, test: bool = False, **more: Any
    ) -> dict[str, Any]:
        self._count += 1
        number = str(211153388 + self._count)
        price = item.pop("price")
        currency = item.pop("currency").lower()
        order = {
            "RefNo": number,
            "OrderNo": 25429 + self._count,
            "ExternalReference": reference,
            "Status": "PENDING",
            "ApproveStatus": "WAITING",
            "VendorApproveStatus": "OK",
            "MerchantCode": self.code,
            "Language": "en",
            "OrderDate": self.now,
            "FinishDate": None,
            "BillingDetails": {
                "FirstName": "Ada",
                "LastName": "Lovelace",
                "Email": "ada@example.com",
                "CountryCode": "gb",
            },
            "PaymentDetails": {
                "Type": "CC",
                "Currency": currency,
                "PaymentMethod": {
                    "FirstDigits": "4242",
                    "LastDigits": "4242",
                    "CardType": "visa",
                    "Authorize3DS": None,
                },
                "CustomerIP": "192.0.2.44",
            },
            "TestOrder": test,
            "ChargebackResolution": "NONE",
            "ChargebackReasonCode": None,
            "Errors": None,
            "Items": [
                {
                    "ProductDetails": {
                        "Name": item.pop("name"),
                        "IsDynamic": item["Code"] is None,
                        "Subscriptions": None,
                    },
                    "Price": {"GrossPrice": price, "GrossDiscountedPrice": price, "Currency": currency},
                    "LineItemReference": f"{self._count:040x}",
                    "PurchaseType": "PRODUCT",
                    "Quantity": 1,
                    **item,
                }
            ],
            "Currency": currency,
            "NetPrice": price,
            "GrossPrice": price,
            "NetDiscountedPrice": price,
            "GrossDiscountedPrice": price,
            "Discount": 0,
            "VAT": Decimal(0),
            **more,
        }
        self.orders[number] = order
        self.notify(order)
        return order

    def advance(self, number: str, status: str, **changes: Any) -> None:
        """An order reaches a status; its subscription begins when it is complete."""
        order = self.orders[number]
        order |= {"Status": status, **changes}
        if status in {"AUTHRECEIVED", "COMPLETE"}:
            order["ApproveStatus"] = "OK"
        item = order["Items"][0]
        if status == "COMPLETE":
            order["FinishDate"] = self.now
            if item["Code"] in self.products and not item["ProductDetails"]["Subscriptions"]:
                self._subscribe(order)
        self.notify(order)

    def notify(self, order: dict[str, Any], **more: Any) -> None:
        """Put an IPN of the order as it is now into the outbox. Everything is a text; arrays have one element per item."""
        item, billing = order["Items"][0], order["BillingDetails"]
        made = item["ProductDetails"]["Subscriptions"]
        period = self.subscriptions[made[0]["SubscriptionReference"]] if made else None
        date = self.now.translate(str.maketrans("", "", "- :"))
        fields: dict[str, Any] = {
            "GIFT_ORDER": "0",
            "SALEDATE": order["OrderDate"],
            "REFNO": order["RefNo"],
            "REFNOEXT": order["ExternalReference"] or "",
            "ORDERNO": str(order["OrderNo"]),
            "ORDERSTATUS": {"AUTHRECEIVED": "PAYMENT_AUTHORIZED"}.get(order["Status"], order["Status"]),
            "PAYMETHOD": "Visa/MasterCard",
            "PAYMETHOD_CODE": "CCVISAMC",
            "FIRSTNAME": billing.get("FirstName", ""),
            "LASTNAME": billing.get("LastName", ""),
            "COMPANY": "",
            "COUNTRY_CODE": billing.get("CountryCode", ""),
            "CUSTOMEREMAIL": billing["Email"],
            "TIMEZONE_OFFSET": self.offset,
            "CURRENCY": order["Currency"].upper(),
            "IPN_PID": ["40898000"],
            "IPN_PNAME": [item["ProductDetails"]["Name"]],
            "IPN_PCODE": [item["Code"] or ""],
            "IPN_EXTERNAL_REFERENCE": [item.get("ExternalReference") or ""],
            "IPN_QTY": [str(item["Quantity"])],
            "MESSAGE_ID": self._message(),
            "MESSAGE_TYPE": order["Status"],
            "IPN_LICENSE_PROD": ["40898000"],
            "IPN_LICENSE_TYPE": ["REGULAR"],
            "IPN_LICENSE_REF": [made[0]["SubscriptionReference"] if made else "XRILXB9ZI3"],
            "IPN_LICENSE_EXP": [period["ExpirationDate"] if period else "9999-12-31 23:59:59"],
            "IPN_LICENSE_START": [period["StartDate"] if period else order["OrderDate"]],
            "IPN_LICENSE_LIFETIME": ["NO" if made else "YES"],
            "IPN_TOTAL": [str(order["GrossDiscountedPrice"])],
            "IPN_TOTALGENERAL": str(order["GrossDiscountedPrice"]),
            "AVANGATE_CUSTOMER_REFERENCE": "756227060",
            "REFUND_TYPE": "",
            "CHARGEBACK_RESOLUTION": order["ChargebackResolution"],
            "CHARGEBACK_REASON_CODE": order["ChargebackReasonCode"] or "",
            "TEST_ORDER": "1" if order["TestOrder"] else "0",
            "FRAUD_STATUS": {"OK": "APPROVED", "FRAUD": "DENIED"}.get(order["ApproveStatus"], "UNDER REVIEW"),
            "CARD_TYPE": "visa",
            "CARD_LAST_DIGITS": "4242",
            "IPN_DATE": date,
            "VENDOR_CODE": self.code,
            **more,
        }
        receipt = (fields["IPN_PID"][0], fields["IPN_PNAME"][0], fields["IPN_DATE"])
        self.outbox.append((fields, receipt))

    # subscriptions

    def renew(self, reference: str) -> None:
        """2Checkout charges the next period: an order of its own, for the same product."""
        first = next(one for one in self.orders.values() if self._subscribed(one) == reference)
        item = first["Items"][0]
        sold = {"Code": item["Code"], "name": item["ProductDetails"]["Name"], "Quantity": item["Quantity"]}
        sold |= {"price": first["GrossPrice"], "currency": first["Currency"], "ExternalReference": ""}
        self.outbox, waiting = [], self.outbox
        order = self.new_order(sold, "")
        self.outbox = waiting
        order["Items"][0]["ProductDetails"]["Subscriptions"] = [{"SubscriptionReference": reference}]
        order |= {"Status": "COMPLETE", "ApproveStatus": "OK", "FinishDate": self.now}
        end = self.subscriptions[reference]["ExpirationDate"]
        year, month = divmod(int(end[:4]) * 12 + int(end[5:7]), 12)
        self.subscriptions[reference]["ExpirationDate"] = f"{year}-{month + 1:02}{end[7:]}"
        self.notify(order, IPN_LICENSE_TYPE=["RENEWAL"], ORIGINAL_REFNOEXT=[first["ExternalReference"]])

    def _subscribed(self, order: dict[str, Any]) -> str | None:
        made = order["Items"][0]["ProductDetails"]["Subscriptions"]
        return made[0]["SubscriptionReference"] if made else None

    def license(self, reference: str, reason: str, **more: str) -> None:
        """Put an LCN of a subscription into the outbox."""
        one = self.subscriptions[reference]
        fields = {
            "FIRST_NAME": "Ada",
            "LAST_NAME": "Lovelace",
            "EMAIL": "ada@example.com",
            "LICENSE_CODE": reference,
            "EXPIRATION_DATE": one["ExpirationDate"],
            "DATE_UPDATED": self.now,
            "TEST": "0",
            "CHANGED_BY": "VENDOR",
            "LICENSE_TYPE": "REGULAR",
            "DISABLED": "0" if one["SubscriptionEnabled"] else "1",
            "STATUS": "ACTIVE",
            "DISPATCH_REASON": reason,
            "MESSAGE_ID": self._message(),
            **more,
        }
        self.outbox.append((fields, (reference, fields["EXPIRATION_DATE"])))

    def _subscribe(self, order: dict[str, Any]) -> None:
        self._count += 1
        reference = f"A8C5671B{self._count:02X}"
        item = order["Items"][0]
        item["ProductDetails"]["Subscriptions"] = [{"SubscriptionReference": reference}]
        self.subscriptions[reference] = {
            "SubscriptionReference": reference,
            "StartDate": "2026-11-23 11:00:00",
            "ExpirationDate": "2026-12-23 11:00:00",
            "RecurringEnabled": True,
            "SubscriptionEnabled": True,
            "Type": "REGULAR",
            "Product": {"ProductCode": item["Code"], "ProductName": "Gold", "ProductQuantity": item["Quantity"]},
        }

    def _ordered(self, reference: str, page: dict[str, Any]) -> dict[str, Any]:
        """The item that a signed link or cart sells."""
        product = page["products"][0] if "products" in page else page
        code = product.get("code") or (None if page.get("dynamic") else page["prod"])
        sold = self.products[code] if code else None
        regular = sold["PricingConfigurations"][0]["Prices"]["Regular"][0] if sold else {}
        return {
            "Code": code,
            "name": product.get("name") or product.get("prod"),
            "price": Decimal(product.get("price") or regular["Amount"]),
            "currency": page.get("currency") or regular["Currency"],
            "ExternalReference": page.get("item-ext-ref", ""),
            "Quantity": int(product.get("quantity") or product.get("qty") or 1),
        }

    def _message(self) -> str:
        self._count += 1
        return str(254498854000 + self._count)
