"""Actions that are written in YAML alone: method, path, body, success, output, paging, errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

from hub.connect.amounts import read_amounts
from hub.connect.answers import ErrorTable, failure, failure_of, raise_for_status
from hub.connect.auth import auth_of, send
from hub.connect.manifest import Idempotency
from hub.connect.mapping import without_nulls
from hub.expressions import compile_expression, compile_template, is_true
from hub.expressions.templates import Literal, split_template

if TYPE_CHECKING:
    from hub.connect.api import Call, Find, HttpResponse
    from hub.connect.auth import Auth
    from hub.connect.manifest import ActionSpec, Manifest
    from hub.expressions import Expression
    from hub.jsontypes import Json, JsonObject

MOST_PAGES = 1000
DEFAULT_LIMIT = 1000

_NEXT_LINK = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')
_KEPT_IN_LITERALS = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class _Path:
    """A path template: literal text as written, each rendered value percent-encoded as (part of) one segment."""

    parts: tuple[str | Expression, ...]

    @classmethod
    def compiled(cls, text: str) -> _Path:
        return cls(
            tuple(
                quote(part.text, safe=_KEPT_IN_LITERALS)
                if isinstance(part, Literal)
                else compile_expression(part.expression)
                for part in split_template(text.lstrip("/"))
            )
        )

    def render(self, scope: JsonObject) -> str:
        rendered = []
        for part in self.parts:
            if isinstance(part, str):
                rendered.append(part)
                continue
            value = part.evaluate(scope)
            if value is None or isinstance(value, (dict, list, bool)) or str(value) in {"", ".", ".."}:
                raise failure("bad_input", f"The address needs a value for {part.text}, not {value!r}.")
            rendered.append(quote(str(value), safe=""))
        return "".join(rendered)


class RestAction:
    """A compiled ``rest:`` entry; has ``run`` as :class:`hub.connect.api.ActionCode` has."""

    find: Find | None = None

    def __init__(self, spec: ActionSpec, manifest: Manifest) -> None:
        entry = cast("JsonObject", spec.rest)
        api = manifest.api
        self._title = f"{manifest.title}, {spec.name}"
        self._method = cast("str", entry["method"])
        self._base = compile_template(api.get("base", ""))
        self._path = _Path.compiled(cast("str", entry["path"]))
        self._query = compile_template(entry.get("query") or {})
        self._headers = compile_template({**_object(api.get("headers")), **_object(entry.get("headers"))})
        self._json = compile_template(entry["json"]) if "json" in entry else None
        self._form = compile_template(entry["form"]) if "form" in entry else None
        self._success = compile_expression(cast("str", entry["success"])) if "success" in entry else None
        self._output = compile_template(entry.get("output", "${ answer }"))
        self._absent = (compile_template(entry["absent"]),) if "absent" in entry else ()
        self._paging = _Paging.compiled(_object(entry["paging"])) if "paging" in entry else None
        self._errors = ErrorTable.from_manifest(_object(api.get("errors")), _object(entry.get("errors")))
        self._auth = _object(api.get("auth") or {"type": "none"})
        safe_to_repeat = spec.idempotent in {Idempotency.KEY, Idempotency.NATURE, Idempotency.LOOKUP}
        self._repeatable = cast("bool", entry.get("repeatable", safe_to_repeat or self._method in {"GET", "HEAD"}))
        self._currencies = manifest.currencies

    def run(self, call: Call) -> Json:
        """Make the request (all pages) and give the output. Raises like an action."""
        scope: dict[str, Json] = {
            "input": call.input,
            "connection": call.connection.settings,
            "key": call.key,
            "reference": call.reference,
            "now": call.now.isoformat(),
        }
        base = str(self._base.render(scope)).rstrip("/")
        url = f"{base}/{self._path.render(scope)}"
        auth = auth_of(self._auth, call.connection, call.http)
        params = query_pairs(without_nulls(self._query.render(scope)))
        response = self._send(call, auth, url, params, scope)
        if response.status == 404 and self._absent:  # noqa: PLR2004
            return self._absent[0].render(scope)
        answer = self._answer(call, response, scope)
        items: list[Json] = []
        if self._paging is not None:
            items = self._all_pages(call, auth, url, params, scope, response, answer)
        full_scope = {**scope, "answer": answer, "status": response.status, "headers": dict(response.headers)}
        output = self._output.render({**full_scope, "items": items})
        return without_nulls(read_amounts(output, self._currencies))

    def _send(self, call: Call, auth: Auth, url: str, params: list[tuple[str, str]], scope: JsonObject) -> HttpResponse:
        rendered = cast("JsonObject", without_nulls(self._headers.render(scope)) or {})
        return send(
            call.http,
            auth,
            self._method,
            url,
            now=call.now,
            params=params,
            headers={name: str(value) for name, value in rendered.items()},
            json=without_nulls(self._json.render(scope)) if self._json else None,
            form=form_pairs(without_nulls(self._form.render(scope))) if self._form else None,
            repeatable=self._repeatable,
        )

    def _answer(self, call: Call, response: HttpResponse, scope: JsonObject) -> Json:
        raise_for_status(response, self._errors, now=call.now, repeatable=self._repeatable)
        answer = response.json() if response.body.strip() else None
        if self._success is not None:
            judged = {**scope, "answer": answer, "status": response.status, "headers": dict(response.headers)}
            if not is_true(self._success.evaluate(judged)):
                raise failure_of(response, self._errors, now=call.now, repeatable=self._repeatable)
        return answer

    def _all_pages(  # noqa: PLR0913 (the state of one listing)
        self,
        call: Call,
        auth: Auth,
        url: str,
        params: list[tuple[str, str]],
        scope: JsonObject,
        response: HttpResponse,
        answer: Json,
    ) -> list[Json]:
        paging = cast("_Paging", self._paging)
        items = paging.items_of(answer)
        for page in range(1, MOST_PAGES):
            following = paging.following(url, params, response, answer, page)
            if following is None or len(items) >= paging.limit:
                break
            if urlsplit(following[0])[:2] != urlsplit(url)[:2]:
                raise failure("bad_answer", f"{self._title}: the next page lies on another host.")
            response = self._send(call, auth, *following, scope)
            answer = self._answer(call, response, scope)
            more = paging.items_of(answer)
            if not more:
                break
            items += more
        return items[: paging.limit]


@dataclass(frozen=True, slots=True)
class _Paging:
    style: str
    items: str
    cursor: str | None
    parameter: str
    first: int
    limit: int

    @classmethod
    def compiled(cls, entry: JsonObject) -> _Paging:
        return cls(
            style=cast("str", entry["style"]),
            items=cast("str", entry["items"]),
            cursor=cast("str | None", entry.get("cursor")),
            parameter=cast("str", entry.get("parameter", "page" if entry["style"] == "page" else "cursor")),
            first=cast("int", entry.get("first", 1)),
            limit=cast("int", entry.get("limit", DEFAULT_LIMIT)),
        )

    def items_of(self, answer: Json) -> list[Json]:
        """The list in one answer."""
        found = compile_expression(self.items).evaluate({"answer": answer})
        if found is None:
            return []
        if not isinstance(found, list):
            raise failure("bad_answer", f"There is no list at {self.items!r}.")
        return list(found)

    def following(
        self, url: str, params: list[tuple[str, str]], response: HttpResponse, answer: Json, page: int
    ) -> tuple[str, list[tuple[str, str]]] | None:
        """Address and query of the next page; None at the end."""
        if self.style == "link":
            link = _NEXT_LINK.search(response.headers.get("Link", ""))
            if link is None:
                return None
            address = urljoin(url, link[1])
            return address.partition("?")[0], parse_qsl(urlsplit(address).query, keep_blank_values=True)
        if self.style == "page":
            value: Json = self.first + page
        else:
            value = compile_expression(self.cursor or "").evaluate({"answer": answer})
            if value in {None, ""}:
                return None
        return url, [pair for pair in params if pair[0] != self.parameter] + [(self.parameter, str(value))]


def query_pairs(query: Json) -> list[tuple[str, str]]:
    """Query parameters; a list repeats its name. Numbers and true/false are written as JSON writes them."""
    pairs: list[tuple[str, str]] = []
    for name, value in _object(query).items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, _plain(one)) for one in values]
    return pairs


def form_pairs(form: Json, prefix: str = "") -> list[tuple[str, str]]:
    """Form fields with bracket nesting: ``{a: {b: 1}, c: [2]}`` becomes ``a[b]=1`` and ``c[0]=2``."""
    entries = form.items() if isinstance(form, dict) else enumerate(form) if isinstance(form, list) else ()
    pairs: list[tuple[str, str]] = []
    for name, value in entries:
        full = f"{prefix}[{name}]" if prefix else str(name)
        pairs += form_pairs(value, full) if isinstance(value, (dict, list)) else [(full, _plain(value))]
    return pairs


def _plain(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _object(value: Json) -> JsonObject:
    return cast("JsonObject", value or {})
