"""The second step of reading a formula: one line's tokens -> an expression tree. Pure.

Operator precedence is Python's, by binding strength: what binds stronger is grouped first. Every recursion passes
through one counted function, so that no text can nest deeper than MAX_DEPTH.
"""

from __future__ import annotations

from collections.abc import Sequence

from productops.formulas.functions import FUNCTIONS, INSTEAD, KEYWORDS
from productops.formulas.tokens import Token, TokenKind, percent_text, shown
from productops.formulas.tree import (
    MAX_DEPTH,
    Arithmetic,
    Assignment,
    Call,
    Choice,
    Comparison,
    Expression,
    FormulaRefused,
    Logic,
    Name,
    Negation,
    Not,
    Number,
)
from sheetsync.values.words import nearest

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _MINUS, _POWER = range(1, 9)
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_BINDING = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(_COMPARISONS, _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
}


def parse_line(tokens: Sequence[Token], *, bare_name: str) -> Assignment:
    """The assignment that a line's tokens (an END last) make; a line without `=` is given to `bare_name`. Raises
    FormulaRefused."""
    start = _assigned_from(tokens)
    first = tokens[0]
    expression = _Parser(tokens, start).expression()
    return Assignment(
        name=first.text if start else bare_name, expression=expression, line=first.line, column=first.column
    )


def is_bare(tokens: Sequence[Token]) -> bool:
    """Whether the line has no `=`, and thus no name for its result."""
    return all(token.text != "=" for token in tokens)


def _assigned_from(tokens: Sequence[Token]) -> int:
    """Where the line's expression begins: 2 after `name =`, 0 for a bare one."""
    if is_bare(tokens):
        return 0
    equals = next(index for index, token in enumerate(tokens) if token.text == "=")
    left = tokens[:equals]
    if not left:
        raise _refusal("Leave out the = at the beginning, or write a name before it: name = expression.", tokens[0])
    if len(left) == 1 and left[0].kind is TokenKind.NAME:
        _check_assignable(left[0])
        return 2
    if all(token.kind is not TokenKind.SIGN for token in left) and left[0].kind is TokenKind.NAME:
        joined = shown("_".join(token.text for token in left))
        raise _refusal(f"A name has no spaces: write {joined} = ...", left[0])
    raise _refusal(_equals_text(), tokens[equals])


def _check_assignable(token: Token) -> None:
    word = token.text.casefold()
    if word in FUNCTIONS:
        raise _refusal(f"{token.text} is a function, so nothing can be given that name: choose another one.", token)
    if word in KEYWORDS:
        raise _refusal(f"{token.text} is a word of the formula language: choose another name.", token)


def _equals_text() -> str:
    return "One = gives a name to a result (name = expression) and stands once in a line; to compare, write ==."


def _refusal(text: str, token: Token) -> FormulaRefused:
    return FormulaRefused(text, line=token.line, column=token.column)


def _depth(*nodes: Expression) -> int:
    return 1 + max((node.depth for node in nodes), default=0)


class _Parser:
    """Reads one expression; `position` is the token it stands at."""

    def __init__(self, tokens: Sequence[Token], start: int) -> None:
        self.tokens = tokens
        self.position = start
        self.nesting = 0  # calls of _choice and _bound under way; a bracket takes both

    def expression(self) -> Expression:
        """The expression from here to the line's end."""
        expression = self._choice()
        if self._now.kind is not TokenKind.END:
            raise _refusal(self._leftover_text(), self._now)
        return expression

    @property
    def _now(self) -> Token:
        return self.tokens[self.position]

    def _at(self, text: str) -> bool:
        return self._now.text == text

    def _take(self) -> Token:
        token = self._now
        self.position += 1
        return token

    def _enter(self) -> None:
        self.nesting += 1
        if self.nesting > 2 * MAX_DEPTH:
            raise self._too_deep(self._now)

    def _too_deep(self, token: Token) -> FormulaRefused:
        text = f"More than {MAX_DEPTH} steps stand inside each other: give parts of them names in lines of their own."
        return _refusal(text, token)

    def _kept[N: Expression](self, node: N) -> N:
        # A chain such as a + b + c + ... grows deep without any nesting in the text.
        if node.depth > MAX_DEPTH:
            raise FormulaRefused(str(self._too_deep(self._now)), line=node.line, column=node.column)
        return node

    def _choice(self) -> Expression:
        self._enter()
        chosen = self._bound(_OR)
        if self._at("if"):
            token = self._take()
            test = self._bound(_OR)
            if not self._at("else"):
                raise _refusal("This if has no else: write a if condition else b.", token)
            self._take()
            otherwise = self._choice()
            depth = _depth(chosen, test, otherwise)
            chosen = self._kept(
                Choice(chosen=chosen, test=test, otherwise=otherwise, line=token.line, column=token.column, depth=depth)
            )
        self.nesting -= 1
        return chosen

    def _bound(self, binding: int) -> Expression:
        """What operators of at least this binding hold together."""
        self._enter()
        left = self._prefix(binding)
        while _BINDING.get(self._now.text, 0) >= binding:
            left = self._kept(self._infix(left))
        self.nesting -= 1
        return left

    def _prefix(self, binding: int) -> Expression:
        token = self._take()
        if token.kind is TokenKind.NUMBER:
            return Number(value=token.number, line=token.line, column=token.column)
        if token.text == "not":
            return self._negated(token, binding)
        if token.kind is TokenKind.NAME:
            return self._named(token)
        if token.text == "-":
            operand = self._bound(_MINUS)
            return self._kept(Negation(operand=operand, line=token.line, column=token.column, depth=_depth(operand)))
        if token.text == "+":
            return self._bound(_MINUS)
        if token.text == "(":
            inside = self._choice()
            self._close(token)
            return inside
        raise _refusal(self._missing_text(token), token)

    def _negated(self, token: Token, binding: int) -> Expression:
        if binding > _NOT:
            raise _refusal("Put brackets around this part: (not ...).", token)
        operand = self._bound(_NOT)
        return self._kept(Not(operand=operand, line=token.line, column=token.column, depth=_depth(operand)))

    def _infix(self, left: Expression) -> Expression:
        token = self._now
        if token.text in _COMPARISONS:
            return self._comparison(left)
        if token.text in ("and", "or"):
            return self._logic(left)
        self._take()
        binding = _BINDING[token.text]
        # 2 ** 3 ** 2 is 2 ** (3 ** 2), and a minus may follow: 2 ** -1.
        right = self._bound(_MINUS if token.text == "**" else binding + 1)
        return Arithmetic(
            operator=token.text, left=left, right=right, line=token.line, column=token.column, depth=_depth(left, right)
        )

    def _comparison(self, left: Expression) -> Expression:
        first, operators, operands = self._now, [], [left]
        while self._now.text in _COMPARISONS:
            operators.append(self._take().text)
            operands.append(self._bound(_COMPARISON + 1))
        return Comparison(
            operators=tuple(operators),
            operands=tuple(operands),
            line=first.line,
            column=first.column,
            depth=_depth(*operands),
        )

    def _logic(self, left: Expression) -> Expression:
        first, parts = self._now, [left]
        while self._at(first.text):
            self._take()
            parts.append(self._bound(_BINDING[first.text] + 1))
        return Logic(
            operator=first.text, parts=tuple(parts), line=first.line, column=first.column, depth=_depth(*parts)
        )

    def _named(self, token: Token) -> Expression:
        word, called = token.text.casefold(), self._at("(")
        if called and token.text in FUNCTIONS:
            return self._call(token)
        if called:
            raise _refusal(_unknown_function_text(token.text), token)
        if word in FUNCTIONS:
            raise _refusal(
                f"{shown(token.text)} is a function: write {FUNCTIONS[word].usage}, or use another name.", token
            )
        if token.text in KEYWORDS:
            raise _refusal(self._missing_text(token), token)
        if word in KEYWORDS:
            raise _refusal(f"Write {word} in small letters.", token)
        if word in ("true", "false", "none", "null"):
            raise _refusal(f"{token.text} isn't understood: write {INSTEAD[word]}.", token)
        return Name(name=token.text, line=token.line, column=token.column)

    def _call(self, token: Token) -> Expression:
        opened = self._take()
        arguments: list[Expression] = []
        while not self._at(")") or arguments:
            arguments.append(self._choice())
            if not self._at(","):
                break
            self._take()
        self._close(opened)
        function = FUNCTIONS[token.text]
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            given = f"{len(arguments)} value{'' if len(arguments) == 1 else 's'}" if arguments else "nothing"
            raise _refusal(f"{token.text} is written {function.usage}; here it is given {given}.", token)
        return self._kept(
            Call(
                function=token.text,
                arguments=tuple(arguments),
                line=token.line,
                column=token.column,
                depth=_depth(*arguments),
            )
        )

    def _close(self, opened: Token) -> None:
        if self._at(")"):
            self._take()
            return
        if self._now.kind is TokenKind.END:
            raise _refusal("This bracket isn't closed in its line: write the missing ).", opened)
        raise _refusal(self._leftover_text(), self._now)

    def _missing_text(self, token: Token) -> str:
        """`token` stands where a number, a name or a bracket is needed."""
        before = self.tokens[self.position - 2] if self.position > 1 else None
        if before is not None and before.text == "%" and self.position > 2:
            return percent_text(self.tokens[self.position - 3])
        if token.text == "=":
            return _equals_text()
        where = f"after {shown(before.text)}" if before is not None else "at the beginning"
        what = "ends" if token.kind is TokenKind.END else f"goes on with {shown(token.text)}"
        return f"The line {what} where a number or a name is needed, {where}."

    def _leftover_text(self) -> str:
        """The token here can't follow what stands before it."""
        token, before = self._now, self.tokens[self.position - 1]
        if token.text == "=":
            return _equals_text()
        if token.text == ")":
            return "This ) closes nothing: leave it out, or write the ( it belongs to."
        if token.text == ",":
            return "A comma belongs between a function's values only; write 1000, not 1,000, and 0.5, not 0,5."
        if token.text in KEYWORDS:
            return f"{token.text} can't stand here: write a if condition else b, a and b, a or b, not a."
        if token.text.casefold() in KEYWORDS:
            return f"Write {token.text.casefold()} in small letters."
        return _side_by_side_text(before, token)


def _side_by_side_text(before: Token, token: Token) -> str:
    left, right = shown(before.text), shown(token.text)
    text = f"Something is missing between {left} and {right}, such as * or +."
    if before.kind is TokenKind.NAME and token.kind is TokenKind.NAME:
        text += f" If it is one name, write {left}_{right}."
    return text


def _unknown_function_text(name: str) -> str:
    word = name.casefold()
    if word in FUNCTIONS:
        return f"{shown(name)} is written in small letters: {FUNCTIONS[word].usage}."
    if word in INSTEAD:
        return f"{shown(name)} isn't a function here: write {INSTEAD[word]}."
    if word in KEYWORDS:
        return f"{shown(name)} can't stand here: write a and b, a or b, not a."
    meant = nearest(name, FUNCTIONS)
    hint = f"did you mean {meant}?" if meant else f"a product is written {shown(name)} * (...)."
    return f"{shown(name)} isn't a function: {hint} Functions are {', '.join(FUNCTIONS)}."
