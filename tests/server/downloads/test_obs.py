"""URLs of the object storage answered from local folders: who may read what, and nobody anything else."""

import asyncio
import os
import socket
import threading
from urllib.parse import quote

import pytest
from download_hosts import V1, V2, caller, downloads, fetch, refused

from irs_engine.server.caller import OBS_VIEWER, TENANT_GUEST
from irs_engine.server.downloads.obs import signature
from irs_engine.server.errors import ServiceError

NOW = 1_700_000_000
AK, SK = "AKEXAMPLE0000000000A", "SecretExample0000000000000000000000000Ab"
HOST = "pictures.obs.ap-southeast-1.myhuaweicloud.com"


@pytest.fixture
def folder(tmp_path):
    bucket = tmp_path / "bucket"
    (bucket / "photos" / "deep").mkdir(parents=True)
    (bucket / "a.jpg").write_bytes(b"a picture")
    (bucket / "photos" / "deep" / "b.jpg").write_bytes(b"deep")
    (bucket / "photos" / "猫 1+2~'(x)'.jpg").write_bytes(b"cat")
    (bucket / "%2e%2e").write_bytes(b"odd name")
    (bucket / "empty.jpg").write_bytes(b"")
    (bucket / "large.jpg").write_bytes(bytes(1001))
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "bucket2").mkdir()
    (tmp_path / "bucket2" / "secret.txt").write_bytes(b"secret")
    return bucket


@pytest.fixture
def made(folder):
    """`made(account=..., public=..., authorised=..., account_of=...)`: downloads that have the bucket."""

    async def secret_of(ak):
        return {AK: SK, "OTHER": "other's secret"}.get(ak)

    async def never(*given):
        raise AssertionError(f"goes to the network: {given}")

    def make(authorised=(), account_of=None, **bucket):
        async def obs_authorised(account_id):
            return account_id in authorised

        async def account(ak):
            return account_of.get(ak)

        parts = {"clock": lambda: NOW, "resolve": never, "connect": never}
        parts |= {"account_of": account} if account_of else {}
        obs = {"local_map": {"pictures": {"folder": folder, **bucket}}}
        return downloads(secret_of, obs_authorised, enabled=False, ports=[443], obs=obs, parts=parts)

    return make


def signed(path="/a.jpg", expires=NOW + 60, ak=AK, sk=SK, **changes):
    given = {
        "AccessKeyId": ak,
        "Expires": str(expires),
        "Signature": signature(sk, str(expires), f"/pictures{path}").decode(),
    } | changes
    return f"https://{HOST}{path}?" + "&".join(
        f"{k}={quote(v, safe='')}" for k, v in given.items() if v != ""
    )


def test_public_read(made):
    public = made(public=True, account="acme")
    for name in (HOST, "pictures.obs.myhuaweicloud.com", "PICTURES.OBS.eu-1.MyHuaweiCloud.com."):
        for scheme in ("http", "https"):
            assert fetch(public, f"{scheme}://{name}/a.jpg", who=caller(account="else")) == b"a picture"
    assert fetch(public, f"https://{HOST}/photos/deep/b.jpg") == b"deep"
    assert fetch(public, f"https://{HOST}/photos/{quote('猫 1+2')}~'(x)'.jpg") == b"cat"
    assert fetch(public, f"https://{HOST}/photos/猫%201+2~'(x)'.jpg?unknown=1") == b"cat"
    assert fetch(public, f"https://{HOST}/%252e%252e") == b"odd name"


@pytest.mark.parametrize(
    "url",  # as the official SDK for Python of the object storage makes them: createSignedUrl("GET", ...)
    [
        f"https://{HOST}/photos/%E7%8C%AB%201%2B2~%27%28x%29%27.jpg?Expires=1700003600"
        f"&AccessKeyId={AK}&Signature=hdxpX2Alr4cqPkHPSoTzD7jwOBk%3D",
        f"https://{HOST}/a.jpg?response-content-type=image/jpeg&Expires=1700003600"
        f"&AccessKeyId={AK}&Signature=YY2ufFj%2Bm3xzXR0ubh3Ly/eSAzs%3D",
        f"https://{HOST}/a.jpg?x-obs-security-token=tok/en%3D%3D&Expires=1700003600"
        f"&AccessKeyId={AK}&Signature=1fRD2d6oQaC9d30EtRXSdq6JPUY%3D",
    ],
)
def test_urls_of_the_official_sdk(made, url):
    assert fetch(made(), url) in (b"cat", b"a picture")
    with refused("AIS.0024"):
        fetch(made(), url.replace("1700003600", "1700003601"))
    with refused("AIS.0024"):
        fetch(made(), url.replace("Signature=", "Signature=A"))


def test_a_temporary_signature(made):
    assert fetch(made(), signed()) == b"a picture"
    assert fetch(made(), signed("/photos/deep/b.jpg")) == b"deep"
    plus = next(
        e for e in range(NOW + 1, NOW + 999) if "+" in signature(SK, str(e), "/pictures/a.jpg").decode()
    )
    url = signed(expires=plus)
    assert fetch(made(), url) == fetch(made(), url.replace("%2B", "+")) == b"a picture"  # forgot to encode
    assert fetch(made(), signed().replace("AccessKeyId", "AWSAccessKeyId")) == b"a picture"


@pytest.mark.parametrize(
    "url",
    [
        signed(expires=NOW),
        signed(expires=NOW - 1),
        signed(expires=0),
        signed(expires=-(10**9)),
        signed(expires=f"{NOW + 60}.5"),
        signed(expires="9" * 13),
        signed(expires="9" * 1500),
        signed(expires="１７００００００９９"),
        signed(expires="soon"),
        signed(Expires=str(NOW + 120)),
        signed(Signature="AAAA"),
        signed(Signature="猫"),
        signed(Signature=" "),
        signed(sk="wrong"),
        signed(sk="nobody's", ak="UNKNOWN"),
        signed(ak="OTHER"),
        signed(ak="UNKNOWN"),
        signed(ak="' OR 1=1 --"),
        signed(AccessKeyId=""),
        signed(Expires=""),
        signed(Signature=""),
        signed().replace("/a.jpg", "/large.jpg"),
        signed().replace("/a.jpg", "/nothing.jpg"),
        signed().replace("AccessKeyId", "accesskeyid"),
        f"https://{HOST}/a.jpg?Expires={NOW + 60}",
        signed() + "&x-obs-acl=public-read",
        signed() + "&response-content-type=text/html",
    ],
)
def test_signatures_that_are_none(made, url):
    """Of a bucket that is otherwise closed, and even of one that everybody may read: all read the same."""
    bodies = set()
    for each in (made(), made(public=True)):
        with refused("AIS.0024") as caught:
            fetch(each, url)
        bodies.add(str(caught.value.body("r")))
    assert bodies == {str(ServiceError("AIS.0024").body("r"))}


def test_a_signature_is_that_of_the_buckets_account(made):
    shared = made(account="acme", account_of={AK: "acme", "OTHER": "else"})
    assert fetch(shared, signed(), who=caller(account="else")) == b"a picture"  # whoever has the URL
    others = signed(ak="OTHER", sk="other's secret")
    with refused("AIS.0024"):
        fetch(shared, others)
    assert fetch(made(account_of={"OTHER": "else"}), others) == b"a picture"  # a bucket of all accounts
    unknown = made(account="acme")  # whose key it is cannot be found out: then the caller has to be the owner
    assert fetch(unknown, signed(), who=caller(account="acme")) == b"a picture"
    with refused("AIS.0024"):
        fetch(unknown, signed(), who=caller(account="else"))


def test_authorised_service(made):
    url = f"https://{HOST}/a.jpg"
    acme, other = caller(account="acme"), caller(account="else")
    authorised = made(authorised={acme.account_id, other.account_id}, account="acme")
    assert fetch(authorised, url, who=acme) == b"a picture"
    assert fetch(authorised, url, who=caller(permissions=[TENANT_GUEST, OBS_VIEWER])) == b"a picture"
    with refused("ModelArts.4203"):
        fetch(authorised, url, who=caller(permissions=[TENANT_GUEST]))
    with refused("AIS.0024"):  # it authorised the service, but to its own buckets
        fetch(authorised, url, who=other)
    for name in ("a.jpg", "nothing.jpg", "empty.jpg"):  # whether there is something is not told
        with refused("ModelArts.4702"):
            fetch(made(account="acme"), f"https://{HOST}/{name}", who=acme)
        with refused("AIS.0024"):
            fetch(made(account="acme"), f"https://{HOST}/{name}", who=other)
    assert fetch(made(authorised={other.account_id}), url, who=other) == b"a picture"


@pytest.mark.parametrize("api", [V1, V2])
def test_what_is_there(made, api):
    public = made(public=True)
    for name, code in {
        "nothing.jpg": "ModelArts.4706",
        "photos": "ModelArts.4706",
        "a.jpg/b": "ModelArts.4706",
        "x" * 300: "ModelArts.4704",
        "empty.jpg": "AIS.0025",
        "large.jpg": "AIS.0023",
    }.items():
        with refused(code):
            fetch(public, f"https://{HOST}/{name}", api, most=1000)
    assert len(fetch(public, f"https://{HOST}/large.jpg", api, most=1001)) == 1001


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//a.jpg",
        "/photos/",
        "/photos//deep/b.jpg",
        "/./a.jpg",
        "/../secret.txt",
        "/photos/../a.jpg",
        "/photos/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E%2Fsecret.txt",
        "/..%2fsecret.txt",
        "/.%2e/secret.txt",
        "/photos%2f..%2f..%2fsecret.txt",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/a.jpg%00.png",
        "/%00",
        "/a%ff.jpg",
        "/%c0%ae%c0%ae/secret.txt",
    ],
)
def test_paths_that_lead_out_are_no_objects(made, path):
    for each in (made(public=True), made()):
        with refused("ModelArts.4703"):
            fetch(each, f"https://{HOST}{path}")


@pytest.mark.parametrize(
    "path",
    [
        "/%252e%252e/secret.txt",
        "/..%255csecret.txt",
        "/%5c..%5csecret.txt",
        "/.../secret.txt",
        "/~root",
        "/bucket2/secret.txt",
        "/C:%5csecret.txt",
        "/etc/passwd",
        "/proc/self/environ",
    ],
)
def test_paths_that_only_seem_to(made, path):
    with refused("ModelArts.4706"):
        fetch(made(public=True), f"https://{HOST}{path}")


def test_links_do_not_lead_out(made, folder):
    (folder / "inside.jpg").symlink_to("photos/deep/b.jpg")
    (folder / "to_folder").symlink_to("photos")
    (folder / "out.jpg").symlink_to("../secret.txt")
    (folder / "absolute.jpg").symlink_to(folder.parent / "secret.txt")
    (folder / "to_neighbour").symlink_to("../bucket2")
    (folder / "to_root").symlink_to("/")
    (folder / "itself.jpg").symlink_to("itself.jpg")
    (folder / "up").symlink_to("..")
    (folder / "round").symlink_to(".")
    public = made(public=True)
    for name in (
        "inside.jpg",
        "to_folder/deep/b.jpg",
        "round/inside.jpg",
        "round/round/to_folder/deep/b.jpg",
    ):
        assert fetch(public, f"https://{HOST}/{name}") == b"deep"
    for name in ("out.jpg", "absolute.jpg", "to_neighbour/secret.txt", "to_root/etc/passwd", "up/secret.txt",
                 "up/bucket2/secret.txt", "round"):  # fmt: skip
        with refused("ModelArts.4706"):
            fetch(public, f"https://{HOST}/{name}")
    with pytest.raises(ServiceError, match=r"ModelArts\.470[46]"):
        fetch(public, f"https://{HOST}/itself.jpg")


def test_a_link_that_is_put_there_meanwhile_is_not_followed(made, folder, monkeypatch):
    """Between the look at the path and the opening of its parts."""
    real, photos = os.path.realpath, folder / "photos"

    def swapped(path, **options):
        found = real(path, **options)
        if found.endswith("b.jpg"):
            photos.rename(folder / "photos_before")
            (folder / "elsewhere").mkdir()
            photos.symlink_to(folder.parent / "outside")
        return found

    (folder.parent / "outside" / "deep").mkdir(parents=True)
    (folder.parent / "outside" / "deep" / "b.jpg").write_bytes(b"secret")
    monkeypatch.setattr(os.path, "realpath", swapped)
    with pytest.raises(ServiceError, match=r"ModelArts\.470[46]"):
        fetch(made(public=True), f"https://{HOST}/photos/deep/b.jpg")
    assert photos.is_symlink()


def test_what_is_no_file_is_not_opened_for_long(made, folder):
    os.mkfifo(folder / "pipe.jpg")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket.jpg"))
    public = made(public=True)
    for name in ("pipe.jpg", "socket.jpg"):
        with pytest.raises(ServiceError, match=r"ModelArts\.470[46]"):
            fetch(public, f"https://{HOST}/{name}")
    listener.close()


def test_a_folder_that_is_gone(made, folder):
    folder.rename(folder.parent / "moved")
    with refused("ModelArts.4706"):
        fetch(made(public=True), f"https://{HOST}/a.jpg")


@pytest.mark.parametrize(
    "query",
    [
        "x-image-process=image/resize",
        "X-Image-Process=image/resize",
        "versionId=1",
        "acl",
        "X-Amz-Signature=a",
        "AccessKeyId=a&AccessKeyId=b",
        "Expires=1&Expires=2",
        "Expires=1&%45xpires=2",
    ],
)
def test_what_is_not_done_here(made, query):
    with refused("ModelArts.4703"):
        fetch(made(public=True), f"https://{HOST}/a.jpg?{query}")


@pytest.mark.parametrize(
    "name",
    [
        "other.obs.ap-southeast-1.myhuaweicloud.com",
        "pictures.obs.ap-southeast-1.myhuaweicloud.com.evil.example",
        "pictures.obsx.myhuaweicloud.com",
        "pictures.obs.a.b.myhuaweicloud.com",
        "pictures.obs.xmyhuaweicloud.com",
        "pictures.obs.ap-1.myhuaweicloudxcom",
        "obs.ap-southeast-1.myhuaweicloud.com",
        "x.pictures.obs.myhuaweicloud.com",
    ],
)
def test_other_hosts_are_not_local(made, name):
    """They are hosts of the internet like any other, and those are not fetched from here."""
    with refused("AIS.0022"):
        fetch(made(public=True), f"https://{name}/a.jpg")


def test_many_readers_at_once(made, folder):
    public, threads = made(public=True), set()

    async def main():
        reads = [public.fetch(f"https://{HOST}/a.jpg", V1, caller(f"u{n}")) for n in range(200)]
        answers = await asyncio.gather(*reads)
        threads.update(thread.name for thread in threading.enumerate())
        return answers

    assert asyncio.run(main()) == [b"a picture"] * 200
    assert len(threads) < 20
