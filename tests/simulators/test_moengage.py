"""MoEngage's simulator does what MoEngage documents, to our advantage or not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from local.moengage import (
    BodyType,
    CampaignMessage,
    DeliveryTracking,
    Fault,
    MoEngageSimulator,
    Sender,
    SenderType,
)
from local.servers import serve

NUMBER = "+6581234567"
TEXT = 'Über "20%" off & more 🎉\nMoesms_destination'
TRACKING = DeliveryTracking(
    sent_unique_id="messageId",
    report_unique_id="id",
    status="status",
    success_values=("DELIVERED", "READ"),
    failure_reason="reason",
)


@dataclass
class Gateway:
    """A service provider: what it was asked, and how it answers, with an id if nothing is said."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    answers: list[web.Response | Callable[[], Awaitable[web.Response]]] = field(
        default_factory=list
    )

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if self.answers else sent()
        return answer if isinstance(answer, web.Response) else await answer()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    application = web.Application()
    application.router.add_route("*", "/send", gateway.take)
    async with serve(application) as url:
        gateway.url = f"{url}/send"
        yield gateway


@pytest.fixture
def sender(gateway: Gateway) -> Sender:
    return Sender(
        service_provider="Gateway",
        name="Acme",
        type=SenderType.TRANSACTIONAL,
        api_url=gateway.url,
        headers={"Authorization": "Bearer secret"},
        body={"message": "Moesms_message", "sender": "Acme", "recipient": "Moesms_destination"},
    )


@dataclass
class Workspace:
    """A running simulator with its one sender."""

    moengage: MoEngageSimulator
    sender: Sender
    url: str

    async def send(self, **changes: Any) -> CampaignMessage:
        return await self.moengage.send(
            replace(self.sender, **changes), destination=NUMBER, text=TEXT, campaign_id="c-1"
        )

    async def report(self, content: object, connector_id: str = "c0ffee") -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/sms/dlr/custom/{connector_id}", json=content) as answer,
        ):
            return answer.status


@pytest.fixture
async def workspace(sender: Sender) -> AsyncIterator[Workspace]:
    moengage = MoEngageSimulator(retries=0)
    async with moengage.running() as url:
        moengage.save_sender(sender)
        moengage.save_delivery_tracking("Gateway", "c0ffee", TRACKING)
        yield Workspace(moengage, sender, url)


def sent(message_id: str = "m-1", status: int = 200) -> web.Response:
    return web.json_response({"messageId": message_id}, status=status)


class TestWebhook:
    async def test_json_carries_the_values_as_strings(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        await workspace.send()

        [request] = gateway.requests
        assert (request.method, request.content_type) == ("POST", "application/json")
        assert request.headers["Authorization"] == "Bearer secret"
        assert json.loads(gateway.bodies[0]) == {
            "message": TEXT,
            "sender": "Acme",
            "recipient": NUMBER,
        }

    async def test_a_form_carries_the_same(self, workspace: Workspace, gateway: Gateway) -> None:
        await workspace.send(body_type=BodyType.FORM)

        [request] = gateway.requests
        assert request.content_type == "application/x-www-form-urlencoded"
        assert dict(parse_qsl(gateway.bodies[0].decode())) == {
            "message": TEXT,
            "sender": "Acme",
            "recipient": NUMBER,
        }

    @pytest.mark.parametrize(
        ("template", "destination"),
        [
            ('{"text": "Moesms_message", "dest": "Moesms_destination"}', NUMBER),
            ('{"text": "Moesms_message", "dest": ["Moesms_destination"]}', [NUMBER]),
        ],
    )
    async def test_a_raw_body_is_the_template_filled_in(
        self, workspace: Workspace, gateway: Gateway, template: str, destination: object
    ) -> None:
        await workspace.send(body_type=BodyType.RAW, body=template)

        assert "Content-Type" not in gateway.requests[0].headers
        assert json.loads(gateway.bodies[0]) == {"text": TEXT, "dest": destination}

    async def test_url_parameters_and_headers_have_macros_too(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        await workspace.send(
            url_parameters={"to": "Moesms_destination", "text": "Moesms_message"},
            headers={"X-Campaign": "Moesms_campaignId", "X-Template": "Moesms_dltTemplateId"},
        )

        [request] = gateway.requests
        assert dict(request.query) == {"to": NUMBER, "text": TEXT}
        assert (request.headers["X-Campaign"], request.headers["X-Template"]) == ("c-1", "")


class TestAnswer:
    async def test_200_is_a_success_and_gives_the_id(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        gateway.answers = [sent("m-7")]

        message = await workspace.send()

        assert (message.belief, message.unique_id, message.reason) == ("sent", "m-7", "")

    @pytest.mark.parametrize("status", [201, 202, 204, 302])
    async def test_no_other_status_is_a_success(
        self, workspace: Workspace, gateway: Gateway, status: int
    ) -> None:
        gateway.answers = [web.Response(status=status, headers={"Location": gateway.url})]

        message = await workspace.send()

        assert (message.belief, message.reason) == ("not sent", f"http_{status}")
        assert len(gateway.requests) == 1

    async def test_a_refusal_is_counted_by_its_code(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        gateway.answers = [web.json_response({"code": "field_invalid"}, status=400)]

        assert (await workspace.send()).reason == "field_invalid"

    @pytest.mark.parametrize(
        "answer",
        [{"result": {"messageId": "m-1"}}, {"messageId": {"id": "m-1"}}, ["m-1"], "m-1", None],
    )
    async def test_an_id_that_is_not_at_the_top_is_not_found(
        self, workspace: Workspace, gateway: Gateway, answer: object
    ) -> None:
        gateway.answers = [web.json_response(answer)]

        message = await workspace.send()

        assert (message.belief, message.unique_id) == ("sent", "")

    async def test_it_gives_up_on_a_provider_that_does_not_answer(
        self, gateway: Gateway, sender: Sender
    ) -> None:
        may_answer = asyncio.Event()

        async def late() -> web.Response:
            await may_answer.wait()
            return sent()

        gateway.answers = [late]
        moengage = MoEngageSimulator(seconds_to_answer=0.05)
        async with moengage.running():
            message = await moengage.send(sender, destination=NUMBER, text=TEXT)
            may_answer.set()

        assert (message.belief, message.reason) == ("not sent", "timeout")

    async def test_nobody_listens(self, workspace: Workspace) -> None:
        message = await workspace.send(api_url="http://127.0.0.1:1/send")

        assert (message.belief, message.reason) == ("not sent", "no_connection")

    async def test_some_workspaces_retry_until_it_works(
        self, gateway: Gateway, sender: Sender
    ) -> None:
        gateway.answers = [web.Response(status=503), web.Response(status=202), sent()]
        moengage = MoEngageSimulator(retries=3, seconds_between_retries=0)
        async with moengage.running():
            message = await moengage.send(sender, destination=NUMBER, text=TEXT)

        assert [answer.http_status for answer in message.answers] == [503, 202, 200]
        assert message.belief == "sent"
        assert len(set(gateway.bodies)) == 1

    async def test_after_three_retries_it_gives_up(self, gateway: Gateway, sender: Sender) -> None:
        gateway.answers = [web.Response(status=503) for _ in range(9)]
        moengage = MoEngageSimulator(retries=3, seconds_between_retries=0)
        async with moengage.running():
            message = await moengage.send(sender, destination=NUMBER, text=TEXT)

        assert len(message.answers) == 4
        assert message.belief == "not sent"


class TestDeliveryTracking:
    @pytest.mark.parametrize(
        ("status", "belief", "reason"),
        [
            ("DELIVERED", "delivered", ""),
            ("READ", "delivered", ""),
            ("FAILED", "failed", "absent"),
            # The trap: an intermediate state that is passed on is a failure.
            ("queued", "failed", "absent"),
            ("sent", "failed", "absent"),
            ("delivered", "failed", "absent"),
            ({"state": "DELIVERED"}, "failed", "absent"),
            (None, "failed", "absent"),
        ],
    )
    async def test_whatever_is_not_listed_as_a_success_is_a_failure(
        self, workspace: Workspace, status: object, belief: str, reason: str
    ) -> None:
        message = await workspace.send()

        assert await workspace.report({"id": "m-1", "status": status, "reason": "absent"}) == 200

        assert (message.belief, message.reason) == (belief, reason)

    async def test_the_first_report_stands_and_further_ones_are_seen(
        self, workspace: Workspace
    ) -> None:
        message = await workspace.send()

        await workspace.report({"id": "m-1", "status": "DELIVERED"})
        await workspace.report({"id": "m-1", "status": "FAILED", "reason": "late"})

        assert (message.belief, len(message.reports)) == ("delivered", 2)

    async def test_a_report_about_an_id_that_nobody_gave_is_lost(
        self, workspace: Workspace
    ) -> None:
        message = await workspace.send()

        assert await workspace.report({"id": "m-2", "status": "DELIVERED"}) == 200
        assert await workspace.report({"messageId": "m-1", "status": "DELIVERED"}) == 200

        assert message.belief == "sent"
        assert [report.unique_id for report in workspace.moengage.lost] == ["m-2", ""]

    async def test_a_report_that_overtakes_the_answer_is_lost(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        async def report_first() -> web.Response:
            await workspace.report({"id": "m-1", "status": "DELIVERED"})
            return sent("m-1")

        gateway.answers = [report_first]

        message = await workspace.send()

        assert message.belief == "sent"
        assert len(workspace.moengage.lost) == 1

    async def test_a_list_of_reports_counts_as_its_first(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        gateway.answers = [sent("m-1"), sent("m-2")]
        first, second = await workspace.send(), await workspace.send()

        await workspace.report([{"id": one, "status": "DELIVERED"} for one in ("m-1", "m-2")])

        assert (first.belief, second.belief) == ("delivered", "sent")

    async def test_a_request_that_was_run_again_with_a_new_id_can_be_reported_by_both(
        self, workspace: Workspace, gateway: Gateway
    ) -> None:
        gateway.answers = [sent("m-1"), sent("m-2")]
        message = await workspace.send()
        await workspace.moengage.send_again(message)

        await workspace.report({"id": "m-2", "status": "DELIVERED"})

        assert [answer.unique_id for answer in message.answers] == ["m-1", "m-2"]
        assert message.belief == "delivered"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff"])
    async def test_what_is_no_json_object_is_refused(
        self, workspace: Workspace, content: bytes
    ) -> None:
        url = f"{workspace.url}/sms/dlr/custom/c0ffee"
        async with aiohttp.ClientSession() as session, session.post(url, data=content) as answer:
            assert answer.status == 400
        assert workspace.moengage.reports == []

    async def test_more_than_150_kb_is_refused(self, workspace: Workspace) -> None:
        assert await workspace.report({"id": "x" * 150 * 1024}) == 413
        assert workspace.moengage.reports == []

    async def test_another_connector_is_not_found(self, workspace: Workspace) -> None:
        assert await workspace.report({"id": "m-1"}, connector_id="other") == 404
        assert workspace.moengage.reports == []

    async def test_a_fault_answers_one_report_which_then_does_not_count(
        self, workspace: Workspace
    ) -> None:
        message = await workspace.send()
        workspace.moengage.faults.append(Fault(http_status=503))
        delivered = {"id": "m-1", "status": "DELIVERED"}

        assert await workspace.report(delivered) == 503
        assert message.belief == "sent"
        assert await workspace.report(delivered) == 200
        assert message.belief == "delivered"
        assert [report.http_status for report in workspace.moengage.reports] == [503, 200]
