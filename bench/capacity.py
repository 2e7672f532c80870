"""How fast messages go through, what holds them up first, and what a campaign costs.

These are sums: what a message uses was counted by the last `make bench WRITE=1`
(bench/recorded_lives.json), what services allow is written here, how the bridge is set is read from
template.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench import artifact
from bench.cost import MILLION, Assumptions, billed_seconds, cost_of, cost_of_keeping
from bench.usage import Life, Usage

MOENGAGE_DEFAULT, MOENGAGE_MOST = 1000.0, 200_000 / 60
"""Messages a second of a campaign: 60,000 a minute unless raised, at most 200,000."""

EIGHTX8_REQUESTS, EIGHTX8_BATCHED = 1800, 25_000
"""Requests a second for a sub-account, and messages a second that 8x8 states for batches."""

API_REQUESTS = 10_000
LAMBDA_CONCURRENCY = 1000
TABLE_AT_FIRST, TABLE_QUOTA = 4000, 40_000
"""Write units a second of a new on-demand table and each index, and the account's quota for one."""

PARTITION_WRITES = 1000
SHARDS = 16
SQS_IN_FLIGHT = 120_000

RECEIPTS = 2
"""For each message: sent, and delivered."""


@dataclass(frozen=True)
class Limit:
    """Something that lets so many messages a second through, and no more.

    Attributes
    ----------
    sum
        How that was worked out.
    raising
        What can be done about it.
    holds_up
        ``sending``, or ``reporting`` for what comes after it.
    """

    name: str
    per_second: float
    sum: str
    raising: str
    holds_up: str = "sending"


@dataclass(frozen=True)
class Settings:
    """How the bridge is deployed, as far as it limits anything."""

    api_requests_a_route: float
    dispatchers: int
    dispatch_batch: int
    send_rate: float
    tellers: int
    outcome_batch: int
    moengage_rate: float = MOENGAGE_DEFAULT
    table_writes: float = TABLE_AT_FIRST
    lambda_concurrency: int = LAMBDA_CONCURRENCY
    api_requests: float = API_REQUESTS


def as_deployed() -> Settings:
    """Return the template's defaults."""
    source = artifact.template().functions["ForwardOutcome"]["Events"]["Outcomes"]["Properties"]
    return Settings(
        api_requests_a_route=artifact.default_of("ThrottlingRateLimit"),
        dispatchers=artifact.default_of("DispatchConcurrency"),
        dispatch_batch=artifact.default_of("DispatchBatchSize"),
        send_rate=artifact.default_of("SendRateLimit"),
        tellers=source["ScalingConfig"]["MaximumConcurrency"],
        outcome_batch=source["BatchSize"],
    )


def raised() -> Settings:
    """Return what the page proposes for campaigns as fast as MoEngage can be."""
    return replace(
        as_deployed(),
        dispatchers=100,
        send_rate=10_000,
        tellers=1000,
        api_requests_a_route=API_REQUESTS,
        moengage_rate=MOENGAGE_MOST,
        table_writes=TABLE_QUOTA,
        lambda_concurrency=3000,
    )


def limits(life: Life, settings: Settings, assumed: Assumptions, *, queued: bool) -> list[Limit]:
    """Return every limit on a message's way, the lowest first."""
    found = [
        *_at_the_door(settings),
        _lambda(life, settings, assumed),
        *_dynamodb(life, settings),
        _outcomes(life.steps["forward_outcome"], settings, assumed),
    ]
    if queued:
        found += _send_queue(life.steps["dispatch_queue"], settings, assumed)
    else:
        found.append(
            Limit(
                "8x8, single sends",
                EIGHTX8_REQUESTS,
                f"{EIGHTX8_REQUESTS:,} requests a second for a sub-account",
                "`DispatchMode=queued`; or spread the messages over several sub-accounts",
            )
        )
    return sorted(found, key=lambda limit: limit.per_second)


def _at_the_door(settings: Settings) -> list[Limit]:
    rate, route = settings.moengage_rate, settings.api_requests_a_route
    return [
        Limit(
            "MoEngage's campaign throttle",
            rate,
            f"{rate * 60:,.0f} requests a minute",
            "ask MoEngage: at most 200,000 a minute",
        ),
        Limit(
            "API Gateway, the account",
            settings.api_requests / (1 + RECEIPTS),
            f"{settings.api_requests:,.0f} requests a second / (1 + {RECEIPTS} receipts)",
            "a quota of the account, raised by AWS on request",
        ),
        Limit(
            "API Gateway, this API's route for receipts",
            route / RECEIPTS,
            f"{route:,.0f} requests a second / {RECEIPTS} receipts",
            "`ThrottlingRateLimit`; 8x8 repeats what is refused",
            "reporting",
        ),
    ]


def _lambda(life: Life, settings: Settings, assumed: Assumptions) -> Limit:
    by_step = {
        name: usage.invocations / usage.messages * _seconds(name, usage, settings, assumed)
        for name, usage in life.steps.items()
    }
    together = sum(by_step.values())
    parts = " + ".join(f"{seconds:.3f} s {name}" for name, seconds in by_step.items())
    return Limit(
        "Lambda, functions at once",
        settings.lambda_concurrency / together,
        f"{settings.lambda_concurrency:,} at once / ({parts})",
        "a quota of the account and region, raised by AWS on request; it grows by 1,000 functions "
        "every 10 seconds",
    )


def _seconds(name: str, usage: Usage, settings: Settings, assumed: Assumptions) -> float:
    paced = replace(assumed, send_rate=settings.send_rate, dispatchers=2 * settings.dispatchers)
    return billed_seconds(usage, paced, paced=name == "dispatch_queue")


def _dynamodb(life: Life, settings: Settings) -> list[Limit]:
    writes = life.per_message(lambda usage: usage.table_writes)
    found = [
        Limit(
            "DynamoDB, the table",
            settings.table_writes / writes,
            f"{settings.table_writes:,.0f} write units a second / {writes:g} a message",
            "a new table begins with 4,000 a second and grows to twice its last peak within 30 "
            "minutes: set its warm throughput before the first large campaign; beyond 40,000 the "
            "account's quota",
        )
    ]
    for index, (units, shards) in _index_writes(life).items():
        hot = shards * PARTITION_WRITES / units
        found.append(
            Limit(
                f"DynamoDB, index `{index}` as a whole",
                settings.table_writes / units,
                f"{settings.table_writes:,.0f} write units a second / {units:g} a message",
                "warm throughput, as for the table",
            )
        )
        if shards < float("inf"):
            found.append(
                Limit(
                    f"DynamoDB, the shards of index `{index}`",
                    hot,
                    f"{shards:.0f} shards x {PARTITION_WRITES:,} write units / {units:g} a message",
                    "more shards (a change of the code): all new entries of a shard go to its "
                    "end, "
                    "so that DynamoDB cannot split it",
                )
            )
    return found


def _index_writes(life: Life) -> dict[str, tuple[float, float]]:
    """Return write units of a message by index, and over how many hot keys they are spread.

    Messages to many people spread over the index `recipient` by themselves; a campaign's go to the
    shards of that campaign.
    """
    names = {name for usage in life.steps.values() for name in usage.index_writes}
    spread = {"recipient": float("inf")}

    def units_of(index: str) -> float:
        return life.per_message(lambda usage: usage.index_writes.get(index, 0))

    return {name: (units_of(name), spread.get(name, SHARDS)) for name in sorted(names)}


def _outcomes(usage: Usage, settings: Settings, assumed: Assumptions) -> Limit:
    seconds = billed_seconds(usage, assumed)
    return Limit(
        "Telling MoEngage",
        settings.tellers * settings.outcome_batch / seconds,
        f"{settings.tellers} functions x {settings.outcome_batch} outcomes / {seconds:.3f} s",
        "the maximum concurrency of `ForwardOutcome` in template.yaml; outcomes wait meanwhile",
        "reporting",
    )


def _send_queue(usage: Usage, settings: Settings, assumed: Assumptions) -> list[Limit]:
    seconds = _seconds("dispatch_queue", usage, settings, assumed)
    batch, dispatchers = settings.dispatch_batch, settings.dispatchers
    return [
        Limit(
            "The send queue of one kind",
            dispatchers * batch / seconds,
            f"{dispatchers} functions x {batch} messages / {seconds:.3f} s",
            "`DispatchConcurrency` and `SendRateLimit`; each of the two queues has its own "
            "functions "
            "and half of the pace",
        ),
        Limit(
            "8x8, batches",
            EIGHTX8_BATCHED,
            "what 8x8 states for its batch API",
            "ask 8x8",
        ),
    ]


# ------------------------------------------------------------------------------------- campaigns
@dataclass(frozen=True)
class Campaign:
    """What a campaign takes.

    Attributes
    ----------
    seconds_to_send, seconds_to_report
        Until the last message is with 8x8, and until MoEngage has heard of the last one; delivery
        itself takes no time here.
    sending, reporting
        The limits that decide that.
    dollars
        For AWS, with and without keeping the records.
    """

    messages: int
    sending: Limit
    reporting: Limit
    seconds_to_send: float
    seconds_to_report: float
    dollars: float
    dollars_with_records: float


def campaign(
    messages: int, life: Life, settings: Settings, assumed: Assumptions, *, queued: bool
) -> Campaign:
    """Work out how long a campaign takes, and what it costs."""
    found = limits(life, settings, assumed, queued=queued)
    sending = next(limit for limit in found if limit.holds_up == "sending")
    reporting = found[0]
    dollars = sum(cost_of(life, assumed).values()) * messages / MILLION
    return Campaign(
        messages=messages,
        sending=sending,
        reporting=reporting,
        seconds_to_send=messages / sending.per_second,
        seconds_to_report=messages / reporting.per_second,
        dollars=dollars,
        dollars_with_records=dollars + cost_of_keeping(life, assumed) * messages / MILLION,
    )


def in_time(seconds: float) -> str:
    """Say a duration in the unit that fits."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"


def lives_by_mode(lives: Mapping[str, Life]) -> dict[str, tuple[Life, bool]]:
    """Return the two modes, and which of them goes through the send queue."""
    return {mode: (lives[mode], mode == "queued") for mode in ("direct", "queued")}
