"""The functions when something is missing, broken or away."""

import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
    CircuitBreakerDynamoDBPersistence,
)

from local.event_files import (
    TOKENS,
    event_files,
    in_short,
    message_id,
    put_messages,
)
from sms_bridge.services import forward
from tests.builders import EVER
from tests.fakes.aws import TABLE
from tests.fakes.circuit import circuits
from tests.fakes.http_server import answers
from tests.handlers.conftest import API_KEY, Bridge

READ_THE_SECRET = {
    "send_sms": "send_sms/single",
    "receive_callback": "receive_callback/receipt_delivered",
    "look_up_message": "look_up_message/masked",
}
EVENTS = {file.name: file for file in event_files()}
DEAD_LETTERS = "OUTCOME_DEAD_LETTER_QUEUE_URL"


class TestFailures:
    @pytest.mark.parametrize("function", [*READ_THE_SECRET, "refuse_request"])
    def test_an_event_that_is_no_request_is_answered_503(
        self, function: str, bridge: Bridge
    ) -> None:
        answer = bridge.handler(function)({"unexpected": "+6591234567"})

        assert in_short(answer) == "503 unavailable"
        assert "6591234567" not in bridge.log.text

    @pytest.mark.parametrize(("function", "event"), READ_THE_SECRET.items())
    def test_a_table_that_is_away_is_answered_503_and_nothing_is_sent(
        self, function: str, event: str, bridge: Bridge
    ) -> None:
        handler = bridge.handler(function)
        bridge.dynamodb.delete_table(TableName=TABLE)

        answer = handler(EVENTS[event].event)

        assert in_short(answer) == "503 unavailable"
        assert bridge.eightx8.received == []
        assert "ResourceNotFoundException" in bridge.log.text

    @pytest.mark.parametrize(("function", "event"), READ_THE_SECRET.items())
    def test_an_outage_of_secrets_manager_at_the_first_request_is_answered_503(
        self, function: str, event: str, bridge: Bridge
    ) -> None:
        put_messages(bridge.messages, EVENTS[event].event)
        text = bridge.secretsmanager.get_secret_value(SecretId=bridge.secret_arn)["SecretString"]
        # In place of Secrets Manager, for this function alone.
        service = bridge.cloudformation
        handler = bridge.handler(function, AWS_ENDPOINT_URL_SECRETS_MANAGER=service.url)

        at_start = len(service.received)
        service.always(500, {"__type": "InternalServiceError"})
        during = handler(EVENTS[event].event)
        before_its_end = (len(service.received) - at_start, len(bridge.eightx8.received))
        service.always(200, {"SecretString": text})
        after = handler(EVENTS[event].event)

        assert in_short(during) == "503 unavailable"
        assert before_its_end == (3, 0)
        assert in_short(after) == EVENTS[event].answer

    @pytest.mark.parametrize(("function", "event"), READ_THE_SECRET.items())
    def test_a_secret_that_is_not_json_is_answered_503(
        self, function: str, event: str, bridge: Bridge
    ) -> None:
        bridge.secretsmanager.put_secret_value(
            SecretId=bridge.secret_arn, SecretString=f"key {API_KEY}"
        )

        answer = bridge.handler(function)(EVENTS[event].event)

        assert in_short(answer) == "503 unavailable"
        assert API_KEY not in bridge.log.text + answer["body"]

    def test_a_secret_without_8x8s_key_is_answered_503_until_it_has_one(
        self, bridge: Bridge
    ) -> None:
        bridge.put_secret(eightx8ApiKey="")

        handler = bridge.handler("send_sms")

        assert in_short(handler(EVENTS["send_sms/single"].event)) == "503 not_configured"
        assert bridge.items() == {}
        bridge.put_secret(eightx8ApiKey=API_KEY)
        handler = bridge.handler("send_sms")
        assert in_short(handler(EVENTS["send_sms/single"].event)) == "200 QUEUED"
        [sent] = bridge.eightx8.received
        assert sent.headers["authorization"] == f"Bearer {API_KEY}"

    @pytest.mark.parametrize(
        ("function", "event", "tokens"),
        [
            ("send_sms", "send_sms/single", "moengageTokens"),
            ("receive_callback", "receive_callback/receipt_delivered", "callbackTokens"),
        ],
    )
    def test_a_token_that_was_put_into_the_secret_a_moment_ago_counts(
        self, function: str, event: str, tokens: str, bridge: Bridge
    ) -> None:
        put_messages(bridge.messages, EVENTS[event].event)
        bridge.put_secret(**{tokens: ["another"]})
        handler = bridge.handler(function)
        bridge.put_secret(**{tokens: [TOKENS[tokens], "another"]})

        assert in_short(handler(EVENTS[event].event)) == EVENTS[event].answer

    def test_who_holds_no_token_learns_nothing_about_the_secret(self, bridge: Bridge) -> None:
        bridge.put_secret(eightx8ApiKey="")

        answer = bridge.handler("send_sms")(EVENTS["send_sms/bad_token"].event)

        assert in_short(answer) == "401 unauthorized"


class TestSending:
    def test_each_message_asks_for_its_receipts_where_the_stack_has_a_name(
        self, bridge: Bridge
    ) -> None:
        handler = bridge.handler("send_sms", CALLBACK_BASE_URL="https://sms.example.com")

        handler(EVENTS["send_sms/single"].event)

        [sent] = bridge.eightx8.bodies
        token = TOKENS["callbackTokens"]
        expected = f"https://sms.example.com/callbacks/8x8?token={token}"
        assert sent["dlrCallbackUrl"] == expected


class TestBatches:
    EVENT = EVENTS["send_sms/batch"].event

    def test_without_the_queue_each_message_is_rejected_until_it_is_asked_for_again(
        self, bridge: Bridge
    ) -> None:
        handler = bridge.handler("send_sms", TRANSACTIONAL_QUEUE_URL="https://nowhere.invalid/q")

        refused = handler(self.EVENT)
        taken = bridge.handler("send_sms")(self.EVENT)

        assert in_short(refused) == "503 unavailable"
        assert in_short(taken) == "200 2 accepted, 0 rejected"


class TestDetails:
    @pytest.mark.parametrize(
        ("tokens", "answer"),
        [
            ("moengageTokens", "200 delivered"),
            ("lookUpTokens", "200 delivered"),
            ("fullNumberTokens", "200 delivered"),
            ("callbackTokens", "401 unauthorized"),
        ],
    )
    def test_who_may_send_or_look_up_may_read_one_message(
        self, tokens: str, answer: str, bridge: Bridge
    ) -> None:
        event = EVENTS["look_up_message/details"].event
        put_messages(bridge.messages, event)
        headers = {**event["headers"], "authorization": f"Bearer {TOKENS[tokens]}"}

        answered = bridge.handler("look_up_message")({**event, "headers": headers})

        assert in_short(answered) == answer
        assert "6591234567" not in answered["body"]

    @pytest.mark.parametrize("name", ["details", "masked"])
    def test_an_id_may_be_written_in_capitals(self, name: str, bridge: Bridge) -> None:
        event = EVENTS[f"look_up_message/{name}"].event
        put_messages(bridge.messages, event)
        in_path = event["pathParameters"]
        in_capitals = {one: in_path[one].upper() for one in in_path if one in ("umid", "messageId")}

        answered = bridge.handler("look_up_message")(
            {**event, "pathParameters": {**in_path, **in_capitals}}
        )

        assert answered["statusCode"] == 200

    @pytest.mark.parametrize("message_id", [" ", "\n", "x" * 3000])
    def test_what_cannot_be_an_id_is_not_found(self, message_id: str, bridge: Bridge) -> None:
        event = EVENTS["look_up_message/masked"].event

        answered = bridge.handler("look_up_message")(
            {**event, "pathParameters": {"messageId": message_id}}
        )

        assert in_short(answered) == "404 message_not_found"


class TestForwarding:
    def test_one_that_moengage_does_not_take_now_stays_in_the_queue(self, bridge: Bridge) -> None:
        batch = queue_outcomes(bridge, 16, 18)
        behaviours = iter([answers(500), answers(200)])
        bridge.moengage.behaviour = lambda connection: next(behaviours)(connection)

        answer = bridge.handler("forward_outcome")({"Records": batch})

        # They are told side by side: it is not said which of them meets which answer.
        was_reported = {record["messageId"]: is_reported(bridge, record) for record in batch}
        assert sorted(was_reported.values()) == [False, True]
        stays = [name for name, reported in was_reported.items() if not reported]
        assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in stays]}
        assert sorted(reported["umid"] for reported in bridge.moengage.bodies) == [
            message_id(16),
            message_id(18),
        ]
        assert bridge.queued(DEAD_LETTERS) == []

    def test_without_a_tracking_url_outcomes_are_given_up_until_they_are_replayed(
        self, bridge: Bridge
    ) -> None:
        batch = queue_outcomes(bridge, 16)
        handler = bridge.handler("forward_outcome", MOENGAGE_DELIVERY_TRACKING_URL="")

        answer = handler({"Records": batch})

        assert answer == {"batchItemFailures": []}
        assert bridge.stored(message_id(16)).outcome_given_up == "no_tracking_url"
        assert not list(bridge.messages.open_messages(until=EVER))

    def test_while_moengage_fails_it_is_not_called_and_the_state_expires_some_day(
        self, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forward, "FAILURES_THAT_OPEN", 1)
        bridge.moengage.always(503)
        for number in (16, 18, 19):
            records = queue_outcomes(bridge, number)
            answer = bridge.handler("forward_outcome")({"Records": records})
            assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}

        assert [one["umid"] for one in bridge.moengage.bodies] == [message_id(16)]
        item = bridge.items()[forward.CIRCUIT]
        assert item["state"] == {"S": "OPEN"}
        assert 3000 < int(item["expires_at"]["N"]) - time.time() < 4000

    def test_a_batch_reads_whether_moengage_is_called_once(
        self, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handler, batch = bridge.handler("forward_outcome"), queue_outcomes(bridge, 16, 18, 19)
        reads: list[str] = []
        monkeypatch.setattr(
            CircuitBreakerDynamoDBPersistence, "_get_record", lambda _, name: reads.append(name)
        )

        # What was read at the start is known no longer.
        with circuits(lambda: time.time() + 10):
            assert handler({"Records": batch}) == {"batchItemFailures": []}

        assert reads == [forward.CIRCUIT]


def queue_outcomes(bridge: Bridge, *numbers: int) -> list[dict[str, Any]]:
    """Queue outcomes that are open, and return them as Lambda receives them from the queue."""
    url = bridge.queue_urls["OUTCOME_QUEUE_URL"]
    for number in numbers:
        put_messages(bridge.messages, {"messageId": message_id(number)})
        body = json.dumps({"version": 1, "messageId": message_id(number)})
        bridge.sqs.send_message(QueueUrl=url, MessageBody=body)
    return bridge.receive("OUTCOME_QUEUE_URL")


def is_reported(bridge: Bridge, record: dict[str, Any]) -> bool:
    return bridge.stored(json.loads(record["body"])["messageId"]).outcome_reported_at > 0
