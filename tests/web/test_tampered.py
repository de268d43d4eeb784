"""What no browser sends: choices that a page did not offer, hidden fields changed, fields left out or sent twice."""

from __future__ import annotations

import itertools
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest

from .filling import Walker
from .forms_on_pages import Page
from .odd_values import FULL_WIDTH, LONG, NUL, SCRIPT
from .populated import Populated

MADE_UP = "made-up-by-a-stranger"
SURROGATE = b"\xed\xa0\x80"
"""Half of a character: no text at all."""

ODD = (MADE_UP, SCRIPT, LONG, "")

COMMON = ("after", "lang")
"""What many addresses take without a link that says so."""


@pytest.fixture(scope="module")
def walker(tmp_path_factory):
    made = Populated(tmp_path_factory.mktemp("tampered") / "workspace")
    yield Walker(made)
    made.close()


def cases(walker):
    for page, is_public in walker.pages():
        yield from list(walker.cases(page, is_public=is_public))


def chosen(case):
    """The fields of a form that nobody writes in, by name, and the name of the button that was pressed.

    Not the key that makes a double click one act: it may be any text.
    """
    names = dict.fromkeys(one.name for one in case.form.controls if not one.is_typed and one.kind != "file")
    if case.button is not None and case.button.name:
        names[case.button.name] = None
    return [name for name in names if name and name not in {"csrf_token", "key"}]


def amiss(walker, case, name, data, what):
    """What is wrong with how a form is answered that was tampered with; None when it is right."""
    answer = walker.send(case, data)
    where = f"{case}: {name} {what}"
    if answer.status_code >= 500:
        return f"{where}: answered {answer.status_code}"
    if answer.status_code < 400 and MADE_UP in walker.populated.texts():
        return f"{where}: it is kept"
    if answer.mimetype == "text/html" and SCRIPT in answer.text:
        return f"{where}: it is in the page as it is"
    return None


def tampered(walker):
    tried = set()
    for case in cases(walker):
        for name in chosen(case):
            known = (case.endpoint, name)
            if known in tried:
                continue
            tried.add(known)
            data = walker.filled(case)
            yield from (amiss(walker, case, name, {**data, name: [odd]}, f"= {odd[:30]!r}") for odd in ODD)
            yield amiss(walker, case, name, {key: value for key, value in data.items() if key != name}, "left out")
            yield amiss(walker, case, name, {**data, name: [*data.get(name, ["on"]), MADE_UP]}, "sent twice")


def test_what_a_page_did_not_offer_is_never_taken(walker):
    found = [said for said in tampered(walker) if said]
    assert not found, "\n".join(found)


DECISIONS = {"ledger.decide", "stuck.decide", "runs.decide", "escrow.act", "stuck.settle"}


def undecided(walker):
    """The forms that ask whether something happened, sent by no button or by one that is none of theirs."""
    for case in cases(walker):
        button = case.button
        if case.endpoint in DECISIONS and button is not None and button.value in {"again", "no", "try_again"}:
            filled = walker.filled(case)
            for value in ([], ["maybe"], [""]):
                before = walker.populated.texts()
                answer = walker.send(case, {**filled, button.name: value})
                yield case.endpoint, answer.status_code, walker.populated.texts() == before


def test_nothing_is_taken_for_the_word_that_money_did_not_move(walker):
    found = list(undecided(walker))
    assert {endpoint for endpoint, _, _ in found} == DECISIONS
    assert [one for one in found if one[1] != 409 or not one[2]] == []


def without(walker):
    tried = set()
    for case in cases(walker):
        data = walker.filled(case)
        for one in case.form.controls:
            known = (case.endpoint, one.name)
            if one.is_typed and one.name and known not in tried:
                tried.add(known)
                yield amiss(walker, case, one.name, {key: data[key] for key in data if key != one.name}, "left out")
                yield amiss(walker, case, one.name, {**data, one.name: [*data.get(one.name, ()), "2"]}, "sent twice")


def test_a_field_that_is_left_out_or_sent_twice_breaks_nothing(walker):
    assert [said for said in without(walker) if said] == []


def questions(walker):
    """What pages ask for by their addresses: each address that a page links to or looks something up at, with its names."""
    rules = walker.populated.app.url_map.bind("localhost")
    seen, left = set(), [("/", False), *((walker.address(page), is_public) for page, is_public in walker.pages())]
    while left:
        address, is_public = left.pop()
        answer = walker.look(address, is_public=is_public)
        if answer.mimetype != "text/html":
            continue
        page = Page(answer.text)
        asked = [(form.action, [one.name for one in form.controls]) for form in page.forms if form.method == "get"]
        asked += [(link, parse_qs(urlsplit(link).query)) for link in page.links]
        for link, names in asked:
            found = urlsplit(urljoin(f"http://localhost{address}", link))
            if found.netloc != "localhost" or not rules.test(found.path, "GET"):
                continue
            endpoint, _ = rules.match(found.path, method="GET")
            known = (endpoint, tuple(sorted({*names, *COMMON} - {""})), is_public)
            if known not in seen:
                seen.add(known)
                left.append((found.path + (f"?{found.query}" if found.query else ""), is_public))
                yield found.path, known[1], is_public


def test_whatever_an_address_asks_for_is_answered(walker):
    amiss = []
    for path, names, is_public in questions(walker):
        for name, value in itertools.product(names, (*ODD, NUL, "-1", FULL_WIDTH, "0000-01-01", "9" * 24, SURROGATE)):
            query = urlencode({name: value})
            answer = walker.look(f"{path}?{query}", is_public=is_public)
            if answer.status_code >= 500 or (answer.mimetype == "text/html" and SCRIPT in answer.text):
                amiss.append(f"{path}?{query[:60]}: {answer.status_code}")
    assert amiss == []
