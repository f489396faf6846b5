"""What the server tells machines about itself."""

import pytest

pytest.importorskip("starlette")

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from irs_engine.engine import Engine
from irs_engine.server.app import create_app
from irs_engine.server.settings import Settings

OWN = "http://localhost"


@pytest.fixture
def app(tmp_path, monkeypatch, tagger_weights):
    """The service with weights for tagging and for nothing else."""
    from irs_engine import weights

    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine = Engine(device="cpu", precision="fp32", weights=tagger_weights.parent)
    return create_app(Settings(data=tmp_path / "data"), engine)


def samples(client):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def test_it_lives_before_it_is_ready(app):
    client = TestClient(app, base_url=OWN)  # without starting it
    assert client.get("/livez").json() == {"status": "live"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "problem": "the models are not loaded yet"}


def test_what_keeps_it_from_being_ready(app, tmp_path):
    with TestClient(app, base_url=OWN) as client:
        while "not loaded" in (answer := client.get("/readyz")).text:
            assert answer.status_code == 503
        assert "recapture-detect" in answer.json()["problem"] and str(tmp_path) not in answer.text


def test_ready_as_long_as_the_database_is(app):
    client, parts = TestClient(app, base_url=OWN), app.state.parts
    parts.works.problem = ""
    assert client.get("/readyz").json() == {"status": "ready"}
    parts.store.close()
    parts.settings.folder.joinpath("irs.db").unlink()
    parts.settings.folder.joinpath("irs.db").mkdir()
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.json()["problem"] == "the database cannot be used"


def test_numbers(app):
    client = TestClient(app, base_url=OWN)
    before = samples(client)
    assert before["irs_ready",] == 0 and before["irs_waiting", "recapture-detect"] == 0
    assert ("irs_calls_total", "defog", "APIG.0301") not in before
    for _ in range(3):
        client.post("/v1.0/vision/defog", json={})
    client.get("/livez")
    after = samples(client)
    assert after["irs_calls_total", "defog", "APIG.0301"] == 3
    assert after["irs_call_seconds_count", "defog"] == 3
    assert {labels[0] for name, *labels in after if name == "irs_calls_total"} == {"defog"}
    assert after["process_resident_memory_bytes",] > 0
