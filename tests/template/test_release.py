"""What is shipped, what it is made of, and the workflows that ship it."""

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.decode.cfn_yaml import loads as load  # type: ignore[import-untyped]

from scripts import release
from sms_bridge import __version__
from tests.template.conftest import PROJECT

LOCK = release.LOCK.read_text("utf-8")
PINNED = set(re.findall(r"^(\S+)==(\S+)", LOCK, re.MULTILINE))
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


def test_the_licences_listed_are_those_of_the_layers_lock() -> None:
    document = release.LICENSES.read_text("utf-8")

    assert document == release.licenses(LOCK), "run `make licenses`"
    assert set(re.findall(r"^\| ([\w.-]+) \| (\S+) \|", document, re.MULTILINE)) == {
        *PINNED,
        ("package", "version"),
    }


def test_a_licence_without_an_identifier_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(release.SPDX, "Dual License")

    with pytest.raises(SystemExit, match="python-dateutil"):
        release.licenses(LOCK)


def test_another_version_than_the_locked_one_ends_it() -> None:
    with pytest.raises(SystemExit, match=r"six .* is installed, 0\.9 is locked"):
        release.licenses(re.sub(r"six==\S+", "six==0.9", LOCK))


class TestBillOfMaterials:
    sbom = release.sbom(LOCK)

    def test_it_has_every_package_of_the_lock_with_all_its_hashes(self) -> None:
        components = self.sbom["components"]
        hashes = [
            one["hashes"][0]["content"]
            for component in components
            for one in component["externalReferences"]
        ]

        assert {(one["name"], one["version"]) for one in components} == PINNED
        assert sorted(hashes) == sorted(re.findall(r"sha256:(\w+)", LOCK))

    def test_every_package_is_reached_from_the_bridge(self) -> None:
        needs = {one["ref"]: one["dependsOn"] for one in self.sbom["dependencies"]}
        reached: set[str] = set()
        left = list(needs[self.sbom["metadata"]["component"]["bom-ref"]])
        while left:
            one = left.pop()
            if one not in reached:
                reached.add(one)
                left += needs[one]

        assert reached == {one["purl"] for one in self.sbom["components"]}


def test_the_archive_is_the_same_from_the_same_build(tmp_path: Path) -> None:
    build = tmp_path / "build"
    (build / "SendSms").mkdir(parents=True)
    (build / "template.yaml").write_text("Resources: {}")
    (build / "SendSms/app.py").write_text("handler = None")
    release.archive(build, tmp_path / "one.zip")
    (build / "SendSms/app.py").touch()

    release.archive(build, tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == [
        *("LICENSE", "SendSms/app.py", "THIRD_PARTY_LICENSES.md", "samconfig.toml"),
        "template.yaml",
    ]


# SAM has quotes of its own.
@pytest.mark.parametrize("empty", ['""', "''"])
def test_the_alarms_of_a_release_link_to_its_own_runbook(tmp_path: Path, empty: str) -> None:
    build = tmp_path / "build"
    build.mkdir()
    text = (PROJECT / "template.yaml").read_text("utf-8").replace('""', empty)
    (build / "template.yaml").write_text(text, "utf-8")

    release.archive(build, tmp_path / "release.zip", "owner/bridge")

    template = load(zipfile.ZipFile(tmp_path / "release.zip").read("template.yaml").decode())
    url = f"https://github.com/owner/bridge/blob/v{__version__}/docs/runbook.md"
    parameters = template["Parameters"]
    assert parameters["RunbookUrl"]["Default"] == url
    assert [name for name, one in parameters.items() if one.get("Default") == url] == ["RunbookUrl"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
class TestWorkflows:
    def test_actions_are_pinned_by_commit_and_tell_their_version(self, workflow: Path) -> None:
        used = re.findall(r"uses: (.+)", workflow.read_text("utf-8"))

        assert used
        for one in used:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one

    def test_none_may_do_more_than_read_unless_a_job_says_so(self, workflow: Path) -> None:
        content: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))

        assert content["permissions"] in ({}, {"contents": "read"})
        for job in content["jobs"].values():
            runs_the_project = any("checkout" in step.get("uses", "") for step in job["steps"])
            allowed = job.get("permissions", content["permissions"])
            assert not runs_the_project or set(allowed.items()) <= {("contents", "read")}

    def test_nothing_from_outside_is_put_into_a_script(self, workflow: Path) -> None:
        content = yaml.safe_load(workflow.read_text("utf-8"))
        scripts = [
            step["run"]
            for job in content["jobs"].values()
            for step in job["steps"]
            if "run" in step
        ]

        assert scripts
        assert not [one for one in scripts if "${{" in one]


def test_the_readmes_test_command_runs_on_both_processors() -> None:
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text("utf-8"))
    test = workflow["jobs"]["test"]

    images = {one["os"]: one["chromium"] for one in test["strategy"]["matrix"]["include"]}
    assert set(images) == {"ubuntu-24.04", "ubuntu-24.04-arm"}
    assert images["ubuntu-24.04"] != "none"
    assert test["steps"][-1]["run"] == "bash .ci/run"
    assert (PROJECT / ".ci/run").read_text("utf-8").endswith("\nmake test\n")
