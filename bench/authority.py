"""A certificate authority of this run's own, and the certificate of the stand-ins."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_CA = x509.BasicConstraints(ca=True, path_length=0)
_SIGNS_CERTIFICATES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
_ADDRESS = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write the authority's certificate, and certificate and key for 127.0.0.1; returns the files.

    Elliptic keys, as AWS and 8x8 have them behind their load balancers.
    """
    signer, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own_id = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    files = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(_certificate("bench", signer, signer, _CA, _SIGNS_CERTIFICATES, own_id))
    files[1].write_bytes(_certificate("stand-ins", key, signer, _ADDRESS, signed_by))
    files[2].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> bytes:
    now, day = datetime.now(UTC), timedelta(days=1)
    issuer, subject = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("bench", name)
    )
    number, public = x509.random_serial_number(), key.public_key()
    made = x509.CertificateBuilder(issuer, subject, public, number, now - day, now + day)
    for one in extensions:
        made = made.add_extension(one, isinstance(one, x509.BasicConstraints | x509.KeyUsage))
    return made.sign(signer, SHA256()).public_bytes(Encoding.PEM)
