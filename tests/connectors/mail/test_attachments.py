"""Papers go with a mail: whole over the wire, the same for every attempt, and never half a mail."""

import pytest

from hub.connect.api import PaperFile
from hub.errors import ConfigError, PermanentError, TransientError

from .conftest import GIVEN, Outbox, parsed, plain, send

PAPER = b"%PDF-1.7\n.a line that begins with a dot\r\n.\r\nand bytes \x00\xff\n" * 40
WITH_INVOICE = {**GIVEN, "attachments": [{"invoice": "inv_1"}]}


class Papers:
    """Makes the same paper for whatever is asked."""

    def __init__(self, content=PAPER, error=None):
        self.content = content
        self.error = error
        self.asked = []

    def make(self, asked):
        self.asked.append(asked)
        if self.error:
            raise self.error
        return PaperFile("invoice-2026-0007.pdf", self.content)


def attached(content):
    return [
        (part.get_content_type(), part.get_content_disposition(), part.get_filename(), part.get_content())
        for part in parsed(content).iter_attachments()
    ]


def test_a_paper_arrives_byte_for_byte_beside_both_texts(serve, inbox):
    papers = Papers()
    output = send(plain(serve()), WITH_INVOICE, services={"papers": papers})
    ((_, _, content),) = inbox.messages
    assert parsed(content).get_content_type() == "multipart/mixed"
    assert attached(content) == [("application/pdf", "attachment", "invoice-2026-0007.pdf", PAPER)]
    assert "Hello" in parsed(content).get_body(("plain",)).get_content()
    assert "<strong>Ada</strong>" in parsed(content).get_body(("html",)).get_content()
    assert papers.asked == [{"invoice": "inv_1"}]
    assert output["attachments"] == [{"name": "invoice-2026-0007.pdf", "bytes": len(PAPER)}]


def test_all_recipients_get_a_paper_that_is_made_once(serve, inbox):
    papers = Papers()
    given = {**WITH_INVOICE, "to": ["a@x.example", "b@x.example"]}
    send(plain(serve()), given, services={"papers": papers})
    assert [attached(content)[0][3] for _, _, content in inbox.messages] == [PAPER, PAPER]
    assert len(papers.asked) == 1


def test_the_next_attempt_sends_the_same_mail_to_those_who_have_not_got_it(serve, inbox):
    given = {**WITH_INVOICE, "to": ["a@x.example", "b@x.example"]}
    settings = plain(serve())
    inbox.data = {"b@x.example": "451 Later"}
    with pytest.raises(TransientError) as error:
        send(settings, given, services={"papers": Papers()})
    inbox.data = {}
    send(settings, given, previous=error.value.details, services={"papers": Papers()})
    assert [recipient for _, recipient, _ in inbox.messages] == ["a@x.example", "b@x.example"]
    assert attached(inbox.messages[1][2])[0][3] == PAPER


def test_a_mail_that_is_sent_again_keeps_its_message_id_and_its_paper(serve, inbox):
    settings = plain(serve(), when_unsure="send_again")
    inbox.drop = {"ada@example.com": "data"}
    with pytest.raises(TransientError) as error:
        send(settings, WITH_INVOICE, services={"papers": Papers()})
    inbox.drop = {}
    send(settings, WITH_INVOICE, previous=error.value.details, services={"papers": Papers()})
    first, second = (content for _, _, content in inbox.messages)
    assert parsed(first)["Message-ID"] == parsed(second)["Message-ID"]
    assert attached(first) == attached(second)


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("The invoice inv_1 is a draft.", code="wrong_state", remedy="Issue it first."),
        PermanentError("There is no invoice 'inv_1'.", code="not_found", remedy="Check the reference."),
    ],
)
def test_without_its_paper_nobody_gets_the_mail(serve, inbox, error):
    with pytest.raises(PermanentError) as raised:
        send(plain(serve()), WITH_INVOICE, services={"papers": Papers(error=error)})
    assert (raised.value.code, raised.value.remedy) == (error.code, error.remedy)
    assert inbox.messages == []


def test_papers_that_are_too_large_together_are_refused_with_their_size(serve, inbox):
    given = {**GIVEN, "attachments": [{"invoice": "inv_1"}, {"invoice": "inv_2"}]}
    with pytest.raises(PermanentError, match=r"7,000,002 bytes, and at most 7,000,000") as error:
        send(plain(serve()), given, services={"papers": Papers(b"x" * 3_500_001)})
    assert error.value.code == "mail_too_large"
    assert "Attach fewer" in error.value.remedy
    assert inbox.messages == []
    send(plain(serve()), given, services={"papers": Papers(b"x" * 3_500_000)})
    assert len(inbox.messages) == 1


def test_a_server_that_says_it_takes_less_is_not_given_the_mail(serve, inbox):
    port = serve(data_size_limit=20_000)
    with pytest.raises(PermanentError, match="takes at most 20,000 bytes") as error:
        send(plain(port), WITH_INVOICE, services={"papers": Papers(b"x" * 20_000)})
    assert error.value.code == "mail_too_large"
    assert inbox.messages == []
    send(plain(port), WITH_INVOICE, services={"papers": Papers(b"x" * 10_000)})
    assert len(inbox.messages) == 1


def test_an_empty_list_attaches_nothing(serve, inbox):
    output = send(plain(serve()), {**GIVEN, "attachments": []})
    assert "attachments" not in output
    assert attached(inbox.messages[0][2]) == []


def test_the_outbox_keeps_the_paper_with_the_mail():
    outbox = Outbox()
    send({}, WITH_INVOICE, services={"outbox": outbox, "papers": Papers()})
    ((_, _, message),) = outbox.kept.values()
    assert attached(message)[0][3] == PAPER


def test_where_no_papers_are_lent_it_is_said():
    with pytest.raises(ConfigError, match="papers"):
        send({}, WITH_INVOICE, services={"outbox": Outbox()})


@pytest.mark.parametrize(
    "attachments",
    [
        "inv_1",
        [{}],
        [{"file": "/etc/passwd"}],
        [{"invoice": ""}],
        [{"invoice": "inv_1", "statement": "prv_1", "month": "2026-11"}],
        [{"invoice": "inv_1", "language": "de"}],
        [{"invoice": "inv_1", "receipt": "rcp_1"}],
        [{"receipt": "rcp_1", "month": "2026-11"}],
        [{"receipt": "rcp_1", "statement": "prv_1", "month": "2026-11"}],
        [{"statement": "prv_1"}],
        [{"statement": "prv_1", "month": "2026-13"}],
        [{"invoice": "inv_1"}, {"invoice": "inv_1"}],
        [{"invoice": f"inv_{number}"} for number in range(6)],
    ],
)
def test_what_names_no_paper_is_refused_before_anything_is_made(attachments):
    papers = Papers()
    with pytest.raises(PermanentError) as error:
        send({}, {**GIVEN, "attachments": attachments}, services={"outbox": Outbox(), "papers": papers})
    assert error.value.code == "bad_input"
    assert papers.asked == []
