"""MoEngage's Data API, simulated: takes what is documented and refuses everything else."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from local.moengage import DataApi, MoEngageSimulator
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.opt_out import Identifier, Keyword, OptRequest
from sms_bridge.domain.reporting import ReportVerdict
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DataApi as BridgesDataApi
from tests.builders import an_inbound

NUMBER = "+6581234567"
NOW = seconds_of("2026-11-24T09:30:00Z")
GOOD = {"type": "customer", "customer_id": "u-1", "attributes": {"moe_sms_subscription": "OPTOUT"}}


@dataclass
class Workspace:
    data_api: DataApi
    url: str

    async def post(self, body: object, what: str = "customer", **changes: str) -> int:
        """Post a body, as JSON unless it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": aiohttp.encode_basic_auth("acme", "key"),
            "MOE-APPKEY": "acme",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/{what}/acme", data=content, headers=headers) as answer,
        ):
            return answer.status


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    data_api = DataApi("acme", "key", clock=lambda: NOW)
    async with MoEngageSimulator(data_api=data_api).running() as url:
        yield Workspace(data_api, url)


async def test_attributes_are_set_and_the_last_value_counts(workspace: Workspace) -> None:
    assert await workspace.post(GOOD) == 200
    again = {**GOOD, "attributes": {"moe_sms_subscription": "OPTIN", "city": "Rome"}}
    assert await workspace.post(again) == 200

    assert workspace.data_api.users == {"u-1": {"moe_sms_subscription": "OPTIN", "city": "Rome"}}


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({"Authorization": "Basic d3Jvbmc6a2V5"}, {}, 401),
        ({"MOE_APPKEY": "another"}, {}, 401),
        ({"Content_Type": "text/plain"}, {}, 400),
        ({}, {"type": "Customer"}, 400),
        ({}, {"attributes": []}, 400),
        ({}, {"customer_id": ""}, 400),
        ({}, {"customer_id": "unknown"}, 400),
        ({}, {"attributes": {"text": "x" * 140_000}}, 413),
    ],
)
async def test_what_is_wrong_is_refused_and_changes_nothing(
    headers: dict[str, str], changes: dict[str, Any], status: int, workspace: Workspace
) -> None:
    assert await workspace.post({**GOOD, **changes}, **headers) == status
    assert workspace.data_api.users == {}
    assert workspace.data_api.refused in ([status], [])


async def test_a_body_that_is_none_is_refused(workspace: Workspace) -> None:
    assert [await workspace.post(body) for body in (b"", b"[]", b"{", b'"x"')] == [400] * 4


def an_event(**changes: Any) -> dict[str, Any]:
    """Return an event whose action has these fields; ``None`` leaves one out."""
    action = {"action": "SMS Reply", "attributes": {"text": "Hi"}, "current_time": NOW - 1}
    given = {name: value for name, value in {**action, **changes}.items() if value is not None}
    return {"type": "event", "customer_id": "u-1", "actions": [given]}


AN_EVENT = an_event()
OF_NOBODY = {name: value for name, value in AN_EVENT.items() if name != "customer_id"}


async def test_events_are_kept_in_order_with_their_time(workspace: Workspace) -> None:
    bodies = [
        AN_EVENT,
        an_event(current_time="2026-11-24T17:29:00+08:00"),
        {**OF_NOBODY, "user_identifiers": {"moe_mobile": NUMBER}},
        an_event(current_time=None, attributes=None),
    ]

    assert [await workspace.post(one, "event") for one in bodies] == [200] * 4
    assert [(one.user, one.at) for one in workspace.data_api.events] == [
        ("u-1", NOW - 1),
        ("u-1", NOW - 60),
        (NUMBER, NOW - 1),
        ("u-1", NOW),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {**AN_EVENT, "type": "customer"},
        {**AN_EVENT, "actions": []},
        {**AN_EVENT, "actions": {}},
        {**AN_EVENT, "actions": ["SMS Reply"]},
        {**AN_EVENT, "customer_id": "guest"},
        OF_NOBODY,
        {**AN_EVENT, "customer_id": None, "attributes": {"moe_mobile": NUMBER}},
        an_event(action=""),
        an_event(action="moe_reply"),
        an_event(attributes={"moe_text": "x"}),
        an_event(attributes="x"),
        an_event(current_time=NOW + 60),
        an_event(current_time="2026-11-24T09:29:00"),
        an_event(current_time="yesterday"),
    ],
    ids=str,
)
async def test_an_event_that_is_not_as_documented_is_refused(
    body: dict[str, Any], workspace: Workspace
) -> None:
    assert await workspace.post(body, "event") == 400
    assert workspace.data_api.events == []


@pytest.mark.parametrize(
    ("identifier", "known_as"),
    [
        (Identifier.MOE_MOBILE, NUMBER),
        (Identifier.CUSTOMER_ID, NUMBER.removeprefix("+")),
        (Identifier.CUSTOMER_ID_WITH_PLUS, NUMBER),
    ],
)
async def test_it_takes_what_the_bridge_passes_on(
    identifier: Identifier, known_as: str, workspace: Workspace
) -> None:
    url = f"{workspace.url}/v1/customer/acme"
    connections = Connections(url, connect_timeout=2.0)
    api = BridgesDataApi(url, connections, identifier=identifier, inbound_event="SMS Reply")
    inbound = an_inbound(source=NUMBER, received_at=NOW)
    results = [
        await asyncio.to_thread(api.set_subscription, NUMBER, OptRequest.OPT_OUT, api_key="key"),
        await asyncio.to_thread(api.track_inbound, inbound, Keyword.HELP, api_key="key"),
    ]

    assert {result.verdict for result in results} == {ReportVerdict.ACKNOWLEDGED}
    assert workspace.data_api.users[known_as]["moe_sms_subscription"] == "OPTOUT"
    [event] = workspace.data_api.events
    assert (event.user, event.action, event.at) == (known_as, "SMS Reply", NOW)
    assert event.attributes["keyword"] == "help"
