"""The cloud's SDK, as programs use it, against this service."""

import os
import subprocess
import sys

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.region.region import Region

image = pytest.importorskip("huaweicloudsdkimage.v2", reason="needs irs-engine[test]")

from irs_engine.server.identity import environment  # noqa: E402
from irs_engine.server.settings import Settings  # noqa: E402

REQUEST = image.RunImageTaggingRequest(body=image.ImageTaggingReq(image="aGVsbG8="))


@pytest.fixture
def client(service, tenant):
    def client(ak=tenant.key.ak, sk=tenant.key.sk, project_id=tenant.project, region=None):
        credentials = BasicCredentials(ak, sk, project_id).with_iam_endpoint(service.url)
        builder = image.ImageClient.new_builder().with_credentials(credentials)
        at = (
            builder.with_region(Region(region, service.url)) if region else builder.with_endpoint(service.url)
        )
        return at.build()

    return client


def test_a_call(client):
    answer = client().run_image_tagging(REQUEST)
    assert answer.status_code == 200 and answer.result.tags == []


def test_errors_are_mapped(client):
    for wrong in ({"sk": "x" * 40}, {"ak": "NOBODY"}):
        with pytest.raises(ClientRequestException) as error:
            client(**wrong).run_image_tagging(REQUEST)
        assert (error.value.status_code, error.value.error_code) == (401, "APIG.0301")
    with pytest.raises(ClientRequestException) as error:
        client(project_id="0" * 32).run_image_tagging(REQUEST)
    assert (error.value.status_code, error.value.error_code) == (401, "AIP.0003")


def test_the_project_is_found_by_the_region(client, service, tenant):
    found = client(project_id=None, region="ap-southeast-1")
    assert found.run_image_tagging(REQUEST).status_code == 200
    assert found._credentials.project_id == tenant.project


def test_every_region_of_the_cloud_has_a_project(client, service, tenant):
    found = client(project_id=None, region="cn-north-4")
    assert found.run_image_tagging(REQUEST).status_code == 200
    assert {p.name for p in service.accounts.projects(tenant.account.id)} == {"ap-southeast-1", "cn-north-4"}
    with pytest.raises(SdkException, match="project id"):
        client(project_id=None, region="atlantis-1").run_image_tagging(REQUEST)


def test_errors_of_the_identity_service_are_mapped(client):
    with pytest.raises(SdkException, match=r"status_code:401.*error_msg:the access key is unknown"):
        client(sk="y" * 40, project_id=None, region="ap-southeast-2")


def test_the_account_is_found(client, service, tenant):
    credentials = GlobalCredentials(tenant.key.ak, tenant.key.sk).with_iam_endpoint(service.url)
    credentials.process_auth_params(client().get_http_client(), "ap-southeast-1")
    assert credentials.domain_id == tenant.account.id


PROGRAM = """
from huaweicloudsdkimage.v2 import *
from huaweicloudsdkimage.v2.region.image_region import ImageRegion
client = ImageClient.new_builder().with_region(ImageRegion.value_of("ap-southeast-1")).build()
print(client.run_image_tagging(RunImageTaggingRequest(body=ImageTaggingReq(image="aGVsbG8="))).status_code)
"""


def test_a_program_without_a_change(service, tenant):
    """The environment alone points it here."""
    settings = Settings(port=int(service.url.rpartition(":")[2]))
    lines = environment(settings, tenant.key.ak, tenant.key.sk)
    script = "\n".join([*lines, f'exec "{sys.executable}" -c "$PROGRAM"'])
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env=inherited | {"PROGRAM": PROGRAM}, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("200", 0), done.stderr
