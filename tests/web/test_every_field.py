"""Every field of every form of the hub: what is wrong is said at it, nothing that was typed is lost, nothing is cut unseen."""

from __future__ import annotations

import re
from html import unescape

import pytest

from hub.web.access import access_rules

from .filling import Walker, pressed_of
from .forms_on_pages import Page
from .odd_values import ALSO, LONG, NEVER, SCRIPT, WORDS, cleaned
from .populated import Populated

BY_PROGRAMS = {
    "editor.check": "the editor's script asks for findings, in JSON",
    "forms.check": "the designer's script asks for findings, in JSON",
    "forms.cards": "the designer's script asks for the cards, in JSON",
    "pay.complete": "a gateway's form in our page reports, in JSON",
    "pay.posted_back": "a gateway sends the payer's browser back",
}
"""What takes posts that no person fills in."""

KINDS = {
    "amount": "amount", "price": "amount", "minimum": "amount", "percent": "percent", "tax_rate": "percent",
    "currency": "currency", "email": "email", "f-email": "email", "to": "email", "url": "url", "day": "date",
    "date": "date", "ends_on": "date", "expires_on": "date", "f-day": "date", "f-age": "number", "cycles": "whole",
    "count": "whole", "trial_days": "whole", "most": "whole", "expires_days": "whole", "remind_days": "whole",
    "due_in_days": "whole", "days": "whole", "copies": "whole", "skip": "whole", "stock": "whole", "data": "json",
    "output": "json", "quantity": "whole",
}  # fmt: skip
"""What a field is for, by its name; all others take words."""

SCANNED = ("scan.change", "code")
"""What becomes a line of the page."""

NOT_KEPT = {
    " ".join(SCANNED): "it becomes a line of the page",
    "editor.act text": "only looked at, unless it is saved",
    "editor.create text": "only looked at, unless it is saved",
    "editor.act message": "the text is as it was, so there is no new version to describe",
    "editor.act type": "tried only", "editor.create type": "tried only",
}  # fmt: skip
"""What is taken and stored nowhere."""

DESIGNED = {"forms.act", "forms.create"}
"""Whose buttons but *Save* show what was typed again, changed."""

LOOKED_AT = {"forms.preview", "templates.preview"}
"""What answers with how it looks, in a frame beside the form."""

HOME = {"f-home-line1": ["1 Way"], "f-home-city": ["Kiel"], "f-home-country": ["DE"]}
WITH = {
    **{("form_page.send", f"f-home-{part}"): HOME for part in ("line1", "line2", "postal_code", "city", "state")},
    **{
        ("form_page.send", f"other-{offer}-{currency}"): {
            "offer": [offer], "currency": [currency], f"amount-{offer}-{currency}": ["other"],
        }
        for offer in ("once", "monthly") for currency in ("EUR", "JPY")
    },
}  # fmt: skip
"""What stands in other fields where a field only counts together with them."""

IN_LINES = {
    ("orders.create", "lines"): ("Line 2", "1 TEA-01\n2 Crate = {}"),
    ("invoices.create", "lines"): ("Line 2", "1 Mug = 5\n2 Crate = {}"),
    ("escrow.act", "parts"): ("Line 2", "payer 5\nprv_ada {}"),
    ("catalogue.create", "prices"): ("EUR", "JPY 500\nEUR {}"),
    ("catalogue.save", "prices"): ("EUR", "JPY 500\nEUR {}"),
}
"""Fields of several lines with an amount in each: what names the line in what is said, and the second line is wrong."""

AMOUNTS = (
    *((value, True) for value in (*NEVER["amount"], "1,00", "5 + 1,5,0")),
    (" 5 ", False),
    ("", False),
    ("0", False),
)
"""What is tried as the amount in a line, and whether it is never right."""

READ = {
    ("form_page.send", "coupon"): {"coupon"}, ("ledger.reconcile", "ask"): (), ("ledger.reconcile", "take"): (),
    ("ledger.decide", "again"): (), ("ledger.decide", "happened"): {"reference"}, ("stuck.decide", "again"): (), ("runs.decide", "try_again"): (),
    ("runs.decide", "not_happened"): (), ("scan.change", "add"): {"code"},
    ("orders.refund", "look_lines"): {"back-1", "back-2"}, ("payments.act", "look_lines"): {"back-1", "back-2"},
    ("scan.change", "order"): {"quantity", "name", "email"}, ("templates.act", ""): {"text"},
    ("templates.create", ""): {"name", "text"},
    **{(one, "account"): {"f-holder", "f-iban", "f-bic"} for one in ("providers.act", "provider_page.keep")},
    **{(f"editor.{one}", "check"): {"text"} for one in ("act", "create")},
    **{(f"editor.{one}", "test"): {"text"} for one in ("act", "create")},
    **{(f"editor.{one}", "save"): {"text", "message"} for one in ("act", "create")},
    **{(f"editor.{one}", "try"): {"text", "type", "data", "given"} for one in ("act", "create")},
}  # fmt: skip
"""The fields that a button takes up, where it leaves others alone."""

RELATED = {
    "currency": frozenset({"lines", "amount", "price", "minimum"}), "minimum": frozenset({"currency"}),
    "price": frozenset({"currency"}), "f-day": frozenset(), "title": frozenset({"name"}),
}  # fmt: skip
"""Where else it may be said, as two fields do not go together."""


class Trials(Walker):
    """Tries each field with what is wrong and odd, and looks at what comes of it."""

    def __init__(self, populated):
        super().__init__(populated)
        self._tried = set()

    def walk(self, page, *, is_public):
        """What is amiss with the forms of a page, a sentence each."""
        for case in list(self.cases(page, is_public=is_public)):
            typed = [one for one in case.form.controls if one.is_typed and reads(case, one)]
            if not typed:
                continue
            data = self.filled(case)
            answer = self.send(case, data)
            if answer.status_code not in {200, 302, 303}:
                wrong = [
                    (one.name, page.said(one))
                    for page in [Page(answer.text)]
                    for form in page.forms
                    for one in form.controls
                    if one.attributes.get("aria-invalid")
                ]
                yield f"{case}: what is right is answered {answer.status_code}: {wrong} {data}"
            for one in typed:
                yield from self._field(case, one, {**data, **WITH.get((case.endpoint, one.name), {})})

    def _field(self, case, one, data):
        for value, is_never in self._values(case, one):
            sent = {**data, one.name: [value]}
            answer = self.send(case, sent)
            where = f"{case}: {one.name} = {value[:30]!r}"
            if answer.status_code == 422 or (answer.status_code == 401 and case.endpoint == "account.do_log_in"):
                yield from (f"{where}: {said}" for said in self._said(case, one, sent, answer))
            elif answer.status_code not in {200, 302, 303}:
                yield f"{where}: answered {answer.status_code}"
            elif is_never:
                yield f"{where}: taken"
            else:
                yield from (f"{where}: {said}" for said in self._taken(case, one, value, answer))

    def _values(self, case, one):
        """What is tried in a field, and whether it is never right; of a field that was on another page or beside another
        button before, only what is likeliest to go wrong there too. One card of a form's designer is as another."""
        kind = kind_of(case, one)
        if (case.endpoint, one.name) in IN_LINES and (case.endpoint, one.name) not in self._tried:
            self._tried.add((case.endpoint, one.name))
            _, text = IN_LINES[case.endpoint, one.name]
            yield from ((text.format(value), is_never) for value, is_never in AMOUNTS)
        values = [*((v, True) for v in NEVER.get(kind, ())), *((v, False) for v in ALSO[kind])]
        field = (case.endpoint, alike(one.name))
        beside = (*field, case.page, alike(pressed_of(case.button)))
        if beside in self._tried:
            return
        if field in self._tried:
            values = [(value, is_never) for value, is_never in values if value in {LONG, "-1", "nobody", "{"}]
        self._tried |= {field, beside}
        yield from values

    def _is_like(self, case, form, button):
        """Whether the button does what the case's does."""
        method, action = form.way(button)
        place = self.address(case.page)
        return (method == "post" and pressed_of(button) == pressed_of(case.button)
                and self.endpoint(place, action) == self.endpoint(place, case.form.way(case.button)[1]))  # fmt: skip

    def _said(self, case, one, sent, answer):
        if case.endpoint in LOOKED_AT:
            return ()
        if case.endpoint in DESIGNED and (pressed_of(case.button) != "save" or one.name == "text"):
            return self._designed(sent, one, answer)
        return self._refused(case, one, sent, answer)

    def _refused(self, case, one, sent, answer):
        page = Page(answer.text)
        forms = [
            form for form in page.forms
            if form.named(one.name) and any(self._is_like(case, form, button) for button in form.buttons or [None])
            and [hidden.value for hidden in form.named("do")] == [hidden.value for hidden in case.form.named("do")]
        ]  # fmt: skip
        if not forms:
            yield "the form is gone"
            return
        form = forms[0]
        (control, *_) = form.named(one.name)
        names = {c.name for c in form.controls if c.attributes.get("aria-invalid")}
        if names & RELATED.get(one.name, frozenset()):
            control = next(c for c in form.controls if c.name in names & RELATED[one.name])
        yield from self._said_at(case, one, sent, page, form, control)
        for other in form.controls:
            values = sent.get(other.name)
            if values is None or other.kind in {"hidden", "password", "file"} or (case.endpoint, other.name) == SCANNED:
                continue
            lines = other.has_lines
            if other.is_typed or other.kind == "select":
                if cleaned(other.value, lines=lines) != cleaned(values[0], lines=lines):
                    yield f"{other.name} is {other.value[:30]!r}, not {values[0][:30]!r}"
            elif ("checked" in other.attributes) != (other.value in values):
                yield f"{other.name} {other.value} is not as it was ticked"

    def _said_at(self, case, one, sent, page, form, control):
        """What is amiss with what is said at the control."""
        if control.attributes.get("aria-invalid") != "true":
            yield f"not said at it, but at {[c.name for c in form.controls if c.attributes.get('aria-invalid')]}"
        elif len(page.said(control)) < 8:
            yield "nothing is said at it"
        elif len(page.said(control)) > 800:
            yield "too much is said at it"
        elif sent[one.name][0] in never_in_a_line(case, one):
            if IN_LINES[case.endpoint, one.name][0] not in page.said(control):
                yield f"it does not say at which line: {page.said(control)!r}"
        elif control.folded:
            yield "it is said where nobody sees it"

    def _designed(self, sent, one, answer):
        """What is amiss with the designer, which has changed what it could and shows the rest as it was typed."""
        page = Page(answer.text)
        shown = [control for form in page.forms for control in form.named(one.name)]
        if not any(control.attributes.get("aria-invalid") and page.said(control) for control in shown):
            is_gone = not shown or one.name == "text"
            if not (is_gone and 'role="alert"' in answer.text):
                yield "not said at it"
        if _spaced(cleaned(sent[one.name][0], lines=True)) not in _spaced(unescape(answer.text)):
            yield "what was typed is gone"

    def _taken(self, case, one, value, answer):
        if answer.mimetype == "text/html" and SCRIPT in answer.text:
            yield "it is in the page as it is"
        lines = cleaned(value, lines=one.has_lines).casefold().split("\n")
        if value in WORDS and f"{case.endpoint} {one.name}" not in NOT_KEPT and case.endpoint not in LOOKED_AT:
            is_stored = case.endpoint not in DESIGNED or pressed_of(case.button) == "save"
            kept = (self.populated.texts() if is_stored else _spaced(unescape(answer.text))).casefold()
            if any(line not in kept for line in lines) and not takes_away(case, one):
                yield "it was taken and is not kept whole"


def _spaced(text):
    return " ".join(text.split())


def takes_away(case, one):
    """Whether the designer's button takes the part of the form away that the field belongs to."""
    word, _, part = pressed_of(case.button).partition(" ")
    parts = {
        "remove": (f"card-{part}-",),
        "pay-remove": ("panel-pay-", "new-currency-", "new-price-", "new-offer-"),
        "offer-remove": (f"panel-pay-offers-{part}-",),
        "price-remove": ("panel-pay-",),
    }
    return case.endpoint in DESIGNED and one.name.startswith(parts.get(word, ()))


def never_in_a_line(case, one):
    """The texts of the field whose second line has no amount in it."""
    _, text = IN_LINES.get((case.endpoint, one.name), ("", ""))
    return {text.format(value) for value, is_never in AMOUNTS if is_never and value != LONG} if text else ()


def alike(name):
    """A name without the numbers in it."""
    return re.sub(r"\d+", "#", name)


def reads(case, one):
    """Whether the case's button takes the field up."""
    return one.name in READ.get((case.endpoint, pressed_of(case.button)), (one.name,))


def kind_of(case, one):
    if (case.endpoint, one.name) == ("runs.decide", "output"):
        return "json value"
    by_type = {"date": "date", "email": "email", "url": "url", "password": "secret"}
    if one.name.startswith("other-"):
        return "amount"
    if one.name.startswith("back-"):
        return "whole"
    return KINDS.get(one.name) or by_type.get(one.kind) or "text"


@pytest.fixture(scope="module")
def walker(tmp_path_factory):
    made = Populated(tmp_path_factory.mktemp("every-field") / "workspace")
    yield Trials(made)
    made.close()


def test_every_form_that_a_person_fills_in_is_on_a_page_that_is_tried(walker):
    rules = access_rules(walker.populated.app)
    takes = {rule.endpoint for rule in walker.populated.app.url_map.iter_rules() if "POST" in rule.methods}
    by_persons = {endpoint for endpoint in takes if not rules[endpoint].scope} - BY_PROGRAMS.keys()
    found = {case.endpoint for page, is_public in walker.pages() for case in walker.cases(page, is_public=is_public)}
    assert found == by_persons


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(walker):
    assert [said for page, is_public in walker.pages() for said in walker.walk(page, is_public=is_public)] == []
