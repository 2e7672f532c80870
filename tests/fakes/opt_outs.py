"""Opt-outs in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sms_bridge.domain.opt_out import OptRequest, Person


@dataclass
class InMemoryOptOuts:
    """OptOuts in memory: the last request of each person to each sub-account."""

    requests: dict[Person, tuple[float, OptRequest]] = field(default_factory=dict)

    def is_opted_out(self, person: Person) -> bool:
        _, opt_request = self.requests.get(person, (0.0, OptRequest.OPT_IN))
        return opt_request is OptRequest.OPT_OUT

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        return set(filter(self.is_opted_out, people))

    def record(self, person: Person, opt_request: OptRequest, at: float) -> None:
        last, _ = self.requests.get(person, (0.0, opt_request))
        if last < at or (last == at and opt_request is OptRequest.OPT_OUT):
            self.requests[person] = (at, opt_request)
