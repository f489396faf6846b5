"""/irs/v1/album: who sees it, what is told of photos and what is not."""

import asyncio
import base64
import io
import logging
import os
from contextlib import asynccontextmanager

import httpx
import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")

from fits_schema import misfits
from PIL import Image
from small_album import PHOTOS, SIZE, small_album

from irs_engine.album import Album
from irs_engine.engine import Engine
from irs_engine.errors import AlbumError
from irs_engine.server import openapi
from irs_engine.server.album import pictures
from irs_engine.server.app import create_app
from irs_engine.server.settings import LoadSettings, Settings

BASE = "/irs/v1/album"
DOCUMENT = openapi.document()


@pytest.fixture
def photos(tmp_path):
    """The ids of the photos of an album, which lies at `album.db`, by their names."""
    return small_album(tmp_path / "album.db", tmp_path / "secret" / "shots")


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", auth="off", album=tmp_path / "album.db")


@asynccontextmanager
async def service(settings, engine=None):
    app = create_app(settings, engine)
    parts = app.state.parts
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8090", timeout=60
        ) as client:
            client.parts = parts
            yield client
    finally:
        await parts.works.stop()
        await parts.album.stop()
        await parts.downloads.aclose()
        parts.store.close()


@pytest.fixture
def ask(settings, photos, tmp_path):
    """Requests one after the other, each a path or (path, options of httpx); their answers.

    None of these may tell where the photos lie.
    """

    def ask(*requests, settings=settings):
        async def main():
            async with service(settings) as client:
                found = []
                for request in requests:
                    path, options = (request, {}) if isinstance(request, str) else request
                    method = options.pop("method", "GET")
                    found.append(await client.request(method, BASE + path, **options))
                return found

        answers = asyncio.run(main())
        for answer in answers:
            assert str(tmp_path).encode() not in answer.content and b"secret" not in answer.content
            assert "secret" not in str(answer.headers) and "shots" not in str(answer.headers)
        return answers if len(answers) > 1 else answers[0]

    return ask


def described(answer, path, method="get"):
    """The JSON of an answer, as the OpenAPI document says."""
    assert answer.status_code == 200, answer.text
    schema = DOCUMENT["paths"][BASE + path][method]["responses"]["200"]["content"]["application/json"]
    assert misfits(DOCUMENT, schema["schema"], answer.json()) == []
    return answer.json()


def names(found):
    return [photo["name"] for photo in found["photos"]]


def test_what_is_in_it(ask):
    info, tags = ask("", "/tags?limit=3")
    found = described(info, "")
    assert (found["photos"], found["failed"], found["folders"], found["places"]) == (len(PHOTOS), 0, 1, 1)
    assert (found["first"], found["last"]) == ("2019-07-14T12:30:00", "2023-07-14T12:30:00")
    counted = described(tags, "/tags")
    assert counted["total"] == 7 and len(counted["tags"]) == 3
    assert {(tag["en"], tag["zh"], tag["photos"]) for tag in counted["tags"][:2]} == {
        ("cat", "猫", 3),
        ("dog", "狗", 3),
    }
    assert info.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_search(ask, photos):
    asked = [
        "cat",
        "猫 -sofa",
        "dog 2021",
        "dog&since=2022",
        "&limit=2&offset=3",
        "dog:90 OR sofa",
        "cat&threshold=80",
    ]
    found = [described(one, "/search") for one in ask(*(f"/search?query={query}" for query in asked))]
    assert names(found[0]) == ["garden.jpg", "sofa.jpg", "我们的猫.webp"]
    assert [photo["confidence"] for photo in found[0]["photos"]] == [97, 90, 72]
    assert names(found[1]) == ["garden.jpg", "我们的猫.webp"]
    assert names(found[2]) == ["beach.jpg"] and "2021" in found[2]["query"]
    assert names(found[3]) == ["walk.png"]
    assert names(found[4]) == ["walk.png", "我们的猫.webp"] and found[4]["total"] == len(PHOTOS)
    assert sorted(names(found[5])) == ["beach.jpg", "copy.jpg", "sofa.jpg"]
    assert names(found[6]) == ["garden.jpg", "sofa.jpg"]
    assert found[0]["photos"][0] == {
        "id": photos["garden.jpg"],
        "name": "garden.jpg",
        "width": SIZE[0],
        "height": SIZE[1],
        "taken": "2019-07-14T12:30:00",
        "tags": found[0]["photos"][0]["tags"],
        "confidence": 97,
    }
    assert found[0]["photos"][0]["tags"][0]["zh"] == "猫"


def test_queries_that_are_none(ask):
    expected = {
        "query=zebrra": "zebra",
        "query=(dog": "a ( is never closed",
        "query=dog&since=soon": "expected a date",
        "threshold=101": "0 to 100",
        "threshold=nan": "0 to 100",
        "limit=201": "0 to 200",
        "offset=-1": "whole number",
    }
    for answer, words in zip(
        ask(*(f"/search?{query}" for query in expected)), expected.values(), strict=True
    ):
        assert answer.status_code == 400 and words in answer.json()["detail"], answer.text


def test_a_photo(ask, photos):
    id = photos["beach.jpg"]
    english, chinese, sure = ask(
        f"/photos/{id}", f"/photos/{id}?language=zh", f"/photos/{photos['garden.jpg']}?threshold=90"
    )
    found = described(english, "/photos/{id}")
    assert [(tag["tag"], tag["confidence"]) for tag in found["tags"]] == [
        ("dog", "95.00"),
        ("beach", "92.00"),
        ("person", "70.00"),
    ]
    (box,) = found["tags"][0]["instances"]
    assert box["bounding_box"] == {"width": 48, "height": 32, "top_left_x": 24, "top_left_y": 16}
    assert described(chinese, "/photos/{id}")["tags"][0]["tag"] == "狗"
    assert described(sure, "/photos/{id}")["place"] == {"latitude": 48.86, "longitude": 2.35}
    assert len(sure.json()["tags"]) == 1


def test_no_such_photo(ask):
    ids = ("0", "99", "-1", "1e3", "²", "9" * 30, "..%2f..%2fetc%2fpasswd", "%00")
    for answer in ask(
        *(f"/photos/{id}{rest}" for id in ids for rest in ("", "/thumbnail", "/file", "/similar"))
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "APIG.0101")


def test_thumbnails(ask, photos, monkeypatch):
    drawn = []
    draw = pictures.thumbnail
    monkeypatch.setattr(pictures, "thumbnail", lambda *given: drawn.append(given[1]) or draw(*given))
    path = f"/photos/{photos['walk.png']}/thumbnail"
    first, small = ask(path, f"{path}?height=160")
    tag = first.headers["ETag"]
    same, other, wrong = ask(
        (path, {"headers": {"If-None-Match": f'"x", W/{tag}'}}),
        (f"{path}?height=160", {"headers": {"If-None-Match": tag}}),
        f"{path}?height=5000",
    )
    assert first.headers["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(first.content)).size == SIZE  # it is smaller than thumbnails may be
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert other.status_code == 200 and small.headers["ETag"] == other.headers["ETag"] != tag
    assert wrong.status_code == 400 and "160 or 320 or 1080" in wrong.json()["detail"]
    assert drawn == [320, 160, 160]  # what the client has is not drawn again


def test_a_file_that_changed_has_another_thumbnail(ask, photos, tmp_path):
    path = f"/photos/{photos['sofa.jpg']}/thumbnail"
    before = ask(path).headers["ETag"]
    Image.new("RGB", (1000, 900), "red").save(tmp_path / "secret" / "shots" / "sofa.jpg")
    after = ask((path, {"headers": {"If-None-Match": before}}))
    assert after.status_code == 200 and Image.open(io.BytesIO(after.content)).size == (356, 320)


def test_the_photo_itself(ask, photos, tmp_path):
    chinese = f"/photos/{photos['我们的猫.webp']}/file"
    whole, part = ask(chinese, (chinese, {"headers": {"Range": "bytes=0-3"}}))
    stored = (tmp_path / "secret" / "shots" / "我们的猫.webp").read_bytes()
    assert whole.content == stored and whole.headers["Content-Type"] == "image/webp"
    assert "filename*=UTF-8''%E6%88%91" in whole.headers["Content-Disposition"]
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert (part.status_code, part.content) == (206, b"RIFF")
    again = ask((chinese, {"headers": {"If-None-Match": whole.headers["ETag"]}}))
    assert again.status_code == 304


def test_files_that_are_no_photos_any_more(ask, photos, tmp_path):
    shots = tmp_path / "secret" / "shots"
    (tmp_path / "password.txt").write_text("hunter2")
    (shots / "garden.jpg").unlink()
    (shots / "garden.jpg").symlink_to(tmp_path / "password.txt")
    (shots / "sofa.jpg").unlink()
    (shots / "walk.png").unlink()
    os.mkfifo(shots / "walk.png")
    (shots / "beach.jpg").write_bytes((shots / "beach.jpg").read_bytes()[:300])
    asked = [
        (name, form) for name in ("garden.jpg", "sofa.jpg", "walk.png") for form in ("file", "thumbnail")
    ]
    found = ask(*(f"/photos/{photos[name]}/{form}" for name, form in asked))
    assert [one.status_code for one in found] == [400, 400, 404, 404, 404, 404]
    assert not any(b"hunter2" in one.content for one in found)
    cut = ask(f"/photos/{photos['beach.jpg']}/thumbnail")
    assert (cut.status_code, cut.json()["error_code"]) == (400, "AIS.0503")


def test_large_pictures_are_decoded_one_at_a_time():
    from irs_engine.image.header import Header

    header = Header(12_000, 9_000)
    assert pictures.pixels_decoded("PNG", header, 320) == 108_000_000 > pictures.LARGE
    assert pictures.pixels_decoded("JPEG", header, 320) < 1_000_000


def test_similar_photos(ask, photos):
    found = described(ask(f"/photos/{photos['beach.jpg']}/similar?limit=2"), "/photos/{id}/similar")
    assert names(found) == ["copy.jpg", "walk.png"]
    assert round(found["photos"][0]["similarity"], 2) == 1


def test_duplicates_and_proposals(ask):
    copies, none, albums, wrong = ask(
        "/duplicates",
        "/duplicates?offset=1",
        "/proposals?least=3&by=content&language=zh",
        "/proposals?by=size",
    )
    (group,) = described(copies, "/duplicates")["groups"]
    assert group["photo"]["name"] == "beach.jpg"
    assert [(copy["name"], copy["kind"]) for copy in group["copies"]] == [("copy.jpg", "exact")]
    assert described(none, "/duplicates") == {"total": 1, "groups": []}
    assert all(album["kind"] == "content" for album in described(albums, "/proposals")["albums"])
    assert wrong.status_code == 400 and "time or place or content" in wrong.json()["detail"]


def test_what_took_long_is_kept_until_the_album_changes(settings, photos, tmp_path, monkeypatch):
    from irs_engine.album import duplicates

    sought = []
    find = duplicates.find_duplicates
    monkeypatch.setattr(duplicates, "find_duplicates", lambda album: sought.append(1) or find(album))

    async def main():
        async with service(settings) as client:
            for _ in range(2):
                assert (await client.get(f"{BASE}/duplicates")).json()["total"] == 1
            assert len(sought) == 1
            with Album(tmp_path / "album.db") as album:
                album.correct(photos["beach.jpg"], add=["Rex"])
            (group,) = (await client.get(f"{BASE}/duplicates")).json()["groups"]
            assert len(sought) == 2 and "Rex" in [tag["en"] for tag in group["photo"]["tags"]]

    asyncio.run(main())


def test_an_uploaded_picture(settings, tagger_weights, tmp_path):
    """With the features of a network of random numbers, which tell photos apart too."""
    engine = Engine("cpu", weights=tagger_weights.parent)
    pixels = []
    shots = tmp_path / "secret" / "shots"
    ids = small_album(tmp_path / "first.db", shots)
    for name in PHOTOS:
        pixels.append(engine.read_for_tagging(shots / name, detect=False).pixels)
    small_album(tmp_path / "album.db", shots, engine.load_tagger().features(pixels))
    data = (shots / "walk.png").read_bytes()
    asked = [
        {"json": {"image": base64.b64encode(data).decode(), "limit": 2}},
        {"files": {"file": ("x.png", data)}, "data": {"limit": "1"}},
        {"json": {"image": base64.b64encode(b"GIF89a").decode()}},
        {"json": {"image": "AAAA", "limit": 1000}},
        {"json": {}},
        {"content": b"x" * (13 * 2**20), "headers": {"Content-Type": "application/json"}},
    ]

    async def main():
        async with service(settings, engine) as client:
            return [await client.post(f"{BASE}/similar", **one) for one in asked]

    by_json, by_form, *refused = asyncio.run(main())
    found = described(by_json, "/similar", "post")["photos"]
    assert len(found) == 2 and found[0]["id"] == ids["walk.png"] and found[0]["similarity"] > 0.99
    assert [photo["name"] for photo in by_form.json()["photos"]] == ["walk.png"]
    assert [one.json()["error_code"] for one in refused] == ["AIS.0502", "AIS.0203", "AIS.0011", "APIG.0201"]


def test_an_album_of_other_weights(settings, tagger_weights, photos, tmp_path):
    data = base64.b64encode((tmp_path / "secret" / "shots" / "sofa.jpg").read_bytes()).decode()

    async def main():
        async with service(settings, Engine("cpu", weights=tagger_weights.parent)) as client:
            return await client.post(f"{BASE}/similar", json={"image": data})

    answer = asyncio.run(main())
    assert str(tmp_path) not in answer.text
    assert answer.status_code == 400 and "indexed with other weights" in answer.json()["detail"]


def test_it_is_only_read(settings, photos):
    async def main():
        async with service(settings) as client:
            await client.get(BASE)
            with pytest.raises(AlbumError, match="readonly"):
                with client.parts.album._opened().write() as connection:
                    connection.execute("DELETE FROM photos")

    asyncio.run(main())


def test_without_an_album(ask, settings, tmp_path, caplog):
    off = settings.model_copy(update={"album": None})
    for answer in ask("", "/search", "/photos/1/file", settings=off):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "APIG.0101")
        assert "`album`" in answer.json()["detail"] and "irs-engine album index" in answer.json()["detail"]
    (tmp_path / "notes.txt").write_text("no album" * 200)
    with caplog.at_level(logging.ERROR):
        for name in ("none.db", "notes.txt"):
            other = settings.model_copy(update={"album": tmp_path / name})
            answer = ask("/search", settings=other)
            assert (answer.status_code, answer.json()["error_code"]) == (400, "AIS.0007")
            assert str(tmp_path / name) in caplog.text  # who runs the server is told


def test_an_album_that_is_made_later(settings, tmp_path):
    async def main():
        async with service(settings) as client:
            assert (await client.get(BASE)).status_code == 400
            small_album(tmp_path / "album.db", tmp_path / "secret" / "shots")
            assert (await client.get(BASE)).json()["photos"] == len(PHOTOS)

    asyncio.run(main())


def test_who_sees_it(settings, photos):
    """Users of the account that runs the server, if they may call it; nobody else."""
    closed = settings.model_copy(update={"auth": "on"})

    async def main():
        async with service(closed) as client:
            identity = client.parts.identity
            accounts = identity.accounts
            own = accounts.create_account("home", operator=True)
            other = accounts.create_account("shop")
            (owner,), (stranger,) = accounts.list_users(own.id), accounts.list_users(other.id)
            guest, nothing = accounts.create_user(own.id, "guest"), accounts.create_user(own.id, "nothing")
            group = accounts.groups.create(own.id, "guests")
            accounts.groups.grant(group.id, "Tenant Guest")
            accounts.groups.add(group.id, guest.id)
            found = {}
            for name, user in {
                "owner": owner,
                "guest": guest,
                "nothing": nothing,
                "stranger": stranger,
            }.items():
                token = {"X-Auth-Token": identity.tokens.issue(user.id, None).secret}
                cookie = {"Cookie": f"irs_session={identity.tokens.open_session(user.id).secret}"}
                answers = [
                    await client.get(BASE + path, headers=headers)
                    for path in ("/search", f"/photos/{photos['sofa.jpg']}/file")
                    for headers in (token, cookie)
                ]
                found[name] = {answer.json()["error_code"] if answer.is_error else "" for answer in answers}
                told = await client.get("/console/session", headers=cookie)
                assert told.json() == {"signed_in": True, "album": found[name] == {""}}
                posted = await client.post(f"{BASE}/similar", json={}, headers=cookie)
                assert posted.json()["error_code"] == "APIG.0301"  # of no page of this server
            found["nobody"] = {(await client.get(f"{BASE}/tags")).json()["error_code"]}
            return found

    refused = {"ModelArts.4203"}
    expected = {
        "owner": {""},
        "guest": {""},
        "nothing": refused,
        "stranger": refused,
        "nobody": {"APIG.0301"},
    }
    assert asyncio.run(main()) == expected


def test_too_many_are_refused(settings, photos, monkeypatch):
    """As thumbnails take long, there is no end of requests for them."""
    import threading

    go_on = threading.Event()
    draw = pictures.thumbnail
    monkeypatch.setattr(pictures, "thumbnail", lambda *given: go_on.wait(60) and draw(*given))
    tight = settings.model_copy(update={"load": LoadSettings(queue=1, workers=1)})

    async def main():
        async with service(tight) as client:
            path = f"{BASE}/photos/{photos['sofa.jpg']}/thumbnail"
            first = [asyncio.create_task(client.get(path)) for _ in range(2)]
            while not client.parts.album.drawing.lane._gate.waiting:
                await asyncio.sleep(0.01)
            late = await client.get(path)
            go_on.set()
            return late, await asyncio.gather(*first)

    late, first = asyncio.run(main())
    assert (late.status_code, late.json()["error_code"]) == (429, "APIG.0308") and late.headers["Retry-After"]
    assert [one.status_code for one in first] == [200, 200]
