"""What runs of docker and kubernetes pools are given: Prefect's workers take it, and it is confined as compose is."""

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any
from uuid import uuid4

import kubernetes_validate
import pytest
import yaml
from docker.models.containers import _create_container_args
from prefect.client.schemas.objects import FlowRun
from prefect.workers.base import BaseJobConfiguration
from prefect_docker.worker import DockerWorker, DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorker, KubernetesWorkerJobConfiguration

ROOT = Path(__file__).resolve().parents[2]
POOLS, CLUSTER = ROOT / "deploy/pools", ROOT / "deploy/kubernetes"
RELEASES = ("1.28", "1.31", "1.34")


def job(name: str) -> dict[str, Any]:
    return tomllib.loads((POOLS / f"{name}.toml").read_text())


def prepared(kind: type[BaseJobConfiguration], template: dict[str, Any], values: dict[str, Any]) -> Any:
    """Return what a worker of that kind makes of a template and of the variables of a deployment."""
    assert set(values) <= set(template["variables"]["properties"])
    nobody: Any = object()  # no server need be asked for what has no reference to it
    made = asyncio.run(kind.from_template_and_values(base_job_template=template, values=values, client=nobody))
    made.prepare_for_flow_run(FlowRun(name="quick-fox", flow_id=uuid4()))
    return made


def test_the_docker_engine_takes_what_a_run_is_given() -> None:
    values = job("docker")
    made = prepared(DockerWorkerJobConfiguration, DockerWorker.get_default_base_job_template(), values)
    settings = {"image": made.image, "mem_limit": made.mem_limit, "volumes": made.volumes, "environment": made.env}
    taken = _create_container_args({**settings, **made.container_create_kwargs, "version": "1.41"})
    limits = taken["host_config"]
    assert (limits["ReadonlyRootfs"], limits["CapDrop"], limits["Init"]) == (True, ["ALL"], True)
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert limits["Memory"] == 2 * 1024**3
    assert limits["PidsLimit"] > 0
    assert limits["LogConfig"]["Config"]["max-size"]
    assert taken["user"] == "10001:10001"
    assert made.command == "prefect flow-run execute"
    assert made.stream_output
    assert not made.auto_remove, "prefect-docker reads how a run ended from the container: gone is taken for well"


def test_what_compose_starts_for_a_pool_is_confined() -> None:
    told = yaml.safe_load((POOLS / "compose.yaml").read_text())
    ours = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["worker"]
    assert set(told["services"]) == {"worker", "sweeper"}
    for service in told["services"].values():
        for name in ("read_only", "cap_drop", "security_opt", "init", "logging", "restart"):
            assert service[name] == ours[name], name
        assert "ports" not in service
        assert service["mem_limit"]
        assert service["volumes"] == ["${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock"]
    secret = told["secrets"]["prefect_auth"]["file"]
    assert (POOLS / secret).resolve() == ROOT / "secrets/prefect_auth"


def test_nothing_but_the_inside_address_is_opened_for_other_hosts() -> None:
    told = yaml.safe_load((ROOT / "deploy/more-hosts.yaml").read_text())["services"]
    assert set(told) == {"db", "prefect-server"}
    for name, service in told.items():
        assert set(service) == {"ports"}, name
        assert all(port.startswith("${SHIFTWATCH_INSIDE:?") for port in service["ports"]), name


def test_the_image_holds_the_same_groups_wherever_that_is_said() -> None:
    written = {
        "Dockerfile": r'^ARG EXTRAS="(.*)"$',
        ".env.example": r"^SHIFTWATCH_EXTRAS=(.*)$",
        "compose.yaml": r"EXTRAS: \$\{SHIFTWATCH_EXTRAS:-(.*)\}$",
    }
    found = {name: re.search(how, (ROOT / name).read_text(), re.MULTILINE) for name, how in written.items()}
    assert {one[1] for one in found.values() if one} == {"scale docker"}
    assert all(found.values())


def manifests() -> list[dict[str, Any]]:
    """The worker's manifests, and the Job that it makes of a run."""
    template = json.loads((CLUSTER / "job-template.json").read_text())
    made = prepared(KubernetesWorkerJobConfiguration, template, job("kubernetes"))
    return [*yaml.safe_load_all((CLUSTER / "worker.yaml").read_text()), made.job_manifest]


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_knows_every_field(release: str) -> None:
    for manifest in manifests():
        kubernetes_validate.validate(manifest, release, strict=True)


def test_pods_are_confined_and_given_secrets_by_name_alone() -> None:
    found = manifests()
    pods = [one["spec"]["template"]["spec"] for one in found if one["kind"] in {"Deployment", "Job"}]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 10001
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert {one["name"] for one in container["volumeMounts"]} <= {one["name"] for one in pod["volumes"]}
    worker, run = pods
    variables = {one["name"]: one.get("value") for one in worker["containers"][0]["env"]}
    assert variables["PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME"] == "shiftwatch-secrets"
    assert run["automountServiceAccountToken"] is False
    assert run["containers"][0]["image"] == worker["containers"][0]["image"]
    assert found[-1]["metadata"]["namespace"] == "shiftwatch"
    claims = {one["metadata"]["name"] for one in found if one["kind"] == "PersistentVolumeClaim"}
    mounted = {one["persistentVolumeClaim"]["claimName"] for one in run["volumes"] if "persistentVolumeClaim" in one}
    assert mounted == claims


def test_the_template_asks_for_all_that_the_worker_offers() -> None:
    ours = json.loads((CLUSTER / "job-template.json").read_text())
    theirs = KubernetesWorker.get_default_base_job_template()
    assert set(ours["variables"]["properties"]) == set(theirs["variables"]["properties"])
    without = {name: value for name, value in theirs["job_configuration"].items() if name != "job_manifest"}
    assert {name: ours["job_configuration"][name] for name in without} == without


def test_the_page_on_kubernetes_names_files_and_options_that_there_are() -> None:
    said = (CLUSTER / "README.md").read_text()
    for name in re.findall(r"deploy/[\w/.-]+\w", said):
        assert (ROOT / name).exists(), name
    (lines,) = re.findall(r"<!-- cluster -->\n```sh\n(.*?)```", said, re.DOTALL)
    worker = (CLUSTER / "worker.yaml").read_text()
    for kind, name in re.findall(r"create (secret generic|configmap) ([\w-]+)", lines):
        assert name in worker + (CLUSTER / "job-template.json").read_text(), kind
    assert "--pool, cluster" in worker
    assert "flows.pooling cluster" in said
