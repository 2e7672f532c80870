"""What becomes of messages: in the queues, in the table, in the last hour, and at MoEngage."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from bridge.checks import Finding, ok, problem, warning
from bridge.checks.eightx8 import WEBHOOK_IDS
from bridge.queues import RECEIVED_TOO_OFTEN, depth_of, reasons_in
from bridge.stack import Stack
from bridge.stats import HOUR, Activity, Survey, activity_of, has_waited, take_survey
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import MessageType, State
from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.services.forward import NO_URL

_STOPPED = ("queue-not-consumed", "function-stopped", "environment-broken", "eightx8-host-wrong")
_SECONDS_UNTIL_QUEUED, _SECONDS_UNTIL_RECEIPTS = 120, 600
_SECONDS_TO_WAIT = {MessageType.TRANSACTIONAL: 300, MessageType.PROMOTIONAL: 3600}
# That 8x8 accepted a message is not written down while it is sending: its first receipt is.
_GIVEN_TO_8X8 = frozenset({State.SENDING, State.QUEUED, State.SENT, State.DEFERRED})
# With what one request to 8x8 may hold, as template.yaml batches.
_SEND_QUEUES = {
    MessageType.TRANSACTIONAL: ("TransactionalQueue", 10),
    MessageType.PROMOTIONAL: ("PromotionalQueue", 100),
}
# What is found, who failed on them, and what brings them back.
_DEAD_LETTERS = {
    "SendDeadLetterQueue": ("send-dead-letters", "DispatchQueue", "then: sms-bridge redrive --yes"),
    "OutcomeDeadLetterQueue": (
        "outcome-dead-letters",
        "ForwardOutcome",
        "then in SQS's console Start DLQ redrive, with the outcome queue as custom destination",
    ),
}


def check_work(stack: Stack) -> Iterator[Finding]:
    survey = take_survey(stack)
    yield from _check_queues(survey, stack)
    yield from _check_dead_letters(survey, stack)
    yield from _check_messages(survey)
    yield from _check_outcomes(survey, stack)
    yield ok("messages", f"{len(survey.messages)} messages are open")


def _check_queues(survey: Survey, stack: Stack) -> Iterator[Finding]:
    depths = {one: sum(depth_of(stack, queue).values()) for one, (queue, _) in _SEND_QUEUES.items()}
    depth = sum(depths.values())
    waiting = sum(
        one.state is State.WAITING and has_waited(one.accepted_at, _SECONDS_UNTIL_QUEUED)
        for one in survey.messages
    )
    # SQS counts approximately, and a record may be on its way.
    if waiting - depth > max(2, waiting // 10) or (waiting and not depth):
        yield problem(
            "send-queue-purged",
            f"{waiting} messages wait to be sent, but the send queues hold {depth} records: "
            "they were purged or taken out by somebody else",
            "nothing brings the texts back; MoEngage gets the outcome expired when their time to "
            "live is over. sms-bridge failures --list then names whom to text again",
        )
    rate = int(stack.environment_of("DispatchQueue").get("SEND_RATE_LIMIT") or 0)
    for message_type, (queue, batch) in _SEND_QUEUES.items():
        seconds = depths[message_type] / (rate * batch) if rate else 0
        time_to_live = int(stack.sending[f"{message_type.upper()}_SECONDS_TO_LIVE"])
        if seconds > time_to_live:
            yield problem(
                "send-rate-too-low",
                f"{queue} holds {depths[message_type]} messages, which SendRateLimit={rate} sends "
                f"in {seconds / 60:.0f} minutes; their time to live is {time_to_live // 60}",
                "sms-bridge parameters set SendRateLimit=1500 (8x8 allows 1,800 requests a second)",
            )


def _check_dead_letters(survey: Survey, stack: Stack) -> Iterator[Finding]:
    for name, (finding_id, function, then) in _DEAD_LETTERS.items():
        reasons = reasons_in(stack, name) if any(depth_of(stack, name).values()) else Counter()
        for reason, count in reasons.most_common():
            remedy = f"fix what the log of {function} names; {then}"
            if reason == "unreadable":
                remedy = (
                    "the bridge did not write them: find out who else does, then purge the queue "
                    "in SQS"
                )
            elif reason == RECEIVED_TOO_OFTEN:
                remedy = f"{function} failed on them again and again: see its log; {then}"
            elif name == "OutcomeDeadLetterQueue":
                if reason in survey.given_up:
                    continue  # the outcomes themselves are named
                remedy = (
                    "sms-bridge replay --all --yes. What is left then are opt-outs and inbound SMS "
                    f"that MoEngage's Data API refused: sms-bridge configure --data-api-key, {then}"
                )
            what = f"{name} holds {count} dead letters ({reason})"
            yield problem(finding_id, what, remedy)


def _check_messages(survey: Survey) -> Iterator[Finding]:
    for message_type, seconds in _SECONDS_TO_WAIT.items():
        reasons = Counter(
            one.reason or "not tried yet"
            for one in survey.messages
            if one.state is State.WAITING
            and one.message_type is message_type
            and has_waited(one.accepted_at, seconds)
        )
        if not reasons:
            continue
        why = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
        yield warning(
            "messages-waiting",
            f"{reasons.total()} {message_type} messages have been waiting to be sent for more than "
            f"{seconds // 60} minutes ({why})",
            "see docs/runbook.md, transactional-queue-age: the reason says whether 8x8 throttles, "
            "is down, or DispatchQueue does not run",
            (*_STOPPED, "send-queue-purged", "send-rate-too-low", "send-dead-letters"),
        )
    ambiguous = survey.by_state[State.UNKNOWN]
    if ambiguous:
        yield warning(
            "messages-ambiguous",
            f"whether 8x8 accepted {ambiguous} messages is not known, the oldest of "
            f"{timestamp(survey.oldest_by_state[State.UNKNOWN])}",
            "nothing at first: 8x8's log is asked after UnknownTimeoutSeconds. If they get more, "
            "see 8x8's status page and the log of Reconcile",
        )
    without_receipts = sum(
        one.state in _GIVEN_TO_8X8
        and not one.receipts
        and has_waited(one.answered_at or one.attempt_at, _SECONDS_UNTIL_RECEIPTS)
        for one in survey.messages
    )
    if without_receipts:
        yield warning(
            "receipts-missing",
            f"8x8 has sent no receipt of {without_receipts} messages for more than "
            f"{_SECONDS_UNTIL_RECEIPTS // 60} minutes",
            "ask 8x8's support whether receipts are delayed. What got lost is asked of 8x8's log "
            "after ReceiptTimeoutSeconds; to have it within the hour: "
            "sms-bridge parameters set ReceiptTimeoutSeconds=3600",
            (
                *(*WEBHOOK_IDS, "callbacks-unauthorized", "callbacks-address", "function-stopped"),
                *("callbacks-not-understood", "callback-url-wrong"),
            ),
        )
    log_silent = [
        one.log_silent_since
        for one in survey.messages
        if not one.outcome and one.log_silent_since > one.log_answered_at
    ]
    if log_silent:
        yield warning(
            "log-unreadable",
            f"8x8's log cannot be read since {timestamp(min(log_silent))}; what became of "
            f"{len(log_silent)} messages depends on it, for a week at most",
            "the log of Reconcile says why (reason); ask 8x8's support to allow log exports for "
            "the API key's account",
        )
    if survey.unreadable:
        named = ", ".join(survey.unreadable[:5])
        more = ", ..." if len(survey.unreadable) > 5 else ""
        yield warning(
            "items-unreadable",
            f"{len(survey.unreadable)} open items of the table cannot be read, so nothing is done "
            f"about them: {named}{more}",
            "they were changed by hand, or written by a later version: deploy that again, or "
            "correct the items in DynamoDB's console",
        )


# ----------------------------------------------------------------------------------------- MoEngage
_SECONDS_TO_CONNECT = 5.0
_SECONDS_UNTIL_REPORTED = 900
# What MoEngage answers to a connector id that it does not know, or not there.
_URL_IS_WRONG = ("401", "403", "404", "405", "410")
_NO_URL_ID = "tracking-url-missing"


def check_delivery_tracking(stack: Stack) -> Iterator[Finding]:
    """See whether a delivery-tracking URL is configured and its host can be reached."""
    url = stack.environment_of("ForwardOutcome").get("MOENGAGE_DELIVERY_TRACKING_URL", "")
    if not url:
        yield problem(
            _NO_URL_ID,
            "no delivery-tracking URL is configured: MoEngage learns no outcome",
            f"{_set_the_url(stack)}; then: sms-bridge replay --reason {NO_URL} --yes",
        )
        return
    split = urlsplit(url)
    make = HTTPSConnection if split.scheme == "https" else HTTPConnection
    connection = make(split.hostname or "", split.port, timeout=_SECONDS_TO_CONNECT)
    try:
        # And leave: a report about no message could disturb MoEngage's counts.
        with closing(connection):
            connection.connect()
    except OSError as error:
        yield warning(
            "moengage-unreachable",
            f"{split.netloc} cannot be reached from this machine ({type(error).__name__})",
            "if outcomes are not acknowledged either, see MoEngage's status page, or "
            f"{_set_the_url(stack)}",
        )
    else:
        yield ok("moengage", f"delivery tracking is configured; {split.netloc} can be reached")


def _check_outcomes(survey: Survey, stack: Stack) -> Iterator[Finding]:
    """See whether outcomes are not taken up, not acknowledged or given up."""
    unreported = survey.unreported
    not_tried = sum(
        not one.outcome_tries and has_waited(one.outcome_due_at, _SECONDS_UNTIL_REPORTED)
        for one in unreported
    )
    if not_tried:
        yield warning(
            "outcomes-not-tried",
            f"{not_tried} outcomes have been due for more than "
            f"{_SECONDS_UNTIL_REPORTED // 60} minutes and nobody has tried to report them",
            "see the log of ForwardOutcome, and whether AWS throttles it; nothing is lost",
            ("queue-not-consumed", "function-stopped", "environment-broken"),
        )
    if unacknowledged := sum(one.outcome_tries > 0 for one in unreported):
        yield warning(
            "outcomes-not-acknowledged",
            f"MoEngage has not acknowledged {unacknowledged} outcomes so far; they are "
            "reported again for nine hours",
            "nothing, if MoEngage comes back; sms-bridge message ID shows when the next try is",
        )
    for reason, count in survey.given_up.most_common():
        why, remedy = _meaning_of(reason, stack)
        yield problem(
            "outcomes-given-up",
            f"{count} outcomes were given up ({reason}): {why}",
            f"{remedy}; then: sms-bridge replay --reason {reason} --yes",
            (_NO_URL_ID,) if reason == NO_URL else (),
        )


def _meaning_of(reason: str, stack: Stack) -> tuple[str, str]:
    """Return why outcomes were given up, and what to do."""
    fix_the_url = f"unless that is fixed by now, {_set_the_url(stack)}"
    status = reason.removeprefix("moengage_")
    refused = f"MoEngage refused the reports with HTTP {status}"
    if reason == NO_URL:
        return "there was no delivery-tracking URL", fix_the_url
    if status in _URL_IS_WRONG:
        return f"{refused}, so the URL was wrong", fix_the_url
    if status.startswith("4"):
        mapping = "the mapping of delivery tracking in MoEngage"
        return refused, f"compare {mapping} with sms-bridge settings"
    if status == "unreachable":
        return "MoEngage did not answer for nine hours", "wait until MoEngage is back"
    return f"MoEngage answered HTTP {status} for nine hours", "wait until MoEngage is back"


def _set_the_url(stack: Stack) -> str:
    """Return how to give the stack the right URL, by the parameters that it is made of."""
    if base_url := stack.parameters.get("MoEngageBaseUrl"):
        other = f"MoEngageBaseUrl=URL, if it does not begin with {base_url}"
    else:
        data_center = stack.parameters.get("MoEngageDataCenter", "")
        other = f"MoEngageDataCenter=XX, if it does not begin with https://api-{data_center}"
    return (
        "sms-bridge parameters set MoEngageConnectorId=ID, with the last part of MoEngage's "
        f"delivery-tracking URL (and {other})"
    )


# ------------------------------------------------------------------------------------ the last hour
_REFUSED = {
    "unauthorized": (
        "requests-unauthorized",
        "the token that MoEngage sends is not one of the stack's: its messages are not sent",
        "copy it anew: sms-bridge settings --show-tokens shows the header Authorization",
    ),
    "sub_account_not_allowed": (
        "requests-sub-account",
        "the URL in MoEngage names a sub-account that the stack does not send through",
        "correct the API URL (sms-bridge settings), or add it: sms-bridge parameters set "
        "SubAccountIds=...",
    ),
    "country_not_allowed": (
        "requests-country",
        "recipients are in countries that AllowedCountryCallingCodes leaves out",
        "sms-bridge parameters set AllowedCountryCallingCodes=..., or send to other people",
    ),
}
_MALFORMED = (
    "requests-malformed",
    "MoEngage's request lacks what a message needs",
    "compare the sender's form in MoEngage with sms-bridge settings",
)
# What is wrong with the deployment, and not with a message; the findings that say so as long as it
# is. Nothing else says the others.
_FAULTS: dict[str, tuple[str, ...]] = {
    "eightx8_unauthorized": ("eightx8-key-refused", "eightx8-region-wrong"),
    "eightx8_forbidden": ("sub-account-refused",),
    "eightx8_unknown_sub_account": ("sub-account-refused",),
    "eightx8_invalid_source": (),
    "eightx8_invalid_callback_url": ("callback-url-wrong",),
    "eightx8_tls_required": (),
    "eightx8_not_found": ("eightx8-host-wrong",),
}


def check_last_hour(stack: Stack) -> Iterator[Finding]:
    activity = activity_of(stack, time.time() - HOUR)
    yield from _check_refused(activity)
    yield from _check_failed(activity)
    yield from _check_inbound(activity, stack)
    accepted, over = activity.figures["Accepted"], activity.figures["Delivered"]
    yield ok("last-hour", f"in the last hour {accepted} messages were accepted, {over} delivered")


def _check_refused(activity: Activity) -> Iterator[Finding]:
    # The doctor itself has each entrance refuse a wrong token; nobody else looks up with one.
    own = activity.refused("LookUpMessage")["unauthorized"]
    found: dict[tuple[str, str, str], list[str]] = {}
    for reason, count in activity.refused("SendSms").items():
        if reason in ("unauthorized", "body_missing"):
            count -= own
        if count > 0 and reason not in ("not_configured", "unavailable"):
            finding = _REFUSED.get(reason, _MALFORMED)
            found.setdefault(finding, []).append(f"{count} x {reason}")
    for (finding_id, what, remedy), reasons in found.items():
        listed = ", ".join(reasons)
        yield problem(
            finding_id, f"requests were refused in the last hour ({listed}): {what}", remedy
        )
    callbacks = activity.refused("ReceiveCallback")
    if (unauthorized := callbacks["unauthorized"] - own) > 0:
        yield problem(
            "callbacks-unauthorized",
            f"{unauthorized} callbacks of the last hour had no valid token: receipts are lost",
            "sms-bridge webhook register, which gives 8x8 the token",
            ("webhook-without-token",),
        )
    if (elsewhere := callbacks["address_not_allowed"] - own) > 0:
        yield problem(
            "callbacks-address",
            f"{elsewhere} callbacks of the last hour came from addresses that CallbackAllowList "
            "leaves out: receipts are lost",
            "ask 8x8's support for its addresses; meanwhile: "
            "sms-bridge parameters set CallbackAllowList=off",
        )
    if activity.figures["CallbacksNotUnderstood"]:
        yield warning(
            "callbacks-not-understood",
            f"{activity.figures['CallbacksNotUnderstood']} callbacks of the last hour could not be "
            "read: XML, or the old format",
            "if receipts are missing, ask 8x8's support to switch the account to the new format",
        )


def _check_inbound(activity: Activity, stack: Stack) -> Iterator[Finding]:
    """See whether people write to where their opt-outs mean something."""
    is_for_all = stack.opt_out_scope is OptOutScope.STACK
    used = activity.by("Accepted", "sub_account_id")
    for name, inbound in sorted(activity.by("InboundMessages", "sub_account_id").items()):
        what = f"{inbound.count} inbound SMS of the last hour came to the sub-account {name}"
        if name not in stack.sub_account_ids:
            counts = "counts for the whole stack" if is_for_all else "keeps nobody from anything"
            yield warning(
                "inbound-sub-account-unknown",
                f"{what}, which is not among SubAccountIds: nobody is answered, and a STOP there "
                f"{counts}",
                "if it is yours, add it: sms-bridge parameters set SubAccountIds=...; otherwise "
                "register the webhook for your own: sms-bridge webhook register",
            )
        elif not is_for_all and used and name not in used:
            yield warning(
                "inbound-sub-account-unused",
                f"{what}, through which no message was sent: a STOP there keeps nobody from "
                "anything",
                "if campaigns never use it: sms-bridge parameters set OptOutScope=stack",
            )


def _check_failed(activity: Activity) -> Iterator[Finding]:
    figures, rejected = activity.figures, activity.by("Rejected", "reason")
    total = max(figures["Accepted"], figures["Delivered"] + figures["Failed"], 1)

    def are_many(count: int) -> bool:
        # More than a campaign's usual losses.
        return count >= 3 and count > 0.2 * total

    for reason, one in rejected.items():
        what = f"8x8 refused {one.count} messages of the last hour ({reason})"
        if causes := _FAULTS.get(reason):
            yield warning(
                "messages-rejected",
                what,
                f"the cause is gone by now; sms-bridge failures --list --reason {reason} names "
                "whom to text again",
                causes,
            )
        elif causes == () or are_many(one.count):
            yield problem(
                "messages-rejected",
                what,
                f"sms-bridge message {one.example} shows why; the table of reasons says what to do",
            )
    if are_many(figures["OptedOut"]):
        yield warning(
            "many-opted-out",
            f"{figures['OptedOut']} of {total} messages of the last hour were not sent, because "
            "the recipients opted out",
            "sms-bridge opt-outs --by-day shows when that began; those recorded by mistake are "
            "removed with --clear",
        )
    if figures["Expired"]:
        yield problem(
            "messages-expired",
            f"{figures['Expired']} messages of the last hour were not sent within their time to "
            "live",
            "8x8 was down or throttled (its status page), or the time is too short: "
            "sms-bridge parameters set TransactionalSecondsToLive=... or PromotionalSecondsToLive",
            (*_STOPPED, "send-rate-too-low", "send-queue-purged"),
        )
    for reason, one in activity.failures.items():
        if are_many(one.count) and reason not in (*rejected, "opted_out", "expired"):
            yield warning(
                "messages-failed",
                f"{one.count} of {total} messages of the last hour failed ({reason})",
                f"sms-bridge message {one.example} shows why; with the same reason for many, ask "
                "8x8's support",
            )
