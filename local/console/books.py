"""What 8x8 and MoEngage have written down, as JSON: all of it, from any place on."""

from __future__ import annotations

from typing import Any

from local.console import views
from local.stack import LocalStack


class Books:
    """The simulators' lists, which only ever grow; each is read from a place on.

    Parameters
    ----------
    stack
        The one that runs.
    """

    def __init__(self, stack: LocalStack) -> None:
        self._eightx8 = stack.eightx8
        self._moengage = stack.moengage

    def counts(self) -> dict[str, int]:
        """Count all of it, and what 8x8 still has to do: messages, callbacks and retries."""
        return {
            "requests": len(self._eightx8.requests),
            "sms": len(self._eightx8.messages),
            "callbacks": len(self._eightx8.callbacks),
            "reports": len(self._moengage.reports),
            "underWay": self._eightx8.pending,
        }

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """List the send requests that 8x8 got."""
        return [
            views.eightx8_request(number, request)
            for number, request in enumerate(self._eightx8.requests[since:], start=since)
        ]

    def sms(self, since: int = 0) -> list[dict[str, Any]]:
        """List the messages that 8x8 has."""
        return [views.sms(one) for one in self._eightx8.messages[since:]]

    def callbacks(self, since: int = 0) -> list[dict[str, Any]]:
        """List 8x8's attempts at a callback."""
        return [views.callback(one) for one in self._eightx8.callbacks[since:]]

    def reports(self, since: int = 0) -> list[dict[str, Any]]:
        """List the reports that MoEngage got; a lost one is about no message that it knows."""
        lost = {id(one) for one in self._moengage.lost}
        return [
            {**views.report(one), "lost": id(one) in lost} for one in self._moengage.reports[since:]
        ]

    def users(self) -> dict[str, Any]:
        """Show the attributes of MoEngage's users, and the statuses of refused requests."""
        data_api = self._moengage.data_api
        return {"users": data_api.users, "refused": data_api.refused}
