"""What building the layer leaves of the models, and the certificates that it makes."""

import json
import ssl
import subprocess
from pathlib import Path

import botocore
import certifi
import pytest

import slim

COMPANYS = Path(__file__).parent.parent / "fakes/certificate_authority.pem"
DATA = Path(botocore.__file__).parent / "data"


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models as the layer has them."""
    target = tmp_path_factory.mktemp("models")
    slim.prune_models(DATA, target)
    return target


class TestModels:
    def test_no_operation_is_left_but_those_that_the_functions_call(self, pruned: Path) -> None:
        left = {
            path.parent.parent.name: set(json.loads(path.read_text())["operations"])
            for path in pruned.glob("*/*/service-2.json")
        }

        assert left == slim.OPERATIONS

    def test_no_shape_is_left_that_no_operation_reaches_and_none_is_missing(
        self, pruned: Path
    ) -> None:
        for path in pruned.glob("*/*/service-2.json"):
            model = json.loads(path.read_text())
            reached = slim.shapes_in({**model["operations"], **model["shapes"]})

            assert reached == set(model["shapes"]), path

    def test_a_tenth_is_left_for_a_start_to_read(self, pruned: Path) -> None:
        size = sum(path.stat().st_size for path in pruned.rglob("*.json"))

        assert size < 90_000

    def test_the_hosts_of_every_partition_are_left(self, pruned: Path) -> None:
        before, after = (
            json.loads((folder / "endpoints.json").read_text())["partitions"]
            for folder in (DATA, pruned)
        )

        assert [one["partition"] for one in after] == [one["partition"] for one in before]
        assert set(after[0]["services"]) == set(slim.OPERATIONS)


def some_certificates(count: int) -> str:
    """Return Amazon's roots and some others, as certifi has them: each takes a process."""
    parts = Path(certifi.where()).read_text().split("\n# Issuer: ")
    amazons = [part for part in parts if any(f'"{one}"' in part for one in slim.AMAZON_ROOTS)]
    others = [part for part in parts[1:] if part not in amazons]
    return "\n# Issuer: ".join(["", *amazons, *others[: count - len(amazons)]])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates as the layer has them, but fewer."""
    target = tmp_path_factory.mktemp("certificates")
    slim.make_certificates(some_certificates(8), [COMPANYS.read_text()], target)
    return target


class TestCertificates:
    def test_aws_is_trusted_by_amazons_roots_and_the_companys_own_alone(self, made: Path) -> None:
        context = ssl.create_default_context(cafile=made / "aws.pem")

        names = {
            dict(pair for part in one["subject"] for pair in part).get("commonName")  # type: ignore[misc]
            for one in context.get_ca_certs()
        }
        assert names == {*slim.AMAZON_ROOTS, "A company's own authority"}

    def test_openssl_finds_every_root_by_its_name_alone(self, made: Path) -> None:
        files = sorted((made / "roots").iterdir())
        assert len(files) == 8 + 1

        verified = subprocess.run(  # noqa: S603
            ["openssl", "verify", "-no-CAfile", "-CApath", str(made / "roots"), *map(str, files)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )

        assert verified.stdout.count(": OK") == len(files), verified.stderr

    def test_a_bundle_that_lacks_one_of_amazons_roots_fails_the_build(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match="Amazon Root CA 1"):
            slim.make_certificates("", [], tmp_path)
