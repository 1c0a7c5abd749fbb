"""A part of a formula as text again, the way a person would write it. Pure."""

from __future__ import annotations

from productops.formulas.tree import (
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Expression,
    Logic,
    Name,
    Negation,
    Not,
    Number,
    plain,
)

LONGEST = 60  # characters of a part that a message repeats

_CHOICE, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _MINUS, _POWER, _ALONE = range(10)
_BINDING = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT, "**": _POWER}


def written(node: Expression) -> str:
    """The text of a part, with the brackets that it needs and no others."""
    return _written(node, _CHOICE)


def quoted(node: Expression) -> str:
    """The text of a part as messages repeat it: shortened."""
    text = written(node)
    return text if len(text) <= LONGEST else text[: LONGEST - 3].rstrip() + "..."


def _written(node: Expression, around: int) -> str:
    """`around`: how strongly the part is held from outside; what binds more weakly gets brackets."""
    text, binding = _text(node)
    return f"({text})" if binding < around else text


def _text(node: Expression) -> tuple[str, int]:
    match node:
        case Number():
            return plain(node.value), _ALONE
        case Name():
            return node.name, _ALONE
        case Negation():
            return f"-{_written(node.operand, _MINUS)}", _MINUS
        case Not():
            return f"not {_written(node.operand, _NOT)}", _NOT
        case Arithmetic():
            return _arithmetic(node)
        case Comparison():
            first, *others = (_written(operand, _COMPARISON + 1) for operand in node.operands)
            pairs = (f" {sign} {operand}" for sign, operand in zip(node.operators, others, strict=True))
            return first + "".join(pairs), _COMPARISON
        case Logic():
            binding = _AND if node.operator == "and" else _OR
            return f" {node.operator} ".join(_written(part, binding + 1) for part in node.parts), binding
        case Choice():
            chosen, test = _written(node.chosen, _OR), _written(node.test, _OR)
            return f"{chosen} if {test} else {_written(node.otherwise, _CHOICE)}", _CHOICE
        case Call():
            return f"{node.function}({', '.join(map(written, node.arguments))})", _ALONE


def _arithmetic(node: Arithmetic) -> tuple[str, int]:
    binding = _BINDING[node.operator]
    # 2 ** 3 ** 2 groups from the right, everything else from the left.
    left = _written(node.left, binding + 1 if node.operator == "**" else binding)
    right = _written(node.right, _MINUS if node.operator == "**" else binding + 1)
    return f"{left} {node.operator} {right}", binding
