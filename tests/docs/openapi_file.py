"""docs/openapi.yaml, and what tests ask of it."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import jsonschema
import schemathesis
import yaml
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.event_files import TOKENS
from sms_bridge.api.fields import NAMES
from sms_bridge.domain.segments import MAX_SEGMENTS, segments_of
from tests.template.conftest import PROJECT

EVERY_NAME = {name for names in NAMES.values() for name in names}

OPENAPI: dict[str, Any] = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text("utf-8"))

SCHEMA = schemathesis.openapi.from_dict(OPENAPI)
# Each test says itself which token it sends.
SCHEMA.config.generation.update(with_security_parameters=False)

TOKEN_OF = {
    "sendMessage": "moengageTokens",
    "sendBatch": "moengageTokens",
    "getDetails": "moengageTokens",
    "receiveCallback": "callbackTokens",
    "findMessages": "fullNumberTokens",
    "getMessage": "fullNumberTokens",
}
"""Which list of the secret opens an operation, by its id."""

JSON, FORM = "application/json", "application/x-www-form-urlencoded"

# A sender ID without a letter.
SENDER = re.compile(r"\+?[0-9]+")

LOOKUP_KEYS = ("destination", "eightx8Umid", "campaignId")

CONFORMS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ACCEPTS = [*CONFORMS, positive_data_acceptance]
REJECTS = [*CONFORMS, negative_data_rejection]


def headers_of(operation_id: str, content_type: str = "") -> dict[str, str]:
    """Return the headers of a request that an operation lets in."""
    token = TOKENS[TOKEN_OF[operation_id]]
    return {
        "authorization": f"Bearer {token}",
        **({"content-type": content_type} if content_type else {}),
    }


def operations() -> dict[str, dict[str, Any]]:
    """Return all operations by id, with their method and path."""
    return {
        operation["operationId"]: {**operation, "method": method.upper(), "path": path}
        for path, methods in OPENAPI["paths"].items()
        for method, operation in methods.items()
    }


def resolved(value: Any) -> Any:
    """Follow a reference within the file."""
    while isinstance(value, dict) and "$ref" in value and len(value) == 1:
        target: Any = OPENAPI
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def responses() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Return every answer: of which operation, its status, and what the file says of it."""
    for name, operation in operations().items():
        for status, response in operation["responses"].items():
            yield name, int(status), resolved(response)
    for name, status in (("NotFound", 404), ("MethodNotAllowed", 405)):
        yield name, status, OPENAPI["components"]["responses"][name]


def reasons_of(response: dict[str, Any]) -> set[str]:
    """Return the reasons that an error may have."""
    schema = response["content"]["application/json"]["schema"]
    reasons: set[str] = set()
    for part in schema.get("allOf", ()):
        reason = part.get("properties", {}).get("reason", {})
        reasons |= {*reason.get("enum", ()), *([reason["const"]] if "const" in reason else ())}
    return reasons


def examples_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return the examples of a body by name."""
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    """Check a body against a schema of the file.

    Raises
    ------
    jsonschema.ValidationError
        When it does not conform.
    """
    root = {**schema, "components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(
        root, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(value)


def is_within_what_no_schema_can_say(case: Any) -> bool:
    """Tell whether a request that conforms also keeps the rules that the file tells in words.

    To JSON Schema 6591234567.0 is an integer; such numbers are written as people write them.
    """
    if case.operation.label == "GET /messages":
        # One lookup key, and no place in a list that was never given out.
        keys = [name for name in LOOKUP_KEYS if (case.query or {}).get(name)]
        return len(keys) == 1 and not case.query.get("next")
    if isinstance(case.body, dict) and case.operation.path.startswith("/api/"):
        case.body = with_whole_numbers_as_integers(case.body)
        # Its host has to be one that the operator allows.
        case.body.pop("dlrCallbackUrl", None)
        if case.media_type != "application/json":
            # Beside a field that is not known, what this test's client does not escape is refused.
            case.body = {name: one for name, one in case.body.items() if name in EVERY_NAME}
        encoding = case.body.get("encoding") or "AUTO"
        texts = [value for name, value in case.body.items() if name in NAMES["text"]]
        sizes = [segments_of(text, encoding.upper())[1] for text in texts]
        values = [one for one in case.body.values() if isinstance(one, str) and one]
        sources = [str(case.body.get(name) or "1").strip(" ") for name in NAMES["source"]]
        return (
            # A form's pair with such a name is a value that was not escaped.
            not any(map(str.isspace, "".join(case.body)))
            and max(sizes, default=0) <= MAX_SEGMENTS
            and all(map(is_plain, values))
            and all(map(str.isprintable, sources))
            and all(any(map(str.isalpha, one)) or SENDER.fullmatch(one) for one in sources)
        )
    return True


def is_plain(text: str) -> bool:
    """Tell whether a text has a letter or a digit, and nothing invisible but blanks."""
    seen = [one for one in text if not one.isspace()]
    has_marks = any(unicodedata.category(one)[0] == "M" for one in seen)
    return any(map(str.isalnum, seen)) and all(map(str.isprintable, seen)) and not has_marks


def with_whole_numbers_as_integers(value: Any) -> Any:
    """Write 5.0 as 5, wherever it stands."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [with_whole_numbers_as_integers(one) for one in value]
        case dict():
            return {name: with_whole_numbers_as_integers(one) for name, one in value.items()}
    return value


def aimed_at(case: Any, sub_account_id: str) -> Any:
    """Let a request name a sub-account that the stack has, unless that is what is wrong with it."""
    named = (case.path_parameters or {}).get("subAccountId")
    if isinstance(named, str) and re.fullmatch(r"[A-Za-z0-9\-._&]{3,50}", unquote(named)):
        case.path_parameters["subAccountId"] = sub_account_id
    return case
