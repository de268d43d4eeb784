"""What Amazon Pay keeps: checkout sessions, permissions, charges, refunds, disputes; and what it notifies."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from tests.fakes.amazon_pay_sns import STAMP, TOPIC, delivery, published, rsa_key
from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.server import Answered

if TYPE_CHECKING:
    from datetime import datetime

NOW = "20261123T090000Z"
IN_30_DAYS = "20261223T090000Z"
MERCHANT = "A1MADEUP000000"
STORE = "amzn1.application-oa2-client.madeup"


def refusal(status: int, code: str, message: str = "In Amazon's own words.") -> Answered:
    return Answered(status, {"reasonCode": code, "message": message})


def price(amount: Decimal | str, currency: str) -> dict[str, str]:
    text = f"{Decimal(amount):.0f}" if currency == "JPY" else f"{Decimal(amount):.2f}"
    return {"amount": text, "currencyCode": currency}


def value(given: dict[str, str] | None) -> Decimal:
    return Decimal(given["amount"]) if given else Decimal(0)


def details(state: str, code: str | None = None, words: str | None = None) -> dict[str, Any]:
    return {"state": state, "reasonCode": code, "reasonDescription": words, "lastUpdatedTimestamp": NOW}


class AmazonPayBooks(FakeGateway):
    def __init__(
        self, region: str = "eu", key_id: str = "SANDBOX-MADEUP0000000000000000000", now: datetime | None = None
    ) -> None:
        super().__init__()
        self.region = region
        self.stamp = now.strftime("%Y-%m-%dT%H:%M:%S.000Z") if now else STAMP
        self.key_id = key_id
        self.sessions: dict[str, dict[str, Any]] = {}
        self.permissions: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[str, Answered]] = {}
        self.notes: list[dict[str, Any]] = []
        self.declines: dict[str, str] = {}
        """Why the next charge of a permission, or the completion of a session, is declined."""
        self.signature_version = "2"
        self._number = 0

    def fields(self) -> dict[str, Any]:
        pem = rsa_key("merchant").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "merchant_id": MERCHANT,
            "store_id": STORE,
            "region": self.region,
            "public_key_id": self.key_id,
            "private_key": pem.decode(),
            "topic_arn": TOPIC,
            "api_base": self.url,
        }

    # what buyers and Amazon do

    def open_session(self, payload: dict[str, Any]) -> str:
        session_id = str(uuid.uuid4())
        self.sessions[session_id] = {
            "checkoutSessionId": session_id,
            **payload,
            "chargePermissionType": payload.get("chargePermissionType", "OneTime"),
            "statusDetails": details("Open"),
            "chargeId": None,
            "chargePermissionId": None,
        }
        return session_id

    def session_of(self, reference: str) -> dict[str, Any]:
        """The last session that was opened with a payment's reference."""
        for session in reversed(self.sessions.values()):
            if reference in {session["merchantMetadata"]["merchantReferenceId"], session["checkoutSessionId"]}:
                return session
        message = f"Nobody pressed the button of {reference}: press(client) comes first."
        raise LookupError(message)

    def pay(self, payment: str) -> dict[str, str]:
        return {"amazonCheckoutSessionId": self.session_of(payment)["checkoutSessionId"]}

    def decline(self, payment: str, reason: str = "HardDeclined") -> None:
        if payment in self.permissions:
            self.declines[payment] = reason
        else:
            self.declines[self.session_of(payment)["checkoutSessionId"]] = reason

    def settle(self, charge_id: str, state: str = "Captured", code: str | None = None) -> None:
        """Amazon decides a charge that was pending, or lets it lapse."""
        charge = self.charges[charge_id]
        charge["statusDetails"] = details(state, code)
        if state == "Captured":
            charge["captureAmount"] = charge["captureAmount"] or charge["chargeAmount"]
        self.note("CHARGE", charge_id, charge["chargePermissionId"])

    def finish_refund(self, refund_id: str, state: str = "Refunded") -> None:
        refund = self.refunds[refund_id]
        refund["statusDetails"] = details(state, "ProcessingFailure" if state == "Declined" else None)
        charge = self.charges[refund["chargeId"]]
        if state == "Declined":
            rest = value(charge["refundedAmount"]) - value(refund["refundAmount"])
            charge["refundedAmount"] = price(rest, refund["refundAmount"]["currencyCode"])
        self.note("REFUND", refund_id, charge["chargePermissionId"])

    def dispute(self, charge_id: str) -> str:
        dispute_id = charge_id.replace("-C", "-B")
        self.disputes[dispute_id] = {
            "disputeId": dispute_id,
            "chargeId": charge_id,
            "disputeType": "Chargeback",
            "disputeAmount": self.charges[charge_id]["chargeAmount"],
            "filingReason": "ProductNotReceived",
            "statusDetails": {**details("ActionRequired"), "resolution": None},
            "merchantEvidences": [],
            "merchantResponseDeadline": "20261204T090000Z",
        }
        self.note("CHARGEBACK", dispute_id, self.charges[charge_id]["chargePermissionId"])
        return dispute_id

    def close_permission(self, permission_id: str, code: str = "BuyerCanceled") -> None:
        reasons = [{"reasonCode": code, "reasonDescription": "Closed."}]
        permission = self.permissions[permission_id]
        permission["statusDetails"] = {"state": "Closed", "reasons": reasons, "lastUpdatedTimestamp": NOW}
        self.note("CHARGE_PERMISSION", permission_id, permission_id)

    def note(self, kind: str, reference: str, permission: str, change: str = "STATE_CHANGE") -> None:
        self.notes.append(
            {
                "MerchantID": MERCHANT,
                "ObjectType": kind,
                "ObjectId": reference,
                "ChargePermissionId": permission,
                "NotificationType": change,
                "NotificationId": str(uuid.uuid4()),
                "NotificationVersion": "V2",
            }
        )

    def webhooks(self, url: str) -> list[Webhook]:
        told, self.notes = self.notes, []
        return [
            delivery(published(json.dumps(note), version=self.signature_version, Timestamp=self.stamp)) for note in told
        ]

    # what the API makes of them

    def new_permission(self, session: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        permission_id = f"S02-0000000-{self._number:07d}"
        self.permissions[permission_id] = {
            "chargePermissionId": permission_id,
            "chargePermissionType": session["chargePermissionType"],
            "buyer": {"buyerId": "amzn1.account.MADEUP", "name": "Ada Lovelace", "email": "ada@example.com"},
            "merchantMetadata": session["merchantMetadata"],
            "recurringMetadata": session.get("recurringMetadata"),
            "statusDetails": {"state": "Chargeable", "reasons": [], "lastUpdatedTimestamp": NOW},
            "creationTimestamp": NOW,
            "releaseEnvironment": "Sandbox",
        }
        self.note("CHARGE_PERMISSION", permission_id, permission_id)
        return self.permissions[permission_id]

    def new_charge(
        self, permission: dict[str, Any], amount: dict[str, str], *, capture: bool, pending: bool, merchant: Any
    ) -> dict[str, Any]:
        self._number += 1
        charge_id = f"{permission['chargePermissionId']}-C{self._number:06d}"
        state = "Pending" if pending else "Captured" if capture else "Authorized"
        self.charges[charge_id] = {
            "chargeId": charge_id,
            "chargePermissionId": permission["chargePermissionId"],
            "chargeAmount": amount,
            "captureAmount": amount if state == "Captured" else None,
            "refundedAmount": None,
            "merchantMetadata": merchant,
            "statusDetails": details(state),
            "creationTimestamp": NOW,
            "expirationTimestamp": IN_30_DAYS,
            "releaseEnvironment": "Sandbox",
        }
        self.note("CHARGE", charge_id, permission["chargePermissionId"])
        return self.charges[charge_id]
