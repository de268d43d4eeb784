from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.engine.hub import ANSWER_PURPOSE
from hub.journal.tables import questions


@pytest.fixture
def link(hub, run):
    """Gives the address that answers a question."""
    row = {
        "id": "que_1",
        "run_id": run,
        "path": "question",
        "whom": "boss@example.com",
        "question": "Is <b>this</b> in order?",
        "answers": ["yes", "no"],
        "due_at": hub.now() + timedelta(days=2),
        "created_at": hub.now(),
    }
    hub.store.change(lambda tx: tx.connection.execute(sa.insert(questions), row))

    def make(answer="yes", question="que_1", purpose=ANSWER_PURPOSE):
        return "/answer/" + hub.keyring.sign(purpose, [question, answer], now=hub.now())

    return make


def answers(hub):
    from hub.journal.queries import EventFilter

    return [hub.queries.event(event.id).data for event in hub.queries.events(EventFilter(type="answer.given")).items]


def test_opening_the_link_shows_the_question_and_answers_nothing(hub, visitor, link):
    page = visitor.page(link())
    assert "Is &lt;b&gt;this&lt;/b&gt; in order?" in page
    assert "Nothing happens until you press a button." in page
    assert answers(hub) == []


def test_pressing_a_button_answers_once(hub, visitor, link):
    assert "Your answer is “no”" in visitor.post(link("no"), answer="no").text
    again = visitor.post(link("yes"), answer="yes").text
    assert "This was answered already with “no”" in again
    assert "answered already" in visitor.page(link())
    assert [(data["question"], data["answer"]) for data in answers(hub)] == [("que_1", "no")]


def test_another_answer_than_the_links_may_be_chosen(hub, visitor, link):
    visitor.post(link("yes"), answer="no")
    assert answers(hub)[0]["answer"] == "no"


def test_what_is_no_answer_is_refused(hub, visitor, link):
    answer = visitor.post(link(), answer="perhaps")
    assert answer.status_code == 409
    assert "is not one of the answers" in answer.text
    assert answers(hub) == []


def test_too_late_is_said(hub, visitor, link, clock):
    address = link()
    clock.forward(days=3)
    assert "The time to answer is over" in visitor.page(address)
    assert visitor.post(address, answer="yes").status_code == 409
    assert answers(hub) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link() + "x",
        lambda link: link(question="que_2"),
        lambda link: link(purpose="setup"),
        lambda _link: "/answer/abc",
    ],
)
def test_a_link_that_is_none_of_ours_leads_nowhere(hub, visitor, link, spoil):
    address = spoil(link)
    assert visitor.get(address).status_code == 404
    assert "This link does not work" in visitor.get(address).text
    assert visitor.post(address, answer="yes").status_code == 404
    assert answers(hub) == []


def test_answering_needs_the_forms_token(hub, visitor, link):
    assert visitor.client.post(link(), data={"answer": "yes"}).status_code == 400
    assert answers(hub) == []


def test_open_questions_stand_on_the_home_page(admin, link):
    assert "Is &lt;b&gt;this&lt;/b&gt; in order?" in admin.page("/")
