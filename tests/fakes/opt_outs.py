"""Opt-outs in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sms_bridge.domain.opt_out import Wish
from sms_bridge.services.interfaces import Person


@dataclass
class InMemoryOptOuts:
    """OptOuts in memory: the last wish of each person for each sub-account."""

    wishes: dict[Person, tuple[str, Wish]] = field(default_factory=dict)

    def is_opted_out(self, person: Person) -> bool:
        _, wish = self.wishes.get(person, ("", Wish.START))
        return wish is Wish.STOP

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        return set(filter(self.is_opted_out, people))

    def record(self, person: Person, wish: Wish, at: str) -> None:
        last, _ = self.wishes.get(person, ("", wish))
        if last <= at:
            self.wishes[person] = (at, wish)
