"""How AWS is called: what is tried again, what it trusts, with which credentials."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from sms_bridge.observability import log_failure
from sms_bridge.storage import aws
from sms_bridge.storage.aws import AwsClients, error_code, item_of_refusal
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    reads_and_resets,
    reads_and_says_nothing,
    unreachable_url,
)
from tests.fakes.logs import WrittenLog

ITEM = {"id": {"S": "1"}}
NO_ANSWER = "no answer"


def refuses(code: str, status: int = 400, **more: Any) -> Behaviour:
    """Answer as AWS refuses a call."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "quotes +65", **more}
    return answers(status, json.dumps(body).encode(), **{"x-amzn-RequestId": "R-1"})


GOOD = answers(200, json.dumps({"Item": ITEM}).encode())

# How AWS answers one after the other, how often it is asked, and what comes of it.
TABLE: dict[str, tuple[tuple[Behaviour, ...], int, Any]] = {
    "at once": ((GOOD,), 1, ITEM),
    "after an error of AWS's": ((answers(500), GOOD), 2, ITEM),
    "not after three": ((answers(503), answers(503), answers(503), GOOD), 3, "503"),
    "after throttling": ((refuses("ThrottlingException"), GOOD), 2, ITEM),
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
    "a broken connection": ((reads_and_resets, GOOD), 2, ITEM),
    "no answer in time": ((reads_and_says_nothing, GOOD), 2, ITEM),
    "broken for long": ((reads_and_resets,) * 3, 3, NO_ANSWER),
}


@dataclass
class Pauses:
    """Stands for the time that boto3 sleeps by."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """What boto3 pauses between its tries; nobody waits."""
    pauses = Pauses()
    monkeypatch.setattr(botocore.endpoint, "time", pauses)
    return pauses


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AwsClients]:
    """The clients of a region whose AWS is at a URL."""
    session = boto3.Session("local", "local", region_name="us-east-1")

    def made(url: str) -> AwsClients:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        return AwsClients(session)

    return made


def outcome_of(clients: AwsClients, name: str = "dynamodb") -> Any:
    """Return what an item's read brings, or the code of the refusal."""
    try:
        return getattr(clients, name).get_item(TableName="messages", Key=ITEM)["Item"]
    except ClientError as error:
        return error_code(error)
    except BotoCoreError:
        return NO_ANSWER


@pytest.mark.parametrize("case", TABLE)
def test_a_call_is_tried_again_where_that_may_help(
    case: str, clients: Callable[[str], AwsClients], pauses: Pauses
) -> None:
    behaviours, requests, result = TABLE[case]
    with LoopbackServer(*behaviours) as server:
        assert outcome_of(clients(server.url)) == result
        assert (len(server.received), len(pauses.slept)) == (requests, requests - 1)


def test_an_address_where_nobody_listens_is_asked_three_times(
    clients: Callable[[str], AwsClients], pauses: Pauses
) -> None:
    assert outcome_of(clients(unreachable_url())) == NO_ANSWER
    assert len(pauses.slept) == 2


def test_the_patient_client_tries_longer_than_any_other(
    clients: Callable[[str], AwsClients], pauses: Pauses
) -> None:
    with LoopbackServer(*[refuses("ThrottlingException")] * 8, GOOD) as server:
        assert outcome_of(clients(server.url), "patient_dynamodb") == ITEM
    assert len(pauses.slept) == 8
    assert sum(pauses.slept) < 13


def test_the_patient_client_tries_as_long_however_many_calls_failed_before(
    clients: Callable[[str], AwsClients], pauses: Pauses
) -> None:
    throttled = [refuses("ThrottlingException")] * 9
    with LoopbackServer(*throttled * 20, *throttled[1:], GOOD) as server:
        some = clients(server.url)
        for _ in range(20):
            assert outcome_of(some, "patient_dynamodb") == "ThrottlingException"
        assert outcome_of(some, "patient_dynamodb") == ITEM
    assert len(pauses.slept) == 21 * 8


def test_threads_that_ask_for_a_client_at_the_same_moment_share_one() -> None:
    class Waiting:
        """A lock; while it was waited for, another thread has made the client."""

        def __enter__(self) -> None:
            clients.__dict__["sqs"] = "of the other thread"

        def __exit__(self, *_: object) -> None: ...

    clients: Any = AwsClients(boto3.Session("local", "local", region_name="us-east-1"))
    clients.lock = Waiting()

    assert clients.sqs == "of the other thread"


def test_the_client_that_tries_once_never_repeats_a_call(
    clients: Callable[[str], AwsClients],
) -> None:
    with LoopbackServer(answers(500), GOOD) as server:
        with pytest.raises(ClientError):
            clients(server.url).sqs_once.send_message(QueueUrl=server.url, MessageBody="{}")
        assert len(server.received) == 1


def test_each_client_is_made_once(clients: Callable[[str], AwsClients]) -> None:
    some = clients("http://127.0.0.1:1")

    assert some.dynamodb is some.dynamodb
    assert some.secretsmanager is some.secretsmanager
    assert some.sqs is some.sqs is not some.sqs_once


def test_a_failures_line_has_aws_code_and_request_id_and_none_of_its_words(
    clients: Callable[[str], AwsClients], logged: WrittenLog
) -> None:
    with (
        LoopbackServer(refuses("ValidationException")) as server,
        pytest.raises(ClientError) as refused,
    ):
        clients(server.url).dynamodb.get_item(TableName="messages", Key=ITEM)

    log_failure("it failed", refused.value)

    (line,) = logged.lines
    assert (line["aws_error"], line["aws_request_id"]) == ("ValidationException", "R-1")
    assert "+65" not in logged.text
    assert error_code(ValueError("+65")) == ""


def test_a_condition_that_does_not_hold_shows_the_item_and_any_other_error_is_raised(
    clients: Callable[[str], AwsClients],
) -> None:
    def refusal(*behaviours: Behaviour) -> ClientError:
        with LoopbackServer(*behaviours) as server, pytest.raises(ClientError) as refused:
            clients(server.url).dynamodb.get_item(TableName="messages", Key=ITEM)
        return refused.value

    assert item_of_refusal(refusal(refuses("ConditionalCheckFailedException", Item=ITEM))) == ITEM
    assert item_of_refusal(refusal(refuses("ConditionalCheckFailedException"))) == {}
    with pytest.raises(ClientError, match="ValidationException"):
        item_of_refusal(refusal(refuses("ValidationException")))


def test_that_credentials_were_found_is_no_line_of_the_functions_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    caplog.set_level("INFO")

    credentials = boto3.Session().get_credentials()

    assert credentials is not None
    assert caplog.records == []


class TestTrust:
    """Which certificates boto3 is given, as its clients show."""

    @pytest.fixture(autouse=True)
    def _built(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Run as from a layer that was built."""
        self.roots = tmp_path / "aws.pem"
        self.roots.write_text("")
        monkeypatch.setattr(aws, "_AMAZON_ROOTS", self.roots)
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)

    def trusted(self, region: str = "eu-west-1") -> Any:
        session = boto3.Session("local", "local", region_name=region)
        client: Any = AwsClients(session).dynamodb
        return client._endpoint.http_session._verify

    def test_amazons_roots_alone_are_trusted(self) -> None:
        assert self.trusted() == str(self.roots)

    @pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
    def test_a_bundle_that_the_operator_chose_wins(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "/opt/company.pem")

        assert self.trusted() == "/opt/company.pem"

    def test_without_a_bundle_of_our_own_boto3_trusts_what_it_always_does(self) -> None:
        self.roots.unlink()

        assert self.trusted() is True

    def test_in_china_boto3_trusts_what_it_always_does(self) -> None:
        assert self.trusted("cn-north-1") is True
