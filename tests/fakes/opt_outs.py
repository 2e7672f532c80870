"""Opt-outs in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sms_bridge.rules.opt_outs import Wish
from sms_bridge.rules.phone_numbers import digits_of
from sms_bridge.storage.opt_outs import Person


@dataclass
class InMemoryOptOuts:
    """OptOuts in memory: the last wish of each person for each sub-account."""

    wishes: dict[tuple[str, str, str], tuple[str, Wish]] = field(default_factory=dict)

    def is_opted_out(self, sub_account_id: str, number: str, *, hash_key: str) -> bool:
        _, wish = self.wishes.get((sub_account_id, digits_of(number), hash_key), ("", Wish.START))
        return wish is Wish.STOP

    def opted_out_among(self, people: Iterable[Person], *, hash_key: str) -> set[Person]:
        return {person for person in people if self.is_opted_out(*person, hash_key=hash_key)}

    def record(
        self, sub_account_id: str, number: str, wish: Wish, at: str, *, hash_key: str
    ) -> None:
        who = (sub_account_id, digits_of(number), hash_key)
        last, _ = self.wishes.get(who, ("", wish))
        if last <= at:
            self.wishes[who] = (at, wish)
