"""8x8's contract: its published description of the SMS API, and the rules that it states in prose.

``contract.json`` is an extract of that description; its ``info`` says what was left out.
"""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

_CONTRACT: dict[str, Any] = json.loads(Path(__file__).with_name("contract.json").read_text())
_SCHEMAS: dict[str, Any] = _CONTRACT["components"]["schemas"]
_BATCH: dict[str, Any] = _SCHEMAS["BatchSmsRequest"]
_MESSAGES: dict[str, Any] = _BATCH["properties"]["messages"]
MAX_BATCH_SIZE: int = _MESSAGES["maxItems"]
# 8x8's schema wants each message of a batch complete; its prose lets the template complete it, and
# its answer rejects single messages. The prose is right.
_SCHEMAS["BatchEnvelope"] = {
    **_BATCH,
    "properties": {**_BATCH["properties"], "messages": {**_MESSAGES, "items": {"type": "object"}}},
}

_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-Z\[\]_a-z~%]+")
# "Alphanumeric or numeric"; the length of an alphanumeric one is the GSM standard's.
_SOURCE = re.compile(r"[A-Za-z0-9 ]{1,11}|\+?[0-9]{1,16}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


class Problem(NamedTuple):
    """Where a body breaks the contract: the name at its top, empty for the body as a whole."""

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field or 'body'}: {self.text}"


def problems_of_send_request(body: object) -> list[str]:
    """Say how the body of a request to send one message breaks 8x8's contract.

    8x8 ignores fields that it does not know; here they are a problem, because a caller that
    sends one expects an effect.
    """
    problems = [*faults_of_message(body), *_unknown_fields("SmsRequest", body)]
    return [str(problem) for problem in problems]


def problems_of_batch_request(body: object) -> list[str]:
    """Say how the body of a request to send a batch breaks 8x8's contract.

    Each message counts with the fields of the batch's template.
    """
    problems = [*faults_of("BatchEnvelope", body), *_unknown_fields("BatchSmsRequest", body)]
    if not problems and isinstance(body, dict):
        problems += _unknown_fields("SmsTemplateFull", body.get("template", {}))
        for index, message in enumerate(messages_of_batch(body)):
            found = [*faults_of_message(message), *_unknown_fields("SmsRequest", message)]
            problems += [Problem(f"messages[{index}]", str(problem)) for problem in found]
    return [str(problem) for problem in problems]


def problems_of(schema: str, value: object) -> list[str]:
    """Say how a value breaks one of the contract's schemas, such as ``SmsResponse``."""
    return [str(problem) for problem in faults_of(schema, value)]


def problems_of_answer(operation_id: str, status: int, body: object) -> list[str]:
    """Say how an answer breaks what 8x8 documents for an operation.

    An answer with status 200 has no fields beside 8x8's, which some clients would refuse.
    """
    operations = [one for path in _CONTRACT["paths"].values() for one in path.values()]
    [answers] = [one["responses"] for one in operations if one["operationId"] == operation_id]
    if str(status) not in answers:
        return [f"status {status} is not documented"]
    answer = answers[str(status)]
    if "$ref" in answer:
        answer = _CONTRACT["components"]["responses"][_name_in(answer)]
    schema = _name_in(answer["content"]["application/json"]["schema"])
    problems = faults_of(schema, body)
    if status == 200:
        problems += _unknown_fields(schema, body)
    return [str(problem) for problem in problems]


def _name_in(reference: dict[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


def faults_of_message(body: object) -> list[Problem]:
    """Return what 8x8 would refuse a message for, apart from what the time of day decides."""
    found = faults_of("SmsRequest", body)
    if isinstance(body, dict):
        wrong = {problem.field for problem in found}
        found += [problem for problem in _prose_faults(body) if problem.field not in wrong]
    return found


def messages_of_batch(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give each message of a batch with the fields of the template."""
    template = body.get("template", {})
    return ({**template, **message} for message in body["messages"])


def faults_of(schema: str, value: object) -> list[Problem]:
    return [_problem(error) for error in _validator(schema).iter_errors(value)]


def matches_parameter(name: str, value: str) -> bool:
    """Say whether a part of a path has the form that 8x8 documents for it."""
    schema = _CONTRACT["components"]["parameters"][name]["schema"]
    return _Validator(schema).is_valid(value)


def _problem(error: ValidationError) -> Problem:
    if error.validator == "required" and not error.path:
        # The library has the missing name in its message alone: "'text' is a required property".
        return Problem(error.message.split("'")[1], "is a required property")
    return Problem(str(error.path[0]) if error.path else "", error.message)


def _unknown_fields(schema: str, body: object) -> list[Problem]:
    if not isinstance(body, dict):
        return []
    unknown = sorted(set(body) - set(_SCHEMAS[schema]["properties"]))
    return [Problem(name, "is no field of 8x8's") for name in unknown]


def _prose_faults(body: dict[str, Any]) -> Iterator[Problem]:
    rules: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("text", bool, "is empty"),
        ("source", _SOURCE.fullmatch, "is neither up to 11 letters and digits nor up to 16 digits"),
        ("country", _COUNTRY.fullmatch, "is not two letters"),
        ("clientIp", _is_ip_address, "is no IP address"),
    )
    for name, holds, text in rules:
        value = body.get(name)
        if isinstance(value, str) and not holds(value):
            yield Problem(name, text)


def _is_ip_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or (
        _DATE_TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value))
    )


@_FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or (
        _URI.fullmatch(value) is not None and bool(urlsplit(value).hostname)
    )


@_FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()


def _pattern(
    _: object, pattern: str, value: object, __: dict[str, Any]
) -> Iterable[ValidationError]:
    # As JSON Schema means it: $ is the very end, \d is ASCII. Python's differ.
    expression = re.sub(r"\$$", r"\\Z", pattern)
    if isinstance(value, str) and not re.search(expression, value, re.ASCII):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


@cache
def _validator(schema: str) -> Draft202012Validator:
    return _Validator({**_CONTRACT, **_SCHEMAS[schema]}, format_checker=_FORMATS)
