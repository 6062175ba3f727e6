"""The documents say what is: commands run, YAML is valid, Python works, generated pages are current."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from plugins.config_docs import document
from plugins.config_file import load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines() if line]
YAML = re.findall(r"```yaml\n(.*?)```", README, re.S)


def merged(base: object, more: object) -> object:
    """`more` laid over `base`, mappings key by key."""
    if isinstance(base, dict) and isinstance(more, dict):
        return base | {key: merged(base.get(key), value) for key, value in more.items()}
    return more


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_runs(command: str, tmp_path: Path) -> None:
    """Each line in a bash block ends with exit code 0 in a fresh copy of the config."""
    (tmp_path / "proxy_config.yaml").write_text((ROOT / "proxy_config.yaml").read_text(encoding="utf-8"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("place", range(len(YAML)))
def test_every_yaml_of_the_readme_is_a_valid_config(place: int, tmp_path: Path) -> None:
    """Each block, laid over the shipped config, is accepted."""
    shipped = yaml.safe_load((ROOT / "proxy_config.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "proxy_config.yaml"
    path.write_text(yaml.safe_dump(merged(shipped, yaml.safe_load(YAML[place]))))
    assert load_config(path, {}).gateway.tenants


@pytest.mark.parametrize("target", re.findall(r"^    make (\w+)", README, re.M))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    """`make -n` knows the target."""
    assert subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Relative links name files of the repository."""
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_the_configuration_page_is_written_from_the_code() -> None:
    """docs/configuration.md is what `python -m plugins.config_docs` prints."""
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == document()


def test_the_repository_names_no_place_of_a_machine() -> None:
    """No absolute path of anybody's machine is in a tracked text file."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".lua", ".txt", ".in", ".lock", ".json", ".jsonl"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not re.search(r"/(?:root|home/\w+|work)/[\w.]", text), name
