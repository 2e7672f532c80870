"""What `sam build` made: the functions as Lambda gets them, with the template's variables."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.figures import AS_PEOPLE_WRITE_IT
from bench.runs import PYTHON, Function, RunFailedError
from bench.standins.dynamodb import ALL, KEYS_ONLY
from bench.standins.running import StandIns
from local.deployment import processor
from local.event_files import EVENTS, logical_id
from tests.template.conftest import Template, read_template

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / ".aws-sam/build"
LAYER = BUILD / "BridgeLayer/python"
FUNCTIONS = tuple(sorted(path.parent.name for path in (PROJECT / "functions").glob("*/app.py")))
BARE = PROJECT / "bench/bare"
NAKED = PROJECT / "bench/naked"
NAKED_USUAL = PROJECT / "bench/naked_usual"
BASELINE = PROJECT / "bench/baseline"
LIBRARIES = PROJECT / ".venv/bench/lib/python3.13/site-packages"
BOTOCORE_BUNDLE = LIBRARIES / "botocore/cacert.pem"

# Lambda has far more; these are what libraries ask for.
LAMBDA_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEBYaDExampleExampleExample" * 8,
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "sms-bridge-Function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
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
    built = subprocess.run(  # noqa: S603
        [
            *(str(PROJECT / ".venv/sam/bin/sam"), "build"),
            *("--parameter-overrides", f"Arch={processor()}"),
        ],
        cwd=PROJECT,
        env={
            **os.environ,
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{PYTHON.parent}:{os.environ.get('PATH', '')}",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        raise RunFailedError(f"sam build failed:\n{built.stderr[-3000:]}")


@cache
def template() -> Template:
    """The project's template."""
    return read_template()


def indexes() -> dict[str, tuple[str, str, str]]:
    """Return the indexes of the bridge's table and of the baseline's, by their names."""
    theirs = yaml.safe_load((BASELINE / "table.yaml").read_text("utf-8"))
    return {
        **indexes_of(template().resources["MessagesTable"]["Properties"]),
        **indexes_of(theirs["MessagesTable"]["Properties"]),
    }


def indexes_of(table: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Return the key attributes of a table's indexes and what they hold, by their names."""
    found = {}
    for index in table["GlobalSecondaryIndexes"]:
        keys = {one["KeyType"]: one["AttributeName"] for one in index["KeySchema"]}
        projection = index["Projection"]["ProjectionType"]
        if projection not in (KEYS_ONLY, ALL):
            raise NotImplementedError("the charges of other projections are not known here")
        found[index["IndexName"]] = keys["HASH"], keys["RANGE"], projection
    return found


@cache
def _template_variables() -> Mapping[str, Mapping[str, str]]:
    variables: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
    return variables


def function(
    name: str, standins: StandIns | None, *, tls: bool = False, **changes: str
) -> Function:
    """Return a built function, led to the stand-ins.

    Parameters
    ----------
    name
        Its folder under functions/.
    standins
        ``None`` leads it to a port where nobody listens.
    changes
        Other variables.
    """
    url = "http://127.0.0.1:9" if standins is None else standins.tls_url if tls else standins.url
    variables = dict(_template_variables()[logical_id(name)])
    for variable, value in variables.items():
        if variable in ("EIGHTX8_BASE_URL", "AWS_ENDPOINT_URL"):
            variables[variable] = url
        elif variable == "MOENGAGE_DELIVERY_TRACKING_URL":
            variables[variable] = f"{url}/sms/dlr/custom/local-connector"
        elif variable == "MOENGAGE_DATA_API_URL":
            variables[variable] = f"{url}/v1/customer/LOCALWORKSPACE"
        else:
            variables[variable] = value.replace("/opt/", f"{LAYER.parent}/")
    environment = {**LAMBDA_VARIABLES, **variables, **changes}
    if tls and standins is not None:
        environment |= trusting(standins, environment.get("AWS_CA_BUNDLE", ""))
    return Function(name, (BUILD / logical_id(name), LAYER), environment)


def baseline(name: str, standins: StandIns, *, tls: bool = False) -> Function:
    """Return a function as most people would write it, led to the stand-ins."""
    url = standins.tls_url if tls else standins.url
    environment = {
        **LAMBDA_VARIABLES,
        "AWS_ENDPOINT_URL": url,
        "POWERTOOLS_SERVICE_NAME": "sms-bridge",
        "BRIDGE_SECRET_ARN": _template_variables()["SendSms"]["BRIDGE_SECRET_ARN"],
        "MESSAGES_TABLE": "messages",
        "IDEMPOTENCY_TABLE": "idempotency",
        "OUTCOME_QUEUE_URL": _template_variables()["SendSms"]["OUTCOME_QUEUE_URL"],
        "EIGHTX8_BASE_URL": url,
        "MOENGAGE_DELIVERY_TRACKING_URL": f"{url}/sms/dlr/custom/local-connector",
        **(trusting(standins) if tls else {}),
    }
    return Function(f"{name} {AS_PEOPLE_WRITE_IT}", (BASELINE / name, LIBRARIES), environment)


def compile_libraries() -> None:
    """Compile the baseline's libraries, which spares it three quarters of its start-up."""
    subprocess.run(  # noqa: S603
        [str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(LIBRARIES)], check=True
    )


def plain(folder: Path, standins: StandIns | None = None, **changes: str) -> Function:
    """Return a function of the bench's own, which needs nothing or the layer's urllib3."""
    folders = (folder,) if standins is None else (folder, LAYER)
    target = {"TARGET_URL": f"{standins.url}/naked"} if standins else {}
    return Function(folder.name, folders, {**LAMBDA_VARIABLES, **target, **changes})


def trusting(standins: StandIns, bundle: str = "") -> dict[str, str]:
    """Return variables that let a function trust the stand-ins beside what it trusts anyway.

    A file with nothing but one certificate would be loaded far faster than the file that a function
    has on Lambda.
    """
    trusted = standins.authority.with_name("trusted.pem")
    usual = Path(bundle) if bundle else BOTOCORE_BUNDLE
    trusted.write_bytes(usual.read_bytes() + standins.authority.read_bytes())
    return dict.fromkeys(("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(trusted))


def sizes() -> dict[str, tuple[int, int]]:
    """Return the bytes and files of each part of the artifact."""
    found = {}
    for folder in sorted(path for path in BUILD.iterdir() if path.is_dir()):
        files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        found[folder.name] = sum(files), len(files)
    return found


def machine() -> dict[str, Any]:
    """Say what all this was measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def default_of(parameter: str) -> int:
    """Return the default of one of the template's numbers."""
    return int(template().parameters[parameter]["Default"])


def outcome_batch_size() -> int:
    """Return how many outcomes Lambda hands over at once, at most."""
    source = template().functions["ForwardOutcome"]["Events"]["Outcomes"]
    return int(source["Properties"]["BatchSize"])


def memory_mb() -> int:
    """Return the memory of the functions on a message's way.

    Raises
    ------
    NotImplementedError
        They differ; the cost model knows one size.
    """
    sizes = {
        template().functions[name]["MemorySize"]
        for name in ("SendSms", "DispatchQueue", "ReceiveCallback", "ForwardOutcome")
    }
    if len(sizes) > 1:
        raise NotImplementedError("functions of different sizes")
    (size,) = sizes
    return int(size)


def is_traced() -> bool:
    """Tell whether X-Ray traces the functions, by the parameter's default."""
    return bool(template().parameters["Tracing"]["Default"] == "Active")


def has_platform_lines() -> bool:
    """Tell whether Lambda writes START, END and REPORT of each invocation."""
    return bool(template().parameters["PlatformLogLevel"]["Default"] != "WARN")


def access_log_bytes() -> int:
    """Return the length of a line of the API's access log; a value of it is 12 bytes on average."""
    api = template().resources["HttpApi"]["Properties"]
    line = re.sub(r"\$context[\w.]+", "x" * 12, api["AccessLogSettings"]["Format"])
    return len(line)
