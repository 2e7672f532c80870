"""The secret: how long it serves, and what happens when it cannot be read."""

import json
import traceback
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from sms_bridge.storage.secret import InvalidSecretError, Secret, SecretSource
from tests.builders import plain
from tests.fakes.clock import TurnableClock
from tests.fakes.logs import WrittenLog

KEY = "eightx8-Distinctive-Key"
TOKEN = "a-token-of-20-letters"


class Source:
    """A source of a secret that a test writes, with a clock to turn and a count of the reads."""

    def __init__(self) -> None:
        self.put(eightx8ApiKey=KEY)
        self.clock = TurnableClock()
        client: Any = self
        self.source = SecretSource(client, "arn", max_age_seconds=300, clock=self.clock)
        self.reads = 0
        self.outage: Exception | None = None

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        assert SecretId == "arn"
        self.reads += 1
        if self.outage:
            raise self.outage
        return {"SecretString": self.text}

    def put(self, **values: Any) -> None:
        self.text = json.dumps({"hashKey": "h", **values})


@pytest.fixture
def secret() -> Source:
    """A source that was not read yet."""
    return Source()


class TestContent:
    def test_everything_is_read(self, secret: Source) -> None:
        secret.put(
            eightx8ApiKey=f" {KEY}\n",
            moengageTokens=[f"{TOKEN}1", f"{TOKEN}2"],
            callbackTokens=[f" {TOKEN}3\n"],
            lookUpTokens=f"{TOKEN}4 ",
            fullNumberTokens=[f"{TOKEN}5"],
            hashKey=" h ",
        )

        assert plain(secret.source.get()) == plain(
            Secret(
                eightx8_api_key=KEY,
                moengage_tokens=(f"{TOKEN}1", f"{TOKEN}2"),
                callback_tokens=(f"{TOKEN}3",),
                look_up_tokens=(f"{TOKEN}4",),
                full_number_tokens=(f"{TOKEN}5",),
                hash_key="h",
            )
        )

    @pytest.mark.parametrize(
        "tokens",
        [
            *(None, "", 7, "too short", {"a": TOKEN}),
            *([], [""], [" "], [None], [True], [[TOKEN]], [7], [f"{TOKEN[:15]} \n"]),
            # Nobody can send these.
            *([f'"{TOKEN}"'], f"{TOKEN},{TOKEN}", f"{TOKEN}\n{TOKEN}", [f"Bearer {TOKEN}"]),
            *(["\u200b" * 16], ["é" * 16], ["\x00" * 16]),
        ],
        ids=repr,
    )
    def test_what_is_no_token_lets_nobody_in(self, secret: Source, tokens: object) -> None:
        secret.put(moengageTokens=tokens)

        assert secret.source.get().moengage_tokens == ()

    @pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"Bearer {KEY}", f"{KEY}é", [KEY], 7, None])
    def test_what_no_header_can_carry_is_no_key(self, secret: Source, key: object) -> None:
        secret.put(eightx8ApiKey=key)

        assert secret.source.api_key() == ""

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            *((text, "JSON object") for text in ("", "{", "[]", "[" * 100_000, '"text"', "null")),
            (f"not JSON: {KEY}", "JSON object"),
            *(
                (f'{{"eightx8ApiKey": "{KEY}"{more}}}', "hashKey")
                for more in ("", ', "hashKey": 7')
            ),
            *((f'{{"hashKey": "{blank}"}}', "hashKey") for blank in ("", " ")),
        ],
    )
    def test_one_that_cannot_be_used_is_an_error_that_quotes_nothing(
        self, secret: Source, text: str, reason: str
    ) -> None:
        secret.text = text

        with pytest.raises(InvalidSecretError, match=reason) as invalid:
            secret.source.get()

        assert invalid.value.__context__ is None
        assert KEY not in "".join(traceback.format_exception(invalid.value))

    def test_nothing_of_it_shows(self, secret: Source) -> None:
        assert KEY not in repr(secret.source.get())


OUTAGES = [
    EndpointConnectionError(endpoint_url="https://secretsmanager.example"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue"),
]


class TestAge:
    def test_it_is_read_once_within_its_age_limit_and_again_after_it(self, secret: Source) -> None:
        for _ in range(4):
            assert secret.source.api_key() == KEY
            assert secret.reads == 1
            secret.put(eightx8ApiKey="new")
            secret.clock.sleep(75)

        assert secret.source.api_key() == "new"
        assert secret.reads == 2


class TestOutages:
    @pytest.mark.parametrize(
        "trouble",
        [*OUTAGES, "{", f"not json but {KEY}", '{"eightx8ApiKey": "new"}'],
        ids=lambda one: one if isinstance(one, str) else type(one).__name__,
    )
    def test_the_last_one_serves_on(
        self, secret: Source, trouble: Exception | str, logged: WrittenLog
    ) -> None:
        secret.source.get()
        if isinstance(trouble, str):
            secret.text = trouble
        else:
            secret.outage = trouble
        secret.clock.sleep(300)

        assert secret.source.api_key() == KEY
        name = "InvalidSecretError" if isinstance(trouble, str) else type(trouble).__name__
        assert [line["error"] for line in logged.lines] == [name]
        assert KEY not in logged.text

    def test_nobody_waits_for_the_next_read_for_ten_seconds(self, secret: Source) -> None:
        secret.source.get()
        secret.outage = OUTAGES[0]
        secret.clock.sleep(300)

        for _ in range(5):
            secret.source.get()
        assert secret.reads == 2

        secret.outage = None
        secret.put(eightx8ApiKey="new")
        secret.clock.sleep(10)
        assert secret.source.api_key() == "new"

    @pytest.mark.parametrize("outage", OUTAGES, ids=lambda one: type(one).__name__)
    def test_what_could_never_be_read_is_an_error(self, secret: Source, outage: Exception) -> None:
        secret.outage = outage

        with pytest.raises((BotoCoreError, ClientError)):
            secret.source.get()


class TestRefusedKeys:
    def test_a_key_that_was_changed_is_found_at_once_and_looked_for_once(
        self, secret: Source
    ) -> None:
        refused = secret.source.api_key()
        secret.put(eightx8ApiKey="new")

        # The second message was refused the old one as well.
        for _ in range(2):
            assert secret.source.api_key(refused) == "new"
        assert secret.source.api_key() == "new"
        assert secret.reads == 2

    def test_a_key_that_is_wrong_does_not_cost_a_read_for_every_message(
        self, secret: Source
    ) -> None:
        secret.source.api_key()

        for _ in range(5):
            assert secret.source.api_key(KEY) == KEY
        assert secret.reads == 2

        secret.clock.sleep(2)
        secret.put(eightx8ApiKey="new")
        assert secret.source.api_key(KEY) == "new"

    def test_an_outage_leaves_the_key_as_it_is(self, secret: Source) -> None:
        secret.source.api_key()
        secret.outage = OUTAGES[0]

        assert secret.source.api_key(KEY) == KEY


class TestUnknownTokens:
    def test_the_secret_is_read_at_once_for_a_token_that_is_not_in_it(self, secret: Source) -> None:
        secret.source.get()
        secret.put(moengageTokens=[TOKEN])

        assert secret.source.get_newer().moengage_tokens == (TOKEN,)

    def test_whoever_tries_tokens_costs_a_read_in_two_seconds(self, secret: Source) -> None:
        known = secret.source.get()
        for _ in range(9):
            assert plain(secret.source.get_newer()) == plain(known)
            secret.clock.sleep(0.5)

        assert secret.reads == 1 + 3
