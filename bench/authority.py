"""A certificate authority of this run's own, and the certificate of the stand-ins."""

import subprocess
from pathlib import Path

# Elliptic keys, as AWS and 8x8 have them behind their load balancers.
_NEW = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
_OPTIONS = {
    "authority": "-addext keyUsage=critical,keyCertSign,cRLSign",
    "certificate": "-CA authority.pem -CAkey authority.key -addext basicConstraints=CA:FALSE"
    " -addext subjectAltName=IP:127.0.0.1",
}


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write an authority's certificate, one for 127.0.0.1 and its key; returns the files."""
    for name, options in _OPTIONS.items():
        command = f"{_NEW} -subj /CN={name} -keyout {name}.key -out {name}.pem {options}"
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)  # noqa: S603
    return folder / "authority.pem", folder / "certificate.pem", folder / "certificate.key"
