"""Finds messages for those who ask what became of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sms_bridge import background
from sms_bridge.domain.message import Message, Position, State, is_message_id
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.errors import DetailsFailedError

if TYPE_CHECKING:
    from sms_bridge.services import interfaces

# A page is what can be read in a second or two; a rare state may need several.
_LOOKED_THROUGH_AT_MOST = 2000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wanted:
    """Which messages are asked for: all to a recipient, or of a campaign."""

    destination: str = ""
    campaign_id: str = ""
    state: State | None = None
    """Only those that are in it now."""
    before: Position | None = None
    """Where the last page ended."""
    limit: int


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """Messages, the newest first, and where to go on; ``None`` at the end."""

    messages: Sequence[Message]
    next: Position | None


@dataclass(kw_only=True, eq=False, repr=False)
class LookUp:
    """Finds messages by what the asker knows of them."""

    messages: "interfaces.MessageStore"
    client_message_id_of: Callable[[str, str], str]
    """Asks 8x8 by its id and a sub-account; or `DetailsFailedError`. Empty where there is none."""
    sub_account_ids: Sequence[str]
    seconds: float = 6.0
    """To ask in all sub-accounts together; the function has ten."""

    def by_id(self, message_id: str) -> Message | None:
        """Return a message by the bridge's id."""
        message = self.messages.get(message_id) if is_message_id(message_id) else None
        # The end of a chain of ids is no message.
        return None if message is None or message.closes_window else message

    def by_umid(self, umid: str) -> Message | None:
        """Return a message by 8x8's id; all sub-accounts are asked for it side by side.

        ``DetailsFailedError`` where none has it, and of some sub-account 8x8 did not say.
        """
        failure = None
        asked = [
            background.start(partial(self.client_message_id_of, umid, one))
            for one in self.sub_account_ids
        ]
        try:
            for answer in as_completed(asked, self.seconds):
                try:
                    message = self.by_id(answer.result())
                except DetailsFailedError as error:
                    failure = error
                else:
                    if message is not None:
                        return message
        except TimeoutError:
            failure = DetailsFailedError("timeout", "8x8 did not answer in time")
        # Receipts for a message that the bridge did not send.
        message = self.messages.get(f"umid {umid}")
        if message is None and failure:
            raise failure
        return message

    def page(self, wanted: Wanted, *, hash_key: str) -> Page:
        """Return a page of messages."""
        recipient_hash = keyed_hash(wanted.destination, hash_key) if wanted.destination else ""
        found = self.messages.newest_first(
            recipient_hash=recipient_hash, campaign_id=wanted.campaign_id, before=wanted.before
        )
        messages: list[Message] = []
        last = wanted.before
        for looked_through, message in enumerate(found):
            if len(messages) == wanted.limit or looked_through == _LOOKED_THROUGH_AT_MOST:
                return Page(messages, last)
            last = Position.of(message)
            if wanted.state in (None, message.state):
                messages.append(message)
        return Page(messages, None)
