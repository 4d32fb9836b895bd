"""Finds the JSON object in a model's answer, and checks the object against a schema. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jsonschema import Draft202012Validator

from secretary_common.models import JsonObject
from secretary_documents.providers.response import parse_json

MAX_PROBLEMS = 20
LONGEST_PROBLEM = 200
# An object is searched at so many braces only. Models write little text before the object, and
# trying all braces of a long text would take quadratic time.
MAX_STARTS = 50

_FENCED = re.compile(r"```[a-zA-Z]*+[^\S\n]*+\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CheckedObject:
    """An object in an answer, and the problems that the schema finds in it."""

    data: JsonObject | None
    """The object; None if the answer has no object."""
    problems: tuple[str, ...]
    """The problems. They are empty if *data* fits the schema."""


def read_object(text: str, schema: JsonObject) -> CheckedObject:
    """Return the first JSON object in *text* that fits *schema*.

    *text* is the object alone, or has the object in a code fence or inside prose. If no object
    fits, return the object with the most keys and its problems.
    """
    validator = Draft202012Validator(schema)
    readings = []
    for data in _objects(text):
        problems = _problems(validator, data)
        if not problems:
            return CheckedObject(data, ())
        readings.append(CheckedObject(data, problems))
    if not readings:
        return CheckedObject(None, ("there is no JSON object in the answer",))
    return max(readings, key=lambda reading: len(reading.data or ()))


def _objects(text: str) -> Iterator[JsonObject]:
    for candidate in (text, *_FENCED.findall(text)):
        try:
            data = parse_json(candidate.strip())
        except ValueError:
            continue
        if isinstance(data, dict):
            yield data
    yield from _embedded(text)


def _embedded(text: str) -> Iterator[JsonObject]:
    decoder = json.JSONDecoder()
    start = text.find("{")
    for _ in range(MAX_STARTS):
        if start < 0:
            return
        end = start + 1
        try:
            _, end = decoder.raw_decode(text, start)
            yield parse_json(text[start:end])
        except (ValueError, RecursionError):
            pass
        start = text.find("{", end)


def _problems(validator: Draft202012Validator, data: JsonObject) -> tuple[str, ...]:
    """Return the problems of *data*, each with its place. Long messages are shortened."""
    problems: list[str] = []
    for error in validator.iter_errors(data):
        if len(problems) == MAX_PROBLEMS:
            break
        place = ".".join(map(str, error.absolute_path)) or "the object"
        problems.append(f"{place}: {_shortened(error.message)}")
    return tuple(problems)


def _shortened(message: str) -> str:
    """Cut *message* in the middle, because it begins with the value and ends with the problem."""
    if len(message) <= LONGEST_PROBLEM:
        return message
    half = LONGEST_PROBLEM // 2
    return f"{message[:half]} … {message[-half:]}"
