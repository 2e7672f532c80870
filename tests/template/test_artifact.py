"""What `sam build` made: all that Lambda gets, and nothing else.

The emulator lets functions see its own packages, so that only this shows whether the layer has
everything.
"""

import importlib.util
import json
import marshal
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import slim
from local.event_files import EVENTS, logical_id
from tests.fakes.http_server import LoopbackServer, answers
from tests.template.conftest import PROJECT, read_template

pytestmark = pytest.mark.end_to_end

BUILD = PROJECT / ".aws-sam/build"
LAYER = BUILD / "BridgeLayer/python"
MOST_MEGABYTES = 26

FUNCTIONS = sorted(path.parent.name for path in (PROJECT / "functions").glob("*/app.py"))

# Loads a function as Lambda does and tells where its modules came from.
LOAD = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import app
assert callable(app.handler)
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
"""


@pytest.fixture(autouse=True)
def _is_built() -> None:
    """The build has to be there, and of the sources as they are."""
    assert LAYER.is_dir(), "run `make build` first"
    for path in (PROJECT / "layers/sms_bridge").rglob("*.py"):
        built = LAYER / path.relative_to(PROJECT / "layers")
        assert built.read_bytes() == path.read_bytes(), f"{path.name} changed: run `make build`"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_runs_on_the_layer_alone(function: str) -> None:
    folder = BUILD / logical_id(function)
    environment: dict[str, str] = json.loads((EVENTS / "environment.json").read_text())[
        logical_id(function)
    ]

    # -I -S: no variable, no folder and no installed package of this machine.
    loaded = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", "-B", "-c", LOAD, json.dumps([str(folder), str(LAYER)])],
        env={**environment, "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr
    files: dict[str, str | None] = json.loads(loaded.stdout)
    assert files["app"] == str(folder / "app.py")
    assert files["sms_bridge"] == str(LAYER / "sms_bridge/__init__.py")
    strangers = [file for file in files.values() if file and "site-packages" in file]
    assert strangers == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_holds_its_handler_alone(function: str) -> None:
    folder = BUILD / logical_id(function)

    assert [path.name for path in folder.rglob("*")] == ["app.py"]
    assert (folder / "app.py").read_bytes() == (
        PROJECT / "functions" / function / "app.py"
    ).read_bytes()


@pytest.mark.parametrize(
    ("source", "built"),
    [
        ("template.yaml", "template.yaml"),
        ("observability.yaml", "Observability/template.yaml"),
    ],
)
def test_the_templates_are_built_as_they_are_written_but_without_aliases(
    source: str, built: str
) -> None:
    """CloudFormation reads neither aliases nor merges, with which the sources are kept short."""
    text = (BUILD / built).read_text()
    tokens = {type(token) for token in yaml.scan(text, Loader=yaml.SafeLoader)}
    written, made = (read_template(path).content for path in (source, BUILD / built))

    assert not tokens & {yaml.AnchorToken, yaml.AliasToken}
    assert "<<" not in text
    for content in (written, made):
        for resource in content["Resources"].values():
            # What `sam build` is for: where things are now, and what they are called in the source.
            for key in ("CodeUri", "ContentUri", "Location"):
                resource.get("Properties", {}).pop(key, None)
            for key in ("BuildArchitecture", "SamResourceId"):
                resource.get("Metadata", {}).pop(key, None)
            if not resource.get("Metadata"):
                resource.pop("Metadata", None)
    assert made == written


def test_layer_holds_the_pinned_packages_alone() -> None:
    lock = (PROJECT / "layers/requirements.txt").read_text()
    pinned = {
        f"{normal(name)}-{version}" for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.M)
    }

    installed = {path.stem for path in LAYER.glob("*.dist-info")}

    assert {normal(name) for name in installed} == {normal(name) for name in pinned}
    # With no X-Ray SDK, tracing costs a function next to nothing: docs/architecture.md.
    assert not {"tests", "local", "pytest", "moto", "pip", "setuptools", "aws_xray_sdk"} & {
        path.name for path in LAYER.iterdir()
    }


def test_the_layer_has_the_text_of_every_packages_licence() -> None:
    without = [
        folder.name for folder in LAYER.glob("*.dist-info") if not any(folder.glob("**/LICENSE*"))
    ]

    assert without == []


def test_layer_is_compiled_so_that_no_cold_start_has_to() -> None:
    sources = [path for path in LAYER.rglob("*.py") if path.suffix == ".py"]
    assert len(sources) > 100

    for source in sources:
        compiled = Path(importlib.util.cache_from_source(str(source)))
        assert compiled.is_file(), source
        header, code = compiled.read_bytes()[:16], compiled.read_bytes()[16:]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        # Named by its content and never compared with it: times change on the way to Lambda.
        assert int.from_bytes(header[4:8], "little") == 0b01, source
        assert header[8:] == importlib.util.source_hash(source.read_bytes()), source
        # Where Lambda has it, and not where it was built: the same layer from every checkout.
        place = f"/opt/python/{source.relative_to(LAYER)}"
        assert marshal.loads(code).co_filename == place  # noqa: S302 - our own build


def test_the_layer_keeps_to_its_size() -> None:
    """Lambda allows 250 MB; this is what the layer takes and a little more."""
    size = sum(path.stat().st_size for path in LAYER.rglob("*") if path.is_file())

    assert size < MOST_MEGABYTES * 1024 * 1024


def test_the_layer_has_models_and_certificates_of_its_own() -> None:
    services = {path.name for path in (LAYER / "botocore/data").iterdir() if path.is_dir()}
    certificates = LAYER / "sms_bridge/certificates"

    assert services == set(slim.OPERATIONS)
    assert (certificates / "aws.pem").read_text().count("BEGIN CERTIFICATE") == 5
    assert len(list((certificates / "roots").iterdir())) > 100


def test_a_function_starts_with_credentials_from_a_container_endpoint(tmp_path: Path) -> None:
    """So they come with SnapStart; there are none in the environment."""
    credentials = {
        "AccessKeyId": "FROM-THE-ENDPOINT",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    secret = {"SecretString": json.dumps({"hashKey": "h"})}
    function = logical_id("receive_callback")
    environment = json.loads((EVENTS / "environment.json").read_text())[function]
    with (
        LoopbackServer(answers(200, json.dumps(credentials).encode())) as endpoint,
        LoopbackServer(answers(200, json.dumps(secret).encode())) as aws,
    ):
        loaded = subprocess.run(  # noqa: S603 - our own interpreter
            [
                *(sys.executable, "-I", "-S", "-B", "-c", LOAD),
                json.dumps([str(BUILD / function), str(LAYER)]),
            ],
            env={
                **environment,
                "HOME": str(tmp_path),
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_ENDPOINT_URL": aws.url,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/credentials",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        signed = {
            request.headers["x-amz-target"]: request.headers["authorization"]
            for request in aws.received
        }

    assert loaded.returncode == 0, loaded.stderr
    assert "secretsmanager.GetSecretValue" in signed
    assert all("Credential=FROM-THE-ENDPOINT/" in one for one in signed.values())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
