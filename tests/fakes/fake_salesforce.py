"""Salesforce's OAuth and REST interfaces as its documentation words them: sessions, error lists, SOQL of a simple kind."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.server import Answered, ComplaintError, FakeServer, Received

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

FIELDS = {
    "Contact": {"LastName", "FirstName", "Email", "Hub_Id__c", "Hub_Membership__c"},
    "Campaign": {"Name"},
    "CampaignMember": {"CampaignId", "ContactId", "LeadId", "Status"},
    "ContentNote": {"Title", "Content"},
    "ContentDocumentLink": {"ContentDocumentId", "LinkedEntityId", "ShareType"},
}
PREFIX = {
    "Contact": "003",
    "Campaign": "701",
    "CampaignMember": "00v",
    "ContentNote": "069",
    "ContentDocumentLink": "06A",
}
NEEDED = {"Contact": {"LastName"}}


def error(status: int, code: str, message: str, *fields: str) -> Answered:
    return Answered(status, [{"errorCode": code, "message": message, "fields": list(fields)}])


class FakeSalesforce(FakeServer):
    def __init__(self, *, version: str = "67.0", key: RSAPublicKey | None = None) -> None:
        super().__init__()
        self.version = version
        self.public_key = key
        self.client = ("consumer-key", "consumer-secret")
        self.sessions: set[str] = set()
        self.logins = 0
        self.accepts_sessions = True
        self.records: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in FIELDS}
        self.page = 2000
        self.update_status = 200

    def end_sessions(self) -> None:
        self.sessions.clear()

    def handle(self, request: Received) -> Answered:
        if request.path == "/services/oauth2/token":
            return self._login(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.sessions or not self.accepts_sessions:
            return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if request.body and request.headers.get("content-type") != "application/json":
            raise ComplaintError("not JSON", error(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type not supported"))
        services, data, version, *parts = request.segments
        if (services, data, version) != ("services", "data", f"v{self.version}"):
            raise ComplaintError("wrong version", error(404, "NOT_FOUND", "The requested resource does not exist"))
        answer = self._route(request, parts)
        return Answered(answer.status, answer.body, {"Sforce-Limit-Info": "api-usage=18/5000", **answer.headers})

    def _login(self, request: Received) -> Answered:
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise ComplaintError("not a form", Answered(400, {"error": "invalid_request"}))
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") == "client_credentials":
            expected = base64.b64encode(":".join(self.client).encode()).decode()
            if request.headers.get("authorization") != f"Basic {expected}":
                return Answered(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        elif form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            problem = self._problem_with(form["assertion"])
            if problem:
                return Answered(400, {"error": "invalid_grant", "error_description": problem})
        else:
            raise ComplaintError("unknown grant", Answered(400, {"error": "unsupported_grant_type"}))
        self.logins += 1
        token = f"00Dmade!{self.logins}"
        self.sessions.add(token)
        reply = {"access_token": token, "instance_url": self.url, "token_type": "Bearer", "issued_at": "1795424400000"}
        return Answered(200, reply)

    def _problem_with(self, assertion: str) -> str:
        signed, _, signature = assertion.rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        assert self.public_key is not None
        try:
            self.public_key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return "invalid assertion"
        if header["alg"] != "RS256" or set(claims) != {"iss", "sub", "aud", "exp"}:
            return "invalid assertion"
        if claims["aud"] not in {"https://login.salesforce.com", "https://test.salesforce.com"}:
            return "audience is invalid"
        return "" if claims["sub"] == "hub@example.com" else "user hasn't approved this consumer"

    def _route(self, request: Received, parts: list[str]) -> Answered:
        body = json.loads(request.body) if request.body else None
        params = dict(request.params)
        match [request.method, *parts]:
            case ["GET", "limits"]:
                return Answered(200, {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})
            case ["PATCH", "sobjects", name, field, value]:
                return self._upsert(request, name, field, value, body)
            case ["PATCH", "sobjects", name, record_id]:
                self.records[name][record_id] |= body
                return Answered(204)
            case ["POST", "sobjects", name]:
                return self._create(name, body)
            case ["GET", "sobjects", name, record_id]:
                return self._shown(self.records[name].get(record_id), name, params)
            case ["GET", "sobjects", name, field, value]:
                found = [one for one in self.records[name].values() if one.get(field) == value]
                return self._shown(found[0] if found else None, name, params)
            case ["GET", "query"]:
                return self._query(params["q"])
            case ["GET", "query", cursor]:
                offset, _, query = base64.urlsafe_b64decode(cursor).decode().partition(" ")
                return self._query(query, int(offset))
            case ["POST", "composite"]:
                return self._composite(body)
        raise ComplaintError("no such call", error(404, "NOT_FOUND", "The requested resource does not exist"))

    def _upsert(self, request: Received, name: str, field: str, value: str, body: dict[str, Any]) -> Answered:
        if name not in FIELDS or field not in FIELDS[name]:
            return error(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {field}")
        if field in body or "Id" in body:
            raise ComplaintError(
                "names its key twice", error(400, "INVALID_FIELD", f"The {field} field should not be specified")
            )
        found = [one for one in self.records[name].values() if one.get(field) == value]
        if len(found) > 1:
            return Answered(300, [f"/services/data/v{self.version}/sobjects/{name}/{one['Id']}" for one in found])
        if not found and dict(request.params).get("updateOnly") == "true":
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        refusal = self._refusal(name, body, new=not found)
        if refusal:
            return refusal
        if found:
            found[0].update(body)
            if self.update_status == 204:
                return Answered(204)
            return Answered(200, {"id": found[0]["Id"], "success": True, "created": False, "errors": []})
        if body.get("LastName") == "Twin" and request.headers.get("sforce-duplicate-rule-header") != "allowSave=true":
            return error(400, "DUPLICATES_DETECTED", "Use one of these records?")
        made = self._new(name, {field: value, **body})
        return Answered(201, {"id": made["Id"], "success": True, "created": True, "errors": []})

    def _create(self, name: str, body: dict[str, Any]) -> Answered:
        refusal = self._refusal(name, body, new=True)
        if refusal:
            return refusal
        if name == "CampaignMember":
            if body["CampaignId"] not in self.records["Campaign"]:
                return error(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            same = [
                one
                for one in self.records[name].values()
                if all(one.get(key) == body.get(key) for key in ("CampaignId", "ContactId", "LeadId"))
            ]
            if same:
                return error(400, "DUPLICATE_VALUE", "Already a campaign member.")
        made = self._new(name, body)
        return Answered(201, {"id": made["Id"], "success": True, "errors": []})

    def _refusal(self, name: str, body: dict[str, Any], *, new: bool) -> Answered | None:
        for field, value in body.items():
            if field not in FIELDS[name]:
                return error(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {name}", field)
            if isinstance(value, str) and len(value) > 80 and field == "LastName":
                return error(400, "STRING_TOO_LONG", "Last Name: data value too large", field)
        missing = sorted(NEEDED.get(name, set()) - set(body)) if new else []
        if missing:
            return error(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: {missing}", *missing)
        return None

    def _composite(self, body: dict[str, Any]) -> Answered:
        if not body["allOrNone"] or len(body["compositeRequest"]) > 25:
            raise ComplaintError("composite", error(400, "INVALID_INPUT", "composite"))
        ids: dict[str, str] = {}
        results = []
        for part in body["compositeRequest"]:
            name = part["url"].rpartition("/")[2]
            fields = {
                field: re.sub(r"@\{(\w+)\.id\}", lambda match: ids[match[1]], value)
                for field, value in part["body"].items()
            }
            if name == "ContentDocumentLink" and fields["LinkedEntityId"] not in self.records["Contact"]:
                answer = error(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "LinkedEntityId")
            else:
                answer = self._create(name, fields)
                ids[part["referenceId"]] = answer.body["id"]
            results.append({"body": answer.body, "httpStatusCode": answer.status, "referenceId": part["referenceId"]})
        if any(result["httpStatusCode"] >= 400 for result in results):
            for record_id in ids.values():
                for records in self.records.values():
                    records.pop(record_id, None)
            halted = [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back."}]
            results = [
                result if result["httpStatusCode"] >= 400 else {**result, "body": halted, "httpStatusCode": 400}
                for result in results
            ]
        return Answered(200, {"compositeResponse": results})

    def _query(self, query: str, offset: int = 0) -> Answered:
        asked = re.fullmatch(r"SELECT ([\w, .]+) FROM (\w+)(?: WHERE (.+?))?(?: LIMIT \d+)?", query)
        if asked is None:
            return error(400, "MALFORMED_QUERY", f"unexpected token in {query}")
        names = [name.strip() for name in asked[1].split(",")]
        kind = asked[2]
        found = [one for one in self.records[kind].values() if self._matches(one, asked[3])]
        rows = [{"attributes": {"type": kind}, **{name: one.get(name) for name in names}} for one in found]
        page = rows[offset : offset + self.page]
        answer = {"totalSize": len(rows), "done": len(rows) <= offset + self.page, "records": page}
        if not answer["done"]:
            cursor = base64.urlsafe_b64encode(f"{offset + self.page} {query}".encode()).decode()
            answer["nextRecordsUrl"] = f"/services/data/v{self.version}/query/{cursor}"
        return Answered(200, answer)

    def _matches(self, record: dict[str, Any], conditions: str | None) -> bool:
        for condition in (conditions or "").split(" AND ") if conditions else []:
            name, _, value = condition.partition(" = ")
            wanted = re.sub(r"\\(.)", r"\1", value.strip("'")) if value.startswith("'") else value
            given = record.get(name)
            if name == "ContentDocument.Title":
                given = self.records["ContentNote"][record["ContentDocumentId"]]["Title"]
            if given != wanted:
                return False
        return True

    def _shown(self, record: dict[str, Any] | None, name: str, params: dict[str, str]) -> Answered:
        if record is None:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        wanted = params["fields"].split(",") if "fields" in params else list(record)
        return Answered(
            200, {"attributes": {"type": name}, **{field: record.get(field) for field in wanted}, "Id": record["Id"]}
        )

    def _new(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        made = {**fields, "Id": f"{PREFIX[name]}{len(self.records[name]) + 1:012d}AAA"}
        self.records[name][made["Id"]] = made
        return made


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
