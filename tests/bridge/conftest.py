"""A deployed bridge, all well with it."""

import functools
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from anyio.from_thread import start_blocking_portal

from bridge.stack import FUNCTIONS
from local.eightx8 import EightX8Simulator, Pace
from sms_bridge.observability import logger
from sms_bridge.storage.aws import AwsClients
from tests.bridge.deployed import (
    ACCOUNT,
    KEY,
    PROMOTIONAL,
    RULE,
    SECRET,
    TRANSACTIONAL,
    Deployed,
    Functions,
    environment,
    log_group,
    make_queues,
)
from tests.fakes.aws import ON_LOOPBACK, a_messages_table, an_aws_account, client_of, session
from tests.fakes.http_server import LoopbackServer


@functools.cache
def clients_of_the_functions() -> AwsClients:
    """Return the functions' clients, the same for all tests: to make them takes a while."""
    return AwsClients(session())


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """A bridge of which 8x8 knows the key and the webhook."""
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in ON_LOOPBACK.items():
        monkeypatch.setenv(name, value)
    one_session = session()
    monkeypatch.setattr("boto3.Session", lambda *_, **__: one_session)
    monkeypatch.setattr("sms_bridge.wiring.AwsClients", clients_of_the_functions)
    monkeypatch.setattr("bridge.queues._SECONDS_TO_WAIT", 0)
    # The functions' log is not what these tests are about.
    level = logger.log_level
    logger.setLevel("CRITICAL")
    eightx8 = EightX8Simulator(
        account_id=ACCOUNT,
        sub_account_ids=(TRANSACTIONAL, PROMOTIONAL),
        api_keys=[KEY],
        pace=Pace(until_receipt=0.0, between_retries=(0.1,) * 20),
    )
    with ExitStack() as opening:
        opening.enter_context(an_aws_account())
        a_messages_table()
        for function in FUNCTIONS:
            client_of("logs").create_log_group(logGroupName=log_group(function))
        client_of("events").put_rule(Name=RULE, ScheduleExpression="rate(5 minutes)")
        queue_urls = make_queues()
        secret_arn = client_of("secretsmanager").create_secret(
            Name="BridgeSecret", SecretString=json.dumps(SECRET)
        )["ARN"]
        thread = opening.enter_context(start_blocking_portal())
        eightx8_url = opening.enter_context(thread.wrap_async_context_manager(eightx8.running()))
        bridge = Deployed(
            secret_arn=secret_arn,
            functions=Functions(environment(queue_urls, secret_arn, eightx8_url)),
            queue_urls=queue_urls,
            eightx8=eightx8,
            monkeypatch=monkeypatch,
        )
        bridge.api_url = opening.enter_context(LoopbackServer(bridge.serve)).url
        # Doctor only connects to it, so any host that listens will do.
        bridge.environment["MOENGAGE_DELIVERY_TRACKING_URL"] = f"{bridge.api_url}/tracking/id"
        bridge.put_secret(eightx8AccountId=ACCOUNT)
        bridge.register(f"{bridge.api_url}/callbacks/8x8")
        bridge.add_alarm("DeadLetters", "arn:aws:lambda:us-east-1:123456789012:function:page")
        # None may arrive when the API is gone.
        opening.callback(thread.call, eightx8.settled, 10.0)
        yield bridge
    logger.setLevel(level)
