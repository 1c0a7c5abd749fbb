"""Texts to throw at the formula language: hand-picked hostile ones, and a seeded stream of soups and mutants."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = [
    *("a", "b", "c5", "users", "value", "effort", "größe", "True", "None", "lambda", "import", "eval", "IF", "MAX"),
    *("min", "max", "abs", "round", "sqrt", "exp", "log", "floor", "ceil", "sum", "clamp"),
    *("if", "else", "and", "or", "not"),
    *("0", "1", "2", "0.5", "1e6", "1_000", "1e400", "9", "5%", "007", "1.2.3", "3x"),
]
SIGNS = [
    *("+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "(", ")", ",", "=", "\n", "#"),
    *(".", "[", "]", "{", "}", ":", ";", "'", '"', "^", "&", "|", "!", "~", "@", "$", "£", "\\"),
    *("×", "÷", "−", "→", "²", "\x00", "\u200b", "\u00a0", "\ud800", "\t"),
]

HOSTILE = (
    "4000000**4000000",
    "9**9**9**9",
    "(" * 5_000 + "1" + ")" * 5_000,
    "-" * 9_999 + "1",
    "not " * 2_000 + "1",
    "1 if " * 1_500 + "1",
    "1 + (" * 30 + "a" + ")" * 30,
    "max(1, " * 60 + "a" + ")" * 60,
    "\n".join(["b0 = a * a", *(f"b{i} = b{i - 1} * b{i - 1}" for i in range(1, 150))]),
    "((((a ** 24) ** 24) ** 24) ** 24) ** 24 * a ** 1e18",
    "a if b else " * 700 + "c",
    "min(" * 2_000,
    "+".join(["a"] * 4_999),
    "**".join(["2"] * 3_000),
    "a<" * 4_000 + "a",
    "a and " * 1_600 + "a",
    "9" * 10_000,
    "1" * 10_001,
    "0." + "1" * 9_000,
    "1e" + "9" * 9_000,
    "1e400k",
    "9e307bn * 2",
    "1e400% of a",
    "1_" * 5_000,
    "\n" * 10_000,
    "a=1\n" * 2_000,
    "\n".join(f"a{i} = a{i - 1} * 2" for i in range(1, 190)),
    "%" * 10_000,
    "#" * 10_000,
    "\x00",
    "a\x00b",
    "\ud800\udfff",
    "\ufeffa",
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 1)()",
    "[x for x in (1,)]",
    "f'{a}'",
    "a.real",
    "globals()",
    "min.__globals__",
    "print(1)",
    "open('x')",
    "value := 5",
    "v0 = 1\nvalues = refuse + step",
    "import os",
    "exec = 1\neval = exec",
    "1e308 * 1e308",
    "1 / 0",
    "0 ** -1",
    "(-8) ** 0.5",
    "log(0)",
    "log(5, 1)",
    "log(5, -1)",
    "sqrt(-1)",
    "exp(1000)",
    "round(1.5, 0.5)",
    "round(1.5, 1e17)",
    "clamp(1, 3, 2)",
    "5 % 0",
    "5 // 0",
    "1e18 + 1e18",
    "nan",
    "inf",
    "NaN = 1",
    "x = 1e18 * 10 / 10",
)


def formula_inputs(seed: int, count: int) -> Iterator[str]:
    """`count` texts, the same for the same seed: token soups, noise, mutants of good and of hostile formulas."""
    source = random.Random(seed)
    makers = (_soup, _mutant, _noise, _hostile_mutant)
    for _ in range(count):
        yield source.choices(makers, weights=(5, 5, 4, 1))[0](source)


def good_formula(source: random.Random, depth: int = 4) -> str:
    """A well-formed expression over the names a to e."""
    return _formula(source, depth, (["**"], ["abs", "sqrt", "exp", "log", "floor", "ceil", "round"]))


def exact_formula(source: random.Random, depth: int = 4) -> str:
    """A good formula of steps whose result is the same to the last bit wherever it is worked out."""
    return _formula(source, depth, ([], ["abs", "sqrt", "floor", "ceil", "round"]))


def _formula(source: random.Random, depth: int, steps: tuple[list[str], list[str]]) -> str:
    if depth == 0 or source.random() < 0.2:
        return source.choice(["a", "b", "c", "d", "e", "2", "0.5", "1e3", "10"])
    one, two, three = (_formula(source, depth - 1, steps) for _ in range(3))
    signs, functions = steps
    return source.choice(
        [
            f"{one} {source.choice(['+', '-', '*', '/', '//', '%', *signs])} {two}",
            f"({one} {source.choice(['+', '-', '*', '/'])} {two})",
            f"-{one}",
            f"({one} {source.choice(['<', '<=', '>', '>=', '==', '!='])} {two})",
            f"({one} < {two} <= {three})",
            f"({one} {source.choice(['and', 'or'])} {two})",
            f"(not {one})",
            f"({one} if {two} else {three})",
            f"{source.choice(['min', 'max', 'sum'])}({one}, {two}, {three})",
            f"{source.choice(functions)}({one})",
            f"clamp({one}, {two}, {three})",
        ]
    )


def _soup(source: random.Random) -> str:
    pieces = source.choices(WORDS + SIGNS, k=source.randint(1, 30))
    return source.choice(["", " "]).join(pieces)


def _mutant(source: random.Random) -> str:
    text = f"x = {good_formula(source)}\nvalue = {good_formula(source)}"
    return _mutated(source, text)


def _hostile_mutant(source: random.Random) -> str:
    return _mutated(source, source.choice(HOSTILE)[:400])


def _mutated(source: random.Random, text: str) -> str:
    for _ in range(source.randint(0, 3)):
        at = source.randrange(len(text) + 1)
        text = (
            text[:at]
            + source.choice([source.choice(SIGNS), source.choice(WORDS), ""])
            + text[at + source.randint(0, 2) :]
        )
    return text


def _noise(source: random.Random) -> str:
    return "".join(
        chr(source.choice([source.randrange(128), source.randrange(0x3000)])) for _ in range(source.randint(0, 40))
    )
