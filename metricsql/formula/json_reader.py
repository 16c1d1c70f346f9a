"""JSON data -> `Formula`. Shapes and spellings only; names, arity and kinds are the `bind` stage's."""

from __future__ import annotations

import math
from typing import Any, Literal

from metricsql import operators
from metricsql.diagnostics import Findings, Locate, Path, bare, did_you_mean
from metricsql.formula.nodes import MAX_LEVELS, MOST_DAYS, MOST_PARTS, Call, Formula, Name, Number, Text, Window

PARTS = ("rawNumber", "rawValue", "propertyValue", "metricOverTime", "condition")
CONDITIONS = {"more than": "greater", "less than": "less", "equal to": "equal"}
PRESENCE = {"has value": True, "has no value": False}
OVER_TIME = "metricOverTime"


def read_json(data: Any, findings: Findings, locate: Locate = bare) -> Formula | None:
    """The formula that plain data spells; None if it has faults, which are then in `findings`."""
    return _Reader(findings, locate).formula(data, (), 0)


class _Reader:
    def __init__(self, findings: Findings, locate: Locate) -> None:
        self.findings, self.locate = findings, locate
        self.parts = 0
        self.too_deep = False

    def error(self, code: str, message: str, path: Path, hint: str | None = None) -> None:
        self.findings.error(code, message, self.locate(path), hint)

    def formula(self, data: Any, path: Path, level: int) -> Formula | None:
        if level > MAX_LEVELS:
            if self.too_deep:
                return None
            self.too_deep = True
            self.error("too-deep", f"the formula is nested deeper than {MAX_LEVELS} levels", path,
                       "move inner parts into calculated metrics of their own")
            return None
        self.parts += 1
        if self.parts > MOST_PARTS:
            if self.parts == MOST_PARTS + 1:
                self.error("too-large", f"the formula has more than {MOST_PARTS} parts and groups", (),
                           "move inner parts into calculated metrics of their own")
            return None
        match data:
            case dict():
                return self.part(data, path)
            case [str(), *_]:
                return self.group(data, path, level)
            case [only]:
                return self.formula(only, (*path, 0), level + 1)
            case list():
                found = "an empty list" if not data else "a list that does not begin with the name of a group"
                self.error("bad-group", f"found {found}, expected `[NAME, argument, ...]`", path, _heads_hint())
            case bool() | None:
                self.error("bad-part", f"found {_shown(data)}, expected a part or a group", path)
            case int() | float():
                self.error("bad-part", f"found the bare number {_shown(data)}, expected a part or a group", path,
                           f'write {{"type": "rawNumber", "value": {_shown(data)}}}')
            case str():
                self.error("bad-part", f"found the bare text {_shown(data)}, expected a part or a group", path,
                           "a part is an object with a `type`, a group a list that begins with its name")
            case _:
                self.error("bad-part", f"found {_shown(data)}, expected a part or a group", path)
        return None

    # Groups

    def group(self, data: list[Any], path: Path, level: int) -> Formula | None:
        head, arguments = data[0], data[1:]
        block = operators.group(head, len(arguments))
        if block is None:
            self.error("unknown-group", f"there is no group `{head}`", (*path, 0), _group_hint(head))
            return None
        if block.key == "if" and (len(arguments) in (4, 5) or _is_condition(data[2:3])):
            return self.planhat_if(data, path, level)
        if block.key == "if" and len(arguments) < 3:
            self.error("wrong-arity", f"IF takes 3 to 5 arguments, found {len(arguments)}", path,
                       "the forms are: value, condition, then, else; a, condition, b, then, else; test, then, else")
            return None
        read = [self.formula(item, (*path, i), level + 1) for i, item in enumerate(arguments, 1)]
        whole = [argument for argument in read if argument is not None]
        return Call(block.key, tuple(whole), self.locate(path)) if len(whole) == len(read) else None

    def planhat_if(self, data: list[Any], path: Path, level: int) -> Formula | None:
        word = self.condition(data[2], (*path, 2))
        if word is None:
            return None
        expected = 5 if word in PRESENCE else 6
        if len(data) != expected:
            form = "value, condition, then, else" if word in PRESENCE else "a, condition, b, then, else"
            self.error("wrong-arity", f"IF with `{word}` takes {form}: {expected - 1} arguments, "
                       f"found {len(data) - 1}", path)
            return None
        # What is compared stands below the comparison, as deep as in the spelling `["IF", [">", a, b], then, else]`.
        compared_level = level + 2 + (PRESENCE.get(word) is False)
        levels = {i: level + 1 if i >= len(data) - 2 else compared_level for i in (1, *range(3, len(data)))}
        read = [self.formula(data[i], (*path, i), at_level) for i, at_level in levels.items()]
        if any(argument is None for argument in read):
            return None
        *compared, then, other = [argument for argument in read if argument is not None]
        place = self.locate((*path, 2))
        test = Call(CONDITIONS.get(word, "has_value"), tuple(compared), place)
        if PRESENCE.get(word) is False:
            test = Call("not", (test,), place)
        return Call("if", (test, then, other), self.locate(path))

    def condition(self, data: Any, path: Path) -> str | None:
        known = [*CONDITIONS, *PRESENCE]
        if isinstance(data, dict) and data.get("type") == "condition":
            self.only_keys(data, {"type", "value"}, path)
            data, path = data.get("value"), (*path, "value")
        if isinstance(data, str) and data in known:
            return data
        hint = did_you_mean(data, known) if isinstance(data, str) else None
        if isinstance(data, dict | list):
            hint = "the condition stands between the two values that it compares, or behind the value that it asks for"
        self.error("bad-condition", f"found {_shown(data)} as the condition of IF, expected one of "
                   + ", ".join(f"`{word}`" for word in known), path, hint)
        return None

    # Parts

    def part(self, data: dict[str, Any], path: Path) -> Formula | None:
        kind = data.get("type")
        match kind:
            case "rawNumber":
                return self.raw_number(data, path)
            case "rawValue":
                return self.raw_value(data, path)
            case "propertyValue":
                return self.property_value(data, path)
            case "metricOverTime":
                return self.over_time(data, path)
            case "condition":
                self.error("misplaced-condition", "a condition stands only in second place inside IF", path)
            case str() if (block := operators.window_by_json(kind)) and block.part:
                return self.own_part(block, data, path)
            case str():
                known = [*PARTS, *operators.window_names(part=True)]
                self.error("unknown-part", f"there is no part of the type `{kind}`", (*path, "type"),
                           did_you_mean(kind, known) or "the types are " + ", ".join(known))
            case _:
                found = "no `type`" if "type" not in data else f"{_shown(kind)} as its `type`"
                self.error("bad-part", f"a part with {found}, expected a text such as `metricOverTime`", path)
        return None

    def raw_number(self, data: dict[str, Any], path: Path) -> Formula | None:
        value = data.get("value")
        ok = self.only_keys(data, {"type", "value"}, path)
        if isinstance(value, str):
            fixed = _as_number(value)
            hint = f"write {fixed} without the quotes" if fixed else "a text is written as a `rawValue` part"
            self.error("quoted-number", f'found the text "{value}", expected a number', (*path, "value"), hint)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.error("bad-number", f"found {_missing(data, 'value')}, expected a number", (*path, "value"))
        elif not _is_finite(value):
            self.error("bad-number", "this number is larger than a number can be here", (*path, "value"))
        elif ok:
            return Number(float(value), self.locate(path))
        return None

    def raw_value(self, data: dict[str, Any], path: Path) -> Formula | None:
        ok = self.only_keys(data, {"type", "value"}, path)
        value = data.get("value")
        if not isinstance(value, str):
            hint = "a number is written as a `rawNumber` part" if isinstance(value, int | float) else None
            self.error("bad-text", f"found {_missing(data, 'value')}, expected a text", (*path, "value"), hint)
            return None
        return Text(value, self.locate(path)) if ok else None

    def property_value(self, data: dict[str, Any], path: Path) -> Formula | None:
        ok = self.only_keys(data, {"type", "prop"}, path, stray={"op", "days"})
        name = self.prop(data, path)
        return name if ok else None

    def over_time(self, data: dict[str, Any], path: Path) -> Formula | None:
        ok = self.only_keys(data, {"type", "prop", "op", "days", "trend"}, path)
        name = self.prop(data, path)
        block = self.op(data, path)
        days = self.days(data, path)
        if name is None or block is None or days is None or not ok:
            return None
        mode = self.mode(block, data, path)
        return None if mode is False else Window(block.key, name, days, mode or None, self.locate(path))

    def own_part(self, block: operators.WindowOperator, data: dict[str, Any], path: Path) -> Formula | None:
        expected = {"type", "prop", "days"} if block.takes_days else {"type", "prop"}
        ok = self.only_keys(data, expected, path, stray={"op", "days"} - expected)
        name = self.prop(data, path)
        days = self.days(data, path) if block.takes_days else None
        if name is None or not ok or (block.takes_days and days is None):
            return None
        return Window(block.key, name, days, None, self.locate(path))

    def prop(self, data: dict[str, Any], path: Path) -> Name | None:
        value = data.get("prop")
        if isinstance(value, str) and value:
            return Name(value, self.locate((*path, "prop")))
        expected = "expected a name such as `activities.login`"
        self.error("bad-prop", f"found {_missing(data, 'prop')}, {expected}", (*path, "prop"))
        return None

    def op(self, data: dict[str, Any], path: Path) -> operators.WindowOperator | None:
        if "op" not in data:
            self.findings.warn("missing-op", "no `op`, so LAST is taken", self.locate(path), 'write "op": "LAST"')
            return operators.window("last")
        value = data["op"]
        block = operators.window_by_json(value) if isinstance(value, str) else None
        if block is not None and not block.part:
            return block
        known = operators.window_names(part=False)
        hint = did_you_mean(value, known) if isinstance(value, str) else None
        if block is not None:
            hint = f'write {{"type": "{value}", "prop": ...}}'
        self.error("unknown-op", f"found {_shown(value)} as the `op`, expected one of {', '.join(known)}",
                   (*path, "op"), hint)
        return None

    def days(self, data: dict[str, Any], path: Path) -> int | None:
        if "days" not in data:
            self.findings.warn("missing-days", "no `days`, so 1 is taken", self.locate(path), 'write "days": 1')
            return 1
        value = data["days"]
        if isinstance(value, float) and _is_finite(value) and value == int(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_DAYS:
            return value
        fixed = _as_number(value) if isinstance(value, str) else None
        hint = f"write {fixed} without the quotes" if fixed else None
        if isinstance(value, int | float) and value > MOST_DAYS:
            hint = f"a window has at most {MOST_DAYS} days"
        self.error("bad-days", f"found {_shown(value)} as `days`, expected a whole number of 1 or more",
                   (*path, "days"), hint)
        return None

    def mode(self, block: operators.WindowOperator, data: dict[str, Any], path: Path) -> str | Literal[False] | None:
        if "trend" not in data:
            return None
        value = data["trend"]
        if block.modes is None:
            self.error("stray-key", f"`trend` belongs to the op TREND, not to {block.json}", (*path, "trend"))
            return False
        if isinstance(value, str) and value in block.modes:
            return value
        hint = did_you_mean(value, block.modes) if isinstance(value, str) else None
        self.error("bad-trend", f"found {_shown(value)} as `trend`, expected one of {', '.join(block.modes)}",
                   (*path, "trend"), hint)
        return False

    def only_keys(
        self, data: dict[str, Any], known: set[str], path: Path, stray: frozenset[str] | set[str] = frozenset()
    ) -> bool:
        ok = True
        for key in data:
            if key in stray:
                self.findings.warn("stray-key", f"`{key}` has no meaning in a {data['type']} part and is ignored",
                                   self.locate((*path, key)), f"remove `{key}`")
            elif key not in known:
                ok = False
                self.error("unknown-key", f"a {data['type']} part has no `{key}`", (*path, key),
                           did_you_mean(str(key), known) or f"it has {', '.join(sorted(known))}")
        return ok


def _is_condition(found: list[Any]) -> bool:
    """Whether a list of at most one value holds the condition of an IF."""
    word = found[0].get("value") if found and isinstance(found[0], dict) and found[0].get("type") == "condition" else None
    return (word or (found[0] if found else None)) in [*CONDITIONS, *PRESENCE]


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _as_number(text: str) -> str | None:
    try:
        return text.strip() if math.isfinite(float(text)) else None
    except ValueError:
        return None


def _missing(data: dict[str, Any], key: str) -> str:
    return _shown(data[key]) + f" as `{key}`" if key in data else f"no `{key}`"


def _shown(data: Any) -> str:
    match data:
        case None:
            return "null"
        case bool():
            return str(data).lower()
        case str():
            return f'"{data[:60]}"'
        case float() if not math.isfinite(data):
            return "NaN" if math.isnan(data) else "a number that is too large"
        case int() | float():
            return str(data)[:40]
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return f"a {type(data).__name__}"


def _heads_hint() -> str:
    return "the groups are " + ", ".join(block.json for block in operators.groups() if block.json.isupper())


def _group_hint(head: str) -> str:
    if head in (*PARTS, *operators.window_names(part=True)):
        return f'a part is an object: {{"type": "{head}", ...}}'
    if isinstance(operators.function(head), operators.WindowOperator):
        return f"`{head}` belongs to expressions; in JSON it is a part such as metricOverTime"
    return did_you_mean(head, operators.group_heads()) or _heads_hint()
