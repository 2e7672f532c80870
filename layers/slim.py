"""Leaves in the layer what the functions use of botocore, and makes its certificates.

``python3.13 slim.py FOLDER`` does both in the folder that the packages were installed into.
"""

import gzip
import json
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
            model = json.loads(gzip.decompress((newest / f"{name}.gz").read_bytes()))
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
    kept = {name: _without_prose(model["operations"][name]) for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    left = [kept]
    while left:
        # In one order: the same sources make the same layer.
        for name in sorted(_shapes_in(left.pop())):
            if name not in shapes:
                shapes[name] = _without_prose(model["shapes"][name])
                left.append(shapes[name])
    rest = {name: value for name, value in model.items() if name != "documentation"}
    return {**rest, "operations": kept, "shapes": shapes}


def _shapes_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_shapes_in, value))
    if not isinstance(value, dict):
        return set()
    own = {value["shape"]} if isinstance(value.get("shape"), str) else set()
    return own.union(*map(_shapes_in, value.values()))


def _without_prose(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_prose(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_prose(inner)
        for name, inner in value.items()
        # A member of that name would be an object.
        if not (name == "documentation" and isinstance(inner, str))
    }


# ------------------------------------------------------------------------------------ certificates
def make_certificates(bundle: str, own: list[str], target: Path) -> None:
    """Write what the functions trust: certifi's bundle and further ones, in PEM.

    ``aws.pem`` gets Amazon's roots, and ``roots/`` all of them, each in a file that OpenSSL finds
    by the hash of its subject, so that none is read for nothing.
    """
    # Each certificate of the bundle stands behind a comment with its label.
    by_label = {
        comment.partition('# Label: "')[2].partition('"')[0]: pem
        for comment, pem in _certificates(bundle)
    }
    missing = AMAZON_ROOTS - by_label.keys()
    if missing:
        raise SystemExit(f"certifi lacks {sorted(missing)}")
    further = [pem for text in own for _, pem in _certificates(text)]
    (target / "roots").mkdir(parents=True, exist_ok=True)
    (target / "aws.pem").write_text(
        "".join([by_label[one] for one in sorted(AMAZON_ROOTS)] + further)
    )
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


def _certificates(text: str) -> list[tuple[str, str]]:
    """Return each certificate of a PEM file with what stands before it."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"
    parts = [part.partition(begin) for part in text.replace("\r\n", "\n").split(end)[:-1]]
    return [(comment, begin + content + end) for comment, _, content in parts]


if __name__ == "__main__":
    slim(Path(sys.argv[1]))
