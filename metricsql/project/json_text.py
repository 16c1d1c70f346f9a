"""JSON that knows the offset of every value.

The standard library's parser gives no positions; its string scanner is used, the rest is a small
recursive reader, so that a fault deep inside a formula can be shown where it stands.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from metricsql.diagnostics import Path

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


class JsonTextError(Exception):
    """A fault in the text, at an offset."""

    def __init__(self, message: str, offset: int, hint: str | None = None, code: str = "bad-json") -> None:
        super().__init__(message)
        self.message, self.offset, self.hint, self.code = message, offset, hint, code


class JsonText:
    """One JSON text. `read` returns its data; `spans` and `keys` then hold start and end offsets."""

    def __init__(self, text: str, max_depth: int) -> None:
        self.text = _blank_comments(text)
        self.max_depth = max_depth
        self.spans: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}

    def read(self) -> Any:
        """The data. Raises `JsonTextError`."""
        at = self._skip(0)
        if at == len(self.text):
            raise JsonTextError("the text is empty; expected a JSON value", 0)
        value, at = self._value(at, ())
        at = self._skip(at)
        if at < len(self.text):
            raise JsonTextError("more text after the end of the JSON value", at, _closing_hint(self.text[at]))
        return value

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _value(self, at: int, path: Path) -> tuple[Any, int]:
        if len(path) > self.max_depth:
            raise JsonTextError(f"nested deeper than {self.max_depth} levels", at, code="too-deep")
        first = self.text[at : at + 1]
        value: Any
        if first == "{":
            value, end = self._object(at, path)
        elif first == "[":
            value, end = self._array(at, path)
        elif first == '"':
            value, end = self._string(at)
        else:
            value, end = self._word(at)
        self.spans[path] = (at, end)
        return value, end

    def _object(self, start: int, path: Path) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        at = self._skip(start + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                self._unexpected(at, "a key in double quotes or `}`", start)
            key, end = self._string(at)
            if key in result:
                raise JsonTextError(f"the key `{key}` is written twice", at, code="duplicate-key")
            self.keys[(*path, key)] = (at, end)
            at = self._skip(end)
            if self.text[at : at + 1] != ":":
                self._unexpected(at, "`:` after the key", start)
            result[key], at = self._value(self._skip(at + 1), (*path, key))
            at = self._separator(at, "}", start)
        return result, at + 1

    def _array(self, start: int, path: Path) -> tuple[list[Any], int]:
        result: list[Any] = []
        at = self._skip(start + 1)
        while self.text[at : at + 1] != "]":
            item, at = self._value(at, (*path, len(result)))
            result.append(item)
            at = self._separator(at, "]", start)
        return result, at + 1

    def _separator(self, at: int, close: str, start: int) -> int:
        at = self._skip(at)
        if self.text[at : at + 1] == ",":
            after = self._skip(at + 1)
            if self.text[after : after + 1] == close:
                raise JsonTextError(f"a comma before `{close}`; expected another value", at, "remove the comma")
            return after
        if self.text[at : at + 1] != close:
            self._unexpected(at, f"`,` or `{close}`", start)
        return at

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated"):
                raise JsonTextError("this text is never closed; expected `\"`", at) from None
            if error.msg.startswith("Invalid control"):
                message, hint = "a line break or another character that cannot be seen, inside a text", "write a line break as `\\n`"
            else:
                message, hint = "a backslash with something behind it that JSON does not know", "write a backslash itself as `\\\\`"
            raise JsonTextError(message, error.pos, hint) from None
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise JsonTextError("half of a surrogate pair, which is no character", at) from None
        return value, end

    def _word(self, at: int) -> tuple[Any, int]:
        number = _NUMBER.match(self.text, at)
        word = _WORD.match(self.text, at)
        if number and word and number.end() == word.end():
            whole = number.group(1) is None and number.group(2) is None and len(number.group()) < 300
            return (int if whole else float)(number.group()), number.end()
        if word and word.group() in _WORDS:
            return _WORDS[word.group()], word.end()
        self._unexpected(at, "a JSON value", at)
        raise AssertionError

    def _unexpected(self, at: int, expected: str, opened: int) -> None:
        if at >= len(self.text):
            opener = self.text[opened : opened + 1]
            raise JsonTextError(f"the text ends here; expected {expected}", max(0, len(self.text.rstrip()) - 1),
                                f"`{opener}` was opened and never closed" if opener in "[{" else None)
        word = _WORD.match(self.text, at)
        found = word.group() if word else self.text[at]
        shown = f"`{found[:40]}`" if found[0].isprintable() else f"the character U+{ord(found[0]):04X}"
        hint = "JSON texts stand in double quotes" if found[:1] == "'" or found[:1].isalpha() else None
        if found.lstrip("-+") in ("NaN", "Infinity", "nan", "inf"):
            hint = "JSON has no such number"
        elif found in ("None", "True", "False", "undefined"):
            hint = "JSON has `null`, `true` and `false`"
        elif found[:1] in ("#", "/"):
            hint = "a comment stands on a line of its own, behind `#` or `//`"
        elif self.text[at - 1 : at] == "," and self.text[at - 2 : at - 1].isdigit() and found[:1].isdigit():
            hint = "the decimal sign is a point"
        elif found[:1].isdigit() or found[:2] in ("-.", "+.") or found[:1] in "+.":
            hint = "a number is written like `0.5`, `-3` or `1e6`"
        if found[:1] in "“”„":
            hint = "these are typographic quotes; JSON wants the plain `\"`"
        raise JsonTextError(f"found {shown}, expected {expected}", at, hint)


def _closing_hint(found: str) -> str | None:
    return f"there is one `{found}` too many" if found in "]}" else None


def _blank_comments(text: str) -> str:
    """Whole-line comments as spaces, so that every offset stays what it was."""
    return _COMMENT_LINE.sub(lambda match: " " * len(match.group()), text)
