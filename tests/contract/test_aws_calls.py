"""Functions with boto3 and functions without it call AWS in the same way."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import botocore.endpoint
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from sms_bridge.json_text import WrittenList
from sms_bridge.providers.http import BadAnswerError
from sms_bridge.storage import aws as clients
from sms_bridge.storage import aws_calls
from sms_bridge.storage.aws_calls import AwsClient, AwsError
from tests.fakes.aws import ON_LOOPBACK
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    reads_and_resets,
    reads_and_says_nothing,
    unreachable_url,
)

ITEM = {"id": {"S": "1"}}
NO_ANSWER = "no answer"


def refuses(code: str, status: int = 400, **more: Any) -> Behaviour:
    """Answer as AWS refuses a call."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "quotes +65", **more}
    return answers(status, json.dumps(body).encode())


GOOD = answers(200, json.dumps({"Item": ITEM}).encode())

# How AWS answers one after the other, how often it is asked, and what comes of it.
TABLE: dict[str, tuple[tuple[Behaviour, ...], int, Any]] = {
    "at once": ((GOOD,), 1, {"Item": ITEM}),
    "after an error of AWS's": ((answers(500), GOOD), 2, {"Item": ITEM}),
    "not after three": ((answers(503), answers(503), answers(503), GOOD), 3, "503"),
    "after throttling": ((refuses("ThrottlingException"), GOOD), 2, {"Item": ITEM}),
    "throttled for long": (
        (refuses("ProvisionedThroughputExceededException"),) * 3,
        3,
        "ProvisionedThroughputExceededException",
    ),
    "a condition": (
        (refuses("ConditionalCheckFailedException", Item=ITEM),),
        1,
        "ConditionalCheckFailedException",
    ),
    "no such table": (
        (refuses("ResourceNotFoundException"),),
        1,
        "ResourceNotFoundException",
    ),
    "a broken connection": ((reads_and_resets, GOOD), 2, {"Item": ITEM}),
    "no answer in time": ((reads_and_says_nothing, GOOD), 2, {"Item": ITEM}),
    "broken for long": ((reads_and_resets,) * 3, 3, NO_ANSWER),
}


@dataclass
class Caller:
    """A client of DynamoDB, and how long it paused between its tries."""

    client: Any
    pauses: list[float] = field(default_factory=list)

    def call(self, **parameters: Any) -> Any:
        """Return what an item's read brings, or the code of the refusal."""
        try:
            answer = self.client.get_item(TableName="messages", Key=ITEM, **parameters)
        except (ClientError, AwsError) as refusal:
            return refusal.response["Error"]["Code"]
        except (BotoCoreError, HTTPError, OSError, BadAnswerError):
            return NO_ANSWER
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


Make = Callable[[str], Caller]


@pytest.fixture(params=["boto3", "without boto3"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make each kind of client, for a server's URL; neither waits long."""
    for name, value in ON_LOOPBACK.items():
        monkeypatch.setenv(name, value)

    def made(url: str) -> Caller:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        if request.param != "boto3":
            caller = Caller(None)
            caller.client = AwsClient("dynamodb", sleep=caller.pauses.append, chance=lambda: 1.0)
            return caller
        caller = Caller(clients.boto3_client("dynamodb"))

        class Impatient:
            sleep = staticmethod(caller.pauses.append)

        monkeypatch.setattr(botocore.endpoint, "time", Impatient)
        return caller

    monkeypatch.setattr(aws_calls, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(clients, "AWS_CALLS", clients.AWS_CALLS.merge(_Short))
    return made


_Short = clients.AWS_CALLS.__class__(read_timeout=0.3)


@pytest.mark.parametrize("case", TABLE)
def test_a_call_is_tried_again_where_that_may_help(case: str, make: Make) -> None:
    behaviours, requests, result = TABLE[case]
    with LoopbackServer(*behaviours) as server:
        caller = make(server.url)

        assert caller.call() == result
        assert (len(server.received), len(caller.pauses)) == (requests, requests - 1)


def test_an_address_where_nobody_listens_is_asked_three_times(make: Make) -> None:
    caller = make(unreachable_url())

    assert caller.call() == NO_ANSWER
    assert len(caller.pauses) == 2


@pytest.mark.parametrize(
    ("first", "most"), [(answers(500), 0.025), (refuses("ThrottlingException"), 1.0)]
)
def test_pauses_are_short_but_for_throttling(first: Behaviour, most: float, make: Make) -> None:
    with LoopbackServer(first, GOOD) as server:
        caller = make(server.url)
        caller.call()

    assert 0 <= caller.pauses[0] <= most


def test_aws_may_ask_for_a_longer_pause(make: Make) -> None:
    asks = answers(500, b"{}", **{"x-amz-retry-after": "1500"})
    with LoopbackServer(asks, GOOD) as server:
        caller = make(server.url)
        caller.call()

    assert 1.5 <= caller.pauses[0] <= 1.6


def test_the_same_words_are_sent(make: Make) -> None:
    with LoopbackServer(GOOD) as server:
        make(server.url).call(ConsistentRead=True)
        [request] = server.received

    assert json.loads(request.body) == {
        "TableName": "messages",
        "Key": ITEM,
        "ConsistentRead": True,
    }
    assert request.line.split()[:2] == ["POST", "/"]
    assert request.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    assert "/eu-west-1/" not in request.headers["authorization"]
    assert "/us-east-1/dynamodb/aws4_request" in request.headers["authorization"]


def test_a_list_that_is_written_already_is_sent_as_any_other(make: Make) -> None:
    statements = [{"Statement": "UPDATE ...", "Parameters": [{"S": 'a "name"'}]}]
    with LoopbackServer(answers(200, b'{"Responses": []}')) as server:
        client = make(server.url).client
        client.batch_execute_statement(
            Statements=WrittenList(statements, json.dumps(statements)),
            ReturnConsumedCapacity="NONE",
        )
        [request] = server.received

    assert json.loads(request.body) == {"Statements": statements, "ReturnConsumedCapacity": "NONE"}


def test_a_service_of_its_own_address_is_asked_there(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(GOOD) as own, LoopbackServer(GOOD) as others:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", own.url)
        make(others.url).call()

        assert (len(own.received), len(others.received)) == (1, 0)


def test_a_condition_that_is_not_met_shows_the_item(make: Make) -> None:
    with LoopbackServer(refuses("ConditionalCheckFailedException", Item=ITEM)) as server:
        client = make(server.url).client

        with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
            client.get_item(TableName="messages", Key=ITEM)

    assert refused.value.response["Item"] == ITEM


def test_a_refusal_does_not_quote_what_it_refuses() -> None:
    environment = {**ON_LOOPBACK}
    with LoopbackServer(refuses("ValidationException")) as server:
        client = AwsClient("dynamodb", environment={**environment, "AWS_ENDPOINT_URL": server.url})

        with pytest.raises(AwsError) as refused:
            client.get_item(TableName="messages", Key=ITEM)

    assert str(refused.value) == type(refused.value).__name__ == "ValidationException"
    assert "+65" not in repr(refused.value)


def test_a_connection_that_was_idle_for_long_is_replaced() -> None:
    now = [time.time()]
    with LoopbackServer(GOOD) as server:
        environment = {**ON_LOOPBACK, "AWS_ENDPOINT_URL": server.url}
        client = AwsClient("dynamodb", environment=environment, clock=lambda: now[0])
        for pause in (0, 19, 21):
            now[0] += pause
            client.get_item(TableName="messages", Key=ITEM)

        assert server.connections == 2


def test_a_client_that_tries_once_never_repeats_a_call_on_the_same_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ON_LOOPBACK.items():
        monkeypatch.setenv(name, value)
    with LoopbackServer(GOOD, answers(500), GOOD) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = AwsClient("dynamodb")
        client.get_item(TableName="messages", Key=ITEM)

        with pytest.raises(AwsError, match="500"):
            client.trying_once().get_item(TableName="messages", Key=ITEM)

    assert (server.connections, len(server.received)) == (1, 2)
