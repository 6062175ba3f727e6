"""The Dockerfile: linted, and held to what the image promises. Building it needs a container builder and a base."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.helm.chart import ROOT, TOOLS

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"(?m)^FROM ", DOCKERFILE)[1:]
FINAL = STAGES[-1]


def test_hadolint_has_nothing_to_say() -> None:
    """No warning, and each exception carries its reason."""
    done = subprocess.run(
        [TOOLS / "bin" / "hadolint", "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert all("  # " in line for line in DOCKERFILE.splitlines() if "hadolint ignore" in line)


def test_only_locked_packages_are_installed() -> None:
    """Every pip command checks hashes and follows no dependency, or takes the wheel that was just built, from no index;
    whether anything lacks is checked."""
    commands = [c for c in re.split(r"&& |^RUN ", DOCKERFILE.replace("\\\n", ""), flags=re.M) if "-m pip" in c]
    installing = [c for c in commands if " install " in c or " wheel " in c]
    assert len(installing) == 4
    locked = ("--require-hashes", "--only-binary :all:", "--no-deps")
    for command in installing:
        assert all(option in command for option in locked) or "--no-index" in command
    assert [c.splitlines()[0].endswith("bin/python check") for c in commands if c not in installing] == [True]


def test_the_image_runs_as_nobody_special() -> None:
    """A numeric user, so that Kubernetes can see that it is not root."""
    assert re.search(r"^USER 10001:10001$", FINAL, re.M)
    assert FINAL.startswith("scratch")
    assert "RUN" not in FINAL


def test_the_image_tells_what_it_is() -> None:
    """The OCI labels, a health check that depends on nothing else, and a command with an exec form."""
    for label in ("title", "description", "version", "revision", "created", "licenses"):
        assert f"org.opencontainers.image.{label}=" in FINAL
    assert "/livez" in FINAL
    entry = re.search(r"^ENTRYPOINT (.+)$", FINAL, re.M)
    assert entry
    assert json.loads(entry[1]) == ["tierwise"]


def test_what_installs_software_is_taken_out() -> None:
    """apt, dpkg, pip and setuid bits go before the last stage copies what is left."""
    trimmed = STAGES[-2]
    for gone in ("/usr/bin/apt*", "/usr/bin/dpkg*", "-name pip", "ensurepip", "chmod a-s"):
        assert gone in trimmed
    assert not re.search(r"apt-get|apk |gcc|build-essential", DOCKERFILE)


def test_the_builder_gets_only_what_the_image_is_made_of() -> None:
    """.dockerignore lets in exactly what the Dockerfile copies."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line[1:].removesuffix("/**") for line in lines if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M) for word in line.split()[:-1]}
    assert let_in == copied


def test_the_bill_of_materials_lists_the_installed_packages() -> None:
    """scripts/sbom.py writes CycloneDX with name, version, licence and purl of each."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "sbom.py"], capture_output=True, text=True, timeout=60, check=True
    )
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    parts = {part["name"]: part for part in bill["components"] if part["purl"].startswith("pkg:pypi/")}
    assert parts["litellm"]["version"] == "1.106.2"
    assert parts["litellm"]["purl"] == "pkg:pypi/litellm@1.106.2"
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "run.lock").read_text(), re.M))
    assert len(locked - set(parts)) < len(locked) / 20  # those of other platforms are not installed here
