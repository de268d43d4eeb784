"""A hub with stories of the gallery, and the people who use it over HTTP."""

import re
import uuid
from email import message_from_bytes, policy

import requests

from hub.journal.tables import payments
from hub.payments import ledger


class Town:
    """A hub with stories of the gallery, its visitors and providers."""

    def __init__(self, live, *stories):
        self.live = live
        for story in stories:
            live.hub.recipes.install(story, "test")

    def act(self, connector, action, **given):
        return self.live.hub.payments.act(connector, action, uuid.uuid4().hex + "0" * 8, given)

    def provider(self, name, *skills):
        given = {"name": name, "email": f"{name.lower()}@example.com", "skills": list(skills), "region": "Berlin"}
        provider = self.act("providers", "register", **given)["provider"]
        self.act("providers", "approve", provider=provider)
        return provider

    def fill_in(self, form, language, **entered):
        data = {"key": uuid.uuid4().hex, "f-name": "Ada", "f-email": "ada@example.com", **entered}
        answer = requests.post(
            f"{self.live.address}/f/{form}?lang={language}", data=data, allow_redirects=False, timeout=30
        )
        assert answer.status_code in {200, 303}, answer.text

    def press_pay(self, address, **more):
        """A visitor opens a page with ways to pay, and takes the sandbox; gives the page that answers."""
        assert requests.get(address, timeout=30).ok
        data = {"connection": "sandbox", "key": uuid.uuid4().hex, **more}
        return requests.post(address, data=data, allow_redirects=False, timeout=30)

    def begun(self):
        """The payments that can be paid on the sandbox now."""
        return self.live.hub.payments.store.list(payments, payments.c.state == "created")

    def pay(self, choice="pay"):
        """The visitor pays on the sandbox what was begun, or chooses something else there."""
        (begun,) = self.live.until(self.begun)
        self.live.sandbox("POST", f"/test/payments/{begun.payment}/choose", {"choice": choice})
        return begun

    def balance(self, account, currency="EUR"):
        with self.live.hub.database.read() as connection:
            return ledger.balance(connection, account, currency)

    def told(self, event_type):
        (event,) = self.live.until(lambda: self.live.events(type=event_type))
        return self.live.hub.queries.event(event.id).data

    def letter(self, to, subject):
        """The text of the only mail with this subject to somebody, once it is there."""
        found = self.live.until(
            lambda: [one for one in self.live.hub.store.mails() if (one["recipient"], one["subject"]) == (to, subject)]
        )
        assert len(found) == 1
        message = message_from_bytes(self.live.hub.store.mail(found[0]["key"])[2], policy=policy.default)
        return message.get_body(("plain",)).get_content().replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ")

    def link(self, to, subject, kind):
        """The signed address in a mail."""
        return re.search(rf"http://\S+/{kind}/[\w.~-]+", self.letter(to, subject))[0]

    def answer(self, word):
        """The admin answers the only question that is open."""
        (question,) = self.live.until(self.live.hub.queries.open_questions)
        address, visitor = self.live.hub.answer_address(question["id"], word), requests.Session()
        token = re.search(r'name="csrf_token" value="([^"]*)"', visitor.get(address, timeout=30).text)[1]
        assert visitor.post(address, data={"csrf_token": token, "answer": word}, timeout=30).ok

    def subjects(self, to):
        """Of all mails to somebody, once every run is over."""
        self.live.until(lambda: all(run.status in {"succeeded", "waiting"} for run in self.live.runs()))
        return [one["subject"] for one in self.live.hub.store.mails() if one["recipient"] == to]
