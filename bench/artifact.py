"""What `sam build` made: the functions as Lambda gets them, with the template's variables."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from bench.runs import Function
from bench.standins import BASELINE, CONNECTOR, REGION, THEIR_TABLE, StandIns
from local.event_files import logical_id
from tests.functions import ENVIRONMENT
from tests.template.conftest import PROJECT

BUILD = PROJECT / ".aws-sam/build"
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


class Artifact:
    """The functions, led to the stand-ins; their copies in a folder trust its certificate."""

    def __init__(self, folder: Path, standins: StandIns) -> None:
        self.standins = standins
        own = standins.authority.read_text("utf-8")
        # Like the one of Lambda's system.
        self._system_certificates = folder / "system.pem"
        usual = (LIBRARIES / "botocore/cacert.pem").read_text("utf-8")
        self._system_certificates.write_text(f"{usual}\n{own}", "utf-8")
        shutil.copytree(BUILD / "BridgeLayer", folder / "opt")
        self._layer = folder / "opt/python"
        certificates = self._layer / "sms_bridge/certificates"
        with (certificates / "aws.pem").open("a", encoding="utf-8") as file:
            file.write(own)
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(standins.authority)]
        named = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        (certificates / f"roots/{named.stdout.strip()}.0").write_text(own, "utf-8")

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
        variables = ENVIRONMENT[logical_id(name)]
        led = {key: one for key, one in self._addresses(tls=tls).items() if key in variables}
        environment = {**_LAMBDA_VARIABLES, **variables, **led, **changes}
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
        return Function(
            f"{name} as people write it", (BASELINE / name, BASELINE, LIBRARIES), environment
        )

    def plain(self, name: str) -> Function:
        """Return a function of the bench's own: `bare`, or `naked` with the layer's urllib3."""
        variables = {**_LAMBDA_VARIABLES, "TARGET_URL": f"{self.standins.url}/naked"}
        return Function(name, (PROJECT / "bench" / name, self._layer), variables, slowness=1)


def machine() -> str:
    """Say what all this was measured on."""
    model = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    layer = distributions(path=[str(BUILD / "BridgeLayer/python")])
    libraries = {f"{one.name} {one.version}" for one in layer if one.name in _LIBRARIES}
    python = f"CPython {platform.python_version()}"
    return f"{model[0]}, {os.cpu_count()} cores; {', '.join((python, *sorted(libraries)))}"
