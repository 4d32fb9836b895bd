"""Renders the overlays of deploy/kubernetes and checks each object against Kubernetes' schemas.

``make manifests`` runs it, in an environment that has ``kubernetes-validate``. It needs ``kubectl``
or ``kustomize`` on the PATH. It exits with 1 if an object is not valid.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

FOLDER = Path(__file__).resolve().parents[1] / "kubernetes"
VERSIONS = ("1.30", "1.33", "1.37")
# Schemas of other projects, which tests/unit/deploy/test_kubernetes.py checks.
FOREIGN = ("keda.sh/",)


def render(overlay: Path) -> list[dict[str, Any]]:
    """Return the objects of *overlay*.

    Raises:
        SystemExit: no program renders it, or it cannot be rendered.
    """
    for program, command in (
        ("kubectl", ["kubectl", "kustomize"]),
        ("kustomize", ["kustomize", "build"]),
    ):
        if shutil.which(program):
            done = subprocess.run(  # noqa: S603 - constant words, no shell
                [*command, str(overlay)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{overlay.name}: {done.stderr}")
            return list(yaml.safe_load_all(done.stdout))
    sys.exit("neither kubectl nor kustomize is installed")


def faults(objects: list[dict[str, Any]], version: str) -> Iterator[str]:
    """Yield what is wrong with *objects* in this *version* of Kubernetes, unknown fields too."""
    for one in objects:
        if one["apiVersion"].startswith(FOREIGN):
            continue
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(part) for part in error.path)
            yield f"{one['kind']} {one['metadata']['name']} in {version}: {where}: {error.message}"


def main() -> int:
    """Check all overlays and the example of the Secrets; return the exit status."""
    secrets = list(yaml.safe_load_all((FOLDER / "secret.example.yaml").read_text(encoding="utf-8")))
    sets = {"secret.example.yaml": secrets}
    sets |= {path.name: render(path) for path in sorted((FOLDER / "overlays").iterdir())}
    found = [
        fault
        for objects in sets.values()
        for version in VERSIONS
        for fault in faults(objects, version)
    ]
    for name, objects in sets.items():
        kinds = Counter(one["kind"] for one in objects)
        print(f"{name}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    print("\n".join(found) or f"all valid in Kubernetes {', '.join(VERSIONS)}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
