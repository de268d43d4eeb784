import re

import pytest

from hub.errors import UnavailableError


def said(answer):
    text = re.sub(r"<[^>]+>", " ", answer.text)
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("address", "happened"),
    [
        ("/nowhere", "The address is wrong"),
        ("/runs/run_none", "There is no run &#39;run_none&#39;"),
        ("/events/evt_none", "There is no event"),
        ("/recipes/none", "There is no recipe"),
        ("/connections/none", "There is no connection"),
        ("/templates/none", "There is no template"),
        ("/outbox/none", "There is no such mail"),
        ("/new-connection/none", "There is no connector"),
    ],
)
def test_what_does_not_exist_is_a_page_with_a_way_on(admin, address, happened):
    answer = admin.get(address)
    assert answer.status_code == 404
    assert happened in said(answer)
    assert all(words in said(answer) for words in ("What happened", "What was kept", "What to do", "Home"))


def test_a_form_that_is_too_large_is_refused(admin):
    answer = admin.post("/new-recipe", text="#" * (3 * 1024 * 1024), do="check")
    assert answer.status_code == 413
    assert "256 KiB" in said(answer)


def test_a_gone_database_is_said_and_answered_with_503(hub, admin, monkeypatch):
    def gone(*_arguments, **_options):
        raise UnavailableError("The database cannot be used now.", remedy="Check its disk.")

    monkeypatch.setattr(hub.queries, "runs", gone)
    answer = admin.get("/runs")
    assert answer.status_code == 503
    assert "The database cannot be used now." in said(answer)
    assert "Check its disk." in said(answer)


def test_a_fault_of_ours_has_a_number_and_shows_nothing_inner(hub, admin, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("secret inner words")

    monkeypatch.setattr(hub.queries, "runs", broken)
    answer = admin.get("/runs")
    assert answer.status_code == 500
    assert "secret inner words" not in answer.text
    assert re.search(r"err_[0-9a-f]{32}", answer.text)


def test_a_wrong_method_is_refused(admin):
    assert admin.get("/log-out").status_code == 405


def test_a_part_of_a_page_gets_a_part_as_its_error(admin):
    answer = admin.get("/runs/run_none", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "<html" not in answer.text


def test_a_visitor_reads_of_a_fault_in_their_language_and_nothing_of_the_hub(hub, visitor, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("secret inner words")

    monkeypatch.setattr("hub.web.pages.provider_page.form_key", broken)
    answer = visitor.get("/register?lang=de")
    assert answer.status_code == 500
    assert "Hier ist etwas schiefgegangen" in said(answer)
    assert '<html lang="de">' in answer.text
    assert re.search(r"err_[0-9a-f]{32}", answer.text)
    assert not any(words in answer.text for words in ("secret inner words", "Connector Hub", "log-in"))


def test_a_visitor_who_asks_too_often_is_told_to_wait(visitor):
    answers = [visitor.get("/m?lang=fr") for _ in range(61)]
    assert answers[-1].status_code == 429
    assert "Trop de tentatives" in said(answers[-1])


def test_a_visitor_meets_no_address_that_only_an_admin_can_mend(hub, visitor, monkeypatch):
    def gone(*_arguments, **_options):
        raise UnavailableError("The database cannot be used now.", remedy="Check its disk.")

    monkeypatch.setattr("hub.web.pages.provider_page.form_key", gone)
    assert visitor.get("/register").status_code == 503
