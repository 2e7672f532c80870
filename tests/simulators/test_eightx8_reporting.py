"""The simulator of 8x8 answers questions about messages, masked and throttled as 8x8 does."""

import csv
from typing import Any

import pytest

from local.eightx8 import Scenario, contract
from tests.simulators.eightx8_setting import NUMBER, OTHER_SUB_ACCOUNT, Setting, messages_path

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


async def ids_of_export(setting: Setting, **asked: Any) -> list[str]:
    return [row["clientmessageid"] for row in await export(setting, **asked)]


async def test_a_message_is_erased_on_request(setting: Setting) -> None:
    _, sent = await setting.send()
    umids = (sent["umid"], setting.simulator.new_id())
    paths = [f"{messages_path()}/{umid}/pii" for umid in umids]

    assert [(await setting.call("DELETE", path))[0] for path in paths] == [202, 404]
    assert setting.simulator.messages[0].is_erased


async def test_a_messages_details_are_masked(setting: Setting) -> None:
    _, sent = await setting.send(source="Acme", clientMessageId="order-1", text="Secret")
    await setting.settle()
    status, found = await setting.call("GET", f"{messages_path()}/{sent['umid']}")

    assert status == 200
    assert contract.problems_of("MessageDetails", found) == []
    assert (found["msisdn"], found["body"], found["country"]) == ("+659123xxxx", "**MASKED**", "SG")
    assert found["clientMessageId"] == "order-1"
    assert (found["status"]["state"], found["price"]["total"]) == ("delivered", 0.0375)


@pytest.mark.parametrize(
    ("suffix", "state", "error_code"),
    [("0001", "undelivered", 1), ("0002", "undelivered", 15), ("0003", "failed", None)],
)
async def test_a_messages_state_is_in_the_words_of_reports(
    setting: Setting, suffix: str, state: str, error_code: int | None
) -> None:
    _, sent = await setting.send(destination=f"+659123{suffix}")
    await setting.settle()
    _, found = await setting.call("GET", f"{messages_path()}/{sent['umid']}")

    assert (found["status"]["state"], found["status"].get("errorCode")) == (state, error_code)


async def test_a_sub_account_may_ask_once_a_second(setting: Setting) -> None:
    _, sent = await setting.send()
    answers = []
    for pause in (0, 0, 1):
        setting.time.now += pause
        answers.append(await setting.call("GET", f"{messages_path()}/{sent['umid']}"))

    assert [status for status, _ in answers] == [200, 429, 200]
    assert answers[1][1]["code"] == 429


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        (f"{messages_path()}/1", (400, 1000)),
        (f"{messages_path()}/00000000-0000-0000-0000-000000000000", (404, 1300)),
        (f"{messages_path(OTHER_SUB_ACCOUNT)}/{{umid}}", (404, 1300)),
        (f"{EXPORTS}/1", (404, 4018)),
    ],
)
async def test_what_a_sub_account_does_not_have_is_not_found(
    setting: Setting, path: str, refusal: tuple[int, int]
) -> None:
    _, sent = await setting.send()

    assert await setting.refusal("GET", path.format(umid=sent["umid"])) == refusal


async def test_an_export_has_a_message_by_the_senders_own_id(setting: Setting) -> None:
    await setting.send(destination="+6591230007", clientMessageId="order-1", source="Acme")
    await setting.send(destination="+6591230001", clientMessageId="order-2", text="Secret")
    await setting.send(sub_account=OTHER_SUB_ACCOUNT)
    await setting.settle()

    rows = await export(setting)

    assert ",".join(rows[0]) == COLUMNS
    shown = ("clientmessageid", "status_value", "status_errorcode", "direction", "msisdn", "body")
    assert [[row[name] for name in shown] for row in rows] == [
        ["order-1", "delivered", "", "1", "+659123xxxx", "**MASKED**"],
        ["order-2", "undelivered", "1", "1", "+659123xxxx", "**MASKED**"],
    ]


async def test_an_export_takes_a_while(setting: Setting) -> None:
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
async def test_an_export_has_what_is_asked_for(
    setting: Setting, asked: dict[str, Any], found: list[str]
) -> None:
    await setting.send(destination=NUMBER, clientMessageId="1")
    await setting.send(destination="+12025550288", clientMessageId="2")

    assert await ids_of_export(setting, **asked) == found


@pytest.mark.parametrize(
    "asked", [{"from": "yesterday"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"limit": "1"}]
)
async def test_wrong_questions_are_refused(setting: Setting, asked: dict[str, Any]) -> None:
    assert await setting.refusal("POST", EXPORTS, json=asked) == (400, 1000)


async def test_an_export_may_be_behind(setting: Setting) -> None:
    setting.simulator.log_lag = 60.0
    setting.simulator.scenarios[NUMBER.removeprefix("+")] = Scenario(seconds_to_log=30.0)
    await setting.send(destination="+12025550288", clientMessageId="1")
    await setting.send(destination=NUMBER, clientMessageId="2")
    begin = setting.time.now

    found = []
    for seconds in (59.0, 60.0, 90.0):
        setting.time.now = begin + seconds
        found.append(await ids_of_export(setting))

    assert found == [[], ["1"], ["1", "2"]]
