"""What docs/openapi.yaml says is what the handlers do, and the other way round."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from schemathesis.core.errors import InvalidSchema
from schemathesis.generation import GenerationMode

from local.event_files import TOKENS
from sms_bridge import __version__
from sms_bridge.api.look_up import details_answer, look_up_answer, page_answer
from sms_bridge.api.request import Reason, RefusedError
from sms_bridge.api.send_request import send_answer
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, Position, Receipt, State
from sms_bridge.providers.moengage import report_body
from sms_bridge.services.look_up import Page
from tests.docs.http_api import SUB_ACCOUNT, HttpApi
from tests.docs.openapi_file import (
    ACCEPTS,
    CONFORMS,
    EVERY_NAME,
    FORM,
    JSON,
    OPENAPI,
    REJECTS,
    SCHEMA,
    aimed_at,
    assert_valid,
    headers_of,
    is_within_what_no_schema_can_say,
    operations,
    reasons_of,
    responses,
)

ANSWERS_TO_WHAT_CONFORMS = {
    "sendMessage": {200},
    "sendBatch": {200},
    "getDetails": {200, 404},
    "receiveCallback": {200},
    "findMessages": {200, 404},
    "getMessage": {200, 404},
}

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]


# --------------------------------------------------------------------------- generated requests
@pytest.mark.parametrize("operation_id", operations())
@settings(max_examples=30, suppress_health_check=SLOW)
@given(data=st.data())
def test_what_conforms_is_accepted(operation_id: str, data: Any, http_api: HttpApi) -> None:
    case = data.draw(a_case(operation_id, GenerationMode.POSITIVE))
    assume(is_within_what_no_schema_can_say(case))
    if "Idempotency-Key" in (case.headers or {}):
        # A repeat waits until the first one's sender must be done.
        http_api.forget_messages()

    answer = case.call(app=http_api, headers=headers_of(operation_id))

    case.validate_response(answer, checks=ACCEPTS)
    assert answer.status_code in ANSWERS_TO_WHAT_CONFORMS[operation_id]


# (Not of a batch: what is wrong with one of its messages is answered 200, message by message.)
@pytest.mark.parametrize("operation_id", ["sendMessage", "findMessages"])
@settings(max_examples=30, suppress_health_check=SLOW)
@given(data=st.data())
def test_what_does_not_conform_is_rejected(operation_id: str, data: Any, http_api: HttpApi) -> None:
    try:
        case = data.draw(a_case(operation_id, GenerationMode.NEGATIVE))
    except InvalidSchema:
        # One of its mutations now and then is a schema that it cannot draw from.
        reject()

    answer = case.call(app=http_api, headers=headers_of(operation_id))

    case.validate_response(answer, checks=REJECTS)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
LIKE_A_CALLBACK = st.fixed_dictionaries(
    {"eventType": st.sampled_from(["outbound_message_status_changed", "inbound_message_received"])},
    optional={
        "namespace": ANYTHING,
        "payload": st.dictionaries(
            st.sampled_from(["umid", "clientMessageId", "status", "price", "smsCount", "source"]),
            ANYTHING | st.dictionaries(st.sampled_from(["state", "total", "timestamp"]), ANYTHING),
        ),
    },
)


@settings(max_examples=30, suppress_health_check=SLOW)
@given(
    body=st.binary() | (ANYTHING | LIKE_A_CALLBACK).map(lambda value: json.dumps(value).encode()),
    content_type=st.sampled_from(["", JSON, FORM, "text/xml"]),
)
def test_every_callback_is_taken_whatever_it_is(
    body: bytes, content_type: str, http_api: HttpApi
) -> None:
    answer = http_api.call(
        "POST", "/callbacks/8x8", headers=headers_of("receiveCallback", content_type), body=body
    )

    assert (answer["statusCode"], answer["body"]) == (200, '{"status":"recorded"}')


@pytest.mark.parametrize("operation_id", operations())
@settings(max_examples=10, suppress_health_check=SLOW)
@given(data=st.data())
def test_without_a_token_nothing_is_answered(
    operation_id: str, data: Any, http_api: HttpApi
) -> None:
    case = data.draw(a_case(operation_id, GenerationMode.POSITIVE))

    answer = case.call(app=http_api, headers={"authorization": "Bearer not-the-token"})

    case.validate_response(answer, checks=CONFORMS)
    assert answer.status_code == 401


def a_case(operation_id: str, mode: GenerationMode) -> Any:
    operation = operations()[operation_id]
    found = SCHEMA[operation["path"]][operation["method"]]
    cases = found.as_strategy(generation_mode=mode)
    return cases.map(lambda case: aimed_at(case, SUB_ACCOUNT))


# --------------------------------------------------------------------------- answers, whatever is
WORD = st.text(min_size=1, max_size=8)
OPTIONAL = st.just("") | WORD
MOMENT = st.floats(1.0, 4e9)
OPTIONAL_MOMENT = st.just(0.0) | MOMENT
RECEIPT = st.builds(
    Receipt,
    umid=WORD,
    client_message_id=OPTIONAL,
    sub_account_id=OPTIONAL,
    state=st.none() | st.sampled_from(State),
    eightx8_state=WORD,
    detail=OPTIONAL,
    at=OPTIONAL,
    received_at=MOMENT,
    error_code=OPTIONAL,
    error_message=OPTIONAL,
    price=OPTIONAL,
    segments=st.integers(0, 20),
)
MESSAGE = st.builds(
    Message,
    id=st.uuids().map(str),
    state=st.sampled_from(State),
    destination=st.from_regex(r"\A\+?[1-9][0-9]{6,14}\Z"),
    encoding=st.sampled_from(["GSM7", "UCS2"]),
    segments=st.integers(0, 20),
    accepted_at=OPTIONAL_MOMENT,
    answered_at=OPTIONAL_MOMENT,
    outcome=st.none() | st.builds(Outcome, st.sampled_from(OutcomeStatus), OPTIONAL, OPTIONAL),
    outcome_due_at=OPTIONAL_MOMENT,
    outcome_reported_at=OPTIONAL_MOMENT,
    outcome_given_up=OPTIONAL,
    outcome_given_up_at=OPTIONAL_MOMENT,
    receipts=st.lists(RECEIPT, max_size=3).map(tuple),
    **dict.fromkeys(
        (
            "sub_account_id",
            "source",
            "client_message_id",
            "campaign_id",
            "dlt_template_id",
            "umid",
            "reason",
            "description",
            "eightx8_code",
            "eightx8_error_id",
        ),
        OPTIONAL,
    ),
)


@given(message=MESSAGE, full_number=st.booleans(), is_last=st.booleans())
def test_answers_about_any_message_conform(
    message: Message, full_number: bool, is_last: bool
) -> None:
    page = Page([message], None if is_last else Position.of(message))

    schemas = OPENAPI["components"]["schemas"]
    assert_valid(send_answer(message), schemas["SendAnswer"])
    assert_valid(details_answer(message), schemas["MessageDetails"])
    if message.outcome:
        assert_valid(report_body(message, message.outcome), schemas["DeliveryReport"])
    for answer in (
        look_up_answer(message, full_number=full_number),
        page_answer(page, full_number=full_number),
    ):
        found = operations()["findMessages"]["responses"]["200"]
        assert_valid(answer, found["content"][JSON]["schema"])


# -------------------------------------------------------------------------------- the two agree
def test_every_reason_stands_with_its_status_and_no_other() -> None:
    documented = {
        (reason, status) for _, status, response in responses() for reason in reasons_of(response)
    }

    assert documented == {(one.value, int(RefusedError(one, "").status)) for one in Reason}


def test_every_route_of_the_template_is_there_and_no_other(http_api: HttpApi) -> None:
    documented = {(operation["method"], operation["path"]) for operation in operations().values()}

    # A route with a trailing slash is the same to callers.
    assert documented == {(method, path.rstrip("/")) for method, path in http_api.routes}


@pytest.mark.parametrize("schema", ["SendRequest", "SendForm"])
def test_every_name_of_every_field_is_there_and_no_other(schema: str) -> None:
    documented = set(OPENAPI["components"]["schemas"][schema]["properties"])

    assert documented == EVERY_NAME


def test_states_and_version_are_the_codes_own() -> None:
    assert OPENAPI["components"]["schemas"]["State"]["enum"] == list(State)
    assert OPENAPI["info"]["version"] == __version__


def test_the_bearer_schemes_name_the_lists_of_the_secret() -> None:
    schemes = OPENAPI["components"]["securitySchemes"].values()

    named = {name for name in TOKENS if any(name in scheme["description"] for scheme in schemes)}

    assert named == set(TOKENS)
