"""Every chart with every values file: both Helm versions agree, Kubernetes and the Prometheus operator accept it."""

from __future__ import annotations

import pytest
import yaml

from tests.deployment.conftest import CASES, CHARTS, VERSIONS, helm, objects, rendered

KUBERNETES = ("1.28", "1.37")
CUSTOM = {"ServiceMonitor", "PrometheusRule"}

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="scripts/setup_charts.sh brings it")
operator = pytest.importorskip("cloudcoil.models.prometheus_operator.v1", reason="scripts/setup_charts.sh brings it")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("chart", "values"), CASES)
def test_lint_finds_nothing(version, chart, values):
    run = helm(version, "lint", "--strict", chart, "-f", f"{chart}/ci/{values}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stdout


@pytest.mark.parametrize(("chart", "values"), CASES)
def test_both_versions_of_helm_render_the_same_objects(chart, values):
    def key(each):
        return each["kind"], each["metadata"]["name"]

    three, four = (sorted(objects(rendered(version, chart, values)), key=key) for version in VERSIONS)
    assert three == four
    assert len({(*key(each), each["metadata"].get("namespace")) for each in three}) == len(three)


@pytest.mark.parametrize(("chart", "values"), CASES)
def test_kubernetes_accepts_every_object_and_knows_every_field(chart, values):
    for each in objects(rendered("helm4", chart, values)):
        if each["kind"] in CUSTOM:
            model = getattr(operator, each["kind"]).model_validate(each)
            assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == each
            continue
        for release in KUBERNETES:
            kubernetes_validate.validate(each, release, strict=True)


@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_is_rendered_with_its_bare_defaults_and_with_more(chart):
    files = {values for name, values in CASES if name == chart}
    assert "default-values.yaml" in files
    assert len(files) >= 3


def test_a_misspelt_field_would_be_found():
    service = next(
        each for each in objects(rendered("helm4", "e2sim", "default-values.yaml")) if each["kind"] == "Service"
    )
    misspelt = yaml.safe_load(yaml.safe_dump(service).replace("targetPort", "targetport"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, KUBERNETES[0], strict=True)
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "x"}}
    monitor["spec"] = {"selector": {}, "endpoints": [{"port": "http", "intervall": "5s"}]}
    model = operator.ServiceMonitor.model_validate(monitor)
    assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) != monitor


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_charts_package_with_what_they_depend_on(version, chart, tmp_path):
    run = helm(version, "package", chart, "-d", str(tmp_path))
    assert run.returncode == 0, run.stderr
    archive = next(tmp_path.glob("*.tgz"))
    again = helm(version, "template", "again", str(archive))
    assert again.returncode == 0, again.stderr
