"""What reaches a terminal: one line a value, no secret, and every failure in one line."""

import json
import re
from typing import Any

import pytest
import typer

from bridge.terminal import columns, json_is_wanted, safe, say, say_result
from sms_bridge.domain.message import Outcome, OutcomeStatus, State
from tests.bridge.deployed import HASH_KEY, KEY, SECRET, Deployed
from tests.builders import NUMBER, a_receipt

# ESC and OSC, C1, line breaks, a carriage return, bidirectional and invisible characters, half of a
# pair, DEL.
EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\n2026-01-01 delivered\r\u202e\u2066\u200b\u2028\ud83d\x7f"


def test_nothing_that_a_terminal_acts_on_is_left() -> None:
    assert safe(EVIL).isprintable()
    assert "\\x1b]0;title\\x07" in safe(EVIL)
    assert "\\n2026-01-01" in safe(EVIL)
    assert safe("café, 短信 🛑") == "café, 短信 🛑"


def test_a_value_is_one_line_on_every_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(EVIL, EVIL)
    before = json_is_wanted.set(True)
    say_result({"value": EVIL}, "for people")
    json_is_wanted.reset(before)
    print(*columns([(EVIL, "x")], (EVIL, "y")), sep="\n")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert json.loads(lines[2])["value"] == EVIL


def test_what_callers_and_8x8_wrote_cannot_forge_a_timeline(deployed: Deployed) -> None:
    """Commands print what is stored, whoever has written it."""
    evil = EVIL.replace("\ud83d", "")
    message = deployed.keep(source=evil, campaign_id=f"spring{evil}", state=State.SENT)
    failed = Outcome(OutcomeStatus.FAILED, evil, evil)
    receipt = a_receipt("undelivered", error_message=evil, detail=evil)
    deployed.messages.record_receipt(message.id, receipt, failed)
    deployed.messages.record_given_up(message.id, evil, message.accepted_at)
    deployed.put_into("OutcomeDeadLetterQueue", "x", reason="forged\u2028")
    deployed.register("https://example.com/\u202e\x9b")
    line = {"Failed": 1, "outcome_reason": evil, "message_id": evil, "campaign_id": evil}
    deployed.log("SendSms", line, {"reason": evil, "RequestsRefused": 1})

    of_messages = (("message", NUMBER), ("message", message.id))
    others = (
        "stats",
        "doctor --all",
        "failures",
        "failures --list",
        "webhook show",
        "replay --all",
    )
    of_a_campaign = ("message", "--campaign", f"spring{evil}")
    for words in (*of_messages, of_a_campaign, *map(str.split, others)):
        result = deployed.run(*words)
        shown = result.output + result.stderr
        assert shown.strip(), words
        assert all(line.isprintable() for line in shown.split("\n")), words


@pytest.mark.parametrize(
    "secret",
    [
        json.dumps(SECRET)[:-1],
        json.dumps([SECRET]),
        json.dumps({**SECRET, "moengageTokens": {"a": KEY}, "hashKey": [KEY]}),
        json.dumps({**SECRET, "eightx8ApiKey": f"{KEY}\n{KEY}"}),
        json.dumps({**SECRET, "eightx8ApiKey": f"ключ-{KEY}"}),
    ],
)
def test_no_secret_is_shown_whatever_is_wrong_with_it(secret: str, deployed: Deployed) -> None:
    deployed.put_secret_text(secret)

    values = [KEY, HASH_KEY, *(SECRET[name][0] for name in SECRET if "Tokens" in name)]
    for command in (
        *("doctor", "settings", "configure --key-from-stdin", "rotate callback --retire"),
        *(f"message {NUMBER}", f"send-test --to {NUMBER} --wait 0", f"forget {NUMBER} --yes"),
        "webhook show",
    ):
        result = deployed.run(*command.split(), typed="\n")
        shown = result.output + result.stderr
        assert not [one for one in values if one in shown], command
        assert "Traceback" not in shown


# --------------------------------------------------------------------------------- the command line
def test_options_stand_before_or_after_the_command(deployed: Deployed) -> None:
    named: list[tuple[str, Any]] = []
    told = deployed.stack

    def stack(_: Deployed, name: str, **options: Any) -> Any:
        named.append((name, options["region"]))
        return told

    deployed.monkeypatch.setattr("tests.bridge.deployed.ToldStack", stack)
    for words in (
        "--stack other --region=eu-west-1 settings --json",
        "settings --stack other --json --region eu-west-1",
        "--json settings --stack=other --region=eu-west-1",
    ):
        assert json.loads(deployed.shown(*words.split()))

    assert named == [("other", "eu-west-1")] * 3


def test_its_name_and_version(deployed: Deployed) -> None:
    assert re.fullmatch(r"sms-bridge \d+\.\d+\.\d+\n", deployed.shown("--version"))


def raising(error: type[BaseException], context: type[BaseException] | None = None) -> Any:
    """Return a function that raises an error, perhaps while another one is handled."""

    def fail(*_: object, **__: object) -> None:
        if context is None:
            raise error(KEY)
        try:
            raise context
        except context:
            raise error from None

    return fail


def test_ctrl_c_ends_it_with_130(deployed: Deployed) -> None:
    deployed.keep()
    deployed.monkeypatch.setattr("bridge.stats.take_survey", raising(KeyboardInterrupt))
    # As Typer does at a question.
    deployed.monkeypatch.setattr("typer.confirm", raising(typer.Abort, KeyboardInterrupt))

    deployed.shown("stats", status=130)
    deployed.shown("forget", NUMBER, status=130)


def test_a_failure_that_nobody_foresaw_is_one_line_without_its_text(deployed: Deployed) -> None:
    deployed.monkeypatch.setattr("bridge.stats.take_survey", raising(KeyError))

    result = deployed.run("stats")

    assert result.exit_code == 1
    assert result.stderr.startswith("sms-bridge: unexpected KeyError at test_terminal.py:")
    assert KEY not in result.stderr
    assert result.stderr.count("\n") == 1
