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
from pathlib import Path
from typing import Any

import yaml

from bench.runs import PYTHON, Function, RunFailedError
from bench.standins import CONNECTOR, REGION, StandIns
from bench.template import Stack
from local.deployment import processor
from local.event_files import EVENTS, logical_id

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / ".aws-sam/build"
FUNCTIONS = tuple(sorted(path.parent.name for path in (PROJECT / "functions").glob("*/app.py")))
BASELINE = PROJECT / "bench/baseline"
LIBRARIES = PROJECT / ".venv/bench/lib/python3.13/site-packages"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")

# Lambda has far more; these are what libraries ask for.
LAMBDA_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEBYaDExampleExampleExample" * 8,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "sms-bridge-Function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    # X-Ray traces the first request of a second and every twentieth; this is one of the others.
    "_X_AMZN_TRACE_ID": "Root=1-69c25999-000000000000000000000001;Parent=0123456789abcdef"
    ";Sampled=0",
    "_HANDLER": "app.handler",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}


def build() -> None:
    """Build the functions and the layer for this machine's processor, as `make build` does.

    Raises
    ------
    RunFailedError
        The build failed.
    """
    sam = str(PROJECT / ".venv/sam/bin/sam")
    path = f"{PYTHON.parent}:{os.environ.get('PATH', '')}"
    built = subprocess.run(  # noqa: S603
        [sam, "build", "--parameter-overrides", f"Arch={processor()}"],
        cwd=PROJECT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "PATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        raise RunFailedError(f"sam build failed:\n{built.stderr[-3000:]}")
    # Uncompiled, the baseline's libraries would start three times slower.
    compiled = [str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(LIBRARIES)]
    subprocess.run(compiled, check=True)  # noqa: S603


@dataclass
class Artifact:
    """The functions, led to the stand-ins.

    Attributes
    ----------
    work
        A folder for what has to be changed: the layer's copy trusts the stand-ins' certificate.
    monitoring
        The template's parameter, which decides what the functions count.
    """

    work: Path
    standins: StandIns
    monitoring: str = ""

    @cached_property
    def stack(self) -> Stack:
        """The template."""
        return stack(self.monitoring)

    @cached_property
    def variables(self) -> dict[str, dict[str, str]]:
        """Each function's own, by its name in the template."""
        found: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
        for name, function in self.stack.functions.items():
            before = stack("").functions[name]["Environment"]["Variables"]
            for variable, value in function["Environment"]["Variables"].items():
                if isinstance(value, str | int) and value != before.get(variable):
                    found[name][variable] = str(value)
        return found

    @cached_property
    def layer(self) -> Path:
        """A copy of the layer in which each file or folder of certificates has ours as well."""
        copy = self.work / "opt"
        shutil.copytree(BUILD / "BridgeLayer", copy)
        ours = self.standins.authority.read_text()
        for file in copy.rglob("*.pem"):
            if _CERTIFICATE in (text := file.read_text("utf-8")):
                file.write_text(f"{text}\n{ours}", "utf-8")
        for folder in {file.parent for file in copy.rglob("*") if _HASHED.fullmatch(file.name)}:
            (folder / f"{_subject_hash(self.standins.authority)}.0").write_text(ours)
        return copy / "python"

    @property
    def _trust(self) -> dict[str, str]:
        """What a function without certificates of its own needs to trust the stand-ins."""
        has_own = any(self.layer.parent.rglob("certificates"))
        return {} if has_own else {"SSL_CERT_FILE": self.system_certificates}

    @cached_property
    def system_certificates(self) -> str:
        """A file like the one of Lambda's system, with ours."""
        file = self.work / "system.pem"
        usual = next(LIBRARIES.glob("botocore/cacert.pem")).read_text("utf-8")
        file.write_text(f"{usual}\n{self.standins.authority.read_text()}", "utf-8")
        return str(file)

    def function(self, name: str, *, tls: bool = False, **changes: str) -> Function:
        """Return a built function, by its folder's name; ``changes`` are other variables."""
        url = self.standins.tls_url if tls else self.standins.url
        variables = dict(self.variables[logical_id(name)])
        addresses = {
            "EIGHTX8_BASE_URL": url,
            "AWS_ENDPOINT_URL": url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{url}/sms/dlr/custom/{CONNECTOR}",
            "MOENGAGE_DATA_API_URL": f"{url}/v1/customer/workspace",
            "BRIDGE_SECRET_ARN": self.standins.secret_arn,
        }
        for variable, value in variables.items():
            moved = value.replace("/opt/", f"{self.layer.parent}/")
            variables[variable] = addresses.get(variable, moved)
        environment = {**LAMBDA_VARIABLES, **self._trust, **variables, **changes}
        return Function(name, (BUILD / logical_id(name), self.layer), environment)

    def baseline(self, name: str, *, tls: bool = False) -> Function:
        """Return a function as most people would write it."""
        url = self.standins.tls_url if tls else self.standins.url
        environment = {
            **LAMBDA_VARIABLES,
            "AWS_ENDPOINT_URL": url,
            "POWERTOOLS_SERVICE_NAME": "sms-bridge",
            "BRIDGE_SECRET_ARN": self.standins.secret_arn,
            "MESSAGES_TABLE": "messages",
            "IDEMPOTENCY_TABLE": "idempotency",
            "OUTCOME_QUEUE_URL": self.variables["SendSms"]["OUTCOME_QUEUE_URL"],
            "EIGHTX8_BASE_URL": url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{url}/sms/dlr/custom/{CONNECTOR}",
            "SSL_CERT_FILE": self.system_certificates,
            "AWS_CA_BUNDLE": self.system_certificates,
        }
        return Function(f"{name} as people write it", (BASELINE / name, LIBRARIES), environment)

    def plain(self, name: str) -> Function:
        """Return a function of the bench's own: `bare`, or `naked` with the layer's urllib3."""
        target = {"TARGET_URL": f"{self.standins.url}/naked"}
        folders = (PROJECT / "bench" / name, self.layer)
        return Function(name, folders, {**LAMBDA_VARIABLES, **target})


def stack(monitoring: str) -> Stack:
    """Return the template with its defaults, but for the monitoring ("": the default as well)."""
    return Stack(given={"Monitoring": monitoring} if monitoring else {})


def standins(folder: Path) -> StandIns:
    """Return stand-ins with all that the template and the baseline make."""
    variables = json.loads((EVENTS / "environment.json").read_text())["SendSms"]
    queues = [
        name for one in stack("").of_type("AWS::SQS::Queue") for name in (f"sms-bridge-{one}",)
    ]
    theirs = yaml.safe_load((BASELINE / "table.yaml").read_text("utf-8"))
    tables: dict[str, Any] = {
        variables["MESSAGES_TABLE"]: stack("").evaluated.resources["MessagesTable"],
        "messages": theirs["MessagesTable"]["Properties"],
        "idempotency": theirs["IdempotencyTable"]["Properties"],
    }
    return StandIns(folder, variables["SUB_ACCOUNT_IDS"].split(","), tables, queues)


def unpacked_megabytes() -> float:
    """Return the size of the largest function with its layer, which Lambda limits to 250 MB."""
    sizes = {
        folder.name: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        for folder in BUILD.iterdir()
        if folder.is_dir()
    }
    layer = sizes.pop("BridgeLayer")
    return (layer + max(sizes.values())) / 1024**2


def machine() -> str:
    """Say what all this was measured on."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    model = names[0] if names else platform.machine()
    libraries = sorted(
        re.sub(r"-([\d.]+)\.dist-info", r" \1", folder.name).replace("_", "-")
        for folder in (BUILD / "BridgeLayer/python").glob("*.dist-info")
    )
    chosen = [one for one in libraries if one.startswith(("boto", "urllib3", "aws-lambda"))]
    return f"{model}, {os.cpu_count()} cores, CPython {platform.python_version()}, " + ", ".join(
        chosen
    )


def _subject_hash(certificate: Path) -> str:
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(certificate)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return answer.stdout.strip()
