"""What `make` says on a machine without Python 3.13 can be followed there."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/find_python.sh"
TOOLS = ("bash", "env", "ls", "sort", "uname")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        program = shutil.which(name)
        assert program
        (folder / name).symlink_to(program)
    return folder


def install(program: Path, *commands: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("\n".join(("#!/bin/sh", *commands, "")))
    program.chmod(0o755)


def find_python(machine: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine), "HOME": str(machine.parent)}
    return subprocess.run(  # noqa: S603 - the project's own script
        [str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )


def test_one_that_runs_and_has_pip_is_found(machine: Path) -> None:
    real = machine.parent / "python/bin/python3.13"
    install(real, f"echo '3.13 {real}'")
    (machine / "python3.13").symlink_to(real)

    found = find_python(machine)

    assert (found.returncode, found.stdout.strip()) == (0, str(real))


@pytest.mark.parametrize("version", ["3.12", "3.14"])
def test_a_system_with_another_python_alone_is_told_a_way_that_needs_no_package(
    machine: Path, version: str
) -> None:
    install(machine / "python3", f"echo '{version} /usr/bin/python3.13'")
    install(machine / "apt-get")
    install(machine / "apt-cache", "exit 100")

    found = find_python(machine)

    assert found.returncode == 1
    assert f"python3 is {version}" in found.stderr
    assert "uv python install 3.13" in found.stderr
    assert "apt-get install" not in found.stderr


def test_a_debian_that_has_it_is_told_the_packages(machine: Path) -> None:
    install(machine / "apt-get")
    install(machine / "apt-cache")

    assert "sudo apt-get install python3.13 python3-pip" in find_python(machine).stderr


def test_one_without_pip_is_named(machine: Path) -> None:
    program = machine / "python3.13"
    install(program, f"echo '3.13 {program}'", "exit 1")

    found = find_python(machine)

    assert found.returncode == 1
    assert f"{program} has no pip" in found.stderr


def test_what_uv_installed_is_found_although_uv_is_not_on_the_path(machine: Path) -> None:
    python = machine.parent / "cpython/bin/python3.13"
    install(python, f"echo '3.13 {python}'")
    install(machine.parent / ".local/bin/uv", f"echo {python}")

    assert find_python(machine).stdout.strip() == str(python)
