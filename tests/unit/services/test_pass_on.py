"""Passing on to MoEngage that a person opted out or in, and what people write."""

from dataclasses import dataclass, field, replace

import pytest

from sms_bridge.domain.arrivals import InboundMessage, InboundWork, QueuedInbound
from sms_bridge.domain.opt_out import Keyword, OptRequest
from sms_bridge.domain.reporting import ReportResult, ReportVerdict
from sms_bridge.services.forward import Forward
from tests.builders import NUMBER, UMID, a_person, an_inbound
from tests.fakes.failures import failing
from tests.fakes.queues import InMemoryDeadLetters
from tests.services import InMemory

INBOUND_ID = f"inbound {UMID}"
ACKNOWLEDGED = ReportResult(verdict=ReportVerdict.ACKNOWLEDGED, http_status=200)
DOWN = ReportResult(verdict=ReportVerdict.RETRY, http_status=503)


@dataclass
class FakeUsers:
    """MoEngage's users: what was written to their profiles, and their events, in order."""

    result: ReportResult = ACKNOWLEDGED
    written: list[tuple[str, OptRequest, str]] = field(default_factory=list)
    events: list[tuple[InboundMessage, Keyword | None, str]] = field(default_factory=list)

    def set_subscription(
        self, number: str, opt_request: OptRequest, *, api_key: str
    ) -> ReportResult:
        self.written.append((number, opt_request, api_key))
        return self.result

    def track_inbound(
        self, inbound: InboundMessage, keyword: Keyword | None, *, api_key: str
    ) -> ReportResult:
        self.events.append((inbound, keyword, api_key))
        return self.result


class Bridge(InMemory):
    """The step with all that it works with; one inbound message came just now."""

    def __init__(
        self,
        text: str,
        result: ReportResult = ACKNOWLEDGED,
        *,
        now: OptRequest = OptRequest.OPT_OUT,
    ) -> None:
        super().__init__()
        self.users = FakeUsers(result)
        self.dead_letters = InMemoryDeadLetters()
        self.messages.keep_inbound(an_inbound(text=text, received_at=self.clock.now))
        self.opt_outs.record(a_person(), now, self.clock.now)
        self.step = self.a_service(
            Forward,
            users=self.users,
            opt_out_keywords="STOP",
            opt_in_keywords="START",
            help_keywords="HELP",
        )

    def pass_on(self, work: InboundWork = InboundWork.SUBSCRIPTION) -> int | None:
        return self.step(QueuedInbound(INBOUND_ID, work, {"body": "its record"}))


@pytest.mark.parametrize("opt_request", list(OptRequest))
def test_an_opt_out_is_written_to_the_persons_profile(opt_request: OptRequest) -> None:
    keyword = {OptRequest.OPT_OUT: "STOP", OptRequest.OPT_IN: "START"}[opt_request]
    bridge = Bridge(keyword, now=opt_request)

    assert bridge.pass_on() is None
    assert bridge.users.written == [(NUMBER, opt_request, "data-key")]
    assert bridge.dead_letters.letters == []


@pytest.mark.parametrize(
    ("text", "now"),
    [("STOP", OptRequest.OPT_IN), ("START", OptRequest.OPT_OUT), ("Hello", OptRequest.OPT_OUT)],
)
def test_what_the_person_does_not_wish_any_more_is_not_passed_on(
    text: str, now: OptRequest
) -> None:
    bridge = Bridge(text, now=now)

    assert bridge.pass_on() is None
    assert bridge.users.written == []


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", Keyword.STOP),
        ("start", Keyword.START),
        ("Help!", Keyword.HELP),
        ("Is it red?", None),
    ],
)
def test_an_inbound_message_becomes_an_event_with_its_keyword(
    text: str, keyword: Keyword | None
) -> None:
    bridge = Bridge(text)

    assert bridge.pass_on(InboundWork.EVENT) is None
    [(inbound, its_keyword, api_key)] = bridge.users.events
    assert (inbound.text, its_keyword, api_key) == (text, keyword, "data-key")
    assert bridge.users.written == []


def test_moengage_is_asked_again_when_it_says() -> None:
    throttled = replace(DOWN, http_status=429, retry_after=90.0)

    assert Bridge("STOP", throttled).pass_on() == 90


def test_an_event_that_moengage_has_is_not_made_again() -> None:
    bridge = Bridge("Is it red?")

    for _ in range(3):
        assert bridge.pass_on(InboundWork.EVENT) is None

    assert len(bridge.users.events) == 1


def test_an_event_of_which_nobody_knows_whether_moengage_has_it_is_made_again() -> None:
    bridge = Bridge("Is it red?")
    with (
        failing(bridge.messages, "record_inbound_reported"),
        pytest.raises(ConnectionError),
    ):
        bridge.pass_on(InboundWork.EVENT)

    bridge.pass_on(InboundWork.EVENT)

    assert len(bridge.users.events) == 2


@pytest.mark.parametrize("work", list(InboundWork))
def test_an_inbound_message_that_is_no_longer_kept_is_passed_over(work: InboundWork) -> None:
    bridge = Bridge("STOP")
    bridge.messages.inbound.clear()

    assert bridge.pass_on(work) is None
    assert (bridge.users.written, bridge.users.events) == ([], [])


@pytest.mark.parametrize("work", list(InboundWork))
def test_what_moengage_did_not_take_is_passed_on_again_for_a_day(work: InboundWork) -> None:
    bridge = Bridge("STOP", DOWN)
    began, waits = bridge.clock.now, []
    while (wait := bridge.pass_on(work)) is not None:
        waits.append(wait)
        bridge.clock.sleep(wait)

    assert waits[:2] == [60, 60]
    assert waits == sorted(waits)
    assert 86_400 < bridge.clock.now - began < 86_400 + 7201
    calls = len(bridge.users.written) + len(bridge.users.events)
    assert calls == len(waits) + 1 < 30
    assert bridge.dead_letters.letters == [("its record", "moengage_503")]


@pytest.mark.parametrize("work", list(InboundWork))
def test_what_moengage_refuses_goes_to_the_dead_letter_queue_with_the_reason(
    work: InboundWork,
) -> None:
    bridge = Bridge("STOP", ReportResult(verdict=ReportVerdict.REFUSED, http_status=401))

    assert bridge.pass_on(work) is None
    assert bridge.dead_letters.letters == [("its record", "moengage_401")]


def test_what_cannot_be_dead_lettered_goes_up_so_that_it_stays_in_the_queue() -> None:
    bridge = Bridge("STOP", ReportResult(verdict=ReportVerdict.REFUSED, http_status=401))

    with failing(bridge.dead_letters, "add"), pytest.raises(ConnectionError):
        bridge.pass_on()
