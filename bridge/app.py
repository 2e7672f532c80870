"""The commands and what all of them take."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bridge import parameters, webhook
from bridge.doctor import doctor
from bridge.errors import failure_of
from bridge.message import message, send_test
from bridge.people import forget, opt_outs
from bridge.queues import redrive, replay
from bridge.secret import configure, rotate
from bridge.settings import settings
from bridge.stack import Stack
from bridge.stats import failures, stats
from bridge.terminal import command, safe, say
from sms_bridge import __version__

NAME = "sms-bridge"

_BEFORE_THE_COMMAND = ("--stack", "--profile", "--region", "--api-url")
_INTERRUPTED = 130
# Its module has moved between Typer's versions.
_ClickError: Any = typer.BadParameter.__mro__[2]


class Commands(TyperGroup):
    """Commands whose options may stand anywhere, and that say in one line what failed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the options of all commands before the command, and the others after it."""
        before, rest, after = list[str](), list[str](), list[str]()
        words = iter(args)
        for word in words:
            if word == "--":
                rest += [word, *words]
            elif word.partition("=")[0] in _BEFORE_THE_COMMAND:
                before += [word] if "=" in word else [word, next(words, "")]
            elif word == "--json" and not rest:
                after.append(word)
            else:
                rest.append(word)
        return super().parse_args(ctx, [*before, *rest, *after])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except _ClickError as error:
            error.message = safe(error.message)
            raise
        except typer.Abort as error:
            # At a question Ctrl-C is no other answer than "no".
            if isinstance(error.__context__, KeyboardInterrupt):
                raise typer.Exit(_INTERRUPTED) from None
            raise
        except (typer.Exit, EOFError, BrokenPipeError):
            raise
        except Exception as error:
            failure = failure_of(error)
            say(f"{NAME}: {failure}", error=True)
            raise typer.Exit(failure.exit_status) from None


app = typer.Typer(
    name=NAME,
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(
    function: Callable[..., None], *examples: str, to: typer.Typer = app, name: str | None = None
) -> None:
    shown = "\n".join(f"  {NAME} {one}" for one in examples)
    epilog = f"\b\nExamples:\n{shown}" if examples else None
    to.command(name, epilog=epilog)(command(function))


def _group(name: str, what: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name=name, help=what)
    return group


# In the order in which they are needed.
_add(configure, "configure", "configure --key-from-stdin < key.txt")
_add(settings, "settings", "settings --show-tokens")
_webhook = _group("webhook", "Where 8x8 sends receipts and inbound SMS.")
_add(webhook.show, to=_webhook)
_add(webhook.register, to=_webhook)
_add(webhook.remove, to=_webhook)
_parameters = _group("parameters", "Show the stack's parameters, or change some.")
_add(parameters.show, to=_parameters)
_add(
    parameters.set_parameters,
    "parameters set SendRateLimit=500",
    'parameters set "OptOutKeywords=STOP,CANCEL" --yes',
    to=_parameters,
    name="set",
)
_add(send_test, "send-test --to +6591234567", "send-test --to - < number.txt")
_add(doctor, "doctor", "doctor --all", "doctor --json --region ap-southeast-1")
_add(stats, "stats", "stats --json")
_add(
    message,
    "message +6591234567",
    "message 0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d --local-time",
    "message --campaign spring --state failed --since 24h",
)
_add(failures, "failures --since 2h", "failures --since 1d --list --reason eightx8_unauthorized")
_add(opt_outs, "opt-outs", "opt-outs --by-day --since 30d", "opt-outs --clear +6591234567")
_add(replay, "replay --reason moengage_503", "replay --all --yes")
_add(redrive, "redrive", "redrive --yes")
_add(rotate, "rotate moengage", "rotate moengage --retire")
_add(forget, "forget +6591234567", "forget - < number.txt")


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback(epilog=f"\b\nExamples:\n  {NAME} doctor\n  {NAME} message +6591234567 --stack other")
def sms_bridge(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Name of the stack.")] = "sms-bridge",
    profile: Annotated[str | None, typer.Option(help="AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(envvar="AWS_REGION", help="AWS region.")] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            envvar="BRIDGE_API_URL",
            help="Base URL of the bridge's API, where it is not the one in the stack's outputs.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Operate a deployed SMS bridge. Options may stand before or after the command.

    Exit status: 0 when all is well, 1 when something is wrong or failed, 2 when the command was
    used wrongly, 3 when 8x8 did not answer, 130 after Ctrl-C.
    AWS_ENDPOINT_URL and BRIDGE_API_URL lead to a local stack.
    """
    context.obj = Stack(stack, profile=profile, region=region, api_url=api_url)


def main() -> None:
    app(prog_name=NAME)
