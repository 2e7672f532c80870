"""`sms-bridge configure` and `rotate`: what a person puts into the secret, and new tokens."""

import pytest

from bridge.calls import Answer, call
from local.eightx8.callbacks import Target
from tests.bridge.deployed import (
    ACCOUNT,
    CALLBACK_TOKEN,
    KEY,
    MOENGAGE_TOKEN,
    SECRET,
    TRANSACTIONAL,
    Deployed,
)
from tests.fakes.http_server import unreachable_url


# ----------------------------------------------------------------------------------- configure
def test_a_new_stack_gets_its_key_and_nothing_prints_it(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="")

    shown = deployed.shown("configure", typed=f"{KEY}\n")

    assert "8x8 accepts the key" in shown
    assert KEY not in shown
    assert deployed.secret == {**SECRET, "eightx8AccountId": ACCOUNT}


def test_a_key_that_8x8_refuses_is_not_stored(deployed: Deployed) -> None:
    shown = deployed.shown("configure", "--key-from-stdin", typed="mistyped\n", status=1)

    assert "refuses this key; nothing was stored" in shown
    assert deployed.secret["eightx8ApiKey"] == KEY


def test_a_key_is_stored_while_8x8_cannot_be_asked(deployed: Deployed) -> None:
    deployed.environment["EIGHTX8_BASE_URL"] = unreachable_url()

    assert "not known" in deployed.shown("configure", "--key-from-stdin", typed="new-key\n")
    assert deployed.secret["eightx8ApiKey"] == "new-key"


def test_a_key_that_may_not_use_a_sub_account_is_stored_with_a_warning(deployed: Deployed) -> None:
    deployed.environment["SUB_ACCOUNT_IDS"] = f"{TRANSACTIONAL},Nobody"

    shown = deployed.shown("configure", "--key-from-stdin", typed=f"{KEY}\n")

    assert "8x8 does not let the key use Nobody" in shown
    assert deployed.secret["eightx8ApiKey"] == KEY


def test_the_right_key_of_another_region_is_stored_and_the_region_named(deployed: Deployed) -> None:
    deployed.environment["EIGHTX8_BASE_URL"] = "https://sms.8x8.com"
    deployed.eightx8_answers = {
        ("GET", "https://sms.8x8.id/"): Answer(404, {"code": 1300}),
        ("GET", ""): Answer(401, {"code": 1200}),
    }

    shown = deployed.shown("configure", "--key-from-stdin", typed="new-key\n")

    assert "sms-bridge parameters set EightX8Region=indonesia" in shown
    assert deployed.secret["eightx8ApiKey"] == "new-key"


def test_enter_keeps_the_present_key(deployed: Deployed) -> None:
    assert "Nothing was to be done." in deployed.shown("configure", typed="\n")
    assert deployed.secret["eightx8ApiKey"] == KEY


@pytest.mark.parametrize("typed", ["\n", "two words\n", "käse\n"])
def test_what_cannot_be_a_key_is_refused(typed: str, deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="")

    shown = deployed.shown("configure", "--key-from-stdin", typed=typed, status=2)

    assert typed.strip() == "" or typed.strip() not in shown
    assert deployed.secret["eightx8ApiKey"] == ""


def test_both_keys_the_account_and_missing_tokens_at_once(deployed: Deployed) -> None:
    deployed.put_secret(lookUpTokens=[], eightx8AccountId="")

    words = ("configure", "--key-from-stdin", "--data-api-key", "--account-id", ACCOUNT, "--json")
    shown = deployed.shown(*words, typed=f"{KEY}\ndata-key\n")

    assert "Made a token in lookUpTokens." in shown
    assert deployed.secret["moengageDataApiKey"] == "data-key"
    assert deployed.secret["eightx8AccountId"] == ACCOUNT
    assert len(deployed.secret["lookUpTokens"]) == 1
    assert not {"data-key", *deployed.secret["lookUpTokens"]} & set(shown.split('"'))


def test_a_broken_secret_is_said_and_not_overwritten(deployed: Deployed) -> None:
    deployed.put_secret_text("no json")

    shown = deployed.shown("configure", "--key-from-stdin", typed=f"{KEY}\n", status=1)

    assert "does not hold a JSON object" in shown
    assert deployed.secret_text == "no json"


# -------------------------------------------------------------------------------------- rotate
@pytest.mark.parametrize("use", ["moengage", "look-up", "full-number"])
def test_a_new_token_stands_before_the_old_one_until_that_is_retired(
    use: str, deployed: Deployed
) -> None:
    first, *rest = f"{use}-tokens".split("-")
    name = "".join([first, *map(str.capitalize, rest)])
    [old] = deployed.secret[name]

    new = deployed.json_of("rotate", use)["token"]

    assert deployed.secret[name] == [new, old]
    assert deployed.json_of("rotate", use, "--retire") == {"retired": 1}
    assert deployed.secret[name] == [new]
    assert deployed.json_of("rotate", use, "--retire") == {"retired": 0}


def test_the_api_takes_both_tokens_and_after_retiring_only_the_new_one(deployed: Deployed) -> None:
    url = deployed.stack.send_url(TRANSACTIONAL)
    new = deployed.json_of("rotate", "moengage")["token"]
    # An empty request is refused with 400 once its token is accepted.
    assert [call("POST", url, token=one).status for one in (new, MOENGAGE_TOKEN)] == [400, 400]

    deployed.run("rotate", "moengage", "--retire")
    assert [call("POST", url, token=one).status for one in (new, MOENGAGE_TOKEN)] == [400, 401]


def test_8x8_sends_a_new_callback_token_when_every_function_knows_it(
    deployed: Deployed,
) -> None:
    deployed.environment["SECRET_MAX_AGE_SECONDS"] = "3"
    during: list[tuple[list[str], Target | None]] = []

    def sleep(_: float) -> None:
        target = deployed.eightx8.webhooks.target(TRANSACTIONAL)
        during.append((deployed.secret["callbackTokens"], target))

    deployed.monkeypatch.setattr("bridge.secret.sleep", sleep)

    shown = deployed.shown("rotate", "callback")

    new, old = deployed.secret["callbackTokens"]
    assert old == CALLBACK_TOKEN
    url = f"{deployed.api_url}/callbacks/8x8"
    # It is accepted, but nothing uses it yet: who uses the first one still uses the old one.
    assert during == [([old, new], Target(url, f"Bearer {old}"))] * len(during)
    assert len(during) > 3
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) == Target(url, f"Bearer {new}")
    assert new not in shown


def test_only_webhooks_that_point_here_get_the_new_callback_token(deployed: Deployed) -> None:
    tokens = [CALLBACK_TOKEN, "meanwhile-a-colleague-added-this"]
    deployed.monkeypatch.setattr(
        "bridge.secret.sleep", lambda _: deployed.put_secret(callbackTokens=tokens)
    )
    deployed.register("https://other.example.com/hook")

    assert deployed.json_of("rotate", "callback") == {"registeredAgain": 0}

    assert deployed.secret["callbackTokens"][1:] == tokens
    other = Target("https://other.example.com/hook", f"Bearer {CALLBACK_TOKEN}")
    assert deployed.eightx8.webhooks.target(TRANSACTIONAL) == other


def test_without_the_accounts_id_it_says_what_is_left_to_do(deployed: Deployed) -> None:
    deployed.monkeypatch.setattr("bridge.secret.sleep", lambda _: None)
    deployed.put_secret(eightx8AccountId="")

    assert "sms-bridge webhook register --account-id" in deployed.shown("rotate", "callback")


def test_an_unknown_use_is_a_wrong_use(deployed: Deployed) -> None:
    deployed.shown("rotate", "everything", status=2)
