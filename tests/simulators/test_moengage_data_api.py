"""MoEngage's Data API, simulated: takes what is documented and refuses everything else."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from local.moengage import DataApi, MoEngageSimulator
from sms_bridge.domain.opt_out import Identifier, OptRequest
from sms_bridge.domain.outcome import ReportVerdict
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DataApi as BridgesDataApi

NUMBER = "+6581234567"
GOOD = {"type": "customer", "customer_id": "u-1", "attributes": {"moe_sms_subscription": "OPTOUT"}}


@dataclass
class Workspace:
    data_api: DataApi
    url: str

    async def post(self, content: bytes, **changes: str) -> int:
        headers = {
            "Authorization": aiohttp.encode_basic_auth("acme", "key"),
            "MOE-APPKEY": "acme",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/customer/acme", data=content, headers=headers) as answer,
        ):
            return answer.status


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    data_api = DataApi("acme", "key")
    async with MoEngageSimulator(data_api=data_api).running() as url:
        yield Workspace(data_api, url)


async def test_attributes_are_set_and_the_last_value_counts(workspace: Workspace) -> None:
    assert await workspace.post(json.dumps(GOOD).encode()) == 200
    again = {**GOOD, "attributes": {"moe_sms_subscription": "OPTIN", "city": "Rome"}}
    assert await workspace.post(json.dumps(again).encode()) == 200

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
    assert await workspace.post(json.dumps({**GOOD, **changes}).encode(), **headers) == status
    assert workspace.data_api.users == {}
    assert workspace.data_api.refused in ([status], [])


async def test_a_body_that_is_none_is_refused(workspace: Workspace) -> None:
    assert [await workspace.post(body) for body in (b"", b"[]", b"{", b'"x"')] == [400] * 4


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
    profiles = BridgesDataApi(url, Connections(url, connect_timeout=2.0), identifier=identifier)
    result = await asyncio.to_thread(
        profiles.set_subscription, NUMBER, OptRequest.OPT_OUT, api_key="key"
    )

    assert result.verdict is ReportVerdict.ACKNOWLEDGED
    assert workspace.data_api.users[known_as]["moe_sms_subscription"] == "OPTOUT"
