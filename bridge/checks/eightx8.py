"""Does 8x8 accept the key, does it send receipts here, and is there money left?"""

import time
from collections.abc import Iterator, Sequence

from bridge.checks import Finding, ok, problem, warning
from bridge.eightx8 import ENTER_THE_KEY, KEY_REFUSED, Access, EightX8Account, account_of
from bridge.stack import Stack
from bridge.stats import DAY, activity_of
from bridge.webhook import fault_of

_ADD_CREDIT = "add credit in 8x8 Connect"
_DAYS_OF_CREDIT = 3
WEBHOOK_IDS = ("webhook-missing", "webhook-elsewhere", "webhook-disabled", "webhook-without-token")


def check_key(stack: Stack) -> Iterator[Finding]:
    return check_access(account_of(stack), stack.sub_account_ids)


def check_access(account: EightX8Account, names: Sequence[str]) -> Iterator[Finding]:
    """Ask 8x8, for each sub-account, for a message that does not exist."""
    access = {name: account.access_to(name) for name in names}
    where = f"at {account.host}"
    if Access.NOT_8X8 in access.values():
        yield problem(
            "eightx8-host-wrong",
            f"{account.host} does not answer as 8x8's API does: no message is sent",
            "sms-bridge parameters set EightX8Region=REGION, the platform region of your account "
            "(8x8 Connect shows it); EightX8BaseUrl is empty in production",
        )
    elif Access.KEY_REFUSED in access.values():
        region = account.region_that_accepts(names[0])
        if region:
            yield problem(
                "eightx8-region-wrong",
                f"8x8 refuses the API key {where}, and accepts it in the region {region}",
                f"sms-bridge parameters set EightX8Region={region}",
            )
        else:
            yield problem(
                KEY_REFUSED,
                f"8x8 refuses the API key {where}: every message fails (eightx8_unauthorized)",
                f"{ENTER_THE_KEY}; and see whether EightX8Region is that of your account",
            )
        return
    if refused := [name for name, one in access.items() if one is Access.SUB_ACCOUNT_REFUSED]:
        rest = ",".join(name for name in names if name not in refused) or "OTHER"
        yield problem(
            "sub-account-refused",
            f"8x8 does not let the key use {', '.join(refused)}: messages through it fail",
            f"create it in 8x8 Connect, or leave it out: sms-bridge parameters set "
            f"SubAccountIds={rest}",
        )
    if unclear := [name for name, one in access.items() if one is Access.UNCLEAR]:
        yield warning(
            "eightx8-unclear",
            f"8x8 did not say whether the key may use {', '.join(unclear)}",
            "try again in a minute; 8x8's status page shows outages",
        )
    if granted := [name for name, one in access.items() if one is Access.GRANTED]:
        yield ok("eightx8-key", f"8x8 accepts the key {where} for {', '.join(granted)}")


def check_webhook(stack: Stack) -> Iterator[Finding]:
    if stack.sending.get("CALLBACK_BASE_URL"):
        yield ok("webhook", "no webhook is needed: each message names its own callback URL")
        return
    if not stack.eightx8_account_id:
        yield warning(
            "account-id-missing",
            "whether receipts come here is not known, because the 8x8 account's id is not",
            "sms-bridge webhook show --account-id ID (8x8 Connect shows the id); it is kept then",
        )
        return
    webhooks = account_of(stack).webhooks()
    # One webhook for all sub-accounts that is wrong is one finding.
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in stack.sub_account_ids:
        found.setdefault(fault_of(name, webhooks, stack), []).append(name)
    for (finding_id, what, remedy), names in found.items():
        if not finding_id:
            yield ok("webhook", f"receipts of {', '.join(names)} come here")
            continue
        yield problem(
            finding_id,
            f"{what}: no receipt of {', '.join(names)} arrives, and MoEngage learns no outcome",
            remedy,
        )


def check_balance(stack: Stack) -> Iterator[Finding]:
    """See whether a prepaid account has money left, for some days like the last one."""
    found = account_of(stack).balance() if stack.eightx8_account_id else None
    if found is None:
        return
    balance, currency = found
    if balance <= 0:
        yield problem(
            "balance-empty",
            f"the prepaid balance of the 8x8 account is {balance:.2f} {currency}: nothing is sent",
            _ADD_CREDIT,
        )
        return
    spent = activity_of(stack, time.time() - DAY).cost.get(currency, 0.0)
    if balance < _DAYS_OF_CREDIT * spent:
        yield warning(
            "balance-low",
            f"the prepaid balance of the 8x8 account is {balance:.2f} {currency}, and the last 24 "
            f"hours cost {spent:.2f}",
            _ADD_CREDIT,
        )
    else:
        yield ok("balance", f"the prepaid balance is {balance:.2f} {currency}")
