"""What was written: five kinds of node, and a reader and a writer for each of the two spellings.

`read_json` and `read_expression` give the same `Formula` for the same meaning; `write_json` and
`write_expression` give the canonical spelling, which reads back as an equal formula. Names, arity and kinds
are not looked at here, and nothing of projects or data is known.
"""

from metricsql.formula.expression_reader import read_expression
from metricsql.formula.expression_writer import write_expression
from metricsql.formula.grammar import DAILY, Grammar
from metricsql.formula.json_reader import read_json
from metricsql.formula.json_writer import write_json
from metricsql.formula.nodes import MAX_LEVELS, Call, Formula, Name, Number, Text, Window, children, walk
from metricsql.formula.places import Spot, in_text

__all__ = [
    "DAILY", "MAX_LEVELS", "Call", "Formula", "Grammar", "Name", "Number", "Spot", "Text", "Window", "children",
    "in_text", "read_expression", "read_json", "walk", "write_expression", "write_json",
]
