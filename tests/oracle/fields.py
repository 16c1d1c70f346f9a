"""Fields with the past that was stored or given (docs/semantics.md section 5)."""

from __future__ import annotations

import math
import re
from datetime import date

from .model import Panel, RuleError, Value

NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


def filled(value: Value) -> Value:
    """A value, with an empty string read as no value."""
    return None if value == "" else value


def as_number(value: Value) -> float | None:
    """The number that a value is or spells, else None."""
    if isinstance(value, str):
        # Python's own float() would also take 'nan', 'inf' and '1_000', which nobody means as a number in a field.
        if not NUMERIC.fullmatch(value):
            return None
        value = float(value)
    return float(value) if value is not None and math.isfinite(value) else None


def as_text(value: float | str) -> str:
    """A value of a text field; a number among texts reads as it is usually written."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) else repr(value)


class FieldPast:
    """What every field was on every day."""

    def __init__(self, panel: Panel) -> None:
        if panel.fields_before_tracking not in ("empty", "constant"):
            raise RuleError(f"unknown fields_before_tracking {panel.fields_before_tracking!r}")
        self._constant = panel.fields_before_tracking == "constant"
        self._stored: dict[tuple[str, str, str], dict[date, Value]] = {}
        ever: dict[tuple[str, str], list[Value]] = {}
        current = self._current(panel)
        newest = max((day for _, _, _, day, _ in panel.history), default=None)
        for (model, key, name), value in current.items():
            ever.setdefault((model, name), []).append(value)
            if newest is None or panel.as_of >= newest:
                self._stored[model, key, name] = {panel.as_of: value}
        # After the current values, because on the same day the given one wins.
        for model, key, name, day, given in panel.history:
            ever.setdefault((model, name), []).append(filled(given))
            self._stored.setdefault((model, key, name), {})[day] = filled(given)
        self._texts = {field for field, values in ever.items() if any(v is not None and as_number(v) is None for v in values)}

    @staticmethod
    def _current(panel: Panel) -> dict[tuple[str, str, str], Value]:
        """The current value of every field of every record; a field that some records of a model have is empty in the others."""
        values: dict[tuple[str, str, str], Value] = {}
        for model, records in panel.models.items():
            names = {name for record in records.values() for name in record.fields}
            for key, record in records.items():
                for name in names:
                    values[model, key, name] = filled(record.fields.get(name))
        return values

    def value(self, model: str, key: str, name: str, day: date) -> Value:
        """The field of a record as tracked for a day: a text if the field is a text, else a number."""
        stored = self._stored.get((model, key, name), {})
        past = [stored_day for stored_day in stored if stored_day <= day]
        if past:
            found = stored[max(past)]
        elif self._constant:
            found = next((stored[later] for later in sorted(stored) if stored[later] is not None), None)
        else:
            found = None
        if found is None:
            return None
        return as_text(found) if (model, name) in self._texts else as_number(found)
