"""What people do to forms: check, save, delete; and the forms that visitors fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.commerce.form_checks import form_problems
from hub.commerce.forms import form_schema, read_form
from hub.connect.schemas import CompiledSchema
from hub.errors import HubError, MoneyError, NotFoundError
from hub.recipes.document import parse_document
from hub.recipes.findings import START, Finding, FindingsError, in_order
from hub.recipes.input_checks import input_findings
from hub.recipes.secret_checks import secret_findings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from hub.commerce.form_checks import Problem
    from hub.commerce.forms import Form
    from hub.connect.manifest import Manifest
    from hub.engine.hub import Hub
    from hub.jsontypes import JsonObject
    from hub.recipes.document import Document

KIND = "form"
"""The kind of file that holds a form."""

_SCHEMA = CompiledSchema(form_schema())


class FormDesk:
    """Acts on forms for a person; every change is in the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def gateways(self) -> dict[str, Manifest]:
        """What each connection's connector is and can do, by the connection's name."""
        hub = self._hub
        return {name: hub.registry.get(connector).manifest for name, connector in hub.accounts.names().items()}

    def check(self, text: str, name: str = "") -> Sequence[Finding]:
        """Everything that is wrong or doubtful, in the order of the lines."""
        return check_form(text, f"{name or 'form'}.yaml", self.gateways(), name)

    def texts(self) -> dict[str, str]:
        """All forms as they are written, by name."""
        return self._hub.store.files(KIND)

    def text(self, name: str) -> str:
        """A form as it is written. Raises ``NotFoundError``."""
        text = self._hub.store.file(KIND, name)
        if text is None:
            message = f"There is no form {name!r}."
            raise NotFoundError(message, remedy="The page Forms lists them.")
        return text

    def get(self, name: str) -> Form:
        """A form that visitors can fill in. Raises ``NotFoundError``, also for a text that is no form."""
        return compile_form(self.text(name), name, self._hub.now().date())

    def save(self, name: str, text: str, actor: str) -> str:
        """Store a form; give its name, which stands in the text. ``name``: which one it replaces, empty for a new one.

        Raises ``FindingsError`` when it has errors, or names itself otherwise than it is called.
        """
        findings = list(self.check(text, name))
        if not any(one.is_error for one in findings):
            document = parse_document(text, f"{name or 'form'}.yaml")
            own = str(cast("JsonObject", document.value)["name"])
            if not name and own in self.texts():
                message, remedy = f"There is a form {own!r} already.", "Give this one another name."
                findings.append(document.finding(("name",), "taken", message, remedy))
            name = own
        if any(one.is_error for one in findings):
            raise FindingsError(findings)
        now = self._hub.now()
        self._hub.store.save_file(KIND, name, text, actor, now)
        self._hub.store.note(actor, "form.save", name, now)
        return name

    def delete(self, name: str, actor: str) -> None:
        """Take a form away; what came in by it stays. Raises ``NotFoundError``."""
        self.text(name)
        now = self._hub.now()
        self._hub.store.save_file(KIND, name, None, actor, now)
        self._hub.store.note(actor, "form.delete", name, now)


def compile_form(text: str, name: str, today: date) -> Form:
    """The form of a text as it is on a day of UTC. Raises ``NotFoundError`` that says why there is none."""
    try:
        value = parse_document(text, f"{name}.yaml").value
        if isinstance(value, dict) and _SCHEMA.accepts(value):
            return read_form(value).on(today)
    except (FindingsError, MoneyError) as error:
        raise _broken(name, error) from error
    raise _broken(name, None)


def problems_of(value: JsonObject, gateways: Mapping[str, Manifest]) -> list[Problem] | None:
    """Everything wrong with a form's value; None for one that is not built as a form at all."""
    return form_problems(value, gateways) if _SCHEMA.accepts(value) else None


def _broken(name: str, error: HubError | None) -> NotFoundError:
    message = f"The form {name!r} is not in order{f': {error.message}' if error is not None else '.'}"
    return NotFoundError(message, remedy="Who runs this site finds under Forms what is wrong with it.")


def check_form(text: str, file: str, gateways: Mapping[str, Manifest], name: str = "") -> list[Finding]:
    """Everything that is wrong with a form's text, or doubtful, in the order of the lines.

    ``name`` is how the form is called; empty for one that has no name yet but its own.
    """
    try:
        document = parse_document(text, file)
    except FindingsError as error:
        return list(error.findings)
    findings = [*document.findings, *secret_findings(document)]
    value = document.value
    if not isinstance(value, dict):
        message, remedy = "A form must be keys with values.", "Begin with form: 1, name: …, title: …, fields: …"
        return [*findings, Finding.at(file, START, "type", message, remedy)]
    if not _SCHEMA.accepts(value):
        found = input_findings(document, (), value, {}, form_schema(), "the form")
        return in_order([*findings, *found])
    if name and value["name"] != name:
        message, remedy = f"The form is {name!r}, but it calls itself {value['name']!r}.", f"Write name: {name}."
        findings.append(document.finding(("name",), "other_name", message, remedy, fix=name))
    return in_order([*findings, *(_finding(document, one) for one in form_problems(value, gateways))])


def _finding(document: Document, problem: Problem) -> Finding:
    return document.finding(
        problem.path, problem.code, problem.message, problem.remedy, at_key=problem.at_key, fix=problem.fix
    )
