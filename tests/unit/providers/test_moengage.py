"""What MoEngage gets over a real connection, and how its answer is understood."""

import base64
import json

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.domain.opt_out import Identifier, Keyword, OptRequest
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.domain.state import State
from sms_bridge.providers import moengage
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import DataApi, DeliveryTracking, report_body, verdict_of
from tests.builders import MESSAGE_ID, NUMBER, UMID, a_message, an_inbound, plain
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    answers_with_bytes,
    reads_and_resets,
    reads_and_says_nothing,
    unreachable_url,
)

DELIVERED = Outcome(OutcomeStatus.DELIVERED)
FAILED = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent — später")


def report_to(url: str, outcome: Outcome = DELIVERED) -> ReportResult:
    tracking = DeliveryTracking(
        f"{url}/sms/dlr/custom/4711?region=1", Connections(url, connect_timeout=2.0)
    )
    return tracking.report(a_message(umid=UMID), outcome)


@pytest.mark.parametrize("outcome", [DELIVERED, FAILED])
def test_a_report_is_flat_and_has_always_the_same_keys(outcome: Outcome) -> None:
    for message in (a_message(), a_message(umid=UMID, state=State.FAILED, reason="r")):
        body = report_body(message, outcome)

        assert list(body) == ["umid", "status", "reason", "description", "eightx8Umid"]
        assert all(isinstance(value, str) for value in body.values())


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
        (ReportVerdict.RETRY, [199, 301, 302, 307, 408, 429, 500, 502, 503, 504, 599]),
    ],
)
def test_each_status_has_a_verdict(verdict: ReportVerdict, statuses: list[int]) -> None:
    assert {verdict_of(status) for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("behaviour", "verdict", "http_status", "retry_after"),
    [
        (answers(202, b""), ReportVerdict.ACKNOWLEDGED, 202, None),
        (answers_with_bytes(b"HTTP/1.1 200 OK\r\n\r\nok"), ReportVerdict.ACKNOWLEDGED, 200, None),
        (answers(404), ReportVerdict.REFUSED, 404, None),
        (answers(413), ReportVerdict.REFUSED, 413, None),
        (answers(429, Retry_After="90"), ReportVerdict.RETRY, 429, 90),
        (answers(503, Retry_After="soon"), ReportVerdict.RETRY, 503, None),
        (answers(500), ReportVerdict.RETRY, 500, None),
        (answers(307, Location="/elsewhere"), ReportVerdict.RETRY, 307, None),
    ],
)
def test_moengages_answer_decides_whether_it_is_reported_again(
    behaviour: Behaviour, verdict: ReportVerdict, http_status: int, retry_after: float | None
) -> None:
    with LoopbackServer(behaviour) as server:
        result = report_to(server.url)

    assert plain(result) == plain(
        ReportResult(verdict=verdict, http_status=http_status, retry_after=retry_after)
    )
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(reads_and_resets, "ProtocolError"), (reads_and_says_nothing, "ReadTimeoutError")],
)
def test_without_an_answer_it_is_reported_again(
    behaviour: Behaviour, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moengage, "_SECONDS_TO_ANSWER", 0.2)
    with LoopbackServer(behaviour) as server:
        result = report_to(server.url)

    assert plain(result) == plain(ReportResult(verdict=ReportVerdict.RETRY, error=error))


def test_where_nobody_listens_it_is_reported_again() -> None:
    assert plain(report_to(unreachable_url())) == plain(
        ReportResult(verdict=ReportVerdict.RETRY, error="NewConnectionError")
    )


class TestDataApi:
    def write(
        self, url: str, identifier: Identifier, opt_request: OptRequest = OptRequest.OPT_OUT
    ) -> ReportResult:
        url = f"{url}/v1/customer/WORKSPACE"
        profiles = DataApi(url, Connections(url, connect_timeout=2.0), identifier=identifier)
        return profiles.set_subscription(NUMBER, opt_request, api_key="data-key")

    @pytest.mark.parametrize(
        ("identifier", "opt_request", "body"),
        [
            (
                Identifier.CUSTOMER_ID,
                OptRequest.OPT_OUT,
                {
                    "type": "customer",
                    "customer_id": NUMBER.strip("+"),
                    "attributes": {"moe_sms_subscription": "OPTOUT"},
                },
            ),
            (
                Identifier.CUSTOMER_ID_WITH_PLUS,
                OptRequest.OPT_IN,
                {
                    "type": "customer",
                    "customer_id": NUMBER,
                    "attributes": {"moe_sms_subscription": "OPTIN"},
                },
            ),
            (
                Identifier.MOE_MOBILE,
                OptRequest.OPT_OUT,
                {
                    "type": "customer",
                    "attributes": {"moe_sms_subscription": "OPTOUT", "moe_mobile": NUMBER},
                },
            ),
        ],
    )
    def test_an_opt_out_or_opt_in_is_one_call_to_track_user(
        self, identifier: Identifier, opt_request: OptRequest, body: dict[str, object]
    ) -> None:
        with LoopbackServer(answers()) as server:
            result = self.write(server.url, identifier, opt_request)

        (received,) = server.received
        assert received.line == "POST /v1/customer/WORKSPACE HTTP/1.1"
        credentials = base64.b64encode(b"WORKSPACE:data-key").decode()
        assert received.headers["authorization"] == f"Basic {credentials}"
        assert received.headers["moe-appkey"] == "WORKSPACE"
        assert json.loads(received.body) == body
        assert plain(result) == plain(
            ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
        )

    @pytest.mark.parametrize(
        ("identifier", "person"),
        [
            (Identifier.CUSTOMER_ID, {"customer_id": NUMBER.strip("+")}),
            (Identifier.CUSTOMER_ID_WITH_PLUS, {"customer_id": NUMBER}),
            (Identifier.MOE_MOBILE, {"user_identifiers": {"moe_mobile": NUMBER}}),
        ],
    )
    @pytest.mark.parametrize(("keyword", "word"), [(Keyword.HELP, "help"), (None, "none")])
    def test_an_inbound_message_is_one_call_to_track_event(
        self,
        identifier: Identifier,
        person: dict[str, object],
        keyword: Keyword | None,
        word: str,
    ) -> None:
        inbound = an_inbound(
            sub_account_id="acme", source=NUMBER, destination="+6599", text="¿Ayuda? 🙂"
        )
        with LoopbackServer(answers()) as server:
            url = f"{server.url}/v1/customer/WORKSPACE"
            api = DataApi(
                url,
                Connections(url, connect_timeout=2.0),
                identifier=identifier,
                inbound_event="SMS Reply",
            )
            result = api.track_inbound(inbound, keyword, api_key="data-key")

        (received,) = server.received
        assert received.line == "POST /v1/event/WORKSPACE HTTP/1.1"
        credentials = base64.b64encode(b"WORKSPACE:data-key").decode()
        assert received.headers["authorization"] == f"Basic {credentials}"
        assert json.loads(received.body) == {
            "type": "event",
            **person,
            "actions": [
                {
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
            ],
        }
        assert plain(result) == plain(
            ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
        )

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
            assert self.write(server.url, Identifier.CUSTOMER_ID).verdict is verdict
