"""What the terminal shows while something is being done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console

Step = Callable[[str], AbstractContextManager[None]]
"""Shows what is being done for as long as the context lasts."""


def quiet(_name: str) -> AbstractContextManager[None]:
    """Show nothing; for tests."""
    return nullcontext()


def steps_on(console: Console) -> Step:
    """Show steps on a console: a spinner on a terminal, plain lines anywhere else."""

    @contextmanager
    def step(name: str) -> Iterator[None]:
        began = time.monotonic()
        if console.is_terminal:
            with console.status(f"{name} ..."):
                yield
        else:
            console.print(f"{name} ...")
            yield
        console.print(f"[green]done[/] {name} [dim]({time.monotonic() - began:.1f} s)[/]")

    return step
