"""MoEngage's and 8x8's forms as JSON, and back; what is wrong in them raises `FormError`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from local.eightx8 import Course, Instruction
from local.moengage import BodyType, DeliveryTracking, Sender, SenderType

METHODS = ("POST", "GET", "DELETE")


class FormError(Exception):
    """A field is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def text_of(form: Mapping[str, Any], field: str, *, required: bool = True, most: int = 4000) -> str:
    value = form.get(field, "")
    if not isinstance(value, str):
        raise FormError(field, "must be a text")
    if required and not value.strip():
        raise FormError(field, "must not be empty")
    if len(value) > most:
        raise FormError(field, f"must have at most {most} characters")
    return value


def number_of(form: Mapping[str, Any], field: str, *, least: int, most: int, default: int) -> int:
    value = form.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FormError(field, f"must be a whole number from {least} to {most}")
    return value


def yes_or_no_of(form: Mapping[str, Any], field: str, *, default: bool) -> bool:
    value = form.get(field, default)
    if not isinstance(value, bool):
        raise FormError(field, "must be true or false")
    return value


def texts_of(form: Mapping[str, Any], field: str, *, most: int) -> list[str]:
    values = form.get(field)
    if not isinstance(values, list) or len(values) > most:
        raise FormError(field, f"must be a list of at most {most} texts")
    return [text_of({field: value}, field, most=200) for value in values]


def choice_of[Choice: (SenderType, BodyType, Course)](
    form: Mapping[str, Any], field: str, choices: type[Choice]
) -> Choice:
    try:
        return choices(str(form.get(field)))
    except ValueError:
        raise FormError(field, f"must be one of {', '.join(choices)}") from None


def as_form(one: Sender | DeliveryTracking | Instruction) -> dict[str, Any]:
    """Write the fields by their names in JSON: ``error_code`` becomes ``errorCode``."""
    return {
        re.sub("_(.)", lambda found: found[1].upper(), name): value
        for name, value in asdict(one).items()
    }


def sender_form(sender: Sender) -> dict[str, Any]:
    body = sender.body
    return {
        **as_form(sender),
        "urlParameters": _rows(sender.url_parameters),
        "headers": _rows(sender.headers),
        "body": [] if isinstance(body, str) else _rows(body),
        "rawBody": body if isinstance(body, str) else "",
    }


def sender_of(form: Mapping[str, Any]) -> Sender:
    url = text_of(form, "apiUrl").strip()
    _check_url(url)
    method = form.get("method")
    if method not in METHODS:
        raise FormError("method", f"must be one of {', '.join(METHODS)}")
    body_type = choice_of(form, "bodyType", BodyType)
    return Sender(
        service_provider=text_of(form, "serviceProvider", most=100),
        name=text_of(form, "name", most=100),
        type=choice_of(form, "type", SenderType),
        api_url=url,
        method=method,
        url_parameters=_pairs(form, "urlParameters"),
        headers=_headers(form),
        body_type=body_type,
        body=(
            text_of(form, "rawBody", required=False)
            if body_type is BodyType.RAW
            else _pairs(form, "body")
        ),
    )


def tracking_form(tracking: DeliveryTracking) -> dict[str, Any]:
    return {**as_form(tracking), "successValues": ", ".join(tracking.success_values)}


def tracking_of(form: Mapping[str, Any]) -> DeliveryTracking:
    """Read a mapping's form; the success values are separated by commas."""
    values = (one.strip() for one in text_of(form, "successValues").split(","))
    return DeliveryTracking(
        sent_unique_id=text_of(form, "sentUniqueId").strip(),
        report_unique_id=text_of(form, "reportUniqueId").strip(),
        status=text_of(form, "status").strip(),
        success_values=tuple(value for value in values if value),
        failure_reason=text_of(form, "failureReason").strip(),
    )


def instruction_of(form: Mapping[str, Any]) -> Instruction:
    try:
        return Instruction(
            course=choice_of(form, "course", Course),
            error_code=number_of(form, "errorCode", least=0, most=99, default=1),
            seconds=number_of(form, "seconds", least=1, most=60, default=3),
            accepted=yes_or_no_of(form, "accepted", default=True),
            silent=yes_or_no_of(form, "silent", default=False),
            once=yes_or_no_of(form, "once", default=False),
        )
    except ValueError as error:
        raise FormError("errorCode", str(error)) from None


def what_to_type(sender: Sender) -> list[dict[str, Any]]:
    """Say what to type into the real MoEngage, field by field, and where the value comes from.

    Returns
    -------
    list of dict
        ``own`` is true where the value has parts in capitals, which are different for everybody.
    """
    path = re.sub(r"(?<=/subaccounts/)[^/]+", "YOUR_SUB_ACCOUNT", urlsplit(sender.api_url).path)
    headers = {
        # MoEngage names a form's by itself.
        **({} if sender.body_type is BodyType.FORM else {"Content-Type": "application/json"}),
        # Written as HTTP does, so that the two below are found.
        **{name.title(): value for name, value in sender.headers.items()},
        "Authorization": "Bearer YOUR_TOKEN",
    }
    rows = [
        ("Service provider name", sender.service_provider, "any name that is not in use"),
        ("Sender name", sender.name, "any name: campaigns choose the sender by it"),
        ("Sender type", sender.type, ""),
        (
            "API URL",
            f"https://YOUR_BRIDGE{path}",
            "the bridge's address (SendUrl) and your sub-account with 8x8",
        ),
        ("Method", sender.method, ""),
        *((f"URL parameter {name}", value, "") for name, value in sender.url_parameters.items()),
        *((f"Header {name}", value, _SOURCES.get(name, "")) for name, value in headers.items()),
        ("Body type", sender.body_type, ""),
    ]
    if isinstance(sender.body, str):
        rows.append(("Body", sender.body, ""))
    else:
        rows += [
            (f"Body {name}", value, _SOURCES.get(f"Body {name}", ""))
            for name, value in sender.body.items()
        ]
    return [
        {"field": field, "value": value, "source": source, "own": "YOUR_" in value}
        for field, value, source in rows
    ]


_SOURCES = {
    "Authorization": "the token that the bridge takes from MoEngage (moengageTokens)",
    "Body sender": "the sender ID that recipients see, as it is registered with 8x8",
}


def _rows(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in pairs.items()]


def _pairs(form: Mapping[str, Any], field: str) -> dict[str, str]:
    rows = form.get(field, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormError(field, "must be a list of keys and values")
    pairs = {}
    for row in rows:
        key = text_of(row, "key", required=False, most=100).strip()
        value = text_of(row, "value", required=False)
        if key:
            pairs[key] = value
        elif value:
            raise FormError(field, "has a value without a key")
    return pairs


def _headers(form: Mapping[str, Any]) -> dict[str, str]:
    headers = _pairs(form, "headers")
    for name, value in headers.items():
        if not name.isascii() or not value.isascii() or not (name + value).isprintable():
            raise FormError("headers", "may hold printable ASCII characters only")
        if " " in name or ":" in name:
            raise FormError("headers", f"{name!r} is no name of a header")
    return headers


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise FormError("apiUrl", "is no URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise FormError("apiUrl", "must begin with http:// or https:// and have a host")
    if not _is_loopback(host):
        raise FormError(
            "apiUrl", "is not on this machine: this MoEngage is simulated and calls nothing beyond"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
