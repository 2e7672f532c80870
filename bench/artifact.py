"""What `sam build` made, and what it is compared with: each runs in a process of its own."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slim
from bench.standins import BASELINE, CONNECTOR, REGION, THEIR_TABLE, StandIns
from local.event_files import logical_id
from tests.functions import ENVIRONMENT
from tests.template.conftest import PROJECT

BUILD = PROJECT / ".aws-sam/build"
LIBRARIES = PROJECT / ".venv/bench/lib/python3.13/site-packages"
SECONDS_TO_RUN = 600

# The interpreter behind this environment, without the environment: -S leaves out what is installed
# on this machine, -s and -P leave out folders that Lambda has not.
_PYTHON = (str(Path(sys.executable).resolve()), "-S", "-s", "-P", "-B")
_WORKER = str(Path(__file__).with_name("worker.py"))
_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_COUNTED = re.compile(r"^==\d+== I\s+refs:\s+([\d,]+)$", re.MULTILINE)
# Lambda has far more; these are what libraries ask for.
_LAMBDA_VARIABLES = {
    "PATH": "/usr/bin:/bin",
    "PYTHONHASHSEED": "0",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEBYaDExampleExampleExample" * 8,
    **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), REGION),
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "sms-bridge-Function",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    # X-Ray traces the first request of a second and every twentieth; this is one of the others.
    "_X_AMZN_TRACE_ID": "Root=1-69c25999-000000000000000000000001;Parent=0123456789abcdef"
    ";Sampled=0",
    "_HANDLER": "app.handler",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}


@dataclass(frozen=True)
class Run:
    """What a run without valgrind found."""

    start_cpu: float  # CPU seconds from the start of the interpreter until the import had ended
    peak_kb: int  # resident memory, at most
    answers: list[Any]
    invocations: list[tuple[float, float]]  # begin and end by the system's monotonic clock
    # The least CPU seconds of an invocation: what else the machine does only adds to them.
    cpu: float
    log: bytes  # what was written to standard output


@dataclass(frozen=True)
class Function:
    """What is run: its folders in the order of ``sys.path``, and all its variables."""

    name: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    # By how much its time limits are stretched under valgrind, or where moto takes its time.
    slowness: int = 50

    def run(self, events: Sequence[Any] = (), *, is_patient: bool = False) -> Run:
        ended = self._run(events, len(events), self.slowness if is_patient else 1)
        log, newline, result = ended.stdout.rpartition(b"\n")
        return Run(**json.loads(result), log=log + newline)

    def instructions(self, events: Sequence[Any] = (), most: int = 0) -> int:
        """Run it under valgrind; returns all its instructions in user space.

        All events are read, so that runs that differ in ``most`` alone differ by invocations alone.
        """
        ended = self._run(events, most, self.slowness, under=_VALGRIND)
        (found,) = _COUNTED.findall(ended.stderr.decode())
        return int(found.replace(",", ""))

    def _run(
        self, events: Sequence[Any], most: int, slowness: int, under: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        given = (":".join(map(str, self.folders)), most, slowness, "" if under else "result")
        ended = subprocess.run(  # noqa: S603 - our own interpreter
            [*under, *_PYTHON, _WORKER, *map(str, given)],
            input=json.dumps(events).encode(),
            env=dict(self.environment),
            cwd="/",
            capture_output=True,
            timeout=SECONDS_TO_RUN,
            check=False,
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{self.name}: {ended.stderr.decode()[-3000:]}")
        return ended


class Artifact:
    """The functions, led to the stand-ins; their copies in a folder trust its certificate."""

    def __init__(self, folder: Path, standins: StandIns) -> None:
        self.standins = standins
        own = standins.authority.read_text("utf-8")
        usual = (LIBRARIES / "botocore/cacert.pem").read_text("utf-8")
        # Like the one of Lambda's system.
        self._system_certificates = folder / "system.pem"
        self._system_certificates.write_text(f"{usual}\n{own}", "utf-8")
        self._layer = folder / "python"
        without = shutil.ignore_patterns("certificates")
        shutil.copytree(BUILD / "BridgeLayer/python", self._layer, ignore=without)
        slim.make_certificates(usual, [own], self._layer / "sms_bridge/certificates")

    def _addresses(self, *, tls: bool) -> dict[str, str]:
        url = self.standins.tls_url if tls else self.standins.url
        return {
            "EIGHTX8_BASE_URL": url,
            "AWS_ENDPOINT_URL": url,
            "MOENGAGE_DELIVERY_TRACKING_URL": f"{url}/moengage/sms/dlr/custom/{CONNECTOR}",
            "MOENGAGE_DATA_API_URL": f"{url}/moengage/v1/customer/workspace",
            "BRIDGE_SECRET_ARN": self.standins.secret_arn,
        }

    def function(self, name: str, *, tls: bool = False, **changes: str) -> Function:
        """Return a built function, by its folder's name; ``changes`` are other variables."""
        led = ENVIRONMENT[logical_id(name)] | self._addresses(tls=tls)
        environment = _LAMBDA_VARIABLES | led | changes
        return Function(name, (BUILD / logical_id(name), self._layer), environment)

    def baseline(self, name: str, *, tls: bool = False) -> Function:
        """Return a function as people write it."""
        environment = {
            **_LAMBDA_VARIABLES,
            **self._addresses(tls=tls),
            "POWERTOOLS_SERVICE_NAME": "sms-bridge",
            "MESSAGES_TABLE": THEIR_TABLE,
            "IDEMPOTENCY_TABLE": "IdempotencyTable",
            "OUTCOME_QUEUE_URL": ENVIRONMENT["SendSms"]["OUTCOME_QUEUE_URL"],
            **dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE"), str(self._system_certificates)),
        }
        return Function(name, (BASELINE / name, BASELINE, LIBRARIES), environment)

    def plain(self, name: str) -> Function:
        """Return a function of the bench's own: `bare`, or `naked` with the layer's urllib3."""
        variables = _LAMBDA_VARIABLES | {"TARGET_URL": f"{self.standins.url}/naked"}
        return Function(name, (PROJECT / "bench" / name, self._layer), variables, slowness=1)
