"""What MoEngage gets over a real connection, and how its answer is understood."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.domain.opt_out import Identifier, Keyword, OptRequest
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.providers import moengage
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DataApi, delivery_tracking, report_body
from tests.builders import MESSAGE_ID, NUMBER, UMID, a_message, an_inbound, plain
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    reads_and_resets,
    reads_and_says_nothing,
)

DELIVERED = Outcome(OutcomeStatus.DELIVERED)
FAILED = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent — später")


def report_to(url: str, outcome: Outcome = DELIVERED) -> ReportResult:
    connections = Connections(url, connect_timeout=2.0)
    report = delivery_tracking(f"{url}/sms/dlr/custom/4711?region=1", connections)
    return report(a_message(umid=UMID), outcome)


def test_a_report_has_always_the_same_keys() -> None:
    assert report_body(a_message(), DELIVERED) == {
        "umid": MESSAGE_ID,
        "status": "DELIVERED",
        "reason": "",
        "description": "",
        "eightx8Umid": "",
    }


def test_one_report_is_one_call_to_the_tracking_url() -> None:
    with LoopbackServer(answers()) as server:
        result = report_to(server.url, FAILED)

    (received,) = server.received
    assert received.line == "POST /sms/dlr/custom/4711?region=1 HTTP/1.1"
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {
        "umid": MESSAGE_ID,
        "status": "FAILED",
        "reason": "eightx8_undelivered_1",
        "description": "Absent — später",
        "eightx8Umid": UMID,
    }
    assert NUMBER.strip("+").encode() not in received.body
    assert plain(result) == plain(ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200))


@pytest.mark.parametrize(
    ("verdict", "statuses"),
    [
        (ReportVerdict.ACKNOWLEDGED, [200, 201, 202, 204, 299]),
        (ReportVerdict.REFUSED, [400, 401, 403, 404, 405, 410, 413, 422, 499]),
        (ReportVerdict.RETRY, [301, 302, 307, 408, 429, 500, 502, 503, 504, 599]),
    ],
)
def test_each_status_has_a_verdict(verdict: ReportVerdict, statuses: list[int]) -> None:
    with LoopbackServer(*map(answers, statuses)) as server:
        results = [report_to(server.url) for _ in statuses]

    assert [(one.http_status, one.verdict) for one in results] == [
        (status, verdict) for status in statuses
    ]


@pytest.mark.parametrize(
    ("behaviour", "verdict", "facts"),
    [
        (
            answers(429, Retry_After="90"),
            ReportVerdict.RETRY,
            {"http_status": 429, "retry_after": 90},
        ),
        (answers(307, Location="/elsewhere"), ReportVerdict.RETRY, {"http_status": 307}),
        (reads_and_resets, ReportVerdict.RETRY, {"error": "ProtocolError"}),
        (reads_and_says_nothing, ReportVerdict.RETRY, {"error": "ReadTimeoutError"}),
    ],
)
def test_moengages_answer_decides_whether_it_is_reported_again(
    behaviour: Behaviour,
    verdict: ReportVerdict,
    facts: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if behaviour is reads_and_says_nothing:
        monkeypatch.setattr(moengage, "_SECONDS_TO_ANSWER", 0.2)
    with LoopbackServer(behaviour) as server:
        result = report_to(server.url)

    assert plain(result) == plain(ReportResult(verdict=verdict, **facts))
    assert len(server.received) == 1


PEOPLE: list[tuple[Identifier, dict[str, Any], dict[str, Any]]] = [
    (Identifier.CUSTOMER_ID, {"customer_id": NUMBER.strip("+")}, {}),
    (Identifier.CUSTOMER_ID_WITH_PLUS, {"customer_id": NUMBER}, {}),
    (Identifier.MOE_MOBILE, {}, {"moe_mobile": NUMBER}),
]


class TestDataApi:
    def written(self, write: Callable[[DataApi], ReportResult], identifier: Identifier) -> Any:
        """Return the path and the body of the one call to a workspace."""
        with LoopbackServer(answers()) as server:
            result = write(self.api(server.url, identifier))

        (received,) = server.received
        credentials = base64.b64encode(b"WORKSPACE:data-key").decode()
        assert received.headers["authorization"] == f"Basic {credentials}"
        assert received.headers["moe-appkey"] == "WORKSPACE"
        assert result.verdict is ReportVerdict.ACKNOWLEDGED
        return received.line, json.loads(received.body)

    @staticmethod
    def api(url: str, identifier: Identifier) -> DataApi:
        return DataApi(
            f"{url}/v1/customer/WORKSPACE",
            Connections(url, connect_timeout=2.0),
            identifier=identifier,
            inbound_event="SMS Reply",
        )

    @pytest.mark.parametrize(("identifier", "person", "attributes"), PEOPLE)
    @pytest.mark.parametrize(
        ("opt_request", "value"), [(OptRequest.OPT_OUT, "OPTOUT"), (OptRequest.OPT_IN, "OPTIN")]
    )
    def test_an_opt_out_or_opt_in_is_one_call_to_track_user(
        self,
        identifier: Identifier,
        person: dict[str, Any],
        attributes: dict[str, Any],
        opt_request: OptRequest,
        value: str,
    ) -> None:
        line, body = self.written(
            lambda api: api.set_subscription(NUMBER, opt_request, api_key="data-key"), identifier
        )

        assert line == "POST /v1/customer/WORKSPACE HTTP/1.1"
        attributes = {"moe_sms_subscription": value, **attributes}
        assert body == {"type": "customer", **person, "attributes": attributes}

    @pytest.mark.parametrize(("identifier", "person", "identifiers"), PEOPLE)
    @pytest.mark.parametrize(("keyword", "word"), [(Keyword.HELP, "help"), (None, "none")])
    def test_an_inbound_message_is_one_call_to_track_event(
        self,
        identifier: Identifier,
        person: dict[str, Any],
        identifiers: dict[str, Any],
        keyword: Keyword | None,
        word: str,
    ) -> None:
        inbound = an_inbound(sub_account_id="acme", destination="+6599", text="¿Ayuda? 🙂")

        line, body = self.written(
            lambda api: api.track_inbound(inbound, keyword, api_key="data-key"), identifier
        )

        assert line == "POST /v1/event/WORKSPACE HTTP/1.1"
        if identifiers:
            person = {"user_identifiers": identifiers}
        action = {
            "action": "SMS Reply",
            "attributes": {
                "text": "¿Ayuda? 🙂",
                "keyword": word,
                "subAccountId": "acme",
                "sentTo": "+6599",
                "eightx8Umid": UMID,
            },
            "current_time": "2026-11-24T09:30:00.000Z",
        }
        assert body == {"type": "event", **person, "actions": [action]}

    @pytest.mark.parametrize(
        ("behaviour", "verdict"),
        [
            (answers(401), ReportVerdict.REFUSED),
            (answers(429), ReportVerdict.RETRY),
            (reads_and_resets, ReportVerdict.RETRY),
        ],
    )
    def test_its_answer_decides_whether_it_is_written_again(
        self, behaviour: Behaviour, verdict: ReportVerdict
    ) -> None:
        with LoopbackServer(behaviour) as server:
            api = self.api(server.url, Identifier.CUSTOMER_ID)
            result = api.set_subscription(NUMBER, OptRequest.OPT_OUT, api_key="data-key")

        assert result.verdict is verdict
