"""Random formulas that use every part, operation, group and head of docs/semantics.md sections 3, 4, 6 and 8.

Two correct programs may differ in the last bit of a sum or a logarithm. Such a bit must never be asked a yes-or-no question, or it
becomes a different number: `SIGN` of 1e-17 is not `SIGN` of 0. So a formula is either **exact** (counts, quarters, their sums and small
multiples: every order of computing gives the same bits) or **rough**, and whatever jumps (comparisons, conditions, SIGN, FLOOR, CEIL,
ROUND, denominators, arguments near the edge of a domain, TREND) takes exact arguments only. Sums and differences take at most one
rough argument, so that rough numbers do not cancel.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

Formula = Any
MODELS = ("company", "enduser", "asset", "project")
SINCE = frozenset({"activities", "conversations", "conversation"})
CONSTANTS = (0, 0, 1, 1, 2, 3, 5, -1, -2, 0.25, 0.5, -0.75, 1.5, 10, 64)
FACTORS = (0, 1, 2, 3, -1, 0.5, 0.25)
WINDOWS = (1, 1, 2, 3, 5, 7, 14, 30, 365)
TEXTS = ("USD", "usd", "EUR", "it's", 'a "b"; c', "O'Brien", "")
EXACT_OPERATIONS = ("SUM", "MIN", "MAX", "LAST", "ADDITION", "MAXIMUM", "MINIMUM")


def may_use_days_since(series: str) -> bool:
    """Whether a series name belongs to activities or conversations."""
    first, _, rest = series.partition(".")
    return (rest.partition(".")[0] if first in MODELS else first) in SINCE


def is_calculated(series: str) -> bool:
    """Whether a series name belongs to a calculated metric."""
    first, _, rest = series.partition(".")
    return (rest.partition(".")[0] if first in MODELS else first) == "calculated"


class FormulaMaker:
    """Makes formulas from the names it may use; `exact` and `rough` formulas as the module says."""

    def __init__(
        self, rng: random.Random, series: Sequence[str], fields: Sequence[str], text_fields: Sequence[str], rough: Collection[str]
    ) -> None:
        self._rng = rng
        self._series = list(series)
        self._exact_series = [name for name in series if name not in rough]
        self._since_series = [name for name in series if may_use_days_since(name)]
        self._fields = list(fields)
        self._text_fields = list(text_fields)

    def any(self, depth: int) -> Formula:
        """Any formula, at most `depth` groups deep."""
        if depth <= 0 or self._rng.random() < 0.12:
            return self._maybe_wrapped(self._rough_part() if self._rng.random() < 0.4 else self._exact_part())
        if self._rng.random() < 0.45:
            return self.exact(depth)
        return self._rng.choice((self._quotient, self._domain, self._rough_group, self._rough_choice))(depth - 1)

    def exact(self, depth: int) -> Formula:
        """A formula whose value is the same in every order of computing, at most `depth` groups deep."""
        if depth <= 0 or self._rng.random() < 0.12:
            return self._maybe_wrapped(self._exact_part())
        makers = (
            self._sums,
            self._sums,
            self._differences,
            self._product,
            self._jump,
            self._truth,
            self._truth,
            self._exact_if,
            self._exact_if,
        )
        return self._rng.choice(makers)(depth - 1)

    # Parts

    def _exact_part(self) -> Formula:
        makers: list[Callable[[], Formula]] = [self._constant]
        makers += [self._field] * (2 if self._fields else 0)
        makers += [self._exact_window] * (4 if self._exact_series else 0) + [self._total] * (1 if self._exact_series else 0)
        makers += [self._length] * (1 if self._series else 0) + [self._days_since] * (2 if self._since_series else 0)
        return self._rng.choice(makers)()

    def _rough_part(self) -> Formula:
        if not self._series:
            return self._exact_part()
        name = self._rng.choice(self._series)
        if name in self._exact_series and self._rng.random() < 0.4:
            trend = {"trend": self._rng.choice(("ratio", "difference", "change"))} if self._rng.random() < 0.5 else {}
            return self._window("TREND", name) | trend
        return self._window(self._rng.choice(("AVERAGE", "AVG", *EXACT_OPERATIONS)), name)

    def _constant(self) -> Formula:
        return {"type": "rawNumber", "value": self._rng.choice(CONSTANTS)}

    def _field(self) -> Formula:
        stray = {"op": "LAST"} if self._rng.random() < 0.1 else {}
        return {"type": "propertyValue", "prop": self._rng.choice(self._fields)} | stray

    def _window(self, operation: str, name: str) -> Formula:
        part = {"type": "metricOverTime", "op": operation, "prop": name}
        # A missing `days` is 1.
        return part if self._rng.random() < 0.1 else part | {"days": self._rng.choice(WINDOWS)}

    def _exact_window(self) -> Formula:
        name = self._rng.choice(self._exact_series)
        if self._rng.random() < 0.1:
            return self._window("TREND", name) | {"trend": "difference"}
        part = self._window(self._rng.choice(EXACT_OPERATIONS), name)
        if self._rng.random() < 0.1:
            # A missing `op` is LAST.
            del part["op"]
        return part

    def _length(self) -> Formula:
        return self._window("LENGTH", self._rng.choice(self._series))

    def _total(self) -> Formula:
        return {"type": "totalSum", "prop": self._rng.choice(self._exact_series)}

    def _days_since(self) -> Formula:
        return {"type": "daysSince", "prop": self._rng.choice(self._since_series)}

    def _maybe_wrapped(self, part: Formula) -> Formula:
        return [part] if self._rng.random() < 0.08 else part

    # Exact groups

    def _many(self, depth: int, least: int = 1, most: int = 3) -> list[Formula]:
        return [self.exact(depth) for _ in range(self._rng.randint(least, most))]

    def _sums(self, depth: int) -> Formula:
        head = self._rng.choice(("SUM", "ADDITION", "MAX", "MAXIMUM", "MIN", "MINIMUM", "coalesce", "+"))
        return [head, *self._many(depth, least=2 if head in ("+", "coalesce") else 1)]

    def _differences(self, depth: int) -> Formula:
        head = self._rng.choice(("SUBTRACTION", "-"))
        least = 1 if head == "-" else 2
        return [head, *self._many(depth, least=least, most=3 if self._rng.random() < 0.3 else 2)]

    def _product(self, depth: int) -> Formula:
        factor = {"type": "rawNumber", "value": self._rng.choice(FACTORS)}
        return ["MULTIPLICATION", *self._rng.sample([self.exact(depth), factor], 2)]

    def _jump(self, depth: int) -> Formula:
        head = self._rng.choice(("SIGN", "ABS", "FLOOR", "CEIL", "ROUND"))
        digits = [{"type": "rawNumber", "value": 0}] if head == "ROUND" and self._rng.random() < 0.3 else []
        return [head, self.exact(depth), *digits]

    def _truth(self, depth: int) -> Formula:
        head = self._rng.choice((">", ">=", "<", "<=", "=", "!=", "and", "or", "not", "has_value"))
        if head == "has_value":
            # Whether a rough formula has a value never hangs on its last bit.
            return [head, self.any(depth)]
        if head == "not":
            return [head, self.exact(depth)]
        return [head, *(self._many(depth, least=2) if head in ("and", "or") else self._many(depth, least=2, most=2))]

    def _exact_if(self, depth: int) -> Formula:
        return ["IF", *self._test(depth), self.exact(depth), self.exact(depth)]

    def _test(self, depth: int) -> list[Formula]:
        """What stands before the branches of an IF, in any of its forms."""
        form = self._rng.choice(("value", "compare", "compare", "text", "formula"))
        if form == "text" and self._text_fields:
            operands = [
                {"type": "propertyValue", "prop": self._rng.choice(self._text_fields)},
                {"type": "rawValue", "value": self._rng.choice(TEXTS)},
            ]
            if len(self._text_fields) > 1 and self._rng.random() < 0.2:
                operands[1] = {"type": "propertyValue", "prop": self._rng.choice(self._text_fields)}
            left, right = self._rng.sample(operands, 2)
            return [left, self._condition("equal to"), right]
        if form == "value":
            return [self.any(depth), self._condition(self._rng.choice(("has value", "has no value")))]
        if form == "compare":
            return [self.exact(depth), self._condition(self._rng.choice(("more than", "less than", "equal to"))), self.exact(depth)]
        return [self._truth(depth) if self._rng.random() < 0.7 else self.exact(depth)]

    def _condition(self, name: str) -> Formula:
        return name if self._rng.random() < 0.5 else {"type": "condition", "value": name}

    # Rough groups

    def _quotient(self, depth: int) -> Formula:
        more = [self.exact(depth)] if self._rng.random() < 0.15 else []
        return ["DIVISION", self.any(depth), self.exact(depth), *more]

    def _domain(self, depth: int) -> Formula:
        """A group with a domain, a limited range or digits."""
        head = self._rng.choice(("SQRT", "LN", "LOG", "LOG10", "EXP", "POWER", "ROUND"))
        inner = self.exact(depth)
        if head == "ROUND":
            return [head, inner, {"type": "rawNumber", "value": self._rng.choice((-2, -1, 1, 2, 0.5))}]
        if head == "EXP":
            return [
                head,
                self._rng.choice(
                    (inner, ["MIN", inner, {"type": "rawNumber", "value": 5}], ["DIVISION", inner, {"type": "rawNumber", "value": 16}])
                ),
            ]
        if head == "POWER":
            exponent = {"type": "rawNumber", "value": self._rng.choice((-2, -1, 0, 0.5, 1, 2, 3))}
            return [head, inner, exponent if self._rng.random() < 0.8 else self.exact(depth)]
        return [head, inner]

    def _rough_group(self, depth: int) -> Formula:
        """A group of one rough argument among exact ones, or of rough ones where nothing can cancel."""
        head = self._rng.choice(("AVERAGE", "AVG", "SUM", "+", "-", "SUBTRACTION", "MULTIPLICATION", "MAX", "MIN", "ABS", "coalesce"))
        if head == "ABS":
            return [head, self.any(depth)]
        if head in ("MULTIPLICATION", "MAX", "MIN", "coalesce"):
            return [head, self.any(depth), self.any(depth)]
        arguments = [self.any(depth), *self._many(depth, least=1, most=2)]
        self._rng.shuffle(arguments)
        return [head, *arguments]

    def _rough_choice(self, depth: int) -> Formula:
        return ["IF", *self._test(depth), self.any(depth), self.any(depth)]


def random_formula(
    rng: random.Random,
    *,
    series: Sequence[str],
    fields: Sequence[str],
    text_fields: Sequence[str],
    depth: int,
    exact: bool = False,
    rough: Collection[str] | None = None,
) -> Formula:
    """A random JSON formula of at most `depth` nested groups, valid by the rules.

    `series`, `fields` and `text_fields` are the names as formulas write them (`enduser.metrics.nps`, `company.custom.seats`).
    `rough` are the series whose values are not exact; by default the calculated ones. `exact` asks for an exact formula.
    """
    not_exact = [name for name in series if is_calculated(name)] if rough is None else rough
    maker = FormulaMaker(rng, series, fields, text_fields, not_exact)
    return maker.exact(depth) if exact else maker.any(depth)
