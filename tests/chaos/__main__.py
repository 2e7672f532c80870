"""Runs the chaos suite and prints what the books say: ``python -m tests.chaos``."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from sms_bridge.domain.attempt import AmbiguousSendPolicy
from tests.chaos.books import COUNTED, Wrong
from tests.chaos.campaign import Setting, run
from tests.chaos.faults import FAULTS
from tests.chaos.shrink import shrink

_ALL = "all at once"
_NONE = "no fault"
_COLUMNS = (*COUNTED, *Wrong)
# A run with one fault needs fewer messages than one with all.
_SHARE_OF_ONE_FAULT = 20
_FEWEST_MESSAGES = 20


@dataclass(frozen=True)
class Summary:
    """A run without its timeline, small enough to come back from another process."""

    row: str
    setting: Setting
    counts: Counter[str]
    failures: dict[Wrong, list[int]]
    struck: int


def settings_of(
    seed: int, messages: int, faults: tuple[str, ...], spacing: float
) -> Iterator[tuple[str, Setting]]:
    """Return the runs of one seed: a quarter of the faults alone, and all at once.

    Four seeds in a row run every fault, in both modes and under both policies; the next four run
    each fault in another mode or under another policy.
    """
    policy = (AmbiguousSendPolicy.HOLD, AmbiguousSendPolicy.RESEND)[seed // 2 % 2]
    is_queued = bool(seed % 2)
    few = max(_FEWEST_MESSAGES, messages // _SHARE_OF_ONE_FAULT)

    def setting(count: int, *names: str) -> Setting:
        return Setting(
            seed=seed,
            messages=count,
            faults=names,
            policy=policy,
            is_queued=is_queued,
            spacing=spacing,
        )

    yield _NONE, setting(few)
    for number, name in enumerate(faults):
        if (number + seed // 4) % 4 == seed % 4 or len(faults) < 4:
            yield name, setting(few, name)
    yield _ALL, setting(messages, *faults)


def summarise(row: str, setting: Setting) -> Summary:
    """Run a setting."""
    result = run(setting)
    return Summary(
        row, setting, result.verdict.counts(), result.failures, sum(result.struck.values())
    )


def run_all(runs: list[tuple[str, Setting]], processes: int) -> Iterator[Summary]:
    """Run settings in as many processes."""
    if processes == 1:
        yield from (summarise(*one) for one in runs)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(summarise, *zip(*runs, strict=True))


def print_table(summaries: Iterable[Summary], policy: AmbiguousSendPolicy) -> None:
    """Print one line for each fault."""
    rows: dict[str, Counter[str]] = {}
    for summary in summaries:
        if summary.setting.policy is policy:
            row = rows.setdefault(summary.row, Counter())
            row.update({**summary.counts, "struck": summary.struck})
    if not rows:
        return
    print(f"\nAmbiguousSendPolicy = {policy}")
    print(f"{'fault':22}{'struck':>8}" + "".join(f"{name:>15}" for name in _COLUMNS))
    for name, row in rows.items():
        print(f"{name:22}{row['struck']:8}" + "".join(f"{row[one]:15}" for one in _COLUMNS))


def print_failure(setting: Setting) -> None:
    """Print how to run a failing setting alone, as small as it gets, and one message's story."""
    print(f"\nFAILED: {setting.command}")
    small, result = shrink(setting)
    print(f"fails as well: {small.command}")
    for message_type, numbers in result.failures.items():
        print(f"\n{message_type}: messages {numbers[:10]}; what happened to message {numbers[0]}:")
        print(result.timeline.of([f"message {numbers[0]}", *result.verdict.ids[numbers[0]]]))


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="how many seeds to run")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1000, help="of a run with all faults")
    parser.add_argument("--faults", help="only these, separated by commas; none for no fault")
    parser.add_argument("--seed", type=int, help="one run with this seed and the faults named")
    parser.add_argument("--policy", choices=list(AmbiguousSendPolicy), default="hold")
    parser.add_argument("--mode", choices=["direct", "queued"], default="direct")
    parser.add_argument("--spacing", type=float, default=0.5, help="seconds between two messages")
    parser.add_argument("--processes", type=int, default=2)
    words = parser.parse_args()
    faults = tuple(FAULTS)
    if words.faults:
        faults = tuple(name for name in words.faults.split(",") if name != "none")
        if unknown := set(faults) - set(FAULTS):
            parser.error(f"no such fault: {', '.join(sorted(unknown))}")

    began = time.monotonic()
    if words.seed is not None:
        setting = Setting(
            seed=words.seed,
            messages=words.messages,
            faults=faults,
            policy=AmbiguousSendPolicy(words.policy),
            is_queued=words.mode == "queued",
            spacing=words.spacing,
        )
        runs = [("this run", setting)]
    else:
        runs = [
            one
            for seed in range(words.first_seed, words.first_seed + words.seeds)
            for one in settings_of(seed, words.messages, faults, words.spacing)
        ]
    summaries = list(run_all(runs, min(words.processes, len(runs))))
    for policy in AmbiguousSendPolicy:
        print_table(summaries, policy)
    failed = [summary for summary in summaries if summary.failures]
    print(f"\n{len(runs)} runs, {len(failed)} failed, {time.monotonic() - began:.0f} s")
    shown = set()
    for summary in failed:
        if summary.row not in shown:
            shown.add(summary.row)
            print_failure(summary.setting)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
