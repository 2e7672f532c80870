"""MoEngage's simulator does what MoEngage documents, to our advantage or not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
FILLED_IN = {"message": TEXT, "sender": "Acme", "recipient": NUMBER}
TRACKING = DeliveryTracking(
    sent_unique_id="messageId",
    report_unique_id="id",
    status="status",
    success_values=("DELIVERED", "READ"),
    failure_reason="reason",
)
SENDER = Sender(
    service_provider="Gateway",
    name="Acme",
    type=SenderType.TRANSACTIONAL,
    api_url="https://gateway.example/send",
    headers={"Authorization": "Bearer secret"},
    body={"message": "Moesms_message", "sender": "Acme", "recipient": "Moesms_destination"},
)
DELIVERED = {"id": "m-1", "status": "DELIVERED"}


def sent(message_id: str = "m-1", status: int = 200) -> web.Response:
    return web.json_response({"messageId": message_id}, status=status)


@dataclass
class Workspace:
    """A running simulator with one sender, and its service provider.

    The provider's ``answers`` come in turn; where none is left it gives an id.
    """

    moengage: MoEngageSimulator
    url: str
    sender: Sender = SENDER
    answers: list[web.Response | Callable[[], Awaitable[web.Response]]] = field(
        default_factory=list
    )
    bodies: list[bytes] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if self.answers else sent()
        return answer if isinstance(answer, web.Response) else await answer()

    async def send(self, **changes: Any) -> CampaignMessage:
        return await self.moengage.send(
            replace(self.sender, **changes), destination=NUMBER, text=TEXT, campaign_id="c-1"
        )

    async def report(self, content: object, *, at: str = "c0ffee", raw: bytes | None = None) -> int:
        url = f"{self.url}/sms/dlr/custom/{at}"
        data = json.dumps(content).encode() if raw is None else raw
        async with aiohttp.ClientSession() as session, session.post(url, data=data) as answer:
            return answer.status


@asynccontextmanager
async def running(moengage: MoEngageSimulator) -> AsyncIterator[Workspace]:
    application = web.Application()
    async with moengage.running() as url:
        workspace = Workspace(moengage, url)
        application.router.add_route("*", "/send", workspace.take)
        async with serve(application) as gateway_url:
            workspace.sender = replace(SENDER, api_url=f"{gateway_url}/send")
            moengage.save_sender(workspace.sender)
            moengage.save_delivery_tracking("Gateway", "c0ffee", TRACKING)
            yield workspace


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with running(MoEngageSimulator()) as workspace:
        yield workspace


class TestForms:
    def test_two_senders_share_a_provider_and_none_a_name_or_two_providers_a_host(self) -> None:
        moengage = MoEngageSimulator()
        moengage.save_sender(SENDER)
        moengage.save_sender(replace(SENDER, name="Acme offers", type=SenderType.PROMOTIONAL))

        with pytest.raises(ValueError, match="of this name"):
            moengage.save_sender(SENDER)
        with pytest.raises(ValueError, match="host name"):
            moengage.save_sender(replace(SENDER, name="Other", service_provider="Other"))

    def test_tracking_comes_after_saving(self) -> None:
        with pytest.raises(ValueError, match="no sender"):
            MoEngageSimulator().save_delivery_tracking("Gateway", "c0ffee", TRACKING)

    def test_no_secret_shows(self) -> None:
        assert "secret" not in repr(SENDER)


class TestWebhook:
    async def test_json_and_a_form_carry_the_values_as_strings(self, workspace: Workspace) -> None:
        await workspace.send()
        await workspace.send(body_type=BodyType.FORM)

        as_json, as_form = workspace.requests
        assert (as_json.method, as_json.content_type) == ("POST", "application/json")
        assert as_json.headers["Authorization"] == "Bearer secret"
        assert json.loads(workspace.bodies[0]) == FILLED_IN
        assert as_form.content_type == "application/x-www-form-urlencoded"
        assert dict(parse_qsl(workspace.bodies[1].decode())) == FILLED_IN

    async def test_a_raw_body_is_the_template_filled_in_and_escaped(
        self, workspace: Workspace
    ) -> None:
        template = '{"text": "Moesms_message", "dest": ["Moesms_destination"]}'

        await workspace.send(body_type=BodyType.RAW, body=template)

        assert "Content-Type" not in workspace.requests[0].headers
        assert json.loads(workspace.bodies[0]) == {"text": TEXT, "dest": [NUMBER]}

    async def test_url_parameters_and_headers_have_macros_too(self, workspace: Workspace) -> None:
        await workspace.send(
            url_parameters={"to": "Moesms_destination", "text": "Moesms_message"},
            headers={"X-Campaign": "Moesms_campaignId", "X-Template": "Moesms_dltTemplateId"},
        )

        [request] = workspace.requests
        assert dict(request.query) == {"to": NUMBER, "text": TEXT}
        assert (request.headers["X-Campaign"], request.headers["X-Template"]) == ("c-1", "")


class TestAnswer:
    @pytest.mark.parametrize(
        ("answer", "belief", "unique_id", "reason"),
        [
            (lambda: sent("m-7"), "sent", "m-7", ""),
            *(
                (lambda status=status: sent(status=status), "not sent", "", f"http_{status}")
                for status in (201, 202, 204, 302)
            ),
            (
                lambda: web.json_response({"code": "field_invalid"}, status=400),
                *("not sent", "", "field_invalid"),
            ),
            # An id that is not at the top is not found.
            *(
                (lambda content=content: web.json_response(content), "sent", "", "")
                for content in (
                    {"result": {"messageId": "m-1"}},
                    {"messageId": {"id": "m-1"}},
                    ["m-1"],
                    "m-1",
                    None,
                )
            ),
        ],
    )
    async def test_200_alone_is_a_success_and_its_top_has_the_id(
        self,
        workspace: Workspace,
        answer: Callable[[], web.Response],
        belief: str,
        unique_id: str,
        reason: str,
    ) -> None:
        answered = answer()
        answered.headers["Location"] = workspace.sender.api_url
        workspace.answers = [answered]

        message = await workspace.send()

        assert (message.belief, message.unique_id, message.reason) == (belief, unique_id, reason)
        assert len(workspace.requests) == 1

    async def test_it_gives_up_on_a_provider_that_does_not_answer(self) -> None:
        may_answer = asyncio.Event()

        async def late() -> web.Response:
            await may_answer.wait()
            return sent()

        async with running(MoEngageSimulator(seconds_to_answer=0.05)) as workspace:
            workspace.answers = [late]
            message = await workspace.send()
            may_answer.set()

        assert (message.belief, message.reason) == ("not sent", "timeout")

    async def test_nobody_listens(self, workspace: Workspace) -> None:
        message = await workspace.send(api_url="http://127.0.0.1:1/send")

        assert (message.belief, message.reason) == ("not sent", "no_connection")

    @pytest.mark.parametrize(
        ("answers", "belief"),
        [([503, 202, 200], "sent"), ([503, 503, 503, 503], "not sent")],
    )
    async def test_some_workspaces_retry_three_times_until_it_works(
        self, answers: list[int], belief: str
    ) -> None:
        moengage = MoEngageSimulator(retries=3, seconds_between_retries=0)
        async with running(moengage) as workspace:
            workspace.answers = [sent(status=status) for status in answers]
            message = await workspace.send()

        assert [answer.http_status for answer in message.answers] == answers
        assert message.belief == belief
        assert len(set(workspace.bodies)) == 1


class TestDeliveryTracking:
    @pytest.mark.parametrize(
        ("status", "belief", "reason"),
        [
            *((status, "delivered", "") for status in ("DELIVERED", "READ")),
            *((status, "failed", "absent") for status in ("FAILED", {"state": "DELIVERED"}, None)),
            # The trap: an intermediate state that is passed on is a failure.
            *((status, "failed", "absent") for status in ("queued", "sent", "delivered")),
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

        await workspace.report(DELIVERED)
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

    async def test_a_report_that_overtakes_the_answer_is_lost(self, workspace: Workspace) -> None:
        async def report_first() -> web.Response:
            await workspace.report(DELIVERED)
            return sent("m-1")

        workspace.answers = [report_first]

        assert (await workspace.send()).belief == "sent"
        assert len(workspace.moengage.lost) == 1

    async def test_a_list_of_reports_counts_as_its_first(self, workspace: Workspace) -> None:
        workspace.answers = [sent("m-1"), sent("m-2")]
        first, second = await workspace.send(), await workspace.send()

        await workspace.report([DELIVERED, {**DELIVERED, "id": "m-2"}])

        assert (first.belief, second.belief) == ("delivered", "sent")

    async def test_a_request_that_was_run_again_with_a_new_id_can_be_reported_by_both(
        self, workspace: Workspace
    ) -> None:
        workspace.answers = [sent("m-1"), sent("m-2")]
        message = await workspace.send()
        await workspace.moengage.send_again(message)

        await workspace.report({**DELIVERED, "id": "m-2"})

        assert [answer.unique_id for answer in message.answers] == ["m-1", "m-2"]
        assert message.belief == "delivered"

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            *((raw, 400) for raw in (b"", b"{", b"[]", b"7", b"\xff")),
            (json.dumps({"id": "x" * 150 * 1024}).encode(), 413),
        ],
        ids=lambda value: str(value)[:9],
    )
    async def test_what_is_no_json_object_or_too_long_is_refused(
        self, workspace: Workspace, content: bytes, status: int
    ) -> None:
        assert await workspace.report(None, raw=content) == status
        assert workspace.moengage.reports == []

    async def test_another_connector_is_not_found(self, workspace: Workspace) -> None:
        assert await workspace.report(DELIVERED, at="other") == 404
        assert workspace.moengage.reports == []

    async def test_a_fault_answers_one_report_which_then_does_not_count(
        self, workspace: Workspace
    ) -> None:
        message = await workspace.send()
        workspace.moengage.faults.append(Fault(http_status=503))

        assert await workspace.report(DELIVERED) == 503
        assert message.belief == "sent"
        assert await workspace.report(DELIVERED) == 200
        assert message.belief == "delivered"
        assert [report.http_status for report in workspace.moengage.reports] == [503, 200]
