"""What becomes of messages: in the queues, in the table, and in the last hour."""

import time
from collections.abc import Iterator

from bridge.activity import HOUR, Activity, activity_of
from bridge.checks import Finding, ok, problem, warning
from bridge.checks.eightx8 import WEBHOOK_IDS
from bridge.checks.moengage import check_outcomes
from bridge.queues import DEAD_LETTER_QUEUES, RECEIVED_TOO_OFTEN, depth_of, reasons_in
from bridge.stack import Stack
from bridge.survey import SECONDS_TO_WAIT, SECONDS_UNTIL_RECEIPTS, Survey, take_survey
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import MessageType, State
from sms_bridge.domain.opt_out import OptOutScope

_STOPPED = ("queue-not-consumed", "function-stopped", "environment-broken", "eightx8-host-wrong")
# With what one request to 8x8 may hold, as template.yaml batches.
_SEND_QUEUES = {
    MessageType.TRANSACTIONAL: ("TransactionalQueue", 10),
    MessageType.PROMOTIONAL: ("PromotionalQueue", 100),
}


def check_work(stack: Stack) -> Iterator[Finding]:
    survey = take_survey(stack.messages, time.time())
    yield from _check_queues(survey, stack)
    yield from _check_dead_letters(survey, stack)
    yield from _check_messages(survey)
    yield from check_outcomes(survey, stack)
    yield ok("messages", f"{survey.by_state.total()} messages are open")


def _check_queues(survey: Survey, stack: Stack) -> Iterator[Finding]:
    depths = {one: sum(depth_of(stack, queue)) for one, (queue, _) in _SEND_QUEUES.items()}
    depth = sum(depths.values())
    # SQS counts approximately, and a record may be on its way.
    if survey.waiting - depth > max(2, survey.waiting // 10) or (survey.waiting and not depth):
        yield problem(
            "send-queue-purged",
            f"{survey.waiting} messages wait to be sent, but the send queues hold {depth} records: "
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
    for name in DEAD_LETTER_QUEUES:
        if not any(depth_of(stack, name)):
            continue
        for reason, count in reasons_in(stack, name).most_common():
            if name == "OutcomeDeadLetterQueue" and reason in survey.given_up:
                continue  # the outcomes themselves are named
            is_send = name == "SendDeadLetterQueue"
            yield problem(
                "send-dead-letters" if is_send else "outcome-dead-letters",
                f"{name} holds {count} dead letters ({reason})",
                _remedy_of_dead_letters(reason, is_send=is_send),
            )


def _remedy_of_dead_letters(reason: str, *, is_send: bool) -> str:
    by_hand = (
        "then in SQS's console Start DLQ redrive, with the outcome queue as custom destination"
    )
    if reason == "unreadable":
        return "the bridge did not write them: find out who else does, then purge the queue in SQS"
    if is_send and reason == RECEIVED_TOO_OFTEN:
        return (
            "DispatchQueue failed on them again and again: see its log; then: "
            "sms-bridge redrive --yes"
        )
    if is_send:
        return "fix what the log of DispatchQueue names; then: sms-bridge redrive --yes"
    if reason == RECEIVED_TOO_OFTEN:
        return f"ForwardOutcome failed on them again and again: see its log; {by_hand}"
    return (
        "sms-bridge replay --all --yes. What is left then are opt-outs and inbound SMS that "
        f"MoEngage's Data API refused: sms-bridge configure --data-api-key, {by_hand}"
    )


def _check_messages(survey: Survey) -> Iterator[Finding]:
    for message_type, reasons in survey.waiting_long.items():
        why = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
        yield warning(
            "messages-waiting",
            f"{reasons.total()} {message_type} messages have been waiting to be sent for more than "
            f"{SECONDS_TO_WAIT[message_type] // 60} minutes ({why})",
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
    if survey.without_receipts:
        yield warning(
            "receipts-missing",
            f"8x8 has sent no receipt of {survey.without_receipts} messages for more than "
            f"{SECONDS_UNTIL_RECEIPTS // 60} minutes",
            "ask 8x8's support whether receipts are delayed. What got lost is asked of 8x8's log "
            "after ReceiptTimeoutSeconds; to have it within the hour: "
            "sms-bridge parameters set ReceiptTimeoutSeconds=3600",
            (
                *(*WEBHOOK_IDS, "callbacks-unauthorized", "callbacks-address", "function-stopped"),
                *("callbacks-not-understood", "callback-url-wrong"),
            ),
        )
    if survey.log_silent:
        yield warning(
            "log-unreadable",
            f"8x8's log cannot be read since {timestamp(survey.log_silent_since)}; what became of "
            f"{survey.log_silent} messages depends on it, for a week at most",
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
    own = activity.of("LookUpMessage").refused["unauthorized"]
    found: dict[tuple[str, str, str], list[str]] = {}
    for reason, count in activity.of("SendSms").refused.items():
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
    callbacks = activity.of("ReceiveCallback").refused
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
