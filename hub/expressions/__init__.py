"""The expressions of recipes: JMESPath with our functions, and ``${ }`` templates. Pure, total and bounded.

An expression is compiled once (:func:`compile_expression`, :func:`compile_template`) and evaluated on a scope of plain
JSON with the names ``event``, ``inputs``, ``steps``, ``item``, ``index``, ``run`` and ``now``.
"""

from hub.expressions.errors import EvaluationError, ExpressionSyntaxError
from hub.expressions.evaluation import Expression, compile_expression, is_true, nearest_function
from hub.expressions.functions import FUNCTIONS
from hub.expressions.slips import SCOPE_NAMES, Slip, slips
from hub.expressions.templates import Literal, Slot, Template, compile_template, split_template

__all__ = [
    "FUNCTIONS",
    "SCOPE_NAMES",
    "EvaluationError",
    "Expression",
    "ExpressionSyntaxError",
    "Literal",
    "Slip",
    "Slot",
    "Template",
    "compile_expression",
    "compile_template",
    "is_true",
    "nearest_function",
    "slips",
    "split_template",
]
