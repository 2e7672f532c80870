"""Who texts STOP, START or HELP is answered: once for each change, and never without end."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State
from sms_bridge.domain.opt_out import Keyword, OptOutScope
from sms_bridge.services.receive import MOST_AN_HOUR
from tests.builders import (
    NUMBER,
    SUB_ACCOUNT,
    UMID,
    a_person,
    a_receipt_callback,
    an_inbound_callback,
    plain,
)
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog, logged
from tests.unit.services.receiving import TEXTS, Bridge

__all__ = ["logged"]

VIRTUAL_NUMBER = "+6598765432"


class Writing(Bridge):
    """A bridge to which people write; each SMS has its own umid, and comes as it is written."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(**{"replies": True, **changes})
        self.written = 0

    def write(self, text: str, **payload: Any) -> str:
        """Return the umid."""
        self.written += 1
        umid = f"{self.written:08d}-0000-4000-8000-000000000000"
        at = timestamp(self.clock.now)
        self.receive(an_inbound_callback(text, **{"umid": umid, "timestamp": at, **payload}))
        self.clock.sleep(1)
        return umid

    @property
    def replies(self) -> list[tuple[Message, MessageRequest]]:
        return [(message, request) for message, request, _ in self.send_queue.queued]

    @property
    def texts(self) -> list[str]:
        return [request.text for _, request in self.replies]


@pytest.fixture
def bridge() -> Writing:
    return Writing()


@pytest.mark.parametrize(
    ("texts", "answers"),
    [
        (["STOP"], [Keyword.STOP]),
        (["stop.", "STOP", "Arrêt"], [Keyword.STOP]),
        (["START"], []),
        (["STOP", "START"], [Keyword.STOP, Keyword.START]),
        (["STOP", "START", "START"], [Keyword.STOP, Keyword.START]),
        (["STOP", "START", "STOP"], [Keyword.STOP, Keyword.START, Keyword.STOP]),
        (["HELP"], [Keyword.HELP]),
        (["info", "Help"], [Keyword.HELP, Keyword.HELP]),
        (["Please help me", "no more STOPs", ""], []),
    ],
)
def test_a_change_of_state_is_answered_once_and_each_call_for_help(
    bridge: Writing, texts: list[str], answers: list[Keyword]
) -> None:
    for text in texts:
        bridge.write(text)

    assert bridge.texts == [TEXTS[keyword] for keyword in answers]


def test_the_line_about_an_sms_says_what_came_of_its_reply(logged: WrittenLog) -> None:
    bridge = Writing()

    for text in ("STOP", "STOP", "HELP", "HELP", "HELP", "Hello"):
        bridge.write(text)
    bridge.write("HELP", source="Acme")
    bridge.write("STOP", subAccountId="other")

    lines = [one for one in logged.lines if one["message"] == "inbound message kept"]
    assert [(one["keyword"], one.get("reply")) for one in lines] == [
        ("stop", "queued"),
        ("stop", "unchanged"),
        ("help", "queued"),
        ("help", "queued"),
        ("help", "too_many"),
        ("none", None),
        ("help", "number"),
        ("stop", None),
    ]
    assert [one.get("is_known") for one in lines] == [None] * 7 + [False]


def test_without_texts_nothing_is_answered_or_counted() -> None:
    bridge = Writing(replies=False)

    for text in ("STOP", "START", "HELP"):
        bridge.write(text)

    assert bridge.replies == []
    assert not bridge.messages.replies


def test_the_reply_is_a_transactional_message_from_the_number_that_was_written_to() -> None:
    bridge = Writing()

    umid = bridge.write("STOP")

    [(message, request)] = bridge.replies
    assert message.reply_to == umid
    assert plain(bridge.messages.get(message.id)) == plain(message)
    assert (message.state, message.message_type) == (State.WAITING, MessageType.TRANSACTIONAL)
    assert message.recipient_hash == a_person()[1]
    assert message.send_before == message.accepted_at + 600
    assert (message.encoding, message.segments) == ("GSM7", 1)
    assert request.sub_account_id == message.sub_account_id == SUB_ACCOUNT
    assert (request.source, request.destination) == (VIRTUAL_NUMBER, NUMBER)
    assert bridge.texts == [TEXTS[Keyword.STOP]]


def test_its_receipts_come_where_those_of_all_messages_come(bridge: Writing) -> None:
    [event] = bridge.events_of(an_inbound_callback("STOP"))

    bridge.step(event, hash_key="k", callback_url="https://bridge.example/callbacks/8x8?token=t")

    [(_, request)] = bridge.replies
    assert request.callback_url == "https://bridge.example/callbacks/8x8?token=t"


def test_a_callback_that_8x8_repeats_is_answered_by_the_same_message(
    bridge: Writing, logged: WrittenLog
) -> None:
    for _ in range(3):
        bridge.write("STOP", umid=UMID)

    assert len({message.id for message, _ in bridge.replies}) == 1
    assert len([one for one in bridge.messages.messages.values() if one.reply_to]) == 1
    assert [one["message"] for one in logged.lines].count("reply queued") == 1


def test_once_it_was_tried_a_repeated_callback_queues_it_no_more(bridge: Writing) -> None:
    bridge.write("STOP", umid=UMID)
    [(message, _)] = bridge.replies
    bridge.messages.begin_attempt(message.id, bridge.clock.now)

    bridge.write("STOP", umid=UMID)

    assert len(bridge.replies) == 1


@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("opt_outs", "record"),
        ("messages", "count_reply"),
        ("messages", "create"),
        ("send_queue", "add"),
    ],
)
def test_where_a_step_fails_8x8s_repeat_makes_up_for_it(part: str, method: str) -> None:
    bridge = Writing()
    with failing(getattr(bridge, part), method), pytest.raises(ConnectionError):
        bridge.write("STOP", umid=UMID)

    bridge.write("STOP", umid=UMID)

    assert bridge.texts == [TEXTS[Keyword.STOP]]
    assert bridge.opt_outs.is_opted_out(a_person())


@pytest.mark.parametrize(
    "payload",
    [
        {"source": "Acme"},
        {"source": "72727"},
        {"source": "091234567"},
        {"source": ""},
        {"destination": ""},
        {"destination": "Acme"},
        {"destination": "65 9876"},
        {"destination": NUMBER},
        {"destination": NUMBER.removeprefix("+")},
    ],
    ids=str,
)
def test_what_is_no_person_or_has_no_way_back_is_not_answered(payload: dict[str, str]) -> None:
    bridge = Writing()

    for text in ("STOP", "HELP"):
        bridge.write(text, **payload)

    assert bridge.replies == []


def test_a_country_that_may_not_be_texted_is_not_answered_but_heard() -> None:
    bridge = Writing(country_calling_codes="49")

    bridge.write("HELP")
    bridge.write("STOP")

    assert bridge.replies == []
    assert bridge.opt_outs.is_opted_out(a_person())


@pytest.mark.parametrize("scope", list(OptOutScope))
def test_a_second_stop_to_another_sub_account_changes_something_only_where_each_counts(
    scope: OptOutScope,
) -> None:
    bridge = Writing(scope=scope)

    bridge.write("STOP")
    bridge.write("STOP", subAccountId="acme_promo")

    assert len(bridge.replies) == (1 if scope is OptOutScope.STACK else 2)


def test_a_person_is_answered_three_times_an_hour_at_most(bridge: Writing) -> None:
    for _ in range(10):
        bridge.write("HELP")
    bridge.write("HELP", source=f"{NUMBER}1")
    assert Counter(message.destination for message, _ in bridge.replies) == {
        NUMBER: MOST_AN_HOUR,
        f"{NUMBER}1": 1,
    }

    bridge.clock.sleep(3600)
    bridge.write("HELP")
    assert len(bridge.replies) == MOST_AN_HOUR + 2


class TestWhatBecomesOfIt:
    def test_moengage_hears_no_outcome_of_a_message_that_it_does_not_know(self) -> None:
        bridge = Writing()
        bridge.write("STOP")
        [(reply, _)] = bridge.replies
        bridge.messages.begin_attempt(reply.id, bridge.clock.now)

        for word in ("sent", "delivered", "delivered"):
            bridge.receive(a_receipt_callback(word, clientMessageId=reply.id))

        assert bridge.state_of(reply.id) is State.DELIVERED
        assert bridge.outcomes.queued == []
        after = bridge.messages.get(reply.id)
        assert after is not None
        assert after.outcome is not None
        assert not after.outcome_is_open


INBOUND = st.tuples(
    st.sampled_from(["STOP", "START", "HELP", "Hello"]),
    st.sampled_from(["", "acme_promo"]),
    st.integers(-400, 0),
    st.integers(0, 1500),
    st.integers(1, 3),
)


@given(
    events=st.lists(INBOUND, max_size=25),
    scope=st.sampled_from(list(OptOutScope)),
)
def test_each_change_of_state_is_answered_once_whatever_comes_twice_or_late(
    events: list[tuple[str, str, int, int, int]], scope: OptOutScope
) -> None:
    bridge, sub_accounts = Writing(scope=scope), (SUB_ACCOUNT, "acme_promo")
    changes = 0
    for text, sub_account_id, sent, wait, times in events:
        before = [bridge.opt_outs.is_opted_out(a_person(NUMBER, one)) for one in sub_accounts]
        umid = f"{bridge.written:08d}-0000-4000-8000-0000000000ff"
        for _ in range(times):
            bridge.write(
                text,
                umid=umid,
                subAccountId=sub_account_id or SUB_ACCOUNT,
                timestamp=timestamp(bridge.clock.now + sent),
            )
        after = [bridge.opt_outs.is_opted_out(a_person(NUMBER, one)) for one in sub_accounts]
        changes += before != after
        bridge.clock.sleep(wait)

    replies = {message.id: (message, request.text) for message, request in bridge.replies}
    asked_for_help = sum(text == "HELP" for text, *_ in events)
    help_given = sum(text == TEXTS[Keyword.HELP] for _, text in replies.values())
    assert help_given <= asked_for_help
    assert len(replies) - help_given <= changes
    assert len({message.reply_to for message, _ in replies.values()}) == len(replies)
    by_hour = Counter(message.accepted_at // 3600 for message, _ in replies.values())
    assert all(count <= MOST_AN_HOUR for count in by_hour.values())
    if changes + asked_for_help <= MOST_AN_HOUR:
        assert len(replies) == changes + asked_for_help
