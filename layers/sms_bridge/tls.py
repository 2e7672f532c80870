"""The certificates that the bridge trusts."""

import functools
import os
import ssl


@functools.cache
def tls_context(certificates: str = "") -> ssl.SSLContext:
    """Return the process's one TLS context: loading the certificates costs more than a request.

    Parameters
    ----------
    certificates
        A file of them; empty for the system's (or ``SSL_CERT_FILE``).
    """
    return ssl.create_default_context(cafile=certificates or None)


def aws_tls_context() -> ssl.SSLContext:
    """Return the context for AWS, which honours ``AWS_CA_BUNDLE`` as boto3 does."""
    return tls_context(os.environ.get("AWS_CA_BUNDLE", ""))
