"""The faults: what can go wrong, how often, and when."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.chaos.world import START, World


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which something goes wrong.

    Attributes
    ----------
    where
        Whose fault it is.
    chance
        Of each call, while it is on.
    outages
        It is on in that many spans of the campaign only, and then for every call.
    beside
        Other faults without which it would do nothing: they are on whenever it is.
    """

    where: str
    what: str
    chance: float = 0.15
    outages: int = 0
    beside: tuple[str, ...] = ()


# What only 8x8's log can settle, one way or the other.
_UNRESOLVED = ("reset_before_read", "receipts_lost")

FAULTS = {
    "refused": Fault("8x8", "the connection is refused"),
    "connect_timeout": Fault("8x8", "the connection does not come about"),
    "slow_connect": Fault("8x8", "the connection takes up to 10 s: name resolution, say"),
    "reset_before_read": Fault("8x8", "the connection breaks before the request was read"),
    "reset_after_read": Fault("8x8", "the connection breaks after the message was taken"),
    "slow_answer": Fault("8x8", "the message is taken at once and answered up to 40 s later"),
    "slow_taking": Fault("8x8", "the message is taken up to 40 s later, and answered then"),
    "throttled": Fault("8x8", "429"),
    "throttled_with_time": Fault("8x8", "429 with Retry-After"),
    "errors_before": Fault("8x8", "500, 502, 503, 504, and the message is not taken"),
    "errors_after": Fault("8x8", "500, 502, 504, and the message is taken"),
    "cut_answers": Fault("8x8", "the answer breaks off in the middle"),
    "garbage_answers": Fault("8x8", "200 with what is no JSON, or another JSON"),
    "rejected": Fault("8x8", "200 REJECTED; in a batch, of one message"),
    "refused_numbers": Fault("8x8", "400 for one number, which refuses the whole batch"),
    "gaps_in_batches": Fault("8x8", "the answer to a batch leaves messages out", 0.5),
    "key_rotated": Fault("8x8", "the API key is replaced in the middle of the campaign", 1.0),
    "outages": Fault("8x8", "refused, or 503, for minutes", 0.0, outages=3),
    "brownouts": Fault("8x8", "nothing is answered, for minutes", 0.0, outages=2),
    "receipts_early": Fault("receipts", "all receipts come before the answer", 0.5),
    "receipts_doubled": Fault("receipts", "come twice", 0.4),
    "receipts_shuffled": Fault("receipts", "come in any order", 0.5),
    "receipts_late": Fault("receipts", "come up to 47 hours late", 0.05),
    "receipts_lost": Fault("receipts", "never come", 0.1),
    "callbacks_broken": Fault("receipts", "the callback or its answer is lost on the way", 0.3),
    "export_lags": Fault(
        "8x8's log", "shows messages up to two hours late", 1.0, beside=_UNRESOLVED
    ),
    "export_fails": Fault(
        "8x8's log", "cannot be asked, or read, or fails", 0.5, beside=_UNRESOLVED
    ),
    "export_empty": Fault("8x8's log", "says that there is nothing", 0.5, beside=_UNRESOLVED),
    "dynamodb_throttled": Fault("DynamoDB", "throttles, for all tries of a call", 0.03),
    "dynamodb_answer_lost": Fault(
        "DynamoDB", "writes and does not answer; boto3 tries again", 0.05
    ),
    "dynamodb_answers_lost": Fault("DynamoDB", "writes and answers none of boto3's tries", 0.03),
    "dynamodb_down": Fault("DynamoDB", "fails for a minute", 0.0, outages=2),
    "index_lags": Fault("DynamoDB", "the index is minutes behind", 1.0),
    "batch_get_partial": Fault(
        "DynamoDB", "BatchGetItem leaves keys for another call", 0.5, beside=_UNRESOLVED
    ),
    "batch_write_partial": Fault(
        "DynamoDB", "BatchExecuteStatement throttles some of its statements"
    ),
    "sqs_fails": Fault("SQS", "a call fails", 0.05),
    "sqs_answer_lost": Fault("SQS", "a call does its work; boto3 tries it again", 0.05),
    "sqs_answers_lost": Fault("SQS", "a call does its work and fails", 0.05),
    "sqs_partial": Fault("SQS", "SendMessageBatch does not take some of its records", 0.3),
    "sqs_duplicates": Fault("SQS", "a record is delivered twice, at once or after it was deleted"),
    "killed": Fault("Lambda", "a function is killed before or after any of its calls", 0.01),
    "frozen": Fault(
        "Lambda",
        "work goes on minutes after its answer was given",
        1.0,
        beside=("slow_answer", "slow_connect"),
    ),
    "slow_start": Fault("Lambda", "an environment takes up to 3 seconds to start", 0.5),
    "clocks": Fault("Lambda", "clocks differ by up to 5 seconds", 1.0),
    "tracking_down": Fault("MoEngage", "is down for hours", 0.0, outages=1),
    "tracking_slow": Fault("MoEngage", "hears, but answers too late", 0.2),
    "tracking_errors": Fault("MoEngage", "500, 502, 503, 504, heard or not", 0.2),
    "tracking_lost": Fault("MoEngage", "the connection is refused or breaks, heard or not", 0.2),
    "tracking_throttled": Fault("MoEngage", "429 with and without Retry-After", 0.3),
    "tracking_refused": Fault("MoEngage", "400, 403, 404, 413", 0.05),
    "simultaneous_repeats": Fault("MoEngage", "asks up to four times at once", 0.4),
    "retries": Fault("MoEngage", "asks again 5 s later, whatever it was answered", 0.3),
    "late_repeats": Fault("MoEngage", "asks again within the duplicate window, and after it", 0.3),
    "opt_outs": Fault("recipients", "opt out and in while the campaign runs", 0.4),
}

# What takes as long as it takes: an hour of it in a campaign of minutes.
_SECONDS_OF_OUTAGE = {
    "outages": (20.0, 400.0),
    "brownouts": (20.0, 200.0),
    "dynamodb_down": (20.0, 60.0),
    "tracking_down": (600.0, 6 * 3600.0),
}


class Faults:
    """Which faults strike, by the seed.

    Parameters
    ----------
    names
        Those that are on.
    span
        How long the campaign lasts, seconds.

    Attributes
    ----------
    struck
        How often each fault struck.
    """

    def __init__(self, world: World, names: Iterable[str], *, span: float) -> None:
        self._world = world
        self.names = frozenset(other for name in names for other in (name, *FAULTS[name].beside))
        # All at once would leave nothing that works.
        self._share = 1.0 if len(self.names) < 4 else 0.3
        self._random = {name: world.random(name) for name in self.names}
        self._outages = {name: self._plan(name, span) for name in self.names}
        self.struck: Counter[str] = Counter()

    def _plan(self, name: str, span: float) -> list[tuple[float, float]]:
        spans = []
        for _ in range(FAULTS[name].outages):
            begins = START + self._random[name].uniform(0, span)
            spans.append((begins, begins + self._random[name].uniform(*_SECONDS_OF_OUTAGE[name])))
        return spans

    def strikes(self, name: str) -> bool:
        """Tell whether a fault strikes this time."""
        if name not in self.names:
            return False
        fault = FAULTS[name]
        if fault.outages:
            struck = any(begin <= self._world.now < end for begin, end in self._outages[name])
        else:
            share = 1.0 if fault.chance == 1.0 else self._share
            struck = self._random[name].random() < fault.chance * share
        self.struck[name] += struck
        return struck

    def amount(self, name: str, least: float, most: float) -> float:
        """Return how much of a fault there is, if it strikes; else nothing."""
        return self._random[name].uniform(least, most) if self.strikes(name) else 0.0

    def choice[Thing](self, name: str, *things: Thing) -> Thing:
        """Return one of several ways in which a fault strikes."""
        return self._random[name].choice(things)
