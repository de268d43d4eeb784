"""The page of stuck work and its place at Home."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub.journal.tables_office import calls, timers


@pytest.fixture
def stuck(hub):
    """A refund whose call nobody knows of, and a reminder that fails again and again."""
    now = hub.now()
    stamps = {"created_at": now, "updated_at": now, "set_for": now}
    error = {"code": "lost", "message": "The answer was lost.", "remedy": "Look there.", "call": "k1"}
    rows = [
        {"kind": "refunds.go_on", "subject": "rfd_1", "due_at": None, "tries": 1, "error": error, **stamps},
        {
            "kind": "links.remind",
            "subject": "lnk_1",
            "due_at": now,
            "tries": 5,
            "error": {**error, "call": None},
            **stamps,
        },
    ]
    call = {"key": "k1", "connection": "shop", "action": "payment.refund", "state": "uncertain"}

    def work(book):
        book.connection.execute(sa.insert(timers), rows)
        book.connection.execute(sa.insert(calls), {**call, "created_at": now, "updated_at": now})

    hub.recorder.change(work, now, (None, None))


def test_nothing_stuck_says_so(admin):
    assert "Nothing is stuck" in admin.page("/stuck")


def test_home_shows_what_is_stuck_and_leads_there(stuck, admin):
    home = admin.page("/")
    assert "Work that is stuck" in home
    assert 'href="/stuck"' in home
    page = admin.page("/stuck")
    assert page.count("It happened, go on") == 1
    assert "shop/payment.refund" in page
    assert page.index("rfd_1") < page.index("lnk_1"), "what waits for a person stands first"


def test_a_persons_word_lets_it_go_on(stuck, hub, admin):
    answer = admin.post(
        "/stuck", do="happened", kind="refunds.go_on", subject="rfd_1", output='{"refund": "re_1"}', follow=True
    )
    assert "Noted" in answer.text
    with hub.database.read() as connection:
        row = connection.execute(sa.select(calls)).one()
        due = connection.scalar(sa.select(timers.c.due_at).where(timers.c.subject == "rfd_1"))
    assert (row.state, row.output, due) == ("done", {"refund": "re_1"}, hub.now())
    assert hub.store.audit_trail()[0]["action"] == "work.decide"
    again = admin.post("/stuck", do="happened", kind="refunds.go_on", subject="rfd_1")
    assert again.status_code == 409


def test_words_that_are_no_json_change_nothing(stuck, hub, admin):
    answer = admin.post("/stuck", do="happened", kind="refunds.go_on", subject="rfd_1", output="re_1")
    assert answer.status_code == 422
    assert "This is not JSON" in answer.text
    assert "re_1</textarea>" in answer.text, "nothing typed is lost"
    with hub.database.read() as connection:
        assert connection.scalar(sa.select(calls.c.state)) == "uncertain"


def test_only_editors_decide(stuck, people):
    assert "Try again now" not in people["viewer"].page("/stuck")
    assert people["viewer"].post("/stuck", do="again", kind="links.remind", subject="lnk_1").status_code == 403
    assert people["editor"].post("/stuck", do="again", kind="links.remind", subject="lnk_1").status_code == 303
