"""A form's words in the designer: an input for each of the form's languages, and what was entered there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from babel import Locale

from hub.web.form_entries import Change, Entry, Group, input_name, part_at, parts_at, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.web.form_entries import Entered, Path

LONGEST: Final = 2_000
"""How many characters a text of a form may have."""

_ADDRESS: Final = re.compile(r"https?://[^\s]+")
_SITE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_MOST_SITES: Final = 20


def languages_of(form: JsonObject) -> Sequence[str]:
    """The languages in which the form says anything, those of its title first; none where its words name none."""
    pay, after = part_at(form, "pay"), part_at(form, "after")
    parts = [*parts_at(form, "fields"), *parts_at(form, "pay", "offers")]
    texts = [form.get("title"), form.get("description"), form.get("submit"), after.get("thanks"), pay.get("purpose")]
    texts += [part.get(key) for part in parts for key in ("title", "description", "hint")]
    return tuple(dict.fromkeys(language for text in texts if isinstance(text, dict) for language in text))


def language_name(code: str) -> str:
    """What a language is called in English; its code where that is not known."""
    return str(Locale("en").languages.get(code, code))


def words_of(value: Json, languages: Sequence[str]) -> dict[str, str]:
    """What a text says by language, empty where it says nothing; ``""`` for words that name no language."""
    if isinstance(value, dict) and value:
        said = {language: shown(words) for language, words in value.items()}
        return said | {language: "" for language in languages if language not in said}
    if value is None and languages:
        return dict.fromkeys(languages, "")
    return {"": shown(value)} | dict.fromkeys(languages[1:], "")


def text_label(label: str, language: str, languages: Sequence[str]) -> str:
    """The label of a text's input: with the language where there are several."""
    spoken = language or (languages[0] if languages else "")
    return f"{label} ({language_name(spoken)})" if spoken else label


def text_changes(path: Path, value: Json, said: Mapping[str, str], languages: Sequence[str]) -> Iterator[Change]:
    """What other words change: of a text in several languages only those that differ."""
    known = words_of(value, languages)
    if all(known[language].strip() == words for language, words in said.items()):
        return
    filled = {language: words for language, words in said.items() if words}
    if not filled:
        yield Change(path, None)
    elif isinstance(value, dict) and value:
        for language, words in said.items():
            if known[language].strip() != words:
                yield Change((*path, language), words or None)
    elif set(filled) == {""}:
        yield Change(path, filled[""])
    elif value is None and len(languages) == 1:
        yield Change(path, cast("Json", filled))
    else:
        yield Change(path, {language or languages[0]: words for language, words in filled.items()})


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the form in each of its languages."""

    path: Path
    label: str
    value: Json
    languages: Sequence[str]
    hint: str = ""
    kind: str = "text"
    required: bool = False

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """An input for each language."""
        return [Group([self._entry(language, words) for language, words in self._known().items()])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """The words that differ."""
        said = {language: entered.said(self._input(language)) for language in self._known()}
        if not all(entered.fits(self._input(language), LONGEST) for language in said):
            return
        if self.required and not any(said.values()):
            entered.refuse(self._input(next(iter(said))), f"{self.label}: this cannot be empty. Write something.")
            return
        yield from text_changes(self.path, self.value, said, self.languages)

    def _known(self) -> dict[str, str]:
        return words_of(self.value, self.languages)

    def _input(self, language: str) -> str:
        return input_name(self.path, *([language] if language else []))

    def _entry(self, language: str, words: str) -> Entry:
        kind = "lines" if "\n" in words.strip() else self.kind
        label = text_label(self.label, language, self.languages)
        spoken = language or next(iter(self.languages), "")
        return Entry(self._input(language), label, words, kind, self.hint, language=spoken)


@dataclass(frozen=True, slots=True)
class Address:
    """A page of the admin's to which visitors go on."""

    path: Path
    label: str
    value: Json
    hint: str

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """One input."""
        return [Group([Entry(input_name(self.path), self.label, shown(self.value), hint=self.hint)])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """Another address, or none."""
        said = entered.said(input_name(self.path))
        if said == shown(self.value).strip():
            return
        if said and not _ADDRESS.fullmatch(said):
            message = f"{said[:60]!r} is not an address of a page. Write it like https://www.example.org/thanks."
            entered.refuse(input_name(self.path), message)
            return
        yield Change(self.path, said or None)


@dataclass(frozen=True, slots=True)
class Sites:
    """The sites that may show the form, one in each line."""

    path: Path
    value: Json

    def groups(self, _typed: Mapping[str, str]) -> Sequence[Group]:
        """One input of several lines."""
        hint = "One in each line, such as https://www.example.org. Share has the snippet for them."
        entry = Entry(input_name(self.path), "Sites that may show this form", "\n".join(self._known()), "lines", hint)
        return [Group([entry])]

    def changes(self, entered: Entered) -> Iterator[Change]:
        """Another list; an empty one where there was one."""
        lines = entered.said(input_name(self.path)).splitlines()
        sites = [line.strip().rstrip("/") for line in lines if line.strip()]
        if [line.strip() for line in lines if line.strip()] == self._known():
            return
        wrong = next((site for site in sites if not _SITE.fullmatch(site)), None)
        doubled = next((site for number, site in enumerate(sites) if site in sites[:number]), None)
        if wrong is not None:
            message = f"{wrong[:60]!r} is not the address of a site. Write https:// and its name, and no page of it."
            entered.refuse(input_name(self.path), message)
        elif doubled is not None:
            entered.refuse(input_name(self.path), f"{doubled} stands there twice. Take one away.")
        elif len(sites) > _MOST_SITES:
            entered.refuse(input_name(self.path), f"These are {len(sites)} sites; at most {_MOST_SITES} fit.")
        else:
            yield Change(self.path, cast("Json", sites))

    def _known(self) -> list[str]:
        return [shown(one) for one in self.value] if isinstance(self.value, list) else []
