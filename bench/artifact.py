"""What `sam build` made: the functions as Lambda gets them, with the template's variables."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from bench.runs import Function
from bench.standins import CONNECTOR, REGION, StandIns
from bench.template import Stack
from local.event_files import EVENTS, logical_id

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / ".aws-sam/build"
BASELINE = PROJECT / "bench/baseline"
_LIBRARIES = ("aws_lambda_powertools", "boto3", "botocore", "urllib3")
LIBRARIES = PROJECT / ".venv/bench/lib/python3.13/site-packages"

# Lambda has far more; these are what libraries ask for.
_LAMBDA_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEBYaDExampleExampleExample" * 8,
    **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), REGION),
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "sms-bridge-Function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    # X-Ray traces the first request of a second and every twentieth; this is one of the others.
    "_X_AMZN_TRACE_ID": "Root=1-69c25999-000000000000000000000001;Parent=0123456789abcdef"
    ";Sampled=0",
    "_HANDLER": "app.handler",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}


@dataclass
class Artifact:
    """The functions, led to the stand-ins.

    Attributes
    ----------
    work
        A folder for the layer's copy, which trusts the stand-ins' certificate.
    monitoring
        The template's parameter, which decides what the functions count; "" is its default.
    """

    work: Path
    standins: StandIns
    monitoring: str = ""

    @cached_property
    def stack(self) -> Stack:
        return Stack(given={"Monitoring": self.monitoring} if self.monitoring else {})

    @cached_property
    def layer(self) -> Path:
        """A copy of the layer that trusts our certificate, too, in its file and its folder."""
        folder, authority = self.work / "opt", self.standins.authority
        shutil.copytree(BUILD / "BridgeLayer", folder)
        certificates = folder / "python/sms_bridge/certificates"
        with (certificates / "aws.pem").open("a", encoding="utf-8") as file:
            file.write(authority.read_text("utf-8"))
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(authority)]
        named = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        shutil.copy(authority, certificates / f"roots/{named.stdout.strip()}.0")
        return folder / "python"

    @cached_property
    def _system_certificates(self) -> str:
        """A file like the one of Lambda's system, with ours."""
        file = self.work / "system.pem"
        usual = (LIBRARIES / "botocore/cacert.pem").read_text("utf-8")
        file.write_text(f"{usual}\n{self.standins.authority.read_text()}", "utf-8")
        return str(file)

    def _addresses(self, *, tls: bool) -> dict[str, str]:
        url = self.standins.tls_url if tls else self.standins.url
        return {
            "EIGHTX8_BASE_URL": url,
            "AWS_ENDPOINT_URL": url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{url}/sms/dlr/custom/{CONNECTOR}",
            "MOENGAGE_DATA_API_URL": f"{url}/v1/customer/workspace",
            "BRIDGE_SECRET_ARN": self.standins.secret_arn,
        }

    def function(self, name: str, *, tls: bool = False, **changes: str) -> Function:
        """Return a built function, by its folder's name; ``changes`` are other variables."""
        variables = _variables(name)
        for variable, value in self._addresses(tls=tls).items():
            if variable in variables:
                variables[variable] = value
        if self.monitoring:
            variables["MONITORING"] = self.monitoring
        environment = {**_LAMBDA_VARIABLES, **variables, **changes}
        return Function(name, (BUILD / logical_id(name), self.layer), environment)

    def baseline(self, name: str, *, tls: bool = False) -> Function:
        environment = {
            **_LAMBDA_VARIABLES,
            **self._addresses(tls=tls),
            "POWERTOOLS_SERVICE_NAME": "sms-bridge",
            "MESSAGES_TABLE": "messages",
            "IDEMPOTENCY_TABLE": "idempotency",
            "OUTCOME_QUEUE_URL": _variables("send_sms")["OUTCOME_QUEUE_URL"],
            **dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE"), self._system_certificates),
        }
        return Function(f"{name} as people write it", (BASELINE / name, LIBRARIES), environment)

    def plain(self, name: str) -> Function:
        """Return a function of the bench's own: `bare`, or `naked` with the layer's urllib3."""
        variables = {**_LAMBDA_VARIABLES, "TARGET_URL": f"{self.standins.url}/naked"}
        return Function(name, (PROJECT / "bench" / name, self.layer), variables, slowness=1)


def _variables(name: str) -> dict[str, str]:
    found: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
    return found[logical_id(name)]


def standins(folder: Path) -> StandIns:
    """Return stand-ins with all that the template and the baseline make."""
    variables, stack = _variables("send_sms"), Stack()
    theirs = yaml.safe_load((BASELINE / "table.yaml").read_text("utf-8"))
    tables: dict[str, Any] = {
        variables["MESSAGES_TABLE"]: stack.evaluated.resources["MessagesTable"],
        "messages": theirs["MessagesTable"]["Properties"],
        "idempotency": theirs["IdempotencyTable"]["Properties"],
    }
    queues = (f"sms-bridge-{one}" for one in stack.of_type("AWS::SQS::Queue"))
    return StandIns(folder, variables["SUB_ACCOUNT_IDS"].split(","), tables, queues)


def machine() -> str:
    """Say what all this was measured on."""
    model = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    layer = distributions(path=[str(BUILD / "BridgeLayer/python")])
    libraries = {f"{one.name} {one.version}" for one in layer if one.name in _LIBRARIES}
    python = f"CPython {platform.python_version()}"
    return f"{model[0]}, {os.cpu_count()} cores; {', '.join((python, *sorted(libraries)))}"
