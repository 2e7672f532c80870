"""The commands and what all of them take."""

from __future__ import annotations

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from bridge.replay import replay
from bridge.stack import Stack, StackError

app = typer.Typer(
    name="bridge", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
app.command()(replay)


@app.callback()
def bridge(
    context: typer.Context,
    stack: Annotated[str, typer.Option(help="Name of the stack.")] = "sms-bridge",
    profile: Annotated[str | None, typer.Option(help="AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
) -> None:
    """Operate a deployed SMS bridge.

    Exit status: 0 when done, 1 when something failed, 2 when the command was used wrongly.
    """
    context.obj = Stack(stack, profile=profile, region=region)


def main() -> None:
    """Run, and say in one line what AWS refused."""
    try:
        app()
    except (StackError, BotoCoreError, ClientError) as error:
        typer.echo(f"bridge: {error}", err=True)
        raise SystemExit(1) from None
