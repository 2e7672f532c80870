"""The simulator of 8x8 answers questions about messages, masked and throttled as 8x8 does."""

import csv
from typing import Any

import pytest

from local.eightx8 import Scenario, contract
from tests.simulators.eightx8_setting import (
    NUMBER,
    OTHER_SUB_ACCOUNT,
    Setting,
    messages_path,
)

EXPORTS = f"{messages_path()}/exports"
COLUMNS = (
    "umid,subaccountid,direction,country,operator,mcc,mnc,status_value,status_details,"
    "status_errorcode,status_errormessage,status_timestamp,msisdn,source,encoding,createdat,"
    "smscount,price_currency,price_persms,price_total,clientmessageid,clientbatchid,batchid,body"
)


async def export(setting: Setting, **asked: Any) -> list[dict[str, str]]:
    """Start an export, wait until it is ready, and read its file; no rows if it is empty."""
    status, job = await setting.call("POST", EXPORTS, json=asked)
    assert status == 202
    setting.time.now += 1
    _, found = await setting.call("GET", f"{EXPORTS}/{job['jobId']}")
    if found["status"] == "empty":
        return []
    [link] = found["data"]
    async with setting.session.get(link) as answer:  # no key: the link is the secret
        assert answer.status == 200
        return list(csv.DictReader((await answer.text()).splitlines()))


class TestOneMessage:
    async def test_a_message_is_erased_on_request(self, setting: Setting) -> None:
        _, sent = await setting.send()

        status, _ = await setting.call("DELETE", f"{messages_path()}/{sent['umid']}/pii")
        unknown, _ = await setting.call(
            "DELETE", f"{messages_path()}/{setting.simulator.new_id()}/pii"
        )

        assert (status, unknown) == (202, 404)
        assert setting.simulator.messages[0].is_erased

    async def test_details_are_masked(self, setting: Setting) -> None:
        _, sent = await setting.send(source="Acme", clientMessageId="order-1", text="Secret")
        await setting.settle()
        status, found = await setting.call("GET", f"{messages_path()}/{sent['umid']}")

        assert status == 200
        assert contract.problems_of("MessageDetails", found) == []
        assert found["msisdn"] == "+659123xxxx"
        assert found["body"] == "**MASKED**"
        assert found["country"] == "SG"
        assert found["clientMessageId"] == "order-1"
        assert (found["status"]["state"], found["price"]["total"]) == ("delivered", 0.0375)

    @pytest.mark.parametrize(
        ("suffix", "state", "error_code"),
        [("0001", "undelivered", 1), ("0002", "undelivered", 15), ("0003", "failed", None)],
    )
    async def test_states_in_the_words_of_reports(
        self, setting: Setting, suffix: str, state: str, error_code: int | None
    ) -> None:
        _, sent = await setting.send(destination=f"+659123{suffix}")
        await setting.settle()
        _, found = await setting.call("GET", f"{messages_path()}/{sent['umid']}")

        assert found["status"]["state"] == state
        assert found["status"].get("errorCode") == error_code

    async def test_one_request_a_second(self, setting: Setting) -> None:
        _, sent = await setting.send()
        path = f"{messages_path()}/{sent['umid']}"
        first, _ = await setting.call("GET", path)
        second, error = await setting.call("GET", path)
        setting.time.now += 1
        third, _ = await setting.call("GET", path)

        assert (first, second, third) == (200, 429, 200)
        assert error["code"] == 429

    @pytest.mark.parametrize(
        ("umid", "status", "code"),
        [("1", 400, 1000), ("00000000-0000-0000-0000-000000000000", 404, 1300)],
    )
    async def test_unknown_ones(self, setting: Setting, umid: str, status: int, code: int) -> None:
        answered, error = await setting.call("GET", f"{messages_path()}/{umid}")

        assert (answered, error["code"]) == (status, code)

    async def test_it_belongs_to_its_sub_account(self, setting: Setting) -> None:
        _, sent = await setting.send()
        path = f"{messages_path(OTHER_SUB_ACCOUNT)}/{sent['umid']}"

        assert (await setting.call("GET", path))[0] == 404


class TestExport:
    async def test_a_message_is_found_by_the_senders_own_id(self, setting: Setting) -> None:
        await setting.send(destination="+6591230007", clientMessageId="order-1", source="Acme")
        await setting.send(destination="+6591230001", clientMessageId="order-2", text="Secret")
        await setting.send(sub_account=OTHER_SUB_ACCOUNT)
        await setting.settle()

        rows = await export(setting)

        assert ",".join(rows[0]) == COLUMNS
        assert [row["clientmessageid"] for row in rows] == ["order-1", "order-2"]
        assert [row["status_value"] for row in rows] == ["delivered", "undelivered"]
        assert [row["status_errorcode"] for row in rows] == ["", "1"]
        assert {row["direction"] for row in rows} == {"1"}
        assert {row["msisdn"] for row in rows} == {"+659123xxxx"}
        assert {row["body"] for row in rows} == {"**MASKED**"}

    async def test_it_takes_a_while(self, setting: Setting) -> None:
        await setting.send()
        _, job = await setting.call("POST", EXPORTS, json={})
        statuses = []
        for _ in range(3):
            _, found = await setting.call("GET", f"{EXPORTS}/{job['jobId']}")
            assert contract.problems_of("LogExportJobStatus", found) == []
            statuses.append(found["status"])
            setting.time.now += 0.5

        assert statuses == ["queued", "running", "succeeded"]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"phoneNumber": "6591234567"}, ["1"]),
            ({"phoneNumber": "+12025550288"}, ["2"]),
            ({"countries": ["US", "FR"]}, ["2"]),
            ({"limit": 1}, ["1"]),
            ({"limit": 0}, ["1", "2"]),
            ({"from": "2026-11-01", "to": "2026-11-30"}, ["1", "2"]),
            ({"from": "2026-11-18T11:06:41", "to": "2026-11-30"}, []),
            ({"from": "2026-11-18T11:06:40", "to": "2026-11-30"}, ["1", "2"]),
            ({"from": "2026-11-18T19:06:41+08:00", "to": "2026-11-30"}, []),
            ({"from": "2026-01-01", "to": "2026-02-01"}, []),
        ],
    )
    async def test_what_is_asked_for(
        self, setting: Setting, asked: dict[str, Any], found: list[str]
    ) -> None:
        await setting.send(destination=NUMBER, clientMessageId="1")
        await setting.send(destination="+12025550288", clientMessageId="2")

        rows = await export(setting, **asked)

        assert [row["clientmessageid"] for row in rows] == found

    @pytest.mark.parametrize(
        "asked", [{"from": "yesterday"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"limit": "1"}]
    )
    async def test_wrong_questions(self, setting: Setting, asked: dict[str, Any]) -> None:
        status, error = await setting.call("POST", EXPORTS, json=asked)

        assert (status, error["code"]) == (400, 1000)

    async def test_it_may_be_behind(self, setting: Setting) -> None:
        setting.simulator.log_lag = 60.0
        setting.simulator.scenarios[NUMBER.removeprefix("+")] = Scenario(seconds_to_log=30.0)
        await setting.send(destination="+12025550288", clientMessageId="1")
        await setting.send(destination=NUMBER, clientMessageId="2")
        begin = setting.time.now

        found = []
        for seconds in (59.0, 60.0, 90.0):
            setting.time.now = begin + seconds
            found.append([row["clientmessageid"] for row in await export(setting)])

        assert found == [[], ["1"], ["1", "2"]]

    async def test_an_unknown_job(self, setting: Setting) -> None:
        status, error = await setting.call("GET", f"{EXPORTS}/1")

        assert (status, error["code"]) == (404, 4018)
