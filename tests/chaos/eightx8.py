"""8x8: takes messages by its own rules, keeps its books, and calls back."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sms_bridge.clock import seconds_of, timestamp
from tests.chaos.faults import Faults
from tests.chaos.wire import Mishap, Reply
from tests.chaos.world import World

CALLBACK_RETRIES = (1.0, 10.0, 30.0, 90.0)
FAILURES = ("rejected", "undelivered")

_COLUMNS = [
    "umid",
    "subaccountid",
    "direction",
    "status_value",
    "status_details",
    "status_errorcode",
    "status_errormessage",
    "status_timestamp",
    "msisdn",
    "createdat",
    "clientmessageid",
]

# States with their error codes, and how many of a hundred SMS go that way.
_FATES = (
    ((("queued", ""), ("sent", ""), ("delivered", "")), 80),
    ((("queued", ""), ("sent", ""), ("delivered", ""), ("read", "")), 5),
    ((("queued", ""), ("sent", ""), ("undelivered", "4"), ("delivered", "")), 3),
    ((("queued", ""), ("sent", ""), ("undelivered", "22"), ("undelivered", "1")), 3),
    ((("queued", ""), ("sent", ""), ("undelivered", "46")), 5),
    ((("queued", ""), ("sent", ""), ("undelivered", "1"), ("delivered", "")), 2),
    ((("queued", ""), ("rejected", "15")), 2),
)


@dataclass
class Sms:
    """An SMS that 8x8 took.

    Attributes
    ----------
    states
        8x8's words for what became of it with their error codes, as far as it has got.
    """

    umid: str
    client_message_id: str
    sub_account_id: str
    destination: str
    text: str
    taken_at: float
    logged_at: float
    states: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def final(self) -> str:
        """``delivered`` or ``failed``; empty while nobody knows."""
        words = [state for state, code, _ in self.states if code not in ("4", "5", "22")]
        if "delivered" in words or "read" in words:
            return "delivered"
        return "failed" if set(words) & set(FAILURES) else ""


class EightX8Platform:
    """8x8's API.

    Parameters
    ----------
    deliver
        Calls the bridge back; tells whether the bridge took it.

    Attributes
    ----------
    taken
        8x8's books: all SMS, by ``clientMessageId``.
    pending
        How many events and callbacks are still to come.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        *,
        api_key: str,
        deliver: Callable[[dict[str, Any]], bool],
        heard: Callable[[str, str], None],
    ) -> None:
        self.api_key = api_key
        self.taken: dict[str, list[Sms]] = defaultdict(list)
        self.pending = 0
        self._world = world
        self._faults = faults
        self._deliver = deliver
        self._heard = heard
        self._random = world.random("8x8")
        self._jobs: dict[str, tuple[float, str]] = {}
        self._log_lag = 0.0
        self._count = 0

    # ----------------------------------------------------------------------------- on the way to it
    def mishap(self, path: str) -> Mishap:
        """Tell what goes wrong with the next request."""
        strikes, amount, choice = self._faults.strikes, self._faults.amount, self._faults.choice
        if "/exports" in path:
            if strikes("export_fails"):
                kind = choice("export_fails", "refused", "lost", "status")
                return Mishap(
                    is_refused=kind == "refused",
                    is_unread=kind == "lost",
                    instead=Reply(choice("export_fails", 429, 500, 503, 404)),
                )
            return Mishap()
        if strikes("outages"):
            is_refused = choice("outages", True, False)
            return Mishap(is_refused=is_refused, instead=_error(503, 2000))
        if strikes("brownouts"):
            return Mishap(taken_after=choice("brownouts", 20.0, 45.0))
        mishap = Mishap(
            is_refused=strikes("refused"),
            is_ignored=strikes("connect_timeout"),
            connects_after=amount("slow_connect", 0.5, 10.0),
            is_unread=strikes("reset_before_read"),
            taken_after=amount("slow_taking", 0.5, 40.0),
        )
        if strikes("throttled"):
            mishap.instead = _error(429, 0)
        elif strikes("throttled_with_time"):
            after = choice("throttled_with_time", "1", "2", "30", "600", "soon")
            mishap.instead = _error(429, 0, {"retry-after": after})
        elif strikes("errors_before"):
            mishap.instead = _error(choice("errors_before", 500, 502, 503, 504), 2000)
        return mishap

    # ------------------------------------------------------------------------------------- its API
    def answer(self, path: str, headers: dict[str, str], body: Any) -> Reply:
        """Answer a request."""
        if path.startswith("https://"):
            return self._file(path)
        if headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(401, 1200)
        sub_account_id = path.split("/")[4]
        if "/exports" in path:
            if body is None:
                return self._job(path.rpartition("/")[2])
            return self._ask_log(sub_account_id, body)
        if path.endswith("/batch"):
            return self._spoiled(self._take_batch(sub_account_id, body), body["messages"])
        taken = self._take(sub_account_id, body)
        if taken is None:
            return _error(400, 1002)
        return self._spoiled(_json(200, taken), [body])

    def _take_batch(self, sub_account_id: str, body: dict[str, Any]) -> Reply:
        messages = body["messages"]
        if not 1 <= len(messages) <= 10_000:
            return _error(400, 1100)
        if any(self._is_wrong(message) for message in messages):
            return _error(400, 1002)
        answers = [self._take(sub_account_id, message) for message in messages]
        if self._faults.strikes("gaps_in_batches"):
            answers = self._random.sample(answers, len(answers) // 2)
        self._random.shuffle(answers)
        self._count += 1
        accepted = sum(bool(one and one["status"]["code"] == "QUEUED") for one in answers)
        return _json(
            200,
            {
                "batchId": f"00000000-0000-4000-9000-{self._count:012d}",
                "acceptedCount": accepted,
                "rejectedCount": len(messages) - accepted,
                "messages": answers,
            },
        )

    def _is_wrong(self, message: dict[str, Any]) -> bool:
        # By the number, so that a number that is refused once is refused again.
        return "refused_numbers" in self._faults.names and message["destination"].endswith("7")

    def _take(self, sub_account_id: str, message: dict[str, Any]) -> dict[str, Any] | None:
        if self._is_wrong(message):
            self._faults.struck["refused_numbers"] += 1
            return None
        self._count += 1
        lag = self._random.uniform(1.0, 90.0)
        sms = Sms(
            umid=f"00000000-0000-4000-8000-{self._count:012d}",
            client_message_id=message["clientMessageId"],
            sub_account_id=sub_account_id,
            destination=message["destination"],
            text=message["text"],
            taken_at=self._world.now,
            logged_at=self._world.now + lag,
        )
        self.taken[sms.client_message_id].append(sms)
        rejected = self._faults.strikes("rejected")
        self._heard(sms.client_message_id, f"8x8 takes it as {sms.umid[-6:]}")
        if rejected:
            sms.states.append(("rejected", "", self._world.now))
        else:
            self._plan(sms)
        return {
            "umid": sms.umid,
            "clientMessageId": sms.client_message_id,
            "destination": sms.destination,
            "encoding": "GSM7",
            "status": {
                "code": "REJECTED" if rejected else "QUEUED",
                "description": "SMS is accepted and is being processed",
            },
        }

    def _spoiled(self, reply: Reply, messages: list[dict[str, Any]]) -> Reply:
        """Let something go wrong with the answer, the messages having been taken."""
        if reply.status != 200:
            return reply
        strikes, choice = self._faults.strikes, self._faults.choice
        delay = self._random.uniform(0.02, 0.3)
        if strikes("reset_after_read"):
            return Reply(200, delay=delay, is_lost=True)
        if strikes("slow_answer"):
            delay = choice("slow_answer", 1.0, 3.2, 4.5, 14.0, 40.0)
        if any(self._is_early(message) for message in messages):
            delay += 2.0
        if strikes("errors_after"):
            return _error(choice("errors_after", 500, 502, 504), 2000)
        body = reply.body
        if strikes("cut_answers"):
            body = body[: self._random.randrange(len(body))]
        if strikes("garbage_answers"):
            body = choice("garbage_answers", b"<html>", b"[]", b"null", b'{"status": 7}', b"\xff")
        return Reply(200, body, delay=delay)

    # ---------------------------------------------------------------------------- receipts and log
    def _is_early(self, message: dict[str, Any]) -> bool:
        return any(sms.states for sms in self.taken[message["clientMessageId"]])

    def _plan(self, sms: Sms) -> None:
        """Decide what becomes of it; each change of state is a callback of its own."""
        strikes, world = self._faults.strikes, self._world
        fates, weights = zip(*_FATES, strict=True)
        (states,) = self._random.choices(fates, weights)
        is_early = strikes("receipts_early")
        at = 0.0
        for number, (state, code) in enumerate(states):
            at += 0.001 if is_early else self._random.uniform(0.2, 20.0)
            if strikes("receipts_late"):
                at += self._random.uniform(3600.0, 47 * 3600.0 / len(states))
            self.pending += 1
            if is_early and number == 0:
                self._happen(sms, state, code)
            else:
                world.call_later(at, partial(self._happen, sms, state, code))

    def _happen(self, sms: Sms, state: str, code: str) -> None:
        strikes = self._faults.strikes
        sms.states.append((state, code, self._world.now))
        self.pending -= 1
        body = _receipt(sms, state, code, self._world.now)
        if strikes("receipts_lost"):
            self._heard(sms.client_message_id, f"8x8's receipt {state} is lost")
            return
        shuffle = self._faults.amount("receipts_shuffled", 0.0, 120.0)
        for copy in range(2 if strikes("receipts_doubled") else 1):
            self.pending += 1
            delay = shuffle + copy * self._random.uniform(0.0, 60.0)
            self._world.spawn(lambda: self._report(sms, body), delay=delay)

    def _report(self, sms: Sms, body: dict[str, Any]) -> None:
        self._call_back(sms.client_message_id, body)

    def _call_back(self, client_message_id: str, body: dict[str, Any]) -> bool:
        """Call back until the bridge takes it; tells whether it did."""
        try:
            for wait in (*CALLBACK_RETRIES, None):
                if self._deliver(body):
                    return True
                if wait is not None:
                    self._world.wait(wait)
            self._heard(client_message_id, "8x8 gives its callback up")
            return False
        finally:
            self.pending -= 1

    def receive(self, body: dict[str, Any], taken: Callable[[], None]) -> None:
        """Take an SMS from a person, and call back; ``taken`` is told when the bridge has it."""

        def call_back() -> None:
            if self._call_back("", body):
                taken()

        self.pending += 1
        self._world.spawn(call_back)

    def _ask_log(self, sub_account_id: str, body: dict[str, Any]) -> Reply:
        self._count += 1
        job_id = f"job-{self._count}"
        self._log_lag = self._faults.amount("export_lags", 60.0, 7200.0)
        ready_at = self._world.now + self._random.uniform(0.0, 20.0)
        self._jobs[job_id] = (ready_at, self._csv(sub_account_id, body))
        return _json(202, {"jobId": job_id})

    def _csv(self, sub_account_id: str, body: dict[str, Any]) -> str:
        since, until = seconds_of(body["from"]), seconds_of(body["to"])
        shown = io.StringIO()
        rows = csv.DictWriter(shown, _COLUMNS)
        rows.writeheader()
        found = [
            sms
            for group in self.taken.values()
            for sms in group
            if sms.sub_account_id == sub_account_id
            and since <= sms.taken_at <= until
            and sms.logged_at + self._log_lag <= self._world.now
        ]
        for sms in found:
            state, code, at = sms.states[-1] if sms.states else ("queued", "", sms.taken_at)
            rows.writerow(
                {
                    "umid": sms.umid,
                    "subaccountid": sms.sub_account_id,
                    "direction": "1",
                    "status_value": state,
                    "status_errorcode": code,
                    "status_timestamp": timestamp(at),
                    "msisdn": "*****",
                    "createdat": timestamp(sms.taken_at),
                    "clientmessageid": sms.client_message_id,
                }
            )
        return shown.getvalue() if found else ""

    def _job(self, job_id: str) -> Reply:
        ready_at, content = self._jobs[job_id]
        if self._world.now < ready_at:
            return _json(200, {"status": self._random.choice(("queued", "running"))})
        if not content or self._faults.strikes("export_empty"):
            return _json(200, {"status": "empty"})
        return _json(200, {"status": "succeeded", "data": [f"https://files.invalid/{job_id}"]})

    def _file(self, link: str) -> Reply:
        return Reply(200, self._jobs[link.rpartition("/")[2]][1].encode())


def _receipt(sms: Sms, state: str, code: str, at: float) -> dict[str, Any]:
    status: dict[str, Any] = {"state": state, "timestamp": timestamp(at)}
    if code:
        status |= {"errorCode": int(code), "errorMessage": f"Error {code}"}
    return {
        "namespace": "SMS",
        "eventType": "outbound_message_status_changed",
        "description": "SMS status has changed",
        "payload": {
            "umid": sms.umid,
            "clientMessageId": sms.client_message_id,
            "subAccountId": sms.sub_account_id,
            "destination": sms.destination,
            "status": status,
            "smsCount": 1,
        },
    }


def _json(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode())


def _error(status: int, code: int, headers: dict[str, str] | None = None) -> Reply:
    body = {"code": code, "message": "of the simulation", "errorId": "e", "timestamp": "t"}
    return Reply(status, json.dumps(body).encode(), headers or {}, delay=0.05)
