"""Who fills in the forms of a hub as a browser does: opens a page, fills in what it leaves empty, presses a button."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from werkzeug.datastructures import MultiDict

from .conftest import Visitor
from .forms_on_pages import Page

VALID = {
    "accesses.grant": {"email": "ada@example.com", "resource": "course"},
    "account.do_log_in": {"email": "admin@example.com", "password": "correct horse battery"},
    "account.do_password": {"current": "correct horse battery", "password": "another horse battery"},
    "account.do_set_up": {"name": "Ada", "email": "ada@example.com", "password": "another horse battery"},
    "catalogue.create": {"title": "Mug", "sku": "MUG", "prices": "EUR 5"},
    "catalogue.labels": {"item": "TEA-01", "currency": "EUR"},
    "connections.create": {
        "secret_key": "sk_test_made_up", "webhook_secret": "whsec_made_up", "from": "shop@example.com",
        "host": "mail.example.com", "base_url": "https://api.example.com",
    },
    "coupons.create": {"code": "WINTER20", "percent": "20"},
    "form_page.send": {
        "f-name": "Ada", "f-email": "ada@example.com", "f-rules": "on", "by": "sandbox", "offer": "once",
        "currency": "EUR", "amount-once-EUR": "10.00",
    },
    "form_page.send coupon": {"coupon": "SUMMER20"},
    "forms.act language-add": {"new-words": "Bonjour"},
    "forms.act offer-add": {"new-offer-title": "Every year", "new-offer-currency": "EUR", "new-offer-price": "90"},
    "forms.act price-add offer-0": {"new-currency-offer-0": "KWD", "new-price-offer-0": "5"},
    "forms.act price-add offer-1": {"new-currency-offer-1": "KWD", "new-price-offer-1": "5"},
    "forms.act price-add payment": {"new-currency-payment": "KWD", "new-price-payment": "5"},
    "forms.create pay-add": {"new-pay-currency": "EUR", "new-pay-price": "5"},
    "forms.create language-add": {"new-words": "Bonjour"},
    "guide.make": {"amount": "10"},
    "link_batches.read_in": {"purpose": "Fees"},
    "invoices.create": {"lines": "1 Crate = 5", "currency": "EUR"},
    "jobs.post": {"title": "Portraits", "price": "249", "currency": "EUR", "how": "offers"},
    "links.create": {"amount": "45", "currency": "EUR", "purpose": "Lesson", "email": "ada@example.com"},
    "orders.refund": {"back-1": "1"},
    "payments.act look_lines": {"back-1": "1"},
    "payments.act refund_lines": {"back-1": "1"},
    "orders.create": {"lines": "1 TEA-01", "currency": "EUR"},
    "plans.act": {"amount": "19"},
    "plans.create": {"name": "Silver", "amount": "19", "currency": "EUR", "connection": "sandbox"},
    "portal.send": {"email": "ada@example.com"},
    "provider_page.answer": {"price": "25"},
    "providers.act account": {"f-holder": "Ada", "f-iban": "DE89370400440532013000"},
    "provider_page.do_register": {"f-name": "Grace", "f-email": "grace@example.com", "f-skills": "crane"},
    "scan.change": {"code": "TEA-01"},
    "settings.add_user": {"email": "grace@example.com", "name": "Grace"},
    "tokens.create": {"title": "Portal", "scopes": "orders:read"},
    "tokens.create_webhook": {"title": "Shop", "url": "https://shop.example.com/hook", "types": "order.paid"},
    "ways.save": {"title-sandbox": "Card", "title-second": "Bank"},
    "ledger.decide": {"why": "came back", "reference": "ref_9"},
    "ledger.reconcile": {"why": "known"},
    "escrow.act": {"provider": "prv_ada", "parts": "payer 1200.00"},
    "stuck.decide": {"output": '{"refund": "re_1"}'},
    "templates.create": {"name": "another"},
}  # fmt: skip
"""What is filled in where the page leaves a field empty."""

FILES = {
    "link_batches.read_in": ("table", "name,email,amount,currency\nAda,ada@example.com,45,EUR\n"),
    "catalogue.read_in": ("table", "sku,title,EUR\nMUG,Mug,5\n"),
}
"""The file that goes with a form."""

FIRST_PAGES = frozenset({"log in", "set up"})
"""Where nobody is known yet: each time by another browser."""


@dataclass
class Case:
    """A form of a page with one of its buttons."""

    page: str
    is_public: bool
    endpoint: str
    form: object
    button: object

    def __str__(self):
        pressed = f" {self.button.name}={pressed_of(self.button)}" if pressed_of(self.button) else ""
        return f"{self.endpoint}{pressed} on {self.page}"


class Walker:
    """Fills in forms as a browser would, and looks at what comes of it."""

    def __init__(self, populated):
        self.populated = populated
        self.urls = populated.app.url_map.bind("localhost")
        self._number = itertools.count(1)
        self.asked = 0
        self.stale = False

    def pages(self):
        yield from ((name, False) for name in self.populated.addresses)
        yield from ((name, True) for name in self.populated.public)

    def address(self, page):
        found = self.populated.addresses.get(page) or self.populated.public[page]
        return found.removeprefix(self.populated.hub.settings.address)

    def open(self, page, *, is_public):
        """The page as it is at the start."""
        if self.stale:
            self.populated.renew()
            self.stale = False
        if page == "set up":
            self.populated.nobody_yet()
            self.stale = True
        if page in FIRST_PAGES:
            self.populated.payer = Visitor(self.populated.app)
        if not is_public and self.look("/", is_public=False).status_code == 303:
            assert self.populated.admin.log_in("admin@example.com").status_code == 303
        return self.look(self.address(page), is_public=is_public).text

    def look(self, address, *, is_public):
        """The answer to who only looks."""
        return self._client(is_public=is_public).get(address, buffered=True, **self._from())

    def _client(self, *, is_public):
        return (self.populated.payer if is_public else self.populated.admin).client

    def _from(self):
        """From an address of its own each time, so that nobody asks too often."""
        number = next(self._number)
        return {"environ_base": {"REMOTE_ADDR": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}}

    def endpoint(self, address, action):
        path = urlsplit(urljoin(f"http://localhost{address}", action)).path
        return self.urls.match(path, method="POST")[0]

    def cases(self, page, *, is_public):
        """The forms of a page, each with each of its buttons; one of those that are alike."""
        address, seen = self.address(page), set()
        for form in Page(self.open(page, is_public=is_public)).forms:
            for button in form.buttons or [None]:
                method, action = form.way(button)
                if method != "post":
                    continue
                endpoint = self.endpoint(address, action)
                names = tuple(one.name for one in form.controls)
                do = tuple(one.value for one in form.named("do"))
                pressed = (button.name, pressed_of(button)) if button is not None else None
                if (endpoint, names, do, pressed) not in seen:
                    seen.add((endpoint, names, do, pressed))
                    yield Case(page, is_public, endpoint, form, button)

    def send(self, case, data):
        """The answer to the form with these values."""
        if self.stale or case.page in FIRST_PAGES:
            page = self.open(case.page, is_public=case.is_public)
            token = next((form.data()["csrf_token"] for form in Page(page).forms if form.named("csrf_token")), None)
            data = {**data, "csrf_token": token} if token else data
        address = self.address(case.page)
        path = urljoin(f"http://localhost{address}", case.form.way(case.button)[1]).removeprefix("http://localhost")
        self.asked += 1
        sent = MultiDict([(name, value) for name, values in data.items() for value in values])
        if case.endpoint in FILES:
            field, text = FILES[case.endpoint]
            sent[field] = (io.BytesIO(text.encode()), "table.csv")
        kind = "multipart/form-data" if case.form.is_files else "application/x-www-form-urlencoded"
        answer = self._client(is_public=case.is_public).post(path, data=sent, content_type=kind, **self._from())
        self.stale = self.stale or answer.status_code not in {422, 409, 401}
        return answer

    def filled(self, case):
        """The form as who fills it in rightly sends it."""
        data = {**case.form.data()}
        pressed = pressed_of(case.button)
        for name, value in {**VALID.get(case.endpoint, {}), **VALID.get(f"{case.endpoint} {pressed}", {})}.items():
            if case.form.named(name) and not any(data.get(name, ())):
                data[name] = [value]
        if case.button is not None and case.button.name:
            data[case.button.name] = [case.button.value]
        return data


def pressed_of(button):
    """What a button says was pressed; the token that one may carry says nothing."""
    return button.value if button is not None and button.name != "csrf_token" else ""
