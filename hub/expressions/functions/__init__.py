"""All functions of the expression language, by name: ours and JMESPath's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.expressions.functions.data import DATA
from hub.expressions.functions.jmespath import JMESPATH
from hub.expressions.functions.money import MONEY
from hub.expressions.functions.numbers import NUMBERS
from hub.expressions.functions.text import TEXT
from hub.expressions.functions.time import TIME

if TYPE_CHECKING:
    from hub.expressions.signatures import Function

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function for group in (MONEY, NUMBERS, TEXT, TIME, DATA, JMESPATH) for function in group
}
"""Every function that an expression can call."""
