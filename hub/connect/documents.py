"""Reads the connectors' YAML as YAML 1.2 means it: ``no`` and ``on`` are texts, dates stay texts, no key twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import yaml

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from hub.jsontypes import Json

_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc, valid-type]
    """YAML 1.2 core schema on top of the safe loader."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"the key {key!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return cast("dict[Hashable, object]", super().construct_mapping(node, deep))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


def parse_yaml(text: str, place: str) -> Json:
    """The value of one YAML document. Raises :class:`ConfigError` that names ``place`` and the line."""
    try:
        return cast("Json", yaml.load(text, Loader=_Loader))  # noqa: S506 (a safe loader with fewer types)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{place}:{mark.line + 1}" if mark is not None else place
        message = f"{line}: not valid YAML: {getattr(error, 'problem', None) or error}."
        raise ConfigError(message, code="yaml", remedy="Correct the line; indent with spaces.") from error


def read_yaml(path: Path) -> Json:
    """The value of one YAML file. Raises :class:`ConfigError` when it cannot be read or parsed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}."
        raise ConfigError(message, remedy="Check that the file is there and is UTF-8 text.") from error
    return parse_yaml(text, str(path))
