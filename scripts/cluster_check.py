"""Runs the chart on the cluster that kubectl points at, and says what happened, step by step, as JSON lines.

    python scripts/cluster_check.py --values helm/examples/trial.yaml --set image.tag=0.1.0 --next-tag 0.2.0

Steps: install and wait; one real `auto` request by `helm test`; an update of image and config under load; a node
drain that the disruption budget holds; an update to an image that does not exist, taken back; uninstall.
Makes a namespace of its own with the Secret that the values name, and removes it. Simulated models, unless the
values say otherwise: it pays nothing. It cordons a node for the drain: use a cluster that is for trying out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RELEASE = SECRET = "tierwise"  # noqa: S105  # a Secret's name
READY = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=gateway"
LOAD = (ROOT / "scripts" / "cluster_load.py").read_text(encoding="utf-8")
CONFIG_CHANGE = "gateway.routing.default.medium=frontier"


class Cluster:
    """kubectl and helm in one namespace."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.failed = options, False
        self.key = f"sk-tw-{secrets.token_hex(24)}"

    def run(self, *words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command in the namespace; its output is kept."""
        done = subprocess.run(  # noqa: S603  # the operator's own kubectl and helm
            [words[0], "--namespace", self.options.namespace, *words[1:]], input=stdin, capture_output=True, text=True
        )
        if check and done.returncode:
            raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def helm(self, command: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`helm install` or `helm upgrade` of the chart with the given values."""
        given = [word for file in self.options.values for word in ("--values", file)]
        given += [word for text in self.options.set for word in ("--set", text)]
        more = [*self.options.helm_arg, "--timeout", self.options.timeout]
        return self.run("helm", command, RELEASE, self.options.chart, *given, *more, *words, check=check)

    def step(
        self, name: str, work: Callable[[Cluster], dict[str, Any]], passed: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Do one step and print its facts."""
        began = time.monotonic()
        facts = work(self)
        ok = passed(facts)
        self.failed = self.failed or not ok
        print(json.dumps({"step": name, "ok": ok, "seconds": round(time.monotonic() - began, 1), **facts}), flush=True)

    def ready(self) -> int:
        """How many gateway pods are ready."""
        shown = self.run("kubectl", "get", "pods", "-l", READY, "-o", "json").stdout
        conditions = [pod["status"].get("conditions", []) for pod in json.loads(shown)["items"]]
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in of_pod) for of_pod in conditions)

    def image(self) -> str:
        path = "jsonpath={.spec.template.spec.containers[0].image}"
        return self.run("kubectl", "get", f"deployment/{RELEASE}", "-o", path).stdout

    def load(self, name: str, seconds: int) -> subprocess.Popen[str]:
        """Start load in a pod of the gateway's own image; its report is what it prints."""
        env = {"BASE_URL": f"http://{RELEASE}:4000/v1", "API_KEY": self.key}
        env |= {"SECONDS": str(seconds), "CLIENTS": str(self.options.clients)}
        words = ["kubectl", "--namespace", self.options.namespace, "run", name, f"--image={self.image()}"]
        words += ["--image-pull-policy=IfNotPresent", "--restart=Never", "--rm", "--stdin", "--quiet"]
        words += [f"--env={variable}={value}" for variable, value in env.items()]
        words += ["--command", "--", "python3", "-"]
        process = subprocess.Popen(  # noqa: S603  # as above
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdin is not None  # noqa: S101  # asked for above
        process.stdin.write(LOAD)
        process.stdin.close()
        process.stdin = None
        return process


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the load printed."""
    out, err = process.communicate()
    lines = [line for line in out.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {"calls": 0, "failed": -1, "said": (out + err)[-500:]}
    return found


def prepare(cluster: Cluster) -> None:
    """The namespace, held to the restricted standard, and the Secret."""
    name = cluster.options.namespace
    cluster.run("kubectl", "create", "namespace", name)
    cluster.run("kubectl", "label", "namespace", name, "pod-security.kubernetes.io/warn=restricted")
    hashed = hashlib.sha256(cluster.key.encode()).hexdigest()
    given = {
        "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(24)}",
        "TIERWISE_TEST_KEY": cluster.key,
        "keys.yaml": f"{cluster.options.tenant}: {{{cluster.options.app}: [{{sha256: {hashed}}}]}}",
    }
    literals = [f"--from-literal={key}={value}" for key, value in given.items()]
    cluster.run("kubectl", "create", "secret", "generic", SECRET, *literals)


def install(cluster: Cluster) -> dict[str, Any]:
    cluster.helm("install", "--wait")
    return {"image": cluster.image(), "ready": cluster.ready()}


def test(cluster: Cluster) -> dict[str, Any]:
    done = cluster.run("helm", "test", RELEASE, check=False)
    answered = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("tier ")]
    return {"exit": done.returncode, "answer": answered[0] if answered else (done.stdout + done.stderr)[-500:]}


def update(cluster: Cluster) -> dict[str, Any]:
    """A new image (where one is named) and a changed config, both under load."""
    load = cluster.load("load-update", cluster.options.seconds)
    time.sleep(10)
    if cluster.options.next_tag:
        cluster.options.set.append(f"image.tag={cluster.options.next_tag}")
    cluster.options.set.append(CONFIG_CHANGE)
    began = time.monotonic()
    cluster.helm("upgrade", "--wait")
    rolled_s = time.monotonic() - began
    still_running = load.poll() is None
    facts = report(load)
    return {**facts, "rolled_s": round(rolled_s, 1), "load_outlived_it": still_running, "image": cluster.image()}


def drain(cluster: Cluster) -> dict[str, Any]:
    """One pod may go; the next one is held, as its replacement finds no place on the cordoned node."""
    path = "jsonpath={.items[0].spec.nodeName}"
    node = cluster.run("kubectl", "get", "pods", "-l", READY, "-o", path).stdout
    load = cluster.load("load-drain", 60)
    time.sleep(8)
    words = (
        "drain",
        node,
        f"--pod-selector={READY}",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=25s",
    )
    held = cluster.run("kubectl", *words, check=False)
    left = cluster.ready()
    cluster.run("kubectl", "uncordon", node)
    facts = report(load)
    cluster.run("kubectl", "rollout", "status", f"deployment/{RELEASE}", "--timeout=300s")
    said = [line for line in held.stderr.splitlines() if "disruption budget" in line]
    return {**facts, "exit": held.returncode, "said": said[-1] if said else held.stderr[-300:], "ready_meanwhile": left}


def bad_image(cluster: Cluster) -> dict[str, Any]:
    before = cluster.image()
    done = cluster.helm("upgrade", "--set", "image.tag=does-not-exist", "--wait", "--timeout", "45s", check=False)
    meanwhile = cluster.ready()
    cluster.run("helm", "rollback", RELEASE, "--wait", "--timeout", cluster.options.timeout)
    return {
        "exit": done.returncode,
        "ready_meanwhile": meanwhile,
        "back": cluster.image() == before,
        "ready": cluster.ready(),
    }


def uninstall(cluster: Cluster) -> dict[str, Any]:
    cluster.run("helm", "uninstall", RELEASE, "--wait", "--timeout", cluster.options.timeout)
    kinds = cluster.run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").stdout.split()
    kinds = [kind for kind in kinds if not kind.startswith("events")]
    deadline, found = time.monotonic() + 180, ["?"]
    while found and time.monotonic() < deadline:
        label = f"app.kubernetes.io/instance={RELEASE}"
        shown = cluster.run("kubectl", "get", ",".join(kinds), "-l", label, "-o", "name", "--ignore-not-found")
        found = shown.stdout.split()
        time.sleep(2)
    return {"left": found}


Step = tuple[Callable[[Cluster], dict[str, Any]], Callable[[dict[str, Any]], bool]]
# What is done, and when that is as it should be.
STEPS: dict[str, Step] = {
    "install": (install, lambda f: f["ready"] > 0),
    "test": (test, lambda f: f["exit"] == 0),
    "update": (update, lambda f: f["failed"] == 0 and f["load_outlived_it"]),
    "drain": (drain, lambda f: f["failed"] == 0 and "disruption budget" in f["said"] and f["ready_meanwhile"] > 0),
    "bad-image": (bad_image, lambda f: f["exit"] != 0 and f["ready_meanwhile"] > 0 and f["back"]),
    "uninstall": (uninstall, lambda f: not f["left"]),
}


def main(arguments: Sequence[str]) -> int:
    """0 when every step passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chart", default=str(ROOT / "helm"))
    parser.add_argument("--values", action="append", default=[], help="as for helm; may be repeated")
    parser.add_argument("--set", action="append", default=[], help="as for helm; may be repeated")
    parser.add_argument("--helm-arg", action="append", default=[], help="handed to helm install and upgrade")
    parser.add_argument("--next-tag", default="", help="image tag that the rolling update goes to")
    parser.add_argument("--steps", default=",".join(STEPS), help="which ones, separated by commas")
    parser.add_argument("--namespace", default="tierwise-check")
    parser.add_argument("--tenant", default="laptop", help="of the values, that may call `auto`")
    parser.add_argument("--app", default="demo", help="of that tenant")
    parser.add_argument("--seconds", type=int, default=240, help="of load around the update")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--timeout", default="10m", help="of helm")
    cluster = Cluster(parser.parse_args(arguments))
    prepare(cluster)
    try:
        for name in cluster.options.steps.split(","):
            cluster.step(name, *STEPS[name])
    finally:
        cluster.run("kubectl", "delete", "namespace", cluster.options.namespace, "--wait=false", check=False)
    return int(cluster.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
