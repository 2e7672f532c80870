"""What a release consists of, beside the sources.

``python -m scripts.release licenses`` writes THIRD_PARTY_LICENSES.md, ``... sbom`` the bill of
materials, ``... archive`` the application as `sam build` made it; both of these into dist/.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sms_bridge import __version__

PROJECT = Path(__file__).resolve().parents[1]
LOCK = PROJECT / "layers/requirements.txt"
LICENSES = PROJECT / "THIRD_PARTY_LICENSES.md"
DIST = PROJECT / "dist"
SBOM = f"sms-bridge-{__version__}.cdx.json"
RUNBOOK = "docs/runbook.md"
ARCHIVE = f"sms-bridge-{__version__}-arm64.zip"

# What packages call their licences, where that is no SPDX identifier.
SPDX = {
    "Apache License 2.0": "Apache-2.0",
    # python-dateutil: the BSD licence applies to all of it, says its file.
    "Dual License": "BSD-3-Clause",
}

NOTICE = """\
# Third-party licences

What the functions' layer has of others, from its lock (`layers/requirements.txt`). The text of each
licence is in the layer, in the package's `.dist-info`. The layer's certificates are certifi's.
Written by `make licenses`.

| package | version | licence (SPDX) |
|---|---|---|
"""


@dataclass(frozen=True)
class Package:
    """A package of the layer, as locked."""

    name: str
    version: str
    license: str
    hashes: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Return its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def packages(lock: str) -> list[Package]:
    """Return what a lock pins; the licences are those that the installed packages declare."""
    pins = re.findall(r"^([\w.-]+)==(\S+)((?:\s+\\\s+--hash=sha256:\w+)+)", lock, re.MULTILINE)
    names = {name for name, _, _ in pins}
    return [
        Package(name, version, _license(name, version), tuple(re.findall(r":(\w+)", hashes)), needs)
        for name, version, hashes in pins
        for needs in [tuple(sorted(set(_needs(name)) & names))]
    ]


def _license(name: str, version: str) -> str:
    installed = distribution(name)
    if installed.version != version:
        raise SystemExit(f"{name} {installed.version} is installed, {version} is locked")
    metadata = installed.metadata.json
    declared = str(metadata.get("license_expression") or metadata.get("license"))
    identifier = SPDX.get(declared, declared)
    if not re.fullmatch(r"[A-Za-z0-9.-]+( (AND|OR|WITH) [A-Za-z0-9.-]+)*", identifier):
        raise SystemExit(f"{name}: no SPDX identifier for its licence {declared!r}")
    return identifier


def _needs(name: str) -> Iterator[str]:
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def licenses(lock: str) -> str:
    """Return THIRD_PARTY_LICENSES.md."""
    rows = (f"| {one.name} | {one.version} | {one.license} |\n" for one in packages(lock))
    return NOTICE + "".join(rows)


def sbom(lock: str) -> dict[str, Any]:
    """Return the layer's bill of materials, in CycloneDX 1.6."""
    used = packages(lock)
    purls = {one.name: one.purl for one in used}
    bridge = f"sms-bridge@{__version__}"
    direct = [
        purls[name]
        for name in re.findall(r"^([\w.-]+)==", LOCK.with_suffix(".in").read_text(), re.MULTILINE)
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": bridge,
                "name": "sms-bridge",
                "version": __version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": one.purl,
                "name": one.name,
                "version": one.version,
                "licenses": [{"expression": one.license}],
                "purl": one.purl,
                # The lock has one hash a file that the version may be installed from.
                "externalReferences": [
                    {
                        "type": "distribution",
                        "url": one.purl,
                        "hashes": [{"alg": "SHA-256", "content": value}],
                    }
                    for value in one.hashes
                ],
            }
            for one in used
        ],
        "dependencies": [
            {"ref": bridge, "dependsOn": direct},
            *({"ref": one.purl, "dependsOn": [purls[name] for name in one.needs]} for one in used),
        ],
    }


def archive(build: Path, target: Path, repository: str = "") -> None:
    """Pack what `sam build` made, so that `sam deploy` can take it: the same bytes every time.

    Parameters
    ----------
    repository
        Owner and name on GitHub: the alarms then link to its runbook.
    """
    paths = {str(path.relative_to(build)): path for path in build.rglob("*") if path.is_file()}
    paths |= {name: PROJECT / name for name in ("LICENSE", LICENSES.name, "samconfig.toml")}
    files = {name: path.read_bytes() for name, path in paths.items()}
    if repository:
        runbook = f"https://github.com/{repository}/blob/v{__version__}/{RUNBOOK}"
        files["template.yaml"] = re.sub(
            rb"(?<=\n  RunbookUrl:\n)((?:    .*\n)*?    Default: )(?:\"\"|'')\n",
            lambda found: found[1] + runbook.encode() + b"\n",
            files["template.yaml"],
        )
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def main(what: str) -> None:
    """Write one of them."""
    lock = LOCK.read_text("utf-8")
    if what == "licenses":
        LICENSES.write_text(licenses(lock), "utf-8")
        return
    DIST.mkdir(exist_ok=True)
    target = DIST / (SBOM if what == "sbom" else ARCHIVE)
    if what == "sbom":
        target.write_text(json.dumps(sbom(lock), indent=2) + "\n", "utf-8")
    else:
        archive(PROJECT / ".aws-sam/build", target, os.environ.get("GITHUB_REPOSITORY", ""))
    print(hashlib.sha256(target.read_bytes()).hexdigest(), target.relative_to(PROJECT))


if __name__ == "__main__":
    main(*sys.argv[1:])
