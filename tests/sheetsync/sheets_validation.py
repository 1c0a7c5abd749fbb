"""Holds requests to the Sheets API, and its answers, against the discovery document that Google publishes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient

from sheetsync.sheets_server.service import Answer, Request

_DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "sheets.v4.json"
_PARAMETER = re.compile(r"\{\+?(\w+)\}")
_CHECKS = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
    "any": lambda value: True,
}


@cache
def document() -> Mapping[str, Any]:
    """The discovery document."""
    return json.loads(_DOCUMENT.read_text(encoding="utf-8"))


def flaws_of_call(request: Request, answer: Answer) -> list[str]:
    """Everything in a request and its answer that the document doesn't allow; empty when all is well."""
    found = _method(request)
    if found is None:
        return [f"{request.method} {request.path} is no method of the API"]
    name, method = found
    flaws = [f"{name}: {flaw}" for flaw in _parameter_flaws(method, request)]
    if "request" in method:
        flaws += [f"{name} request: {flaw}" for flaw in flaws_of(method["request"]["$ref"], request.body or {})]
    elif request.body is not None:
        flaws.append(f"{name}: has a body")
    if answer.status == 200:
        flaws += [f"{name} answer: {flaw}" for flaw in flaws_of(method["response"]["$ref"], answer.body)]
    elif answer.status:
        flaws += [f"{name} refusal: {flaw}" for flaw in _refusal_flaws(answer)]
    return flaws


def _methods(resources: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, resource in resources.items():
        for verb, method in resource.get("methods", {}).items():
            yield f"{prefix}{name}.{verb}", method
        yield from _methods(resource.get("resources", {}), f"{prefix}{name}.")


def _method(request: Request) -> tuple[str, Mapping[str, Any]] | None:
    for name, method in _methods(document()["resources"]):
        if method["httpMethod"] == request.method and re.fullmatch(_pattern(method["path"]), request.path):
            return name, method
    return None


def _pattern(path: str) -> str:
    """An address with parameters as a regular expression."""
    names = [".+?" if name == "range" else "[^/:]+" for name in _PARAMETER.findall(path)]
    parts = [re.escape(part) for part in re.split(r"\{\+?\w+\}", path)]
    return "/" + "".join(part + name for part, name in zip(parts, [*names, ""], strict=True))


def _parameter_flaws(method: Mapping[str, Any], request: Request) -> Iterator[str]:
    known = {**document()["parameters"], **method["parameters"]}
    for name, values in request.query.items():
        if name not in known:
            yield f"parameter {name} is unknown"
            continue
        schema = known[name]
        if len(values) > 1 and not schema.get("repeated"):
            yield f"parameter {name} is given {len(values)} times"
        for value in values:
            if "enum" in schema and value not in schema["enum"]:
                yield f"parameter {name} is {value!r}"
    for name, schema in method["parameters"].items():
        if schema.get("required") and schema["location"] == "query" and name not in request.query:
            yield f"parameter {name} is missing"


def _refusal_flaws(answer: Answer) -> Iterator[str]:
    error = (answer.body or {}).get("error", {})
    if error.get("code") != answer.status or not error.get("message") or not error.get("status"):
        yield f"{answer.status} with {answer.body}"


def flaws_of(schema: str, value: Any) -> list[str]:
    """What of a value isn't as the named schema says."""
    return list(_flaws({"$ref": schema}, value, schema))


def _flaws(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    if schema["type"] == "object":
        yield from _object_flaws(schema, value, path)
    elif schema["type"] == "array":
        if not isinstance(value, list):
            yield f"{path} is {value!r}, not a list"
            return
        for number, item in enumerate(value):
            yield from _flaws(schema["items"], item, f"{path}[{number}]")
    elif not _CHECKS[schema["type"]](value):
        yield f"{path} is {value!r}, not of the type {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}, none of {schema['enum']}"


def _object_flaws(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, not an object"
        return
    known = schema.get("properties", {})
    for name, part in value.items():
        if name in known:
            yield from _flaws(known[name], part, f"{path}.{name}")
        elif "additionalProperties" not in schema:
            yield f"{path}.{name} is unknown"
