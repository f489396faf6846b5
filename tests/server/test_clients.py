"""Programs written for the cloud, against a real server with real weights: nothing changes for them."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live_server import running
from music_videos import RATE, song, video
from small_album import small_album

import irs_engine as irs

CAT = Path(__file__).parents[1] / "data" / "cat.jpg"
IMAGE = base64.b64encode(CAT.read_bytes()).decode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With a bucket of a video, a catalogue that has its song, and an album."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "videos").mkdir()
    (folder / "videos" / "talk.mp4").write_bytes(video(song(1, 14)[4 * RATE :]))
    with irs.MusicCatalogue(folder / "data" / "music") as songs:
        songs.add(video(song(1, 14)), "my heart will go on")
    config = folder / "server.toml"
    config.write_text(f'[obs.local_map.videos]\nfolder = "{folder / "videos"}"\npublic = true\n')
    small_album(folder / "album.db", folder / "shots")
    album = ("--album", str(folder / "album.db"))
    with running(folder / "data", "--tls-port", "0", "--config", str(config), *album) as live:
        yield live


def sdk_environment(server, tls=False):
    """What `irs-engine env` prints is all that an unchanged program needs."""
    command = [sys.executable, "-m", "irs_engine.cli", "env", "--data", str(server.folder)]
    lines = subprocess.run([*command, *["--tls"] * tls], check=True, text=True, capture_output=True).stdout
    return dict(re.findall(r"^export (\w+)=(\S+)$", lines, re.MULTILINE))


PROGRAM = """
import base64, json, sys
from huaweicloudsdkimage.v2 import ImageClient, ImageTaggingReq, RunImageTaggingRequest
from huaweicloudsdkimage.v2 import RecaptureDetectReq, RunRecaptureDetectRequest
from huaweicloudsdkimage.v2.region.image_region import ImageRegion

client = ImageClient.new_builder().with_region(ImageRegion.value_of("ap-southeast-1")).build()
image = base64.b64encode(open(sys.argv[1], "rb").read()).decode()
tags = client.run_image_tagging(
    RunImageTaggingRequest(body=ImageTaggingReq(image=image, language="en", limit=5, threshold=60))
)
found = client.run_recapture_detect(RunRecaptureDetectRequest(body=RecaptureDetectReq(image=image)))
print(json.dumps([tags.to_dict(), found.to_dict()]))
"""


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_an_unchanged_program_with_the_official_sdk(server, tls):
    environment = os.environ | sdk_environment(server, tls)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CAT)], env=environment, text=True, capture_output=True
    )
    assert run.returncode == 0, run.stderr
    tags, found = json.loads(run.stdout.splitlines()[-1])
    expected = irs.tag(CAT, limit=5)
    assert [tag["tag"] for tag in tags["result"]["tags"]] == [tag.en for tag in expected.tags]
    for ours, theirs in zip(expected.tags, tags["result"]["tags"], strict=True):
        assert float(theirs["confidence"]) == pytest.approx(ours.confidence, abs=0.5)
        assert theirs["i18n_tag"] == {"zh": ours.zh, "en": ours.en}
        assert len(theirs["instances"]) == len(ours.instances)
    assert found["result"]["suggestion"] == irs.detect_recapture(CAT).suggestion


@pytest.fixture(scope="module")
def client(server):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkimage.v2 import ImageClient

    who = server.secrets
    keys = BasicCredentials(who["ak"], who["sk"], who["project_id"])
    return ImageClient.new_builder().with_credentials(keys).with_endpoint(server.url).build()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "AIS.0011"),
        ({"image": "no base64!"}, "AIS.0015"),
        ({"image": base64.b64encode(b"no picture at all").decode()}, "AIS.0502"),
        ({"image": IMAGE[: len(IMAGE) // 8 * 4]}, "AIS.0503"),
        ({"image": IMAGE, "language": "fr"}, "AIS.0203"),
        ({"url": "http://127.0.0.1:1/a.jpg"}, "ModelArts.4601"),
        ({"url": "ftp://example.org/a.jpg"}, "ModelArts.4601"),
    ],
)
def test_errors_as_the_sdk_reads_them(client, values, code):
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
    from huaweicloudsdkimage.v2 import ImageTaggingReq, RunImageTaggingRequest

    with pytest.raises(ClientRequestException) as caught:
        client.run_image_tagging(RunImageTaggingRequest(body=ImageTaggingReq(**values)))
    assert caught.value.error_code == code and caught.value.status_code == 400
    assert caught.value.error_msg and caught.value.request_id


def test_wrong_keys_as_the_sdk_reads_them(server):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
    from huaweicloudsdkimage.v2 import ImageClient, ImageTaggingReq, RunImageTaggingRequest

    who = server.secrets
    for ak, sk, project, code in (
        (who["ak"], "wrong", who["project_id"], "APIG.0301"),
        ("UNKNOWN", who["sk"], who["project_id"], "APIG.0301"),
        (who["ak"], who["sk"], "0" * 32, "AIP.0003"),
    ):
        keys = BasicCredentials(ak, sk, project)
        client = ImageClient.new_builder().with_credentials(keys).with_endpoint(server.url).build()
        with pytest.raises(ClientRequestException) as caught:
            client.run_image_tagging(RunImageTaggingRequest(body=ImageTaggingReq(image=IMAGE)))
        assert (caught.value.status_code, caught.value.error_code) == (401, code)


def test_the_python_sample_of_the_reference(server):
    """Chapter 6.1, with a token and without checking the certificate."""
    import requests

    url = f"{server.secure_url}/v2/{server.secrets['project_id']}/image/tagging"
    headers = JSON | {"X-Auth-Token": server.token()}
    with pytest.warns(Warning, match="certificate"):
        answer = requests.post(url, headers=headers, json={"image": IMAGE}, verify=False)
    assert answer.status_code == 200 and answer.text.isascii()
    # The oldest clients decode the text this way.
    read = json.loads(answer.text.encode().decode("unicode_escape"))
    assert any(tag["tag"] == "猫" for tag in read["result"]["tags"])


def test_the_java_sample_of_the_reference_as_plain_http(server):
    """Chapter 6.2: Apache's client with its own headers."""
    url = f"{server.url}/v2/{server.secrets['project_id']}/image/tagging"
    headers = {
        "X-Auth-Token": server.token(),
        "Content-Type": "application/json; charset=UTF-8",
        "User-Agent": "Apache-HttpClient/4.5.6 (Java/1.8.0_282)",
        "Accept-Encoding": "gzip,deflate",
    }
    answer = httpx.post(url, headers=headers, content=json.dumps({"image": IMAGE}))
    assert answer.status_code == 200 and answer.json()["result"]["tags"]


def test_the_php_sample_of_the_reference_as_plain_http(server):
    """Chapter 6.3: `chunk_split` breaks base64 into lines, `json_encode` escapes slashes."""
    lines = "".join(IMAGE[i : i + 76] + "\r\n" for i in range(0, len(IMAGE), 76))
    body = json.dumps({"image": lines}).replace("/", "\\/")
    url = f"{server.url}/v2/{server.secrets['project_id']}/image/tagging"
    # curl's way: names of headers and values without a space between.
    answer = httpx.post(url, headers=JSON | {"X-Auth-Token": server.token()}, content=body)
    assert answer.status_code == 200 and answer.json()["result"]["tags"]


@pytest.mark.parametrize(
    ("path", "values", "check"),
    [
        ("/v1.0/image/tagging", {"url": "", "language": "zh", "limit": -1, "threshold": 0.0}, "tags"),
        ("/v1.0/image/recapture-detect", {"url": "", "threshold": 0.95, "scene": None}, "suggestion"),
        ("/v1.0/vision/dark-enhance", {"brightness": 0.9}, "picture"),
        ("/v1.0/vision/defog", {"gamma": 1.5}, "picture"),
        ("/v1.0/vision/super-resolution", {"scale": 3, "model": "ESPCN"}, "picture"),
    ],
)
def test_calls_of_the_older_sdks(server, path, values, check):
    headers = JSON | {"X-Auth-Token": server.token()}
    answer = httpx.post(f"{server.url}{path}", headers=headers, json={"image": IMAGE} | values)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    if check == "picture":
        assert base64.b64decode(result)[:2] == b"\xff\xd8"  # JPEG in, JPEG out
    else:
        assert result[check]


def test_a_file_is_answered_by_a_file(server):
    headers = {"X-Auth-Token": server.token()}
    sent = {"file": ("cat.jpg", CAT.read_bytes(), "image/jpeg")}
    url = f"{server.url}/v1.0/vision/super-resolution"
    answer = httpx.post(url, headers=headers, files=sent, data={"scale": "4"})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg"
    expected = irs.super_resolve(CAT.read_bytes(), scale=4)
    assert answer.content[:2] == b"\xff\xd8" and len(answer.content) == pytest.approx(len(expected), rel=0.05)
    broken = httpx.post(url, headers=headers, files={"file": b"no picture"})
    assert broken.status_code == 400 and broken.json()["error_code"] == "AIS.0502"


def test_the_music_of_a_video(server):
    """As `asr_bgm` of the older SDKs asks for it."""
    headers = JSON | {"X-Auth-Token": server.token()}
    body = {"url": "https://videos.obs.myhuaweicloud.com/talk.mp4"}
    answer = httpx.post(f"{server.url}/v1.0/bgm/recognition", headers=headers, json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["audio_name"] == "my heart will go on"


README = Path(irs.__file__).parent / "server" / "README.md"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_curl_example_of_the_readme(server, tmp_path):
    """Run by a shell as they stand, in their order, with the server's own address and password."""
    blocks = re.findall(r"^```console\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    commands = [
        command
        for block in blocks
        for command in re.findall(r"^\$ ((?:.*\\\n)*.*)", block, re.MULTILINE)
        if "curl" in command
    ]
    assert len(commands) >= 6
    shutil.copy(CAT, tmp_path / "cat.jpg")
    who = server.secrets
    script = "set -euo pipefail\n" + "\n".join(commands).replace("http://127.0.0.1:8090", server.url)
    script = script.replace("PASSWORD", who["password"])
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert "error_code" not in run.stdout and '"confidence"' in run.stdout
    assert '"audio_name":"my heart will go on"' in run.stdout
    assert (tmp_path / "large.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert '"name":"garden.jpg"' in run.stdout
    assert (tmp_path / "small.webp").read_bytes()[8:12] == b"WEBP"
