"""What the expression reader holds while it reads: pieces of formulas, with what was seen of their spelling."""

from __future__ import annotations

from dataclasses import dataclass, field

from metricsql.diagnostics import Diagnostic, Findings, Place
from metricsql.formula.grammar import Token
from metricsql.formula.nodes import Formula
from metricsql.formula.places import Spot
from metricsql.operators import Operator

MOST_FAULTS = 20
"""More faults of one expression are not reported."""


class Stop(Exception):
    """Nothing more of this expression is worth reading."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text that was read as a value."""

    formula: Formula | None
    """None if it has faults, which are reported already."""
    start: int
    end: int
    levels: int = 0
    """How deep calls stand inside each other in it."""
    joined: Operator | None = None
    """The sign that joins it, unless parentheses stand around."""
    last: int = 0
    """Where the last operand of `joined` begins."""
    token: Token | None = None
    """The only token, if it has no more."""


@dataclass
class Faults:
    """Collects what is wrong with one expression, to hand it over in the order of the text."""

    text: str
    spot: Spot
    items: list[tuple[int, Diagnostic]] = field(default_factory=list)

    def __call__(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        """An error between two offsets; a second one at the same place is only a consequence."""
        if any(start == known and found.severity == "error" for known, found in self.items):
            return
        self.items.append((start, Diagnostic(code, message, self.place(start, end), hint)))
        if len(self.items) >= MOST_FAULTS:
            raise Stop

    def warn(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        """A warning between two offsets."""
        self.items.append((start, Diagnostic(code, message, self.place(start, end), hint, "warning")))

    def place(self, start: int, end: int) -> Place:
        """The place of a part of the text, as far as it stands on one line."""
        line_end = self.text.find("\n", start, end)
        return self.spot(start, (end if line_end < 0 else line_end) - start)

    def shown(self, start: int, end: int) -> str:
        """A part of the text as a message quotes it: on one line, not too long."""
        part = " ".join(self.text[start:end].split())
        return part if len(part) <= 40 else part[:37] + "..."

    def hand_over(self, findings: Findings) -> bool:
        """Give everything to the findings; whether any of it is an error."""
        diagnostics = [diagnostic for _, diagnostic in sorted(self.items, key=lambda item: item[0])]
        findings.extend(diagnostics)
        return any(diagnostic.severity == "error" for diagnostic in diagnostics)
