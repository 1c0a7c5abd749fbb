"""Evaluation at the speed of Python's own expressions: a checked tree is compiled once into one Python function. Pure.

The code is built from our own nodes alone: names become v0, v1, ... and numbers constants, so nothing a person typed is
ever run. Every step is held within MAX_MAGNITUDE, which keeps infinity and NaN out as well. A program that meets
anything odd just raises; what it was, and where, is for `walk` to say.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from productops.formulas.functions import FUNCTIONS, power
from productops.formulas.tree import (
    MAX_MAGNITUDE,
    Arithmetic,
    Assignment,
    Call,
    Choice,
    Comparison,
    Expression,
    Logic,
    Name,
    Negation,
    Not,
    Number,
)

# Values by parameter name -> results by assigned name. Raises ArithmeticError, LookupError, TypeError or ValueError.
Program = Callable[[Mapping[str, float | None]], dict[str, float]]

_OPERATORS: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
}
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "==": ast.Eq,
    "!=": ast.NotEq,
}
_VALUES, _STEP, _REFUSE, _POWER, _FUNCTION, _BUILTIN = "values", "step", "refuse", "power", "function_", "builtin_"


def compile_program(assignments: Sequence[Assignment], names: Sequence[str]) -> Program:
    """One function that takes the values of `names` and gives each assignment's result, in order."""
    variables = {name: f"v{index}" for index, name in enumerate((*names, *(line.name for line in assignments)))}
    body: list[ast.stmt] = [_given(name, variables[name]) for name in names]
    if names:
        body.append(_bounded([variables[name] for name in names]))
    body += [_assigned(variables[line.name], _code(line.expression, variables)) for line in assignments]
    results = ast.Dict(
        keys=[ast.Constant(line.name) for line in assignments],
        values=[_read(variables[line.name]) for line in assignments],
    )
    body.append(ast.Return(results))
    return _built(body)


def _built(body: list[ast.stmt]) -> Program:
    parameters = ast.arguments(posonlyargs=[], args=[ast.arg(_VALUES)], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.FunctionDef(name="program", args=parameters, body=body, decorator_list=[], type_params=[])
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    namespace: dict[str, object] = {"__builtins__": {}, _REFUSE: _refuse, _POWER: power}
    namespace |= {_FUNCTION + name: function.call for name, function in FUNCTIONS.items()}
    namespace |= {_BUILTIN + name: function.builtin for name, function in FUNCTIONS.items() if function.builtin}
    exec(compile(module, "<formula>", "exec"), namespace)  # noqa: S102 - built above from our own nodes, nothing typed is in it
    program: Program = namespace["program"]  # type: ignore[assignment]
    return program


def _refuse() -> float:
    raise OverflowError("a step beyond the largest magnitude")


def _read(variable: str) -> ast.expr:
    return ast.Name(id=variable, ctx=ast.Load())


def _assigned(variable: str, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(id=variable, ctx=ast.Store())], value=value)


def _given(name: str, variable: str) -> ast.stmt:
    """Adding 0.0 makes a float of a whole number, a plain 0 of -0.0, and an error of None and texts."""
    value = ast.Subscript(value=_read(_VALUES), slice=ast.Constant(name), ctx=ast.Load())
    return _assigned(variable, ast.BinOp(left=value, op=ast.Add(), right=ast.Constant(0.0)))


def _bounded(variables: Sequence[str]) -> ast.stmt:
    """Refuse values beyond the largest magnitude, NaN and infinity."""
    tests = [_within(_read(variable)) for variable in variables]
    holds = ast.BoolOp(op=ast.And(), values=tests) if len(tests) > 1 else tests[0]
    return ast.If(test=ast.UnaryOp(op=ast.Not(), operand=holds), body=[ast.Expr(_called(_REFUSE))], orelse=[])


def _guarded(value: ast.expr) -> ast.expr:
    """`value`, if it lies within the largest magnitude; NaN and infinity don't."""
    kept = ast.NamedExpr(target=ast.Name(id=_STEP, ctx=ast.Store()), value=value)
    return ast.IfExp(test=_within(kept), body=_read(_STEP), orelse=_called(_REFUSE))


def _within(value: ast.expr) -> ast.expr:
    bounds = ast.Constant(-MAX_MAGNITUDE), ast.Constant(MAX_MAGNITUDE)
    return ast.Compare(left=bounds[0], ops=[ast.LtE(), ast.LtE()], comparators=[value, bounds[1]])


def _called(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=_read(function), args=list(arguments), keywords=[])


def _as_number(test: ast.expr) -> ast.expr:
    return ast.IfExp(test=test, body=ast.Constant(1.0), orelse=ast.Constant(0.0))


def _code(node: Expression, variables: Mapping[str, str]) -> ast.expr:
    """The Python expression that a node stands for."""
    match node:
        case Number():
            return ast.Constant(node.value)
        case Name():
            return _read(variables[node.name])
        case Negation():
            return ast.UnaryOp(op=ast.USub(), operand=_code(node.operand, variables))
        case Arithmetic():
            return _arithmetic(node, variables)
        case Comparison() | Not():
            return _as_number(_test(node, variables))
        case Logic():
            operator = ast.And() if node.operator == "and" else ast.Or()
            return ast.BoolOp(op=operator, values=[_code(part, variables) for part in node.parts])
        case Choice():
            chosen, otherwise = _code(node.chosen, variables), _code(node.otherwise, variables)
            return ast.IfExp(test=_test(node.test, variables), body=chosen, orelse=otherwise)
        case Call():
            arguments = [_code(argument, variables) for argument in node.arguments]
            return _guarded(_called(_function(node), *arguments))


def _function(node: Call) -> str:
    has_builtin = FUNCTIONS[node.function].builtin is not None and len(node.arguments) > 1
    return (_BUILTIN if has_builtin else _FUNCTION) + node.function


def _test(node: Expression, variables: Mapping[str, str]) -> ast.expr:
    """A node whose truth alone matters: comparisons needn't become numbers first."""
    if isinstance(node, Not):
        return ast.UnaryOp(op=ast.Not(), operand=_test(node.operand, variables))
    if isinstance(node, Comparison):
        first, *others = (_code(operand, variables) for operand in node.operands)
        return ast.Compare(left=first, ops=[_COMPARISONS[sign]() for sign in node.operators], comparators=others)
    return _code(node, variables)


def _arithmetic(node: Arithmetic, variables: Mapping[str, str]) -> ast.expr:
    left, right = _code(node.left, variables), _code(node.right, variables)
    if node.operator == "**":
        return _guarded(_called(_POWER, left, right))
    value = ast.BinOp(left=left, op=_OPERATORS[node.operator](), right=right)
    # A remainder is never larger than its divisor.
    return value if node.operator == "%" else _guarded(value)
