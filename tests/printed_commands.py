"""The `curl` lines that `make run` prints, read as a shell reads them and carried out without curl.

A clean system has none.
"""

import argparse
import re
import shlex

import aiohttp

from local.report import what_to_try
from local.stack import LocalStack


def printed_commands(stack: LocalStack) -> list[str]:
    """Find the lines to paste: the first sends a message, the second looks one up."""
    return re.findall(r"^curl (?:.*\\\n)*.*$", what_to_try(stack), re.MULTILINE)


async def carry_out(command: str) -> str:
    """Return what comes back; an option that curl would have to know is an error here."""
    curl = argparse.ArgumentParser("curl", exit_on_error=False)
    curl.add_argument("url")
    curl.add_argument("-s", action="store_true")
    curl.add_argument("-S", action="store_true")
    curl.add_argument("--noproxy")
    curl.add_argument("-H", dest="headers", action="append")
    curl.add_argument("-d", dest="body")
    asked = curl.parse_args(shlex.split(command.replace("\\\n", " "))[1:])
    headers = dict(header.split(": ", 1) for header in asked.headers)
    method = "POST" if asked.body else "GET"
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.request(method, asked.url, headers=headers, data=asked.body) as answer,
    ):
        return await answer.text()
