"""8x8, without a connection."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.message import MessageRequest
from sms_bridge.providers.eightx8 import sms_of
from tests.builders import ACCEPTED


@dataclass
class FakeEightX8:
    """8x8 that remembers what it was given.

    Attributes
    ----------
    result
        What comes of each message, unless ``results`` has more of them.
    results
        What comes of the first messages or batches, in order.
    results_by_text
        What comes of messages with these texts in a batch.
    meanwhile
        Happens while a message is under way; gets its id.
    sent, batches
        What was posted alone, as 8x8 gets it, and the ids of what was posted in batches.
    taken
        Ids of what 8x8 took, or may have taken, as often as it did.
    """

    result: SendResult = ACCEPTED
    results: list[SendResult] = field(default_factory=list)
    results_by_text: dict[str, SendResult] = field(default_factory=dict)
    meanwhile: Callable[[str], None] = lambda _: None
    sent: list[dict[str, str]] = field(default_factory=list)
    batches: list[tuple[str, list[str]]] = field(default_factory=list)
    seconds_given: list[float] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def send(
        self, request: MessageRequest, message_id: str, *, time_left: Callable[[], float]
    ) -> SendResult:
        content = sms_of(request, message_id)
        self.sent.append({"sub_account_id": request.sub_account_id, **content})
        self.seconds_given.append(time_left())
        result = self._result_of(self._next_result(), content)
        self.meanwhile(content["clientMessageId"])
        return result

    def send_batch(
        self,
        sub_account_id: str,
        requests: Mapping[str, MessageRequest],
        *,
        time_left: Callable[[], float],
    ) -> dict[str, SendResult]:
        self.batches.append((sub_account_id, list(requests)))
        self.seconds_given.append(time_left())
        result = self._next_result()
        results = {
            message_id: self._result_of(result, sms_of(request, message_id))
            for message_id, request in requests.items()
        }
        for message_id in requests:
            self.meanwhile(message_id)
        return results

    def _next_result(self) -> SendResult:
        return self.results.pop(0) if self.results else self.result

    def _result_of(self, result: SendResult, content: dict[str, str]) -> SendResult:
        result = self.results_by_text.get(content["text"], result)
        if result.verdict in (Verdict.ACCEPTED, Verdict.AMBIGUOUS):
            self.taken.append(content["clientMessageId"])
        return result

    @property
    def sent_ids(self) -> list[str]:
        """Ids of what was posted alone."""
        return [one["clientMessageId"] for one in self.sent]

    @property
    def posted(self) -> Iterable[str]:
        """Every id that was posted, as often as it was."""
        yield from self.sent_ids
        for _, message_ids in self.batches:
            yield from message_ids
