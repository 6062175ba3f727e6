"""What is installed is what was locked, and nothing that is known to be bad."""

from __future__ import annotations

import re
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
# 1.82.7 and 1.82.8 carried malware, one through a .pth file; 1.107.x was reported compromised.
REFUSED = re.compile(r"^litellm==(1\.82\.[78]|1\.107\.\d+)\b", re.M)
# setuptools' own, and the editable install of this project.
EXPECTED_PTH = {"distutils-precedence.pth"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    """An install takes the very files that were reviewed."""
    for entry in re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text(encoding="utf-8")):
        if re.match(r"[a-zA-Z0-9]", entry):
            assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_no_lock_names_a_compromised_litellm(lock: Path) -> None:
    """The known bad releases of LiteLLM cannot come in through any lock file."""
    assert not REFUSED.search(lock.read_text(encoding="utf-8"))


def test_litellm_is_the_release_that_was_measured() -> None:
    """Every fact the gateway leans on was seen with this release."""
    assert version("litellm") == "1.106.2"


def test_no_unexpected_pth_file_came_with_the_install() -> None:
    """A .pth file runs code at every start of Python; only known ones may be there."""
    found = {p.name for p in Path(sysconfig.get_paths()["purelib"]).glob("*.pth")}
    assert {name for name in found if not name.startswith("__editable__.tierwise")} <= EXPECTED_PTH
