"""OBS URLs through the whole service: whoever may read a bucket gets its pictures looked at."""

import base64
import hashlib
import hmac
import shutil
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from live_server import running

CAT = Path(__file__).parents[1] / "data" / "cat.jpg"
HOST = "obs.ap-southeast-1.myhuaweicloud.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("obs")
    for bucket in ("open", "own", "others"):
        (folder / bucket).mkdir()
        shutil.copy(CAT, folder / bucket / "cat.jpg")
    config = folder / "server.toml"
    config.write_text(
        "\n".join(
            f'[obs.local_map.{name}]\nfolder = "{folder / name}"\n{more}'
            for name, more in (("open", "public = true"), ("own", 'account = "local"'), ("others", ""))
        )
    )
    with running(folder / "data", "--config", str(config)) as live:
        yield live


def signed(server, bucket):
    """As OBS signs a URL for a while: HMAC-SHA1 over verb, Expires and resource."""
    who, expires = server.secrets, int(time.time()) + 60
    text = f"GET\n\n\n{expires}\n/{bucket}/cat.jpg"
    digest = hmac.new(who["sk"].encode(), text.encode(), hashlib.sha1).digest()
    signature = quote(base64.b64encode(digest), safe="")
    return f"?AccessKeyId={who['ak']}&Expires={expires}&Signature={signature}"


def tagged(server, url):
    headers = {"X-Auth-Token": server.token()}
    path = f"/v2/{server.secrets['project_id']}/image/tagging"
    answer = httpx.post(server.url + path, headers=headers, json={"url": url}, timeout=60).json()
    return answer.get("error_code") or any(tag["tag"] == "猫" for tag in answer["result"]["tags"])


def test_who_may_read(server):
    assert tagged(server, f"https://open.{HOST}/cat.jpg") is True
    assert tagged(server, f"https://own.{HOST}/cat.jpg{signed(server, 'own')}") is True
    assert tagged(server, f"https://own.{HOST}/cat.jpg{signed(server, 'open')}") == "AIS.0024"
    assert tagged(server, f"https://open.{HOST}/none.jpg") == "ModelArts.4706"
    assert tagged(server, f"https://own.{HOST}/cat.jpg") == "ModelArts.4702"  # not authorised yet
    headers = {"X-Auth-Token": server.token()}
    changed = httpx.put(
        f"{server.url}/irs/v1/obs-authorisation", headers=headers, json={"authorised": True}, timeout=60
    )
    assert changed.status_code == 200, changed.text
    assert tagged(server, f"https://own.{HOST}/cat.jpg") is True
