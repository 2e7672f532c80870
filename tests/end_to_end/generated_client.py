"""A client of 8x8's API that nobody here wrote: generated from 8x8's OpenAPI file."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.eightx8 import contract

_PACKAGE = "eightx8_sms_api"
_FILE = Path(contract.__file__).with_name("contract.json")

SINGLE, BATCH, DETAILS = "Send-Sms-Single", "Send-Many-Sms", "get-sms-message-details"


def generate(folder: Path) -> None:
    """Generate the client as a package into a folder, from which it can be imported then."""
    # What it would format is looked at by nobody.
    (folder / "config.yaml").write_text("post_hooks: []\n")
    tool = Path(sys.executable).with_name("openapi-python-client")
    options = ("--meta", "none", "--config", "config.yaml", "--fail-on-warning")
    subprocess.run(  # noqa: S603 - all of it is ours
        [tool, "generate", "--path", _FILE, "--output-path", _PACKAGE, *options],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(folder))


@dataclass(frozen=True)
class Answered:
    """An answer that is as 8x8 documents it.

    Attributes
    ----------
    parsed
        What the client made of it.
    """

    status: int
    body: dict[str, Any]
    parsed: Any


class GeneratedClient:
    """The generated client; each answer is checked against 8x8's file.

    Parameters
    ----------
    url
        The host that is put in place of 8x8's.
    """

    def __init__(self, url: str, key: str, sub_account_id: str) -> None:
        self._models = importlib.import_module(f"{_PACKAGE}.models")
        package = importlib.import_module(_PACKAGE)
        self._client = package.AuthenticatedClient(
            base_url=url, token=key, raise_on_unexpected_status=True, timeout=20.0
        )
        self._sub_account_id = sub_account_id

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def send(self, **fields: Any) -> Answered:
        """Send one message; fields have the client's names."""
        return await self._call(
            "send_sms_api.send_sms_single", SINGLE, body=self._models.SmsRequest(**fields)
        )

    async def send_batch(self, messages: list[dict[str, Any]], **fields: Any) -> Answered:
        """Send a batch; the template's fields are those of 8x8."""
        models = self._models
        if "template" in fields:
            fields["template"] = models.SmsTemplateFull.from_dict(fields["template"])
        several = [models.SmsRequest(**message) for message in messages]
        body = models.BatchSmsRequest(messages=several, **fields)
        return await self._call("send_sms_api.send_many_sms", BATCH, body=body)

    async def details(self, umid: str) -> Answered:
        """Ask what became of a message."""
        return await self._call("reporting_api.get_sms_message_details", DETAILS, umid=umid)

    async def _call(self, module: str, operation_id: str, **arguments: Any) -> Answered:
        call: Callable[..., Any] = importlib.import_module(
            f"{_PACKAGE}.api.{module}"
        ).asyncio_detailed
        answer = await call(self._sub_account_id, client=self._client, **arguments)
        body = json.loads(answer.content)
        status = int(answer.status_code)
        assert contract.problems_of_answer(operation_id, status, body) == []
        assert answer.parsed is not None
        return Answered(status, body, answer.parsed)
