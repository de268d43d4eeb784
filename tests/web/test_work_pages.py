"""The pages of work without a log-in: registering, a provider's own pages, a job for its provider and for its customer."""

import re

import pytest

from hub.commerce.job_reading import provider_address
from hub.commerce.job_states import OPEN, STATES
from hub.journal.tables_work import jobs, providers

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
GRACE = {"f-name": "Grace Hopper", "f-email": "grace@example.com", "f-skills": "truck, crane", "f-region": "Berlin"}


@pytest.fixture
def shop(shop):
    shop.hub.store.put_fact("pay_options", {"corner": {"title": "Card"}, "second": {"hidden": True}}, shop.moment)
    return shop


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)).split())


def send(shop, address, **data):
    answer = shop.visit(address, "POST", data={"key": "k1", **data})
    return answer, text_of(answer.text)


def provider(shop, name="Grace Hopper"):
    given = {"name": name, "email": f"{name.split()[0].lower()}@example.com", "skills": ["truck"], "region": "Berlin"}
    identity = shop.do("providers", "register", given, name)["provider"]
    shop.do("providers", "approve", {"provider": identity}, name)
    return identity


def pages_of(shop, identity):
    return shop.office().address("p", identity)


def job_of(shop, job, identity):
    return provider_address(shop.office(), job["job"], identity)


def transport(shop, **more):
    given = {"title": "Piano <to> Kiel", "skills": ["truck"], "date": "2027-02-10", "pay": "direct", "currency": "EUR"}
    given |= {"customer": ADA, **more}
    return shop.do("jobs", "post", {name: value for name, value in given.items() if value is not None}, "post")


def row_of(shop, table):
    with shop.hub.database.read() as connection:
        return connection.execute(table.select()).one()


# registering


def test_somebody_registers_and_what_is_wrong_is_said_at_its_field(shop):
    answer, said = send(shop, "/register", **{**GRACE, "f-email": "grace", "f-name": "x" * 10_000})
    assert answer.status_code == 422
    assert "At most 200 characters, please; these are 10000." in said
    assert 'value="grace"' in answer.text, "nothing typed is lost"
    _, said = send(shop, "/register", **{**GRACE, "f-name": "<script>alert(1)</script> מַיָה 🚚"})
    assert "Thank you. We look at it and write to you." in said
    row = row_of(shop, providers)
    assert (row.name, row.skills, row.state) == ("<script>alert(1)</script> מַיָה 🚚", ["truck", "crane"], "registered")
    assert "<script>alert(1)" not in shop.visit(pages_of(shop, row.id)).text


@pytest.mark.parametrize(
    ("address", "browser", "kept"),
    [("/register?lang=hi", "de", "hi"), ("/register", "fr-CA,fr;q=0.9,de;q=0.5", "fr"), ("/register", "tlh", "en")],
)
def test_who_registers_is_written_to_in_the_language_of_the_page(shop, address, browser, kept):
    form = re.search(r'<form method="post" action="([^"]+)"', shop.visit(address).text)[1]
    shop.visit(form, "POST", data={"key": "k1", **GRACE}, headers={"Accept-Language": browser})
    assert row_of(shop, providers).language == kept


def test_who_is_known_gets_the_address_by_mail_and_the_page_says_the_same(shop):
    provider(shop)
    _, said = send(shop, "/register", **{**GRACE, "f-name": "Somebody else"})
    assert "Thank you. We look at it and write to you." in said
    assert row_of(shop, providers).name == "Grace Hopper"
    assert [mail["recipient"] for mail in shop.hub.store.mails()] == ["grace@example.com"]


def test_the_same_press_registers_once_and_tells_once(shop):
    for key in ("k1", "k1", "k2"):
        answer, said = send(shop, "/register", **{**GRACE, "key": key})
        assert (answer.status_code, "Thank you. We look at it and write to you." in said) == (200, True)
    assert shop.told("provider") == ["provider.registered"]
    assert row_of(shop, providers).state == "registered"


def test_who_comes_back_to_the_form_and_registers_somebody_else_registers_both(shop):
    """The browser keeps the form with all that was typed, and its key with it."""
    page = shop.visit("/register")
    assert page.headers["Cache-Control"] == "private, no-cache"
    key = re.search(r'name="key" value="(\w+)"', page.text)[1]
    for email in ("grace@example.com", "linus@example.com"):
        answer, said = send(shop, "/register", **{**GRACE, "key": key, "f-email": email})
        assert (answer.status_code, "Thank you." in said) == (200, True)
    with shop.hub.database.read() as connection:
        found = {row.email for row in connection.execute(providers.select())}
    assert found == {"grace@example.com", "linus@example.com"}


def test_another_language_shows_the_form_again_with_what_was_typed_and_registers_nobody(shop):
    typed = {**GRACE, "f-email": "grace", "do": "language"}
    answer, said = send(shop, "/register?lang=de", **typed)
    assert answer.status_code == 200
    assert "Mit uns arbeiten" in said
    assert 'value="grace"' in answer.text
    assert "aria-invalid" not in answer.text, "nobody was sent anything yet"
    assert shop.told("provider") == []


def test_a_page_behind_a_signed_address_is_kept_nowhere(shop):
    identity = provider(shop)
    assert shop.visit(pages_of(shop, identity)).headers["Cache-Control"] == "no-store"


def test_who_was_suspended_stays_so_when_they_register_again(shop):
    identity = provider(shop)
    shop.do("providers", "suspend", {"provider": identity}, "suspend")
    send(shop, "/register", **{**GRACE, "f-email": "GRACE@example.com"})
    assert (row_of(shop, providers).state, row_of(shop, providers).skills) == ("suspended", ["truck"])


@pytest.mark.parametrize(("language", "words"), [("de", "Mit uns arbeiten"), ("hi", "हमारे साथ काम करें")])
def test_the_pages_speak_the_visitors_language(shop, language, words):
    assert words in shop.visit(f"/register?lang={language}").text


def test_pages_of_work_go_on_in_the_language_that_is_known(shop):
    given = {"name": "Maya", "email": "maya@example.com", "skills": ["truck"], "language": "hi"}
    identity = shop.do("providers", "register", given, "register")["provider"]
    job = transport(shop, metadata={"language": "fr"})
    assert '<html lang="hi">' in shop.visit(pages_of(shop, identity)).text
    assert '<html lang="hi">' in shop.visit(job_of(shop, job, identity)).text
    assert '<html lang="fr">' in shop.visit(shop.office().address("c", job["job"])).text
    assert '<html lang="de">' in shop.visit(f"{shop.office().address('c', job['job'])}?lang=de").text


# a provider's own pages


def test_a_provider_says_when_they_are_away_and_where_their_money_goes(shop):
    identity = provider(shop)
    send(shop, pages_of(shop, identity), do="calendar", day=["2027-02-10", "2027-02-11"])
    assert row_of(shop, providers).calendar == ["2027-02-10", "2027-02-11"]
    answer, said = send(shop, pages_of(shop, identity), do="account", **{"f-holder": "Grace", "f-iban": "DE00 1"})
    assert answer.status_code == 422
    assert "This IBAN has a mistake." in said
    assert 'value="DE00 1"' in answer.text
    good = {"f-holder": "Grace Hopper", "f-iban": "DE89 3704 0044 0532 0130 00"}
    for _ in range(2):
        send(shop, pages_of(shop, identity), do="account", **good)
    assert row_of(shop, providers).bank == {"holder": "Grace Hopper", "iban": "DE89370400440532013000"}
    while shop.hub.payment_clock.run_due():
        pass
    assert [mail["subject"] for mail in shop.hub.store.mails()] == ["Your payout account was changed"]


def test_an_address_that_the_hub_never_made_leads_nowhere(shop):
    identity = provider(shop)
    token = pages_of(shop, identity).rpartition("/")[2]
    for address in ("/p/x", "/j/x", "/c/x", f"/j/{token}", f"/c/{token}"):
        assert shop.visit(address).status_code == 404


# a job


@pytest.mark.parametrize("do", ["accept", "decline", "offer"])
def test_a_provider_answers_by_their_own_address_only(shop, do):
    """The address of another job, of another provider, with a letter changed, or another kind of address."""
    grace, linus = provider(shop), provider(shop, "Linus Torvalds")
    job = transport(shop, pay="none")
    shop.do("jobs", "assign", {"job": job["job"], "provider": grace}, "assign")
    before = shop.told()
    token = job_of(shop, job, grace).rpartition("/")[2]
    for wrong in (
        token[:-1],
        f"{token}x",
        token.swapcase(),
        pages_of(shop, grace).rpartition("/")[2],
        f"{job['job']}:{grace}",
    ):
        assert send(shop, f"/j/{wrong}", do=do, price="5")[0].status_code == 404
    assert send(shop, job_of(shop, {"job": "job_x"}, grace), do=do, price="5")[0].status_code == 404
    answer, said = send(shop, job_of(shop, job, linus), do=do, price="5")
    assert answer.status_code == 409
    assert "somebody else" in said
    assert shop.told() == before
    assert row_of(shop, jobs).awaiting == "acceptance"


def test_nobody_begins_or_reports_done_what_somebody_else_has(shop):
    grace, linus = provider(shop), provider(shop, "Linus Torvalds")
    job = transport(shop, pay="none")
    shop.do("jobs", "assign", {"job": job["job"], "provider": grace}, "assign")
    send(shop, job_of(shop, job, grace), do="accept")
    for do, then in (("start", "accepted"), ("done", "accepted")):
        answer, said = send(shop, job_of(shop, job, linus), do=do)
        assert (answer.status_code, "somebody else" in said, row_of(shop, jobs).state) == (409, True, then)
    send(shop, job_of(shop, job, grace), do="start")
    assert send(shop, job_of(shop, job, linus), do="done")[0].status_code == 409
    assert row_of(shop, jobs).state == "in_progress"


def test_an_answer_that_is_given_twice_counts_once_and_the_other_one_is_too_late(shop):
    grace = provider(shop)
    job = transport(shop, pay="none")
    shop.do("jobs", "assign", {"job": job["job"]}, "assign")
    for key in ("one", "two"):
        answer, _ = send(shop, job_of(shop, job, grace), do="decline", key=key)
    assert answer.status_code == 409
    assert shop.told("job") == ["job.posted", "job.assigned", "job.declined", "job.unfilled"]
    answer, said = send(shop, job_of(shop, job, grace), do="accept", key="three")
    assert (answer.status_code, "accept" in row_of(shop, jobs).state) == (409, False)
    assert "Grace" not in said or "yours" not in said


@pytest.mark.parametrize("price", [None, {"minor": 90_000, "currency": "EUR"}])
def test_a_price_for_a_job_that_asks_for_none_is_not_taken(shop, price):
    grace = provider(shop)
    job = transport(shop, pay="none", currency=None, price=price)
    answer, _ = send(shop, job_of(shop, job, grace), do="offer", price="5")
    assert answer.status_code == 409
    assert shop.told("job.offered") == []


def test_who_is_not_approved_offers_nothing_and_is_shown_no_jobs(shop):
    grace = provider(shop)
    job = transport(shop)
    assert "Piano &lt;to&gt; Kiel" in shop.visit(pages_of(shop, grace)).text
    shop.do("providers", "suspend", {"provider": grace}, "suspend")
    assert "Piano &lt;to&gt; Kiel" not in shop.visit(pages_of(shop, grace)).text
    answer, _ = send(shop, job_of(shop, job, grace), do="offer", price="950")
    assert answer.status_code == 409
    assert shop.told("job.offered") == []


def test_a_price_is_offered_chosen_and_paid(shop):
    identity = provider(shop)
    job = transport(shop)
    mine = job_of(shop, job, identity)
    answer, said = send(shop, mine, do="offer", price="1.005")
    assert answer.status_code == 422
    assert "EUR has 2 decimals" in said
    _, said = send(shop, mine, do="offer", price="950", **{"f-note": "With a crane"})
    assert "Your offer of €950.00 is with the customer." in said
    page = shop.visit(job["url"]).text
    assert "€950.00 · Grace Hopper With a crane" in text_of(page)
    assert "Piano &lt;to&gt; Kiel" in page
    offer, price = re.search(
        r'name="offer" value="(\w+)"><input type="hidden" name="price" value="(\w+)"', page
    ).groups()
    send(shop, mine, do="offer", price="1950", key="raised")
    answer, said = send(shop, job["url"], do="choose", offer=offer, price=price)
    assert (answer.status_code, "€1,950.00 · Grace Hopper" in said) == (409, True), "not at a price that nobody saw"
    send(shop, mine, do="offer", price="950", key="lowered", **{"f-note": "With a crane"})
    _, said = send(shop, job["url"], do="choose", offer=offer, price=price, key="k2")
    assert "You chose Grace Hopper. Please pay now." in said
    assert "Please do not begin before." in text_of(shop.visit(mine).text)
    for _ in range(2):
        answer, _ = send(shop, job["url"], do="pay", connection="corner")
        assert answer.headers["Refresh"] == f"0; url={shop.gateway.payments['c_1']['url']}"
    assert (shop.gateway.payments["c_1"]["amount"], len(shop.gateway.payments)) == (95_000, 1)
    other_ways = r'<details><summary>Pay in another way instead</summary>\s*<ul class="ways">'
    assert not re.search(other_ways, shop.visit(job["url"]).text)
    shop.happen("payment.pending", payment="c_1", job=job["job"], amount={"minor": 95_000, "currency": "EUR"})
    assert re.search(other_ways, shop.visit(job["url"]).text), "who waits is not asked to pay once more"
    shop.pay(shop.gateway.payments["c_1"]["url"])
    assert "Grace Hopper does it." in text_of(shop.visit(f"{job['url']}?back=1").text)
    for do, words in [("start", "Report it when the work is done."), ("done", "You reported it done.")]:
        for _ in range(2):
            answer, said = send(shop, mine, do=do)
            assert (answer.status_code, words in said) == (200, True)
    _, said = send(shop, job["url"], do="confirm")
    assert "You confirmed it. Thank you." in said
    told = ["posted", "offered", "offered", "offered", "chosen", "accepted", "started", "done", "confirmed"]
    assert shop.told("job") == [f"job.{one}" for one in told]


def test_a_click_that_comes_too_late_is_explained(shop):
    grace, linus = provider(shop), provider(shop, "Linus Torvalds")
    job = transport(shop, pay="none")
    first = shop.do("jobs", "assign", {"job": job["job"]}, "assign")["provider"]
    assert "Please answer until" in text_of(shop.visit(job_of(shop, job, first)).text)
    shop.forward(hours=25)
    answer, said = send(shop, job_of(shop, job, first), do="accept")
    assert answer.status_code == 409
    assert "The time to answer is over, and the job went to somebody else." in said
    other = ({grace, linus} - {first}).pop()
    assert send(shop, job_of(shop, job, other), do="accept")[0].status_code == 200
    answer, said = send(shop, job_of(shop, job, other), do="decline")
    assert (answer.status_code, "The job is yours." in said) == (409, True)
    assert row_of(shop, jobs).provider == other


def test_a_customer_complains_and_cancels_only_before_the_work_begins(shop):
    identity = provider(shop)
    job = transport(shop, pay="none")
    shop.do("jobs", "assign", {"job": job["job"]}, "assign")
    for do in ("accept", "start"):
        send(shop, job_of(shop, job, identity), do=do)
    answer, said = send(shop, job["url"], do="cancel")
    assert (answer.status_code, "That can no longer be done." in said) == (409, True)
    _, said = send(shop, job["url"], do="dispute", reason="A scratch")
    assert "We look at your complaint" in said
    assert shop.event("job.disputed")["reason"] == "A scratch"


def test_from_the_day_of_an_accepted_job_on_its_customer_complains_and_does_not_cancel(shop):
    """Nobody needs to press "start": the evening after the work it looks like one that is not begun."""
    identity = provider(shop)
    job = transport(shop, pay="none")
    shop.do("jobs", "assign", {"job": job["job"]}, "assign")
    send(shop, job_of(shop, job, identity), do="accept")
    shop.moment = shop.moment.replace(month=2, day=9, hour=23, minute=59)
    assert 'value="cancel"' in shop.visit(job["url"]).text
    shop.forward(minutes=1)
    page = shop.visit(job["url"]).text
    assert 'value="cancel"' not in page
    assert "it can no longer be cancelled" in text_of(page)
    answer, said = send(shop, job["url"], do="cancel")
    assert (answer.status_code, "That can no longer be done." in said) == (409, True)
    assert row_of(shop, jobs).state == "accepted"
    _, said = send(shop, job["url"], do="dispute", reason="Nobody came", key="k2")
    assert "We look at your complaint" in said


NOW = {"en": ("please answer", "begun"), "de": ("bitte antworten", "begonnen"), "es": ("responda, por favor", "empezado"),
       "fr": ("à vous de répondre", "commencé"), "hi": ("कृपया उत्तर दें", "शुरू हुआ")}  # fmt: skip


@pytest.mark.parametrize("language", NOW)
def test_a_provider_sees_how_each_job_stands_and_first_what_waits_for_an_answer(shop, language):
    identity = provider(shop)
    asked, begun = (
        shop.do("jobs", "post", {"title": name, "pay": "none", "skills": ["truck"]}, name)
        for name in ("Asked", "Begun")
    )
    for made in (asked, begun):
        shop.do("jobs", "assign", {"job": made["job"], "provider": identity}, f"assign {made['job']}")
    shop.do("jobs", "accept", {"job": begun["job"], "provider": identity}, "accept")
    shop.do("jobs", "start", {"job": begun["job"]}, "start")
    said = text_of(shop.visit(pages_of(shop, identity), query_string={"lang": language}).text)
    first, second = NOW[language]
    assert re.search(rf"Asked\s+{first}\s+·.*Begun\s+{second}\s+·", said, re.DOTALL), said


@pytest.mark.parametrize("state", sorted(set(STATES) - OPEN))
def test_each_state_of_a_job_has_a_word_for_its_provider(shop, state):
    identity, made = provider(shop), transport(shop)

    def work(book):
        row = book.get(jobs, made["job"])
        book.change(jobs, row, state=state, provider=identity, awaiting="payment" if state == "assigned" else None)

    shop.office().change(work)
    words = {"assigned": "not paid yet", "released": "done", "disputed": "the customer complains"}
    said = text_of(shop.visit(pages_of(shop, identity)).text)
    assert f"Kiel {words.get(state, '')}" in said
    assert f"job.now_{state}" not in said
