"""`sms-bridge webhook`: registered, replaced and removed, never somebody else's unasked."""

from local.eightx8.callbacks import Target
from tests.bridge.deployed import ACCOUNT, CALLBACK_TOKEN, PROMOTIONAL, TRANSACTIONAL, Deployed

ELSEWHERE = "https://other.example.com/hook"


def test_it_shows_what_is_registered_and_where_that_leads(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE, sub_account_id=PROMOTIONAL, httpAuthorization=None)

    here, elsewhere = deployed.json_of("webhook", "show")

    assert here == {
        "subAccountId": "*",
        "url": f"{deployed.api_url}/callbacks/8x8",
        "enabled": True,
        "hasAuthorization": True,
        "isThisStack": True,
    }
    assert (elsewhere["url"], elsewhere["isThisStack"]) == (ELSEWHERE, False)
    assert ELSEWHERE in deployed.shown("webhook", "show")


def test_its_exit_status_says_whether_anything_leads_here(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)
    deployed.shown("webhook", "show", status=1)

    deployed.eightx8.webhooks.delete("*")
    assert "sms-bridge webhook register" in deployed.shown("webhook", "show", status=1)


def test_what_is_registered_brings_the_token_that_the_bridge_asks_for(deployed: Deployed) -> None:
    deployed.eightx8.webhooks.delete("*")

    deployed.shown("webhook", "register")

    target = deployed.eightx8.webhooks.target(TRANSACTIONAL)
    assert target == Target(f"{deployed.api_url}/callbacks/8x8", f"Bearer {CALLBACK_TOKEN}")


def test_one_that_points_here_is_renewed_without_asking(deployed: Deployed) -> None:
    deployed.register(f"{deployed.api_url}/callbacks/8x8", enabled=False)

    deployed.shown("webhook", "register")
    deployed.shown("webhook", "show")


def test_somebody_elses_webhook_is_replaced_or_removed_only_on_a_yes(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)
    for command in ("register", "remove"):
        assert ELSEWHERE in deployed.shown("webhook", command, typed="n\n", status=1)
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) == Target(
        ELSEWHERE, f"Bearer {CALLBACK_TOKEN}"
    )

    deployed.shown("webhook", "register", typed="y\n")
    deployed.shown("webhook", "show")


def test_a_sub_account_can_have_its_own(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)

    deployed.shown("webhook", "register", "--sub-account", PROMOTIONAL)

    targets = map(deployed.eightx8.webhooks.target, (PROMOTIONAL, TRANSACTIONAL))
    assert [one.url for one in targets if one] == [f"{deployed.api_url}/callbacks/8x8", ELSEWHERE]


def test_a_removed_one_is_gone_and_cannot_be_removed_again(deployed: Deployed) -> None:
    deployed.shown("webhook", "remove")
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) is None

    again = deployed.shown("webhook", "remove", status=1)
    assert "no webhook is registered for the whole account" in again


def test_an_account_id_is_remembered_once_8x8_has_accepted_it(deployed: Deployed) -> None:
    deployed.put_secret(eightx8AccountId="")
    assert "--account-id" in deployed.shown("webhook", "show", status=1)
    deployed.shown("webhook", "show", "--account-id", ACCOUNT[::-1], status=2)
    foreign = "0" * 8 + ACCOUNT[8:]
    shown = deployed.shown("webhook", "show", "--account-id", foreign, status=1)
    assert "may not use this account" in shown
    assert deployed.secret["eightx8AccountId"] == ""

    deployed.shown("webhook", "show", "--account-id", ACCOUNT)
    assert deployed.secret["eightx8AccountId"] == ACCOUNT


def test_without_a_key_it_says_what_to_do(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="")

    assert "sms-bridge configure" in deployed.shown("webhook", "show", status=1)


def test_a_webhook_of_the_old_format_is_said_with_what_to_ask_for(deployed: Deployed) -> None:
    deployed.eightx8.has_old_webhook = True

    shown = deployed.shown("webhook", "register", status=1)

    assert "old format (V1)" in shown
    assert "ask 8x8's support to delete the old SMS delivery-receipt webhook" in shown
