"""Arguments -> window: `rolling_sum(x, 7)`, `total_sum(x)`, `trend(x, 7, 'change')`."""

from __future__ import annotations

from collections.abc import Sequence

from metricsql.diagnostics import did_you_mean
from metricsql.formula import slips
from metricsql.formula.grammar import Grammar, Token, quoted_text
from metricsql.formula.nodes import MOST_DAYS, Call, Formula, Name, Number, Text, Window
from metricsql.formula.pieces import Faults, Piece
from metricsql.operators import WindowOperator


def read_window(block: WindowOperator, name: Token, end: int, pieces: Sequence[Piece], grammar: Grammar,
                faults: Faults) -> Window | None:
    """The window that a call spells; None if it has faults, which are then reported."""
    reader = _WindowReader(block, name, end, grammar, faults)
    if len(pieces) > reader.most:
        reader.too_many(pieces)
        return None
    if not pieces:
        reader.no_series()
        return None
    if reader.turned_round(pieces):
        return None
    of = reader.series(pieces[0])
    days = reader.days(pieces[1]) if len(pieces) > 1 else None
    if len(pieces) == 1 and block.takes_days and pieces[0].formula is not None:
        reader.no_days(pieces[0], of)
    mode = reader.mode(pieces[2]) if len(pieces) > 2 else None
    if of is None or (block.takes_days and days is None) or (len(pieces) > 2 and mode is None):
        return None
    return Window(block.key, of, days, mode, faults.place(name.start, end))


class _WindowReader:
    def __init__(self, block: WindowOperator, name: Token, end: int, grammar: Grammar, faults: Faults) -> None:
        self.block, self.name, self.end, self.grammar, self.faults = block, name, end, grammar, faults
        self.most = 1 + block.takes_days + (block.modes is not None)
        self.form = f"`{block.function}({', '.join(('series', 'days', 'mode')[: 1 + block.takes_days])})`"

    def fault(self, code: str, message: str, piece: Piece, hint: str | None = None) -> None:
        if piece.formula is not None:
            self.faults(code, message, piece.start, piece.end, hint)

    def shown(self, piece: Piece) -> str:
        return self.faults.shown(piece.start, piece.end)

    def too_many(self, pieces: Sequence[Piece]) -> None:
        extra = pieces[self.most]
        hint = None
        if not self.block.takes_days:
            hint = f"`{self.block.function}` reads all days and takes no number of days"
        elif len(pieces) == 3:
            hint = slips.thousands(self.faults.text[pieces[1].start : pieces[2].end])
        self.faults("wrong-arity", f"found `{self.shown(extra)}` as a further argument, expected {self.form}",
                    extra.start, pieces[-1].end, hint)

    def no_series(self) -> None:
        self.faults("wrong-arity", f"`{self.name.text}` without arguments, expected {self.form}",
                    self.name.start, self.end)

    def turned_round(self, pieces: Sequence[Piece]) -> bool:
        """Report days that stand before the series."""
        match [piece.formula for piece in pieces]:
            case [Number(), Name(), *_] if not self.grammar.windows_over_any:
                days, series = map(self.shown, pieces[:2])
                self.faults("bad-window", f"found the days before the series, expected {self.form}", pieces[0].start,
                            pieces[1].end, f"write `{self.name.text}({series}, {days})`")
                return True
        return False

    def no_days(self, piece: Piece, of: Formula | None) -> None:
        hint = f"for 7 days write `{self.name.text}({self.shown(piece)}, 7)`" if of is not None else None
        self.faults("missing-days", f"`{self.name.text}` without a number of days, expected {self.form}",
                    self.name.start, self.end, hint)

    def series(self, piece: Piece) -> Formula | None:
        formula = piece.formula
        if isinstance(formula, Name) or (self.grammar.windows_over_any and not isinstance(formula, Text)):
            return formula
        hint = slips.other_name(self.shown(piece))
        hint = hint or "make it a calculated metric of its own, and read `calculated.<its id>` here"
        if isinstance(formula, Text):
            hint = "single quotes make a text; a name stands without quotes or in double quotes"
        elif isinstance(formula, Number):
            hint = None
        self.fault("bad-window", f"found `{self.shown(piece)}`, expected the name of a series", piece, hint)
        return None

    def days(self, piece: Piece) -> int | None:
        value = piece.formula.value if isinstance(piece.formula, Number) else None
        if value is not None and value == int(value) and 1 <= value <= MOST_DAYS:
            return int(value)
        hint = "the number of days is written out, not calculated" if value is None else None
        if value is not None and value > MOST_DAYS:
            hint = f"a window has at most {MOST_DAYS} days"
        match piece.formula:
            case Text(text) if text.isdecimal():
                hint = f"write `{text}` without the quotes"
            case Call(args=(Name(), Number(number))):
                hint = f"write `{number:g}` alone"
        self.fault("bad-days", f"found `{self.shown(piece)}` as the days, expected a whole number of 1 or more", piece,
                   hint)
        return None

    def mode(self, piece: Piece) -> str | None:
        modes = self.block.modes or {}
        value = piece.formula.value if isinstance(piece.formula, Text) else None
        if value in modes:
            return value
        written = value if value is not None else piece.formula.text if isinstance(piece.formula, Name) else ""
        hint = f"write `{quoted_text(written)}`" if written in modes else did_you_mean(written, modes)
        known = ", ".join(quoted_text(mode) for mode in modes)
        self.fault("bad-trend", f"found `{self.shown(piece)}`, expected one of {known}", piece, hint)
        return None
