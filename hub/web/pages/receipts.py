"""Receipts as PDF: for admins by their id, for payers by a signed address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import NotFoundError
from hub.payments.receipt_pdf import receipt_paper
from hub.payments.receipts import PAGE, find_receipt
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.papers import paper_answer
from hub.web.sessions import the_hub
from hub.web.visitors import leads_nowhere

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

pages = Pages("receipts", __name__)
pages.register_error_handler(LinkError, leads_nowhere)


@pages.page("/receipt/<token>", Role.PUBLIC, limit="60 per minute")
def paper(token: str) -> ResponseReturnValue:
    """The receipt for whoever has its address."""
    try:
        return _paper(the_hub().pages.identity(PAGE, token))
    except NotFoundError as error:
        return leads_nowhere(error)


@pages.page("/receipts/<identity>.pdf", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """The same for who works with the hub."""
    return _paper(identity)


def _paper(identity: str) -> ResponseReturnValue:
    with the_hub().database.read() as connection:
        row = find_receipt(connection, identity)
    return paper_answer(receipt_paper(the_hub().office("read"), row))
