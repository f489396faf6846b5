"""POST /v1.0/bgm/recognition: videos of a bucket, against a catalogue of drawn songs."""

import asyncio
import json
import threading

import httpx
import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")
pytest.importorskip("av", reason="needs irs-engine[music]")

from eventloop import settle
from music_videos import RATE, noise, song, video

from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.server.apis import BY_NAME, MUSIC, VIDEO_BYTES, music
from irs_engine.server.app import create_app
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Bucket, LoadSettings, MusicSettings, ObsSettings, Settings
from irs_engine.server.works import listening
from irs_engine.server.works.listening import Listening

PATH = "/v1.0/bgm/recognition"
BUCKET = "https://videos.obs.ap-southeast-1.myhuaweicloud.com"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    with MusicCatalogue(folder) as songs:
        songs.add(video(song(1, 15)), "月亮 ♪", "Ann")
        songs.add(video(song(2, 15)), "Other")
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    clip = song(1, 15)[4 * RATE : 12 * RATE]
    (folder / "talk.mp4").write_bytes(video(clip + noise(8, level=0.5 * float(clip.std()))))
    (folder / "silent.mp4").write_bytes(video(None))
    (folder / "quiet.mp4").write_bytes(video(np.zeros(3 * RATE)))
    (folder / "unknown.mp4").write_bytes(video(song(77, 8)))
    (folder / "sound.wav").write_bytes(video(clip, format="wav", codec="pcm_s16le", picture=False))
    (folder / "broken.mp4").write_bytes((folder / "talk.mp4").read_bytes()[:2000])
    (folder / "empty.mp4").write_bytes(b"")
    with (folder / "large.mp4").open("wb") as file:
        file.truncate(VIDEO_BYTES + 1)
    return folder


@pytest.fixture
def settings(tmp_path, catalogue, videos):
    return Settings(
        data=tmp_path / "data",
        auth="off",
        obs=ObsSettings(local_map={"videos": Bucket(folder=videos, public=True)}),
        music=MusicSettings(catalogue=catalogue),
    )


def answers(settings, *bodies):
    """Of calls one after the other: (status, body)."""

    async def main():
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8090") as client:
                return [await client.post(PATH, json=body, timeout=60) for body in bodies]
        finally:
            await app.state.parts.works.stop()
            await app.state.parts.downloads.aclose()
            app.state.parts.store.close()

    return asyncio.run(main())


def test_what_plays_is_named(settings):
    (answer,) = answers(settings, {"url": f"{BUCKET}/talk.mp4"})
    assert answer.status_code == 200 and answer.text.isascii()
    result = answer.json()["result"]
    assert (result["audio_name"], result["artist"]) == ("月亮 ♪", "Ann")
    assert 0.5 < result["confidence"] <= 1 and result["offset"] == pytest.approx(4, abs=1.1)
    assert {"fetch", "count"} <= {part.split(";")[0] for part in answer.headers["Server-Timing"].split(", ")}


def test_nothing_known_is_an_empty_name(settings):
    names = ("silent", "quiet", "unknown")
    for answer in answers(settings, *({"url": f"{BUCKET}/{name}.mp4"} for name in names)):
        assert answer.status_code == 200
        assert answer.json() == {"result": {"audio_name": "", "artist": "", "confidence": 0.0, "offset": 0.0}}


def test_what_cannot_be_heard(settings):
    expected = {
        "sound.wav": "AIS.0021",
        "broken.mp4": "AIS.0021",
        "empty.mp4": "AIS.0025",
        "large.mp4": "AIS.0023",
        "none.mp4": "ModelArts.4706",
    }
    found = answers(settings, *({"url": f"{BUCKET}/{name}"} for name in expected))
    assert [answer.status_code for answer in found] == [400] * len(expected)
    assert [answer.json()["error_code"] for answer in found] == list(expected.values())


def test_requests_that_are_none(settings):
    bodies = [{}, {"url": ""}, {"url": "ftp://example.org/a.mp4"}, {"url": "http://127.0.0.1/a.mp4"}]
    found = [answer.json()["error_code"] for answer in answers(settings, *bodies)]
    assert found == ["AIS.0011", "AIS.0011", "AIS.0022", "AIS.0022"]


def test_without_a_catalogue(settings, tmp_path):
    none = settings.model_copy(update={"music": MusicSettings(catalogue=tmp_path / "none")})
    (answer,) = answers(none, {"url": f"{BUCKET}/talk.mp4"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "AIS.0007")
    assert "irs-engine music add" in answer.json()["detail"] and str(tmp_path) not in answer.text


def test_without_the_extra(settings, monkeypatch):
    monkeypatch.setattr(listening, "find_spec", lambda name: None)
    (answer,) = answers(settings, {"url": f"{BUCKET}/talk.mp4"})
    assert answer.json()["error_code"] == "AIS.0007" and "irs-engine[music]" in answer.json()["detail"]


def test_a_catalogue_that_is_damaged(settings, tmp_path, caplog):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "catalogue.db").write_bytes(b"no database" * 100)
    damaged = settings.model_copy(update={"music": MusicSettings(catalogue=tmp_path / "damaged")})
    (answer,) = answers(damaged, {"url": f"{BUCKET}/talk.mp4"})
    assert answer.json()["error_code"] == "AIS.0105" and str(tmp_path) not in answer.text
    assert str(tmp_path) in caplog.text


def test_a_video_waits_before_it_is_fetched(settings, videos):
    """With one turn a second video is not in memory while the first one is."""
    from irs_engine.engine import Engine
    from irs_engine.server.works import Works

    data, order = (videos / "talk.mp4").read_bytes(), []

    async def main():
        works = Works(Engine(), settings.model_copy(update={"load": LoadSettings(concurrency={MUSIC: 1})}))
        go_on = asyncio.Event()

        async def fetch(number):
            order.append(f"fetch {number}")
            await go_on.wait()
            return data

        calls = [asyncio.create_task(works.listen(lambda n=number: fetch(n))) for number in (1, 2)]
        while not (order and works.snapshot()["apis"][MUSIC]["waiting"]):
            await asyncio.sleep(0.01)
        await settle()
        assert len(order) == 1
        first = int(order[0][-1])
        calls[first - 1].add_done_callback(lambda _: order.append("done"))
        go_on.set()
        found = await asyncio.gather(*calls)
        assert order == [f"fetch {first}", "done", f"fetch {3 - first}"]
        assert [one.audio_name for one in found] == ["月亮 ♪"] * 2
        await works.stop()
        with pytest.raises(ServiceError, match=r"APIG\.0308"):
            await works.listen(lambda: fetch(3))

    asyncio.run(main())


def test_a_client_that_goes_away_is_listened_to_no_longer(settings, monkeypatch):
    from irs_engine.engine import Engine
    from irs_engine.server.works.gate import Gate

    begun, asked = threading.Event(), []

    def recognize(data, songs, *, mp4_only, enough):
        begun.set()
        while not enough():
            threading.Event().wait(0.01)
        asked.append("ended")

    monkeypatch.setattr("irs_engine.music.recognition.recognize", recognize)

    async def main():
        gate = Gate(1)
        listening = Listening(Engine(), settings.music, gate)

        async def fetch():
            return b"data"

        call = asyncio.create_task(listening.recognize(fetch))
        await asyncio.to_thread(begun.wait)
        assert gate.inside == 1
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        while gate.inside:
            await asyncio.sleep(0.01)
        assert asked == ["ended"]
        await listening.stop()

    asyncio.run(main())


def test_the_answer_on_the_wire():
    from irs_engine.results import MusicResult

    found = music(MusicResult("A", "B", 0.75, 12.5, (), (), 10.0))
    assert json.dumps(found) == '{"audio_name": "A", "artist": "B", "confidence": 0.75, "offset": 12.5}'
    assert BY_NAME[MUSIC].limits.max_bytes == 65 * 2**20
