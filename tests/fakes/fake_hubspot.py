"""HubSpot's CRM API: every request and answer is held against HubSpot's published description where that is at hand."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import unquote

from tests.fakes.openapi import described
from tests.fakes.server import Answered, ComplaintError, FakeServer, Received

NOW = "2026-11-23T09:00:00Z"
UNIQUE = {"contacts": {"email"}, "companies": set(), "deals": set(), "notes": set()}
KNOWN = {
    "contacts": {"email", "firstname", "lastname", "lifecyclestage", "hub_membership", "membership_number"},
    "companies": {"domain", "name"},
    "deals": {"dealname", "amount", "dealstage", "pipeline", "deal_currency_code", "closedate"},
    "notes": {"hs_timestamp", "hs_note_body"},
}
NOTE_LINKS = {202: "contacts", 214: "deals"}


def error(status: int, category: str, message: str, **more: Any) -> Answered:
    body = {"status": "error", "category": category, "message": message, "correlationId": str(uuid.UUID(int=1)), **more}
    return Answered(status, body)


class FakeHubSpot(FakeServer):
    def __init__(self, token: str = "pat-made-up") -> None:
        super().__init__()
        self.token = token
        self.scopes = {"schemas"}
        self.records: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KNOWN}
        self.secondary: dict[str, str] = {}
        self.known = {kind: set(names) for kind, names in KNOWN.items()}
        self.unique = {kind: set(names) for kind, names in UNIQUE.items()}
        self.links: set[tuple[str, str, str, str]] = set()
        self.lists: dict[str, dict[str, Any]] = {"31": {"name": "Members", "members": set(), "static": True}}
        self.searchable = True
        self._number = 100

    def handle(self, request: Received) -> Answered:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if request.body and request.headers.get("content-type") != "application/json":
            raise ComplaintError("not JSON", error(415, "VALIDATION_ERROR", "Unsupported media type"))
        self._check(request)
        answer = self._route(request)
        self._check(request, answer)
        return answer

    def _check(self, request: Received, answer: Answered | None = None) -> None:
        """Against HubSpot's description. It names deals by their type id, ``0-3``."""
        descriptions = described("hubspot")
        path = re.sub(r"^/crm/v3/objects/deals", "/crm/v3/objects/0-3", request.path)
        path = re.sub(r"^/crm/objects/[0-9-]+/", "/crm/v3/objects/", path)
        names = {"contacts": "contacts", "companies": "companies", "0-3": "deals", "notes": "notes"}
        parts = path.strip("/").split("/")
        if descriptions is None or parts[1] not in {"v3", "v4"} or parts[2] != "objects":
            return
        description = descriptions["associations" if parts[1] == "v4" else names[parts[3]]]
        if answer is None:
            problem = description.problem_with_request(request, path)
        else:
            problem = description.problem_with_answer(request, path, answer)
        if problem:
            side = "request" if answer is None else "answer"
            raise ComplaintError(f"{side}: {problem}", error(400, "VALIDATION_ERROR", problem[:200]))

    def _route(self, request: Received) -> Answered:
        path = re.sub(r"^/crm/(v3/objects|objects/20\d\d-\d\d)/", "/objects/", request.path)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        body = json.loads(request.body) if request.body else None
        if parts[0] == "objects":
            return self._objects(request, parts[1], parts[2:], body)
        match [request.method, *parts]:
            case ["PUT", "crm", "v4", "objects", kind, one, "associations", "default", other_kind, other]:
                return self._link(kind, one, other_kind, other)
            case ["GET", "crm", "v4", "objects", kind, one, "associations", other_kind]:
                ids = sorted(other for a, b, c, other in self.links if (a, b, c) == (kind, one, other_kind))
                types = [{"category": "HUBSPOT_DEFINED", "typeId": 201}]
                return Answered(200, {"results": [{"toObjectId": one, "associationTypes": types} for one in ids]})
            case ["POST", "crm", "v3", "properties", kind]:
                return self._property(kind, body)
            case ["GET", "crm", "v3", "lists", "object-type-id", "0-1", "name", name]:
                for list_id, entry in self.lists.items():
                    if entry["name"] == name:
                        return Answered(200, {"list": {"listId": list_id, "name": name, "objectTypeId": "0-1"}})
                return error(404, "OBJECT_NOT_FOUND", f"List does not exist with name {name}.")
            case ["GET", "crm", "v3", "lists", "records", "0-1", contact, "memberships"]:
                return self._lists_of(contact, dict(request.params).get("after"))
            case ["PUT", "crm", "v3", "lists", list_id, "memberships", what]:
                return self._member(list_id, what, body)
        raise ComplaintError("no such call", Answered(404, "<html>Not found</html>", {"Content-Type": "text/html"}))

    def _objects(self, request: Received, kind: str, parts: list[str], body: Any) -> Answered:
        match [request.method, *parts]:
            case ["POST", "batch", "upsert"]:
                return self._upsert(kind, body["inputs"])
            case ["POST", "batch", "read"]:
                return self._read(kind, body)
            case ["POST", "search"]:
                return self._search(kind, body)
            case ["POST"]:
                return self._create(kind, body)
            case ["GET"]:
                return self._listed(kind, dict(request.params))
            case ["GET", identity]:
                found = self._find(kind, dict(request.params).get("idProperty"), identity)
                return Answered(200, found) if found else error(404, "OBJECT_NOT_FOUND", "resource not found")
            case ["PATCH", identity]:
                return self._patch(kind, dict(request.params).get("idProperty"), identity, body)
        raise ComplaintError("no such call", Answered(404, "<html>Not found</html>", {"Content-Type": "text/html"}))

    def _patch(self, kind: str, name: str | None, identity: str, body: dict[str, Any]) -> Answered:
        found = self._find(kind, name, identity)
        if found is None:
            return error(404, "OBJECT_NOT_FOUND", "resource not found")
        problem = self._unknown(kind, body["properties"])
        if problem:
            return problem
        found["properties"] |= body["properties"]
        return Answered(200, found)

    def _upsert(self, kind: str, inputs: list[dict[str, Any]]) -> Answered:
        results = []
        for entry in inputs:
            name, identity, properties = entry["idProperty"], entry["id"], entry["properties"]
            if name not in self.known[kind]:
                return self._no_property(name)
            if name not in self.unique[kind]:
                return error(400, "VALIDATION_ERROR", f"Property '{name}' is not a unique property.")
            problem = self._unknown(kind, {**properties, name: identity})
            if problem:
                return problem
            if kind == "contacts" and identity in self.secondary:
                words = f"Contact already exists. Existing ID: {self.secondary[identity]}"
                return error(409, "CONFLICT", words)
            if "@" not in properties.get("email", "@"):
                return self._partly(entry, f"Property values were not valid: email {properties['email']!r} is invalid")
            found = self._find(kind, name, identity)
            new = found is None
            record = found or self._new(kind, {name: identity})
            record["properties"] |= properties
            results.append({**record, "new": new, "objectWriteTraceId": entry["objectWriteTraceId"]})
        return Answered(200, self._batch(results))

    def _partly(self, entry: dict[str, Any], message: str) -> Answered:
        context = {"objectWriteTraceId": [entry["objectWriteTraceId"]]}
        problem = {"status": "error", "category": "VALIDATION_ERROR", "message": message, "context": context}
        problem |= {"errors": [], "links": {}, "id": "1"}
        return Answered(207, {**self._batch([]), "numErrors": 1, "errors": [problem]})

    def _listed(self, kind: str, params: dict[str, str]) -> Answered:
        begin, count = int(params.get("after", 0)), int(params.get("limit", 10))
        records = list(self.records[kind].values())
        body: dict[str, Any] = {"results": records[begin : begin + count]}
        if begin + count < len(records):
            body["paging"] = {"next": {"after": str(begin + count)}}
        return Answered(200, body)

    def _batch(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        return {"status": "COMPLETE", "startedAt": NOW, "completedAt": NOW, "results": results}

    def _read(self, kind: str, body: dict[str, Any]) -> Answered:
        name = body.get("idProperty")
        if name is not None and name not in self.known[kind]:
            return self._no_property(name)
        found = [self._find(kind, name, entry["id"]) for entry in body["inputs"]]
        return Answered(200, self._batch([one for one in found if one]))

    def _search(self, kind: str, body: dict[str, Any]) -> Answered:
        one = body["filterGroups"][0]["filters"][0]
        found = [
            record
            for record in self.records[kind].values()
            if self.searchable and record["properties"].get(one["propertyName"]) == one["value"]
        ]
        return Answered(200, {"total": len(found), "results": found[: body["limit"]]})

    def _create(self, kind: str, body: dict[str, Any]) -> Answered:
        problem = self._unknown(kind, body["properties"])
        if problem:
            return problem
        for association in body["associations"]:
            other_kind = NOTE_LINKS[association["types"][0]["associationTypeId"]]
            if association["to"]["id"] not in self.records[other_kind]:
                return error(400, "VALIDATION_ERROR", f"{other_kind} {association['to']['id']} does not exist")
        made = self._new(kind, body["properties"])
        for association in body["associations"]:
            self._link(
                kind, made["id"], NOTE_LINKS[association["types"][0]["associationTypeId"]], association["to"]["id"]
            )
        return Answered(201, made)

    def _link(self, kind: str, one: str, other_kind: str, other: str) -> Answered:
        if one not in self.records[kind] or other not in self.records[other_kind]:
            return error(400, "VALIDATION_ERROR", "One or more associations are invalid")
        self.links |= {(kind, one, other_kind, other), (other_kind, other, kind, one)}
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
        result = {"from": {"id": one}, "to": {"id": other}, "associationSpec": spec}
        return Answered(200, self._batch([result]))

    def _property(self, kind: str, body: dict[str, Any]) -> Answered:
        if "schemas" not in self.scopes:
            words = "This app hasn't been granted all required scopes to make this call."
            return error(403, "MISSING_SCOPES", words, context={"missingScopes": [f"crm.schemas.{kind}.write"]})
        if not {"name", "label", "type", "fieldType", "groupName"} <= set(body):
            raise ComplaintError("property incomplete", error(400, "VALIDATION_ERROR", "Invalid input JSON"))
        if body["name"] in self.known[kind]:
            return error(409, "CONFLICT", f"A property named '{body['name']}' already exists.")
        self.known[kind].add(body["name"])
        if body.get("hasUniqueValue"):
            self.unique[kind].add(body["name"])
        return Answered(201, {**body, "createdAt": NOW, "updatedAt": NOW})

    def _member(self, list_id: str, what: str, ids: Any) -> Answered:
        entry = self.lists.get(list_id)
        if entry is None:
            return error(404, "OBJECT_NOT_FOUND", f"List does not exist with ID {list_id}.")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise ComplaintError("not a list of ids", error(400, "VALIDATION_ERROR", "Invalid input JSON"))
        if not entry["static"]:
            return error(400, "VALIDATION_ERROR", "Cannot change memberships of a DYNAMIC list.")
        known = [one for one in ids if one in self.records["contacts"]]
        changed = [one for one in known if (one in entry["members"]) != (what == "add")]
        entry["members"] = entry["members"] | set(known) if what == "add" else entry["members"] - set(known)
        name = "recordIdsAdded" if what == "add" else "recordIdsRemoved"
        return Answered(200, {name: changed, "recordIdsMissing": [one for one in ids if one not in known]})

    def _lists_of(self, contact: str, after: str | None) -> Answered:
        """The lists of a contact, one a page."""
        if contact not in self.records["contacts"]:
            return error(404, "OBJECT_NOT_FOUND", f"Record {contact} does not exist.")
        ids = sorted(one for one, entry in self.lists.items() if contact in entry["members"])
        start = int(after or 0)
        paging = {"paging": {"next": {"after": str(start + 1)}}} if start + 1 < len(ids) else {}
        return Answered(
            200, {"results": [{"listId": one} for one in ids[start : start + 1]], "total": len(ids), **paging}
        )

    def _find(self, kind: str, name: str | None, identity: str) -> dict[str, Any] | None:
        if name is None:
            return self.records[kind].get(identity)
        return next((one for one in self.records[kind].values() if one["properties"].get(name) == identity), None)

    def _new(self, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        made = {
            "id": str(self._number),
            "archived": False,
            "createdAt": NOW,
            "updatedAt": NOW,
            "properties": properties,
        }
        self.records[kind][made["id"]] = made
        return made

    def _unknown(self, kind: str, properties: dict[str, Any]) -> Answered | None:
        unknown = sorted(set(properties) - self.known[kind])
        return self._no_property(unknown[0]) if unknown else None

    def _no_property(self, name: str) -> Answered:
        words = f'Property "{name}" does not exist'
        details = [{"message": words, "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": [name]}}]
        return error(400, "VALIDATION_ERROR", f"Property values were not valid: {words}", errors=details)
