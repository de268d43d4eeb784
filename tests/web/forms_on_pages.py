"""The forms of a page as a browser has them: their fields with what stands in them, their buttons, what is said at a field."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"input", "br", "hr", "img", "link", "meta", "use", "col", "wbr", "area", "base", "source"})
_TICKED = frozenset({"checkbox", "radio"})


@dataclass
class Control:
    """A field of a form. ``kind`` is its type, ``select`` or ``textarea``; ``folded``: it is in a part that is closed."""

    name: str
    kind: str
    attributes: dict[str, str | None]
    folded: bool
    value: str = ""
    options: list[str] = field(default_factory=list)
    listed: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether a browser sends it as it stands."""
        if "disabled" in self.attributes or self.kind in {"submit", "button", "reset", "image"}:
            return False
        return self.kind not in _TICKED or "checked" in self.attributes

    @property
    def is_typed(self) -> bool:
        """Whether a person writes in it."""
        return (
            self.kind not in {*_TICKED, "hidden", "select", "submit", "button", "file"}
            and "disabled" not in self.attributes
        )

    @property
    def has_lines(self) -> bool:
        return self.kind == "textarea"


@dataclass
class Form:
    """A form of a page; ``buttons``: each with the name and value that it sends, and where else it may send them."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[Control] = field(default_factory=list)
    is_files: bool = False

    def named(self, name):
        return [one for one in self.controls if one.name == name]

    def way(self, button):
        """How and where a button sends it: (method, address)."""
        of = button.attributes if button is not None else {}
        return (of.get("formmethod") or self.method).lower(), of.get("formaction") or self.action

    def data(self):
        """What a browser sends, without a button: name -> values."""
        found = {}
        for one in self.controls:
            if one.name and one.is_sent and one.kind != "file":
                found.setdefault(one.name, []).append(one.value)
        return found


class Page(HTMLParser):
    """A page that was read. ``forms``, ``links`` (addresses), and ``said(control)``: the text to which a control points."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.forms, self.links, self._texts, self._open = [], [], {}, []
        self._by_id, self._select, self._area = {}, None, None
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in _VOID:
            self._open.append((tag, attributes))
        if "id" in attributes:
            self._texts.setdefault(attributes["id"], [])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "form":
            made = Form(attributes.get("action") or "", (attributes.get("method") or "get").lower())
            made.is_files = attributes.get("enctype") == "multipart/form-data"
            self.forms.append(made)
            self._by_id[attributes.get("id", "")] = made
        elif tag in {"input", "textarea", "select", "button"}:
            self._control(tag, attributes)
        elif tag == "option" and self._select is not None:
            self._select.options.append(attributes.get("value"))
            if "selected" in attributes or len(self._select.options) == 1:
                self._select.attributes["chosen"] = str(len(self._select.options) - 1)

    def _control(self, tag, attributes):
        of = self._by_id.get(attributes["form"]) if "form" in attributes else self._around()
        kind = {"input": attributes.get("type") or "text", "button": attributes.get("type") or "submit"}.get(tag, tag)
        folded = any(name == "details" and "open" not in more for name, more in self._open)
        made = Control(attributes.get("name") or "", kind, attributes, folded, attributes.get("value") or "")
        if kind in _TICKED and "value" not in attributes:
            made.value = "on"
        if any(name == "fieldset" and "disabled" in more for name, more in self._open):
            attributes["disabled"] = None
        if tag == "select":
            self._select = made
        if tag == "textarea":
            self._area = []
        if of is not None:
            (of.buttons if kind == "submit" else of.controls).append(made)
        self._last = made

    def _around(self):
        return self.forms[-1] if any(name == "form" for name, _ in self._open) else None

    def handle_endtag(self, tag):
        while self._open and any(name == tag for name, _ in self._open):
            closed, _ = self._open.pop()
            if closed == "select" and self._select is not None:
                chosen = int(self._select.attributes.get("chosen") or 0)
                self._select.value = self._select.options[chosen] if self._select.options else ""
                self._select = None
            if closed == "textarea" and self._area is not None:
                text = "".join(self._area)
                self._last.value, self._area = text.removeprefix("\n"), None
            if closed == tag:
                return

    def handle_data(self, data):
        if self._area is not None:
            self._area.append(data)
            return
        if self._select is not None and self._select.options and self._select.options[-1] is None:
            self._select.options[-1] = data
        for _, attributes in self._open:
            if "id" in attributes:
                self._texts[attributes["id"]].append(data)

    def said(self, control):
        """What stands where the control says that it is described; empty when it says nothing."""
        ids = (control.attributes.get("aria-describedby") or "").split()
        return " ".join("".join(self._texts.get(one, ())) for one in ids).strip()
