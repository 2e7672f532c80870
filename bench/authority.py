"""A certificate authority of this run's own, and the certificate of the stand-ins."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_ONE_DAY = datetime.timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write the authority's certificate, and certificate and key for 127.0.0.1; returns the files.

    Elliptic keys, as AWS and 8x8 have them behind their load balancers.
    """
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("bench", "stand-ins")
    )
    own_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    root = (
        _certificate(authority, authority, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(own_id, critical=False)
        .sign(authority_key, SHA256())
    )
    server = (
        _certificate(name, authority, key)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(signed_by, critical=False)
        .sign(authority_key, SHA256())
    )
    files = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(root.public_bytes(Encoding.PEM))
    files[1].write_bytes(server.public_bytes(Encoding.PEM))
    files[2].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now, number = datetime.datetime.now(datetime.UTC), x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), number)
    return builder.not_valid_before(now - _ONE_DAY).not_valid_after(now + _ONE_DAY)
