"""Opt-outs in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sms_bridge.domain.opt_out import OptRequest
from sms_bridge.services.interfaces import Person


@dataclass
class InMemoryOptOuts:
    """OptOuts in memory: the last wish of each person for each sub-account."""

    opt_requests: dict[Person, tuple[str, OptRequest]] = field(default_factory=dict)

    def is_opted_out(self, person: Person) -> bool:
        _, opt_request = self.opt_requests.get(person, ("", OptRequest.OPT_IN))
        return opt_request is OptRequest.OPT_OUT

    def opted_out_among(self, people: Iterable[Person]) -> set[Person]:
        return set(filter(self.is_opted_out, people))

    def record(self, person: Person, opt_request: OptRequest, at: str) -> None:
        last, _ = self.opt_requests.get(person, ("", opt_request))
        if last <= at:
            self.opt_requests[person] = (at, opt_request)
