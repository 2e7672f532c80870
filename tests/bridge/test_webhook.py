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
    assert ELSEWHERE in deployed.run("webhook", "show").output


def test_its_exit_status_says_whether_anything_leads_here(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)
    assert deployed.run("webhook", "show").exit_code == 1

    deployed.eightx8.webhooks.delete("*")
    result = deployed.run("webhook", "show")
    assert result.exit_code == 1
    assert "sms-bridge webhook register" in result.output


def test_what_is_registered_brings_the_token_that_the_bridge_asks_for(deployed: Deployed) -> None:
    deployed.eightx8.webhooks.delete("*")

    assert deployed.run("webhook", "register").exit_code == 0

    target = deployed.eightx8.webhooks.target(TRANSACTIONAL)
    assert target == Target(f"{deployed.api_url}/callbacks/8x8", f"Bearer {CALLBACK_TOKEN}")


def test_one_that_points_here_is_renewed_without_asking(deployed: Deployed) -> None:
    deployed.register(f"{deployed.api_url}/callbacks/8x8", enabled=False)

    assert deployed.run("webhook", "register").exit_code == 0
    assert deployed.run("webhook", "show").exit_code == 0


def test_somebody_elses_webhook_is_replaced_or_removed_only_on_a_yes(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)
    for command in ("register", "remove"):
        result = deployed.run("webhook", command, typed="n\n")
        assert result.exit_code == 1
        assert ELSEWHERE in result.output
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) == Target(
        ELSEWHERE, f"Bearer {CALLBACK_TOKEN}"
    )

    assert deployed.run("webhook", "register", typed="y\n").exit_code == 0
    assert deployed.run("webhook", "show").exit_code == 0


def test_a_sub_account_can_have_its_own(deployed: Deployed) -> None:
    deployed.register(ELSEWHERE)

    assert deployed.run("webhook", "register", "--sub-account", PROMOTIONAL).exit_code == 0

    targets = map(deployed.eightx8.webhooks.target, (PROMOTIONAL, TRANSACTIONAL))
    assert [one.url for one in targets if one] == [f"{deployed.api_url}/callbacks/8x8", ELSEWHERE]


def test_a_removed_one_is_gone_and_cannot_be_removed_again(deployed: Deployed) -> None:
    assert deployed.run("webhook", "remove").exit_code == 0
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) is None

    again = deployed.run("webhook", "remove")
    assert again.exit_code == 1
    assert "no webhook is registered for the whole account" in again.stderr


def test_an_account_id_is_remembered_once_8x8_has_accepted_it(deployed: Deployed) -> None:
    deployed.put_secret(eightx8AccountId="")
    assert "--account-id" in deployed.run("webhook", "show").stderr

    foreign = deployed.run("webhook", "show", "--account-id", ACCOUNT[::-1])
    assert foreign.exit_code == 2

    foreign = deployed.run("webhook", "show", "--account-id", "0" * 8 + ACCOUNT[8:])
    assert "may not use this account" in foreign.stderr
    assert deployed.secret["eightx8AccountId"] == ""

    assert deployed.run("webhook", "show", "--account-id", ACCOUNT).exit_code == 0
    assert deployed.secret["eightx8AccountId"] == ACCOUNT


def test_without_a_key_it_says_what_to_do(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="")

    assert "sms-bridge configure" in deployed.run("webhook", "show").stderr


def test_a_webhook_of_the_old_format_is_said_with_what_to_ask_for(deployed: Deployed) -> None:
    deployed.eightx8.has_old_webhook = True

    result = deployed.run("webhook", "register")

    assert result.exit_code == 1
    assert "old format (V1)" in result.stderr
    assert "ask 8x8's support to delete the old SMS delivery-receipt webhook" in result.stderr
