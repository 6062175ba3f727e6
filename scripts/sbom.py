"""Prints a software bill of materials (CycloneDX 1.6, JSON) of the system it runs in: Python and Debian packages.

Of an image: docker run --rm -i --entrypoint python3 IMAGE - < scripts/sbom.py > sbom.json
Standard library only, so that it runs inside an image that can install nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path

DPKG_STATUS = Path("/var/lib/dpkg/status")
Component = dict[str, object]


def python_packages() -> Iterator[Component]:
    """The installed distributions, as the running interpreter sees them."""
    for dist in distributions():
        name = re.sub(r"[-_.]+", "-", dist.metadata["Name"]).lower()
        yield {
            "type": "library",
            "name": name,
            "version": dist.version,
            "purl": f"pkg:pypi/{name}@{dist.version}",
            "licenses": [{"license": {"name": _licence(dist)}}],
        }


def _licence(dist: Distribution) -> str:
    """The licence expression, else the classifiers, else the first line of the old free-text field."""
    meta = dist.metadata
    classifiers = [c.rpartition(" :: ")[2] for c in meta.get_all("Classifier") or [] if c.startswith("License ::")]
    text = (meta.get("License") or "").strip().splitlines()
    return meta.get("License-Expression") or ", ".join(classifiers) or (text[0] if text else "not stated")


def debian_packages(status: Path = DPKG_STATUS) -> Iterator[Component]:
    """The installed Debian packages; none on other systems."""
    if not status.exists():
        return
    for block in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.M))
        if fields.get("Status", "").endswith(" installed"):
            name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
            purl = f"pkg:deb/debian/{name}@{version}?arch={arch}"
            yield {"type": "library", "name": name, "version": version, "purl": purl}


def bill() -> dict[str, object]:
    """The whole document, components sorted by purl."""
    unique = {str(part["purl"]): part for part in (*python_packages(), *debian_packages())}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": datetime.now(UTC).isoformat(timespec="seconds")},
        "components": [unique[purl] for purl in sorted(unique)],
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
