"""moto's AWS for the adapters of which there is no fake."""

from collections.abc import Iterator

import pytest

from tests.fakes.aws import an_aws_account


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty AWS account."""
    with an_aws_account():
        yield
