"""The first step of reading a formula: a line of text -> numbers, names and signs, each with its place. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from productops.formulas.tree import MAX_MAGNITUDE, MAX_TOKENS, FormulaRefused, plain


class TokenKind(Enum):
    """What a token is; words of the language (if, else, and, or, not) are names here."""

    NUMBER = auto()
    NAME = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One number, name or sign; the last of a line is an END without text."""

    kind: TokenKind
    text: str  # as typed
    line: int  # counted from 1
    column: int  # of its first character, counted from 1
    number: float = 0.0  # NUMBER: what it is worth


# What people type for a sign -> what formulas understand.
_INSTEAD = {
    "**=": "name = expression",
    "//=": "name = expression",
    "===": "==",
    "+=": "name = expression",
    "-=": "name = expression",
    "*=": "name = expression",
    "/=": "name = expression",
    "%=": "name = expression",
    ":=": "=",
    "<>": "!=",
    "=<": "<=",
    "=>": ">=",
    "=!": "!=",
    "&&": "and",
    "||": "or",
    "^": "** (as in 2 ** 3)",
    "&": "and",
    "|": "or",
    "!": "not",
    "×": "*",  # noqa: RUF001 - this and the dashes below are what people paste
    "·": "*",
    "•": "*",
    "÷": "/",
    "−": "- (the plain minus sign)",  # noqa: RUF001
    "–": "- (the plain minus sign)",  # noqa: RUF001
    "—": "- (the plain minus sign)",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "²": "** 2",
    "³": "** 3",
    "√": "sqrt(x)",
    "[": "( )",
    "]": "( )",
    "{": "( )",
    "}": "( )",
    ";": "a new line",
    ":": "a if condition else b",
    "?": "a if condition else b",
    "\\": "the whole expression in one line",
}
_TEXT_MARKS = "\"'`“”‘’„"  # noqa: RUF001 - typographic quotation marks are what people paste
_CURRENCY_MARKS = "£$€¥"

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")
_NUMBER_TAIL = re.compile(r"[\w.]*")
_NAME = re.compile(r"\w+")
_SIGN = re.compile(r"\*\*|//|==|!=|<=|>=|[-+*/%<>(),=]")
_WRONG_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(_INSTEAD, key=len, reverse=True)))
_SUFFIXES = {"k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "bn": 1e9}
_SHOWN_LENGTH = 40  # characters of a person's text repeated in a message


def tokens_of(text: str, line: int) -> list[Token]:
    """The tokens of one line without its comment, an END last. Raises FormulaRefused at the first text that is no
    token."""
    # Composed, so that a pasted letter with a loose accent is the letter that was typed elsewhere.
    text = unicodedata.normalize("NFC", text.partition("#")[0].rstrip())
    tokens: list[Token] = []
    position = _after_space(text, 0)
    while position < len(text):
        if len(tokens) >= MAX_TOKENS:
            raise too_long(line)
        token = _token_at(text, position, line)
        if token.text == "%":
            _refuse_percent(text, position, line, tokens)
        tokens.append(token)
        position = _after_space(text, position + len(token.text))
    tokens.append(Token(kind=TokenKind.END, text="", line=line, column=len(text) + 1))
    return tokens


def too_long(line: int) -> FormulaRefused:
    """The refusal of a formula whose tokens are too many, counted up to this line."""
    text = f"The formula has more than {MAX_TOKENS:,} numbers, names and signs: split it into several models."
    return FormulaRefused(text, line=line, column=1)


def shown(text: str, length: int = _SHOWN_LENGTH) -> str:
    """A person's text as a message repeats it: shortened, and what can't be seen as its code."""
    short = text if len(text) <= length else text[:length] + "..."
    return "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in short)


def percent_text(before: Token) -> str:
    """What to say to `5%`: `before` is what stands before the sign."""
    as_typed = f"{shown(before.text)}%"
    instead = plain(before.number / 100) if before.kind is TokenKind.NUMBER else f"{shown(before.text)} / 100"
    if before.text == ")":
        as_typed, instead = "( ... )%", "( ... ) / 100"
    return (
        f"{as_typed} isn't understood: write {instead}. Between numbers % is the remainder of a division, as in 7 % 3."
    )


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _token_at(text: str, position: int, line: int) -> Token:
    if found := _NUMBER.match(text, position):
        return _number_token(text, found, line)
    sign, wrong = _SIGN.match(text, position), _WRONG_SIGN.match(text, position)
    # The longer one is meant: "=>" is no "=" before a ">", and "!=" is no "!".
    if wrong and (sign is None or len(wrong[0]) > len(sign[0])):
        raise FormulaRefused(
            f"{wrong[0]} isn't understood: write {_INSTEAD[wrong[0]]}.", line=line, column=position + 1
        )
    if sign:
        return Token(kind=TokenKind.SIGN, text=sign[0], line=line, column=position + 1)
    if found := _NAME.match(text, position):
        return _name_token(found, line)
    raise FormulaRefused(_character_text(text[position]), line=line, column=position + 1)


def _number_token(text: str, found: re.Match[str], line: int) -> Token:
    column = found.start() + 1
    tail = _NUMBER_TAIL.match(text, found.end())
    if tail and tail[0]:
        raise FormulaRefused(_number_tail_text(found[0], tail[0]), line=line, column=column)
    number = _number(found[0])
    if number is None:
        raise FormulaRefused(_no_number_text(found[0]), line=line, column=column)
    if number > MAX_MAGNITUDE:
        raise FormulaRefused(
            f"{shown(found[0])} is too large: numbers up to 1e18 are accepted.", line=line, column=column
        )
    return Token(kind=TokenKind.NUMBER, text=found[0], line=line, column=column, number=number)


def _number(text: str) -> float | None:
    # 007, or the 000 of 1,000: a number's first digit is 0 only when it is below 1.
    if text[0] == "0" and text[1:2].isdigit():
        return None
    try:
        return float(text)
    except ValueError:  # underscores in odd places
        return None


def _number_tail_text(text: str, tail: str) -> str:
    number, factor = _number(text), _SUFFIXES.get(tail.lower())
    if number is not None and factor is not None and number * factor <= MAX_MAGNITUDE:
        return f"{shown(text + tail)} isn't understood: write {plain(number * factor)}."
    if number is not None and tail.isidentifier() and not tail.startswith("_"):
        return (
            f"{shown(text + tail)} isn't understood: write {shown(text)} * {shown(tail)}; a name begins with a letter."
        )
    return _no_number_text(text + tail)


def _no_number_text(text: str) -> str:
    comma = " (without a comma in it)" if text[0] == "0" else ""
    return f"{shown(text)} is no number: write it as 1000{comma}, 1_000, 0.05 or 1e6."


def _name_token(found: re.Match[str], line: int) -> Token:
    text, column = found[0], found.start() + 1
    if text.startswith("_") or not text.isidentifier():
        raise FormulaRefused(_no_name_text(text), line=line, column=column)
    return Token(kind=TokenKind.NAME, text=text, line=line, column=column)


def _no_name_text(text: str) -> str:
    if text[-1] in "²³" and text[:-1].isidentifier():
        return f"{shown(text)} isn't understood: write {shown(text[:-1])} {_INSTEAD[text[-1]]}."
    return f"{shown(text)} is no name: a name begins with a letter and goes on with letters, digits and _."


def _character_text(char: str) -> str:
    if char == ".":
        return "A dot belongs only into a number such as 0.5: nothing is looked up inside a name."
    if char in _TEXT_MARKS:
        return "Quotation marks aren't understood: formulas work with numbers and names, not with texts."
    if char in _CURRENCY_MARKS:
        return f"{char} isn't understood: leave the currency out, and note it as the parameter's unit."
    return (
        f"{shown(char)} isn't understood: write numbers, names, + - * / // % **, comparisons, brackets and functions."
    )


def _refuse_percent(text: str, position: int, line: int, before: list[Token]) -> None:
    """`5% * x`: a % that clings to what stands before it, but not to a number after it, means a percentage."""
    glued = bool(before) and position > 0 and not text[position - 1].isspace()
    after = text[position + 1 : position + 2]
    if glued and not (after.isalnum() or after in ("(", ".", "_")):
        if before[-1].kind is TokenKind.SIGN and before[-1].text != ")":
            return  # nothing stands before it: the parser says so
        raise FormulaRefused(percent_text(before[-1]), line=line, column=before[-1].column)
