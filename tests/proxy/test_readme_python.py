"""The Python of the README, run against a real gateway."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.gateway import ROOT, Running

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("place", range(len(BLOCKS)))
def test_python_of_the_readme_works(running: Running, place: int) -> None:
    """Each block runs as it stands, with the two variables that trial.env sets."""
    environ = {"OPENAI_BASE_URL": running.started.base_url, "OPENAI_API_KEY": running.keys["acme"]}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[place]], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "x-tierwise-tier" in done.stdout
