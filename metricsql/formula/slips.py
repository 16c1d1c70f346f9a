"""What people write who come from another language, and what to tell them. Nothing here is accepted.

The tables name other languages' spellings; what this one knows comes from the registry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from metricsql.diagnostics import did_you_mean
from metricsql.formula.grammar import Token, quoted_name

SIGNS = {
    "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "**": "^", "===": "=", "!==": "!=", "=>": ">=",
    "=<": "<=", "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "—": "-",
}
"""Signs of other languages, with the one that was meant."""
QUOTES = {"[": "]", "“": "”“", "”": "”", "„": "“”", "«": "»", "‘": "’‘", "’": "’", "‚": "‘’", "`": "`"}
"""Quotes that are none here, with those that may close them."""
FUNCTIONS = {
    "ifnull": "coalesce", "nvl": "coalesce", "iferror": "coalesce", "isnull": "has_value", "isblank": "has_value",
    "mean": "avg", "sgn": "sign",
}
"""Functions of databases and spreadsheets, with the nearest one here."""
OVER_DAYS = ("trend", "total_sum", "days_since")
"""Functions over days that have no counterpart over periods."""
IF_HINT = "write `if(condition, then, else)`"
DAYS_HINT = "windows count days: write `{}`"
_IF_BEGINS = ("if", "case")
_IF_GOES_ON = ("then", "else", "elseif", "when")
_OTHERS = {
    "?": IF_HINT,
    "#": "a comment stands on a line of its own",
    ";": "a formula is one expression, without `;` at its end",
    ".": "a dot stands between two parts of a name, without spaces; any other name stands in double quotes",
    "[": 'a name with spaces stands in double quotes: `"metrics.Process Runs"`',
    "]": 'a name with spaces stands in double quotes: `"metrics.Process Runs"`',
    "\\": "a quote inside quotes is written twice, not with a backslash",
}
_OTHERS |= {quote: "names stand in `\"`, texts in `'`" for quote in QUOTES if quote != "["}
_JSON = re.compile(r'\s*(?:\{\s*"|\[\s*[\[{"])')


def looks_like_json(text: str) -> bool:
    """Whether a text is more likely a JSON formula in quotes than an expression."""
    return bool(_JSON.match(text))


def unknown_function(name: str, known: Sequence[str]) -> str | None:
    """The hint for a function that does not exist."""
    if name.lower() in OVER_DAYS and name.lower() not in known:
        return "it looks at days; over periods there are `lag`, `yoy` and `cumulative`"
    other = FUNCTIONS.get(name.lower())
    if other in known:
        return f"use `{other}`"
    longer = [function for function in known if function.endswith("_" + name.lower())]
    return f"did you mean `{longer[0]}`?" if longer else did_you_mean(name, known)


def bad_number(found: str) -> str:
    """The hint for something that begins like a number and goes on otherwise."""
    plain = found.replace("_", "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain):
        return f"write `{plain}`"
    if found.endswith(".") and found[:-1].isdigit():
        return f"write `{found[:-1]}` or `{found}0`"
    if match := re.fullmatch(r"([0-9]+)(?:d|days?)", found, re.IGNORECASE):
        return DAYS_HINT.format(match[1])
    if match := re.fullmatch(r"([0-9]+)([^\W\d_]\w*(?:\.\w+)*)", found):
        number, name = match.groups()
        return f"to multiply, write `{number} * {name}`; a name that begins with a digit stands in double quotes"
    if found.count(".") > 1 and plain.replace(".", "").isdigit():
        return "a number has one point"
    return f"a name that begins with a digit stands in double quotes: `{quoted_name(found)}`"


def other_name(found: str) -> str | None:
    """The hint for what is perhaps one name with signs in it: `metrics.sign-ups`."""
    if not re.fullmatch(r"[^\W\d][^\s()\"',]*", found):
        return None
    name = quoted_name(found)
    return f"a name with other characters than letters, digits, `_` and dots stands in double quotes: `{name}`"


def thousands(found: str) -> str | None:
    """The hint for a number with commas in it: `1,000` or `0,5`."""
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+", found):
        return f"write the number without commas: `{found.replace(',', '')}`"
    if re.fullmatch(r"[0-9]+,[0-9]+", found):
        return f"the decimal sign is a point: `{found.replace(',', '.')}`"
    return None


def strange(token: Token, before: Token | None) -> str | None:
    """The hint for a character that no expression holds."""
    if token.text != "%":
        return _OTHERS.get(token.text, None if token.text.isprintable() else "it cannot be seen; delete it")
    if before is not None and before.kind == "number":
        return f"there is no percent sign: write `{before.text} / 100`"
    return "there is neither a percent sign nor a remainder: a percentage is `100 * part / whole`"


def no_value(before: Token | None, found: Token) -> str | None:
    """The hint for a sign, comma or parenthesis where a value should stand."""
    if before is not None and before.kind == ",":
        hints = {",": "remove one of the commas", ")": "remove the comma"}
        return hints.get(found.kind)
    if before is not None and before.kind == found.kind == "sign":
        return "one of the two signs is too many"
    return "a plus sign before a value is left out" if found.text == "+" else None


def run_of_words(tokens: Sequence[Token], at: int) -> tuple[int, int]:
    """First and last token of what is probably one name with spaces, around the two words before and at `at`."""
    first, last = at - 1, at
    while first >= 2 and _hyphen(tokens, first - 1) and is_word(tokens, first - 2):
        first -= 2
    while is_word(tokens, last + 1) or (_hyphen(tokens, last + 1) and is_word(tokens, last + 2)):
        last += 1 if is_word(tokens, last + 1) else 2
    return first, last


def is_word(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token may be a part of a name with spaces."""
    token = tokens[min(at, len(tokens) - 1)]
    return (token.bare or token.kind == "number") and tokens[at + 1].kind != "("


def _hyphen(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[min(at, len(tokens) - 1)]
    return token.text == "-" and tokens[at - 1].end == token.start and token.end == tokens[at + 1].start


@dataclass(frozen=True, slots=True)
class Advice:
    """A hint, and whether what follows makes no sense before it is heeded."""

    hint: str | None
    skip: bool = False


def between_values(text: str, tokens: Sequence[Token], at: int, in_call: bool) -> Advice:
    """What to say of the value at `at`, which follows another value without an operator."""
    before, found, after = tokens[at - 1], tokens[at], tokens[at + 1]
    if (hint := _if_words(tokens, before, found) or _known_word(before, found, after)) is not None:
        return Advice(hint, skip=True)
    if found.kind == "sign":
        return Advice(f"write `and {found.text}` or `or {found.text}`" if found.text.isalpha() else None)
    if before.quoted and before.end == found.start and found.bare:
        return Advice(f"a `{text[before.end - 1]}` inside a {before.kind} is written twice")
    if before.kind == "name" and before.quoted and found.kind == "(":
        return Advice("the name of a function stands without quotes", skip=True)
    if before.kind == "name" and is_word(tokens, at):
        return Advice(_name_with_spaces(text, tokens, at, in_call))
    return Advice(_with_number(tokens, at))


def _name_with_spaces(text: str, tokens: Sequence[Token], at: int, in_call: bool) -> str | None:
    first, last = run_of_words(tokens, at)
    if any(token.bare and "." in token.text for token in tokens[at : last + 1]):
        return None  # two names rather than one
    words = text[tokens[at].start : tokens[last].end]
    if tokens[at - 1].quoted:
        name = quoted_name(" ".join(f"{tokens[at - 1].text} {words}".split()))
        return f"the quotes hold the whole name: `{name}`"
    name = quoted_name(" ".join(text[tokens[first].start : tokens[last].end].split()))
    comma = "a comma stands between two arguments; " if in_call and tokens[at].kind == "number" else ""
    return f"{comma}a name with spaces stands in double quotes: `{name}`"


def _with_number(tokens: Sequence[Token], at: int) -> str | None:
    before, found = tokens[at - 1], tokens[at]
    if before.kind == found.kind == "number":
        digits = "".join(token.text for token in tokens[at - 1 : run_of_words(tokens, at)[1] + 1])
        return f"write the number without spaces: `{digits}`" if digits.isdigit() else None
    if before.kind == "number" and found.bare:
        if found.text.lower() in ("d", "day", "days"):
            return DAYS_HINT.format(before.text)
        return f"to multiply, write `{before.text} * {found.text}`"
    multiplies = before.kind in ("number", ")") and found.kind in ("name", "number", "(")
    return "to multiply, write `*` between the two" if multiplies else None


def _if_words(tokens: Sequence[Token], before: Token, found: Token) -> str | None:
    """The hint for `if a then b`, unless the word is rather the end of a name with spaces."""
    if before.bare and before.text.lower() in _IF_BEGINS:
        return IF_HINT
    words = [token for token in tokens if token.bare and token.text.lower() in (*_IF_BEGINS, *_IF_GOES_ON)]
    return IF_HINT if found in words and len(words) > 1 and found.text.lower() in _IF_GOES_ON else None


def _known_word(before: Token, found: Token, after: Token) -> str | None:
    """The hint for a keyword of SQL, when what follows it shows that it is one."""
    value = before.text if before.bare else "x"
    match found.text.lower() if found.bare else None:
        case "is" if after.text.lower() == "not":
            return f"write `has_value({value})`"
        case "is" if after.text.lower() == "null":
            return f"write `not has_value({value})`"
        case "in" if after.kind == "(":
            return f"compare with each value: `{value} = 1 or {value} = 2`"
        case "between" if after.kind != "end":
            return f"write `{value} >= 1 and {value} <= 2`"
        case "like" if after.kind == "text":
            return f"texts are compared as a whole: `{value} = 'text'`"
    return None
