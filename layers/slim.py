"""Leaves in the layer what the functions use of botocore, and makes its certificates.

``python3.13 slim.py FOLDER`` does both in the folder that the packages were installed into.
"""

import gzip
import json
import re
import shutil
import subprocess  # nosec B404
import sys
from pathlib import Path
from typing import Any

# A start reads the models of the services that it makes clients of: whole, they are four fifths of
# what it reads. tests/contract calls all of these, and through pruned models nothing else.
OPERATIONS = {
    "dynamodb": {
        "BatchExecuteStatement",
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "UpdateItem",
    },
    "secretsmanager": {"GetSecretValue", "PutSecretValue"},
    "sqs": {
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "SendMessage",
        "SendMessageBatch",
    },
}

# boto3 reads its certificates for each connection.
AMAZON_ROOTS = {
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
}

_PEM = "-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----"

# PEM files in this folder (a company's own authority, say) are trusted as well, by all that the
# functions call.
OWN_AUTHORITIES = Path(__file__).parent / "own_certificate_authorities"


def slim(python: Path, own_authorities: Path = OWN_AUTHORITIES) -> None:
    """Make the layer in this folder small, and put the certificates into it."""
    prune_models(python / "botocore/data", python / "botocore/data")
    make_certificates(
        (python / "certifi/cacert.pem").read_text(),
        [path.read_text() for path in sorted(own_authorities.glob("*.pem"))],
        python / "sms_bridge/certificates",
    )


# -------------------------------------------------------------------------------- botocore's models
def prune_models(data: Path, target: Path) -> None:
    """Write the models of the operations that are used, and nothing of other services."""
    hosts = json.loads((data / "endpoints.json").read_text())
    for partition in hosts["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in OPERATIONS if name in services}
    models = {"endpoints.json": hosts}
    for service, operations in OPERATIONS.items():
        newest = max((data / service).glob("*/service-2.json.gz")).parent
        for name in ("service-2.json", "endpoint-rule-set-1.json"):
            text = gzip.decompress((newest / f"{name}.gz").read_bytes())
            model = json.loads(text, object_hook=_without_prose)
            pruned = prune(model, operations) if "operations" in model else model
            models[f"{service}/{newest.name}/{name}"] = pruned
    if target == data:
        for folder in filter(Path.is_dir, list(data.iterdir())):
            shutil.rmtree(folder)
    for name, content in models.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(json.dumps(content, separators=(",", ":")))


def prune(model: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    """Return a service's model with these operations and the shapes that they reach."""
    # In one order: the same sources make the same layer.
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    left = shapes_in(kept)
    while left:
        shapes |= {name: model["shapes"][name] for name in left}
        left = shapes_in(shapes) - shapes.keys()
    return {**model, "operations": kept, "shapes": dict(sorted(shapes.items()))}


def shapes_in(part: dict[str, Any]) -> set[str]:
    """Return the names of the shapes that a part of a model refers to."""
    return set(re.findall(r'"shape": "(\w+)"', json.dumps(part)))


def _without_prose(some: dict[str, Any]) -> dict[str, Any]:
    # A member of that name would be an object.
    return {
        name: value
        for name, value in some.items()
        if name != "documentation" or not isinstance(value, str)
    }


# ------------------------------------------------------------------------------------ certificates
def make_certificates(bundle: str, own: list[str], target: Path) -> None:
    """Write what the functions trust: certifi's bundle and further ones, in PEM.

    ``aws.pem`` gets Amazon's roots, and ``roots/`` all of them, each in a file that OpenSSL finds
    by the hash of its subject, so that none is read for nothing.
    """
    # Each certificate of the bundle stands behind a comment with its label.
    by_label = dict(re.findall(rf'(?s)# Label: "(.+?)"\n.*?({_PEM})', bundle))
    if missing := AMAZON_ROOTS - by_label.keys():
        raise SystemExit(f"certifi lacks {sorted(missing)}")
    further = re.findall(f"(?s){_PEM}", "\n".join(own))
    aws = [by_label[one] for one in sorted(AMAZON_ROOTS)] + further
    (target / "roots").mkdir(parents=True, exist_ok=True)
    (target / "aws.pem").write_text("\n".join(aws))
    for pem in [*by_label.values(), *further]:
        subject = subprocess.run(  # openssl of the build, without a shell  # nosec B603 B607
            ["openssl", "x509", "-noout", "-subject_hash"],  # noqa: S607
            input=pem,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        number = len(list((target / "roots").glob(f"{subject}.*")))
        (target / f"roots/{subject}.{number}").write_text(pem)


if __name__ == "__main__":
    slim(Path(sys.argv[1]))
