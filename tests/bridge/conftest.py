"""A deployed bridge, all well with it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sms_bridge.observability import logger
from tests.bridge.deployed import (
    ACCOUNT,
    Deployed,
    Functions,
    a_simulator,
    clients_of_the_functions,
    environment,
    make_logs_and_schedule,
    make_queues,
    make_secret,
    running,
)
from tests.bridge.loopback import loopback_server
from tests.fakes.aws import ON_LOOPBACK, a_messages_table, an_aws_account, session


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """A bridge of which 8x8 knows the key and the webhook."""
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in ON_LOOPBACK.items():
        monkeypatch.setenv(name, value)
    one_session = session()
    monkeypatch.setattr("boto3.Session", lambda *_, **__: one_session)
    monkeypatch.setattr("sms_bridge.wiring.AwsClients", clients_of_the_functions)
    # The functions' log is not what these tests are about.
    level = logger.log_level
    logger.setLevel("CRITICAL")
    with ExitStack() as opening:
        opening.enter_context(an_aws_account())
        a_messages_table()
        make_logs_and_schedule()
        queue_urls, secret_arn, eightx8 = make_queues(), make_secret(), a_simulator()
        eightx8_url, wait_for_callbacks = opening.enter_context(running(eightx8))
        bridge = Deployed(
            secret_arn=secret_arn,
            functions=Functions(environment(queue_urls, secret_arn, eightx8_url)),
            queue_urls=queue_urls,
            eightx8=eightx8,
            eightx8_url=eightx8_url,
            monkeypatch=monkeypatch,
        )
        bridge.api_url = opening.enter_context(loopback_server(bridge.answer))
        # Doctor only connects to it, so any host that listens will do.
        bridge.environment["MOENGAGE_DELIVERY_TRACKING_URL"] = f"{bridge.api_url}/tracking/id"
        bridge.put_secret(eightx8AccountId=ACCOUNT)
        bridge.register(f"{bridge.api_url}/callbacks/8x8")
        bridge.add_alarm("DeadLetters", "arn:aws:lambda:us-east-1:123456789012:function:page")
        # None may arrive when the API is gone.
        opening.callback(wait_for_callbacks)
        yield bridge
    logger.setLevel(level)
