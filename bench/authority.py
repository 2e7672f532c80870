"""A certificate authority of this run's own, and the certificate of the stand-ins."""

import subprocess
from pathlib import Path

# Elliptic keys, as AWS and 8x8 have them behind their load balancers.
_NEW = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
_AUTHORITY = (
    f"{_NEW} -subj /CN=bench -keyout authority.key -out authority.pem"
    " -addext keyUsage=critical,keyCertSign,cRLSign"
)
_SERVER = (
    f"{_NEW} -subj /CN=stand-ins -keyout key.pem -out certificate.pem -CA authority.pem"
    " -CAkey authority.key -addext basicConstraints=CA:FALSE -addext subjectAltName=IP:127.0.0.1"
)


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write an authority's certificate, one for 127.0.0.1 and its key; returns the files."""
    for command in (_AUTHORITY, _SERVER):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)  # noqa: S603
    return folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
