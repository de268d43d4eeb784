"""A mail server on the wire, and calls of ``mail/send``."""

import asyncio
import base64
import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from hub.connect.api import Call, Connection
from hub.connect.http import Outbound
from hub.connect.registry import Registry

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MAIL = Registry.load().get("mail")
GIVEN = {"to": "ada@example.com", "subject": "Grüße", "text": "Hello **Ada**"}


class Inbox:
    """A mail server's decisions: what to answer per recipient, after DATA, and when to drop the line."""

    def __init__(self):
        self.rcpt = {}
        self.data = {}
        self.drop = {}
        self.messages = []
        self.tokens = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.drop.get(address) == "rcpt":
            server.transport.abort()
        answer = self.rcpt.get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        recipient = envelope.rcpt_tos[0]
        answer = self.data.get(recipient)
        if answer:
            return answer
        self.messages.append((envelope.mail_from, recipient, envelope.original_content))
        if self.drop.get(recipient) == "data":
            server.transport.abort()
        return "250 2.0.0 Taken"

    async def auth_XOAUTH2(self, server, args):  # noqa: N802
        self.tokens.append(base64.b64decode(args[1]))
        return AuthResult(success=b"good-token" in self.tokens[-1], handled=False)


def parsed(content):
    return message_from_bytes(content, policy=policy.default)


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def serve(inbox):
    """Starts mail servers on 127.0.0.1, on ports that the system picks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = []

    async def listen(context, options):
        def protocol():
            return SMTP(inbox, hostname="mail.example", loop=loop, **options)

        return await loop.create_server(protocol, "127.0.0.1", 0, ssl=context)

    def serve(ssl_context=None, **options):
        server = asyncio.run_coroutine_threadsafe(listen(ssl_context, options), loop).result(10)
        running.append(server)
        return server.sockets[0].getsockname()[1]

    async def stop():
        for server in running:
            server.close()
            await server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    yield serve
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def call(settings=None, given=None, previous=None, services=None, **secrets):
    settings = settings or {}
    connection = Connection("mail", "mail", settings, {name: (value,) for name, value in secrets.items()})
    client = Outbound().client(connection)
    return Call(
        connection, given or GIVEN, "4f" * 20, "run_1:m", NOW, client, previous=previous, services=services or {}
    )


def plain(port, **more):
    return {"host": "127.0.0.1", "port": port, "security": "none", "auth": "none", "from": "shop@shop.example", **more}


def send(*args, **kwargs):
    return MAIL.run("send", call(*args, **kwargs))


class Outbox:
    """Keeps mails as the hub's outbox does."""

    def __init__(self):
        self.kept = {}

    def put(self, key, message, *, recipient, subject):
        self.kept.setdefault(key, (recipient, subject, message))
