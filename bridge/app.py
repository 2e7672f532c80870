"""The commands and what all of them take."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bridge.configure import configure
from bridge.doctor import doctor
from bridge.errors import FAILURES, line_of
from bridge.forget import forget
from bridge.message import message
from bridge.parameters import parameters
from bridge.replay import replay
from bridge.rotate import rotate
from bridge.send_test import send_test
from bridge.settings import settings
from bridge.stack import Stack
from bridge.stats import stats
from bridge.webhook import webhook


class Commands(TyperGroup):
    """Commands that say in one line what failed."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except FAILURES as error:
            typer.echo(f"bridge: {line_of(error)}", err=True)
            raise typer.Exit(getattr(error, "exit_status", 1)) from None


app = typer.Typer(
    name="bridge",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# In the order in which they are needed.
app.command()(configure)
app.command()(settings)
app.add_typer(webhook)
app.add_typer(parameters)
app.command()(send_test)
app.command()(doctor)
app.command()(stats)
app.command()(message)
app.command()(replay)
app.command()(rotate)
app.command()(forget)


@app.callback()
def bridge(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Name of the stack.")] = "sms-bridge",
    profile: Annotated[str | None, typer.Option(help="AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            envvar="BRIDGE_API_URL",
            help="Base URL of the bridge's API, where it is not the one in the stack's outputs.",
        ),
    ] = None,
) -> None:
    """Operate a deployed SMS bridge.

    Exit status: 0 when all is well, 1 when something is wrong or failed, 2 when the command was
    used wrongly, 3 when 8x8 did not tell.
    AWS_ENDPOINT_URL and BRIDGE_API_URL lead to a local stack.
    """
    context.obj = Stack(stack, profile=profile, region=region, api_url=api_url)


def main() -> None:
    """Run."""
    app()
