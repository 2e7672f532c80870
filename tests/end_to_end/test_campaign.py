"""The campaign of `make run` comes out as it should."""

import asyncio
import json
from pathlib import Path

import pytest

from local.campaign import CASES, Result
from local.containers import write_environment
from local.eightx8.contract import problems_of_batch_request, problems_of_send_request
from local.stack import LocalStack
from tests.docs.openapi_file import OPENAPI, assert_valid
from tests.end_to_end.control_api import ControlApi
from tests.printed_commands import carry_out, printed_commands

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]


async def test_every_message_comes_out_as_it_should(campaign: list[Result]) -> None:
    assert [(result.case.name, result.differences) for result in campaign] == [
        (case.name, ()) for case in CASES
    ]


async def test_every_request_to_8x8_satisfies_8x8s_contract(
    control: ControlApi, campaign: list[Result]
) -> None:
    requests = await control.requests()

    assert len(requests) >= sum(result.message_id != "" for result in campaign)
    for request in requests:
        problems_of = problems_of_batch_request if request["batch"] else problems_of_send_request
        assert problems_of(request["body"]) == []
    # The one that 8x8 did not take in time went through the send queue.
    assert any(request["batch"] for request in requests)


async def test_moengage_gets_final_outcomes_only_and_each_once(
    control: ControlApi, campaign: list[Result]
) -> None:
    known = {result.message_id: result for result in campaign if result.message_id}
    payloads = [attempt["event"]["payload"] for attempt in await control.callbacks()]
    states = {payload["status"]["state"] for payload in payloads if "status" in payload}

    reports = await control.reports()

    # There was something to hold back.
    assert {"queued", "sent", "delivered", "undelivered", "rejected"} <= states
    for report in reports:
        assert_valid(report["content"], OPENAPI["components"]["schemas"]["DeliveryReport"])
    ids = [report["messageId"] for report in reports]
    assert sorted(one for one in ids if one in known) == sorted(known)
    # None came before MoEngage had read the message's id.
    assert not known.keys() & {report["messageId"] for report in reports if report["lost"]}


async def test_the_printed_commands_work_as_printed(
    stack: LocalStack, campaign: list[Result]
) -> None:
    sent, looked_up = [await carry_out(command) for command in printed_commands(stack)]

    assert '"umid"' in sent
    assert '"QUEUED"' in sent
    assert f'"umid":"{campaign[0].message_id}"' in looked_up
    assert '"state":"delivered"' in looked_up


async def test_behind_a_proxy_the_printed_commands_pass_it_by(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")

    assert all("--noproxy '*'" in command for command in printed_commands(stack))


async def test_the_environment_file_has_each_functions_variables_as_a_container_needs_them(
    stack: LocalStack, tmp_path: Path
) -> None:
    file = tmp_path / "environment.json"

    await asyncio.to_thread(write_environment, stack, file)

    functions = json.loads(file.read_text())
    assert set(functions) >= {"SendSms", "ReceiveCallback", "ForwardOutcome", "Reconcile"}
    assert functions["SendSms"]["BRIDGE_SECRET_ARN"] == stack.deployment.secret_arn
    assert "//host.docker.internal:" in functions["SendSms"]["EIGHTX8_BASE_URL"]
    assert "127.0.0.1" not in file.read_text()
    # It holds the account's number, which is the access key id of this run.
    assert file.stat().st_mode & 0o077 == 0
