import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from music_videos import RATE, box, noise, rewritten, song, video

from irs_engine.errors import MediaError, MediaFormatError, MissingExtra
from irs_engine.music.audio import LOUDEST, open_audio

pytest.importorskip("av", reason="needs irs-engine[music]")


def decoded(source, seconds=1.0, **options):
    with open_audio(source, **options) as audio:
        return np.concatenate([*audio.blocks(seconds), np.zeros(0, np.float32)])


def likeness(a, b):
    """Correlation of two signals, shifted against each other as fits best."""
    size = len(a) + len(b)
    products = np.fft.irfft(np.fft.rfft(a, size) * np.fft.rfft(b, size).conj(), size)
    return products.max() / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.fixture(scope="module")
def melody():
    return song(1, 3)


@pytest.mark.parametrize(
    ("format", "codec"),
    [
        ("mp4", "aac"),
        ("mov", "pcm_s16le"),
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
        ("matroska", "aac"),
        ("mp4", "alac"),
    ],
)
def test_containers_and_codecs(melody, format, codec):
    data = video(melody, format=format, codec=codec, picture=format in ("mp4", "mov", "matroska"))
    found = decoded(data)
    assert found.dtype == np.float32
    assert len(found) / RATE == pytest.approx(3, abs=0.2)
    assert likeness(found, melody) > 0.95


def test_other_rates_and_stereo(melody):
    high = np.interp(np.arange(3 * 44_100) / 44_100, np.arange(len(melody)) / RATE, melody).astype(np.float32)
    found = decoded(video(np.stack([high, 0.5 * high]), 44_100, bits=128_000))
    assert len(found) / RATE == pytest.approx(3, abs=0.1)
    assert likeness(found, melody) > 0.9


def test_all_kinds_of_input(melody, tmp_path):
    data = video(melody)
    file = tmp_path / "a.mp4"
    file.write_bytes(data)
    expected = decoded(data)
    with file.open("rb") as opened:
        for source in (file, str(file), bytearray(data), memoryview(data), io.BytesIO(data), opened):
            assert np.array_equal(decoded(source), expected)
        assert not opened.closed


def test_blocks_are_as_long_as_asked_for(melody):
    with open_audio(video(melody)) as audio:
        lengths = [len(block) for block in audio.blocks(0.7)]
    assert set(lengths[:-1]) == {round(0.7 * RATE)} and 0 < lengths[-1] <= round(0.7 * RATE)


def test_title_and_artist_of_tags_and_of_names(melody, tmp_path):
    tagged = video(melody, title="Blue\nMoon", artist="Ann")
    with open_audio(tagged) as audio:
        assert (audio.title, audio.artist) == ("Blue Moon", "Ann")
    untagged = video(melody)
    for name, expected in [
        ("Ann - Blue Moon.mp4", ("Blue Moon", "Ann")),
        ("07 - Blue Moon.mp4", ("Blue Moon", "")),
        ("07. Ann - Blue Moon.mp4", ("Blue Moon", "Ann")),
        ("blue_moon.mp4", ("blue moon", "")),
        ("99 Balloons.mp4", ("99 Balloons", "")),
        ("7.mp4", ("7", "")),
    ]:
        file = tmp_path / name
        file.write_bytes(untagged)
        with open_audio(file) as audio:
            assert (audio.title, audio.artist) == expected
        with open_audio(untagged, name=name) as audio:
            assert (audio.title, audio.artist) == expected
    with open_audio(untagged) as audio:
        assert (audio.title, audio.artist) == ("", "")


def test_a_video_without_sound_is_no_error():
    with open_audio(video(None)) as audio:
        assert not audio.has_sound
        assert not [*audio.blocks()]


def test_sound_that_begins_later(melody):
    """In MPEG-TS and Matroska times are in the packets."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        picture = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        for number in range(30):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = number
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(
            (melody * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = RATE, 2 * RATE
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with open_audio(out.getvalue()) as audio:
        assert sum(map(len, audio.blocks())) == len(melody)
        assert audio.start == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", MediaFormatError),
        (b"no video at all " * 100, MediaFormatError),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n",
            MediaFormatError,
        ),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", MediaFormatError),
        (
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
            MediaFormatError,
        ),
    ],
    ids=["empty", "text", "playlist", "concat", "sdp"],
)
def test_what_is_no_media(data, kind):
    with pytest.raises(kind):
        decoded(data)


def test_mp4_only(melody):
    with pytest.raises(MediaFormatError, match="MP4"):
        open_audio(video(melody, format="wav", codec="pcm_s16le", picture=False), mp4_only=True)
    assert len(decoded(video(melody), mp4_only=True)) > 0


def test_missing_files(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path, "nul\0l"):
        with pytest.raises(MediaError):
            open_audio(path)
    with pytest.raises(MediaError, match="int"):
        open_audio(3)


def test_a_url_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MediaError, match="No such file"):
        open_audio("http://127.0.0.1:9/a.mp4")


def test_a_file_that_ends_early_gives_what_there_is(melody):
    """The tables first, so that the end is missing of the sound alone."""
    data = video(melody, format="matroska")
    assert 0 < len(decoded(data[: len(data) * 2 // 3])) < len(melody)


def test_damaged_sound_is_an_error(melody):
    data = bytearray(video(melody, codec="alac"))
    at = data.index(b"mdat")
    end = data.index(b"moov") if data.index(b"moov") > at else len(data)
    data[at + 4 : end - 4] = bytes([0xA7]) * (end - at - 8)
    with pytest.raises(MediaError, match="damaged"):
        decoded(bytes(data))


def test_numbers_that_are_none():
    samples = noise(1)
    samples[1000:1200], samples[2000], samples[3000] = np.nan, np.inf, 1e30
    found = decoded(video(samples, format="wav", codec="pcm_f32le", picture=False))
    assert np.isfinite(found).all() and abs(found).max() <= LOUDEST


def huge(data, count, size=1):
    """The tables of all tracks say: `count` samples of `size` bytes, in one chunk."""

    def change(kind, body):
        if kind == b"stsz":
            return body[:4] + struct.pack(">II", size, count)
        return body[:4] + struct.pack(">IIII", 1, 1, count, 1) if kind == b"stsc" else body

    return rewritten(data, change)


def test_tables_that_would_fill_the_memory(melody):
    data = video(melody)
    for count in (2**23, 2**27, 2**32 - 1):
        with pytest.raises(MediaError, match="samples"):
            open_audio(huge(data, count))
    trex = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 1, 1, 0)))
    run = box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)) + box(b"trun", struct.pack(">II", 0, 2**23)))
    fragmented = rewritten(data, lambda kind, body: body + trex if kind == b"moov" else body)
    with pytest.raises(MediaError, match="samples"):
        open_audio(fragmented + box(b"moof", run))
    hidden = rewritten(data, lambda kind, body: box(b"udta", body) if kind == b"trak" else body)
    with pytest.raises(MediaError, match="samples"):
        open_audio(huge(hidden, 2**23) + box(b"free", b"stsz" + struct.pack(">III", 0, 1, 2**23)))


@pytest.mark.slow
def test_long_pcm_has_many_samples_and_is_read():
    """Each of them is a sample to MOV, yet its index is small."""
    melody = np.tile(song(2, 10), 26)  # 4.16 million
    found = decoded(video(melody, format="mov", codec="pcm_s16le"), seconds=60)
    assert len(found) == len(melody)


def test_without_the_extra():
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from irs_engine.music.audio import open_audio\n"
        "try: open_audio(b'some bytes')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(MissingExtra.__name__) and "pip install 'irs-engine[music]'" in done.stdout


def test_what_came_before_frames_that_cannot_be_resampled_is_kept(melody, monkeypatch):
    import av

    def frame_of(rate, samples):
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = rate
        return frame

    class Strict:
        def __init__(self, *given, **named):
            self.real = real(*given, **named)

        def resample(self, frame):
            if frame is not None and frame.sample_rate != RATE:
                raise ValueError("no such rate")
            return self.real.resample(frame)

    real = av.AudioResampler
    monkeypatch.setattr(av, "AudioResampler", Strict)
    parts = [frame_of(RATE, part) for part in np.array_split(melody, 50)]
    broken = [frame_of(48_000, np.zeros(2**15))]
    with open_audio(video(melody)) as audio:
        monkeypatch.setattr(audio, "_frames", lambda: iter(parts[:25] + broken + parts[25:]))
        found = np.concatenate([*audio.blocks()])
    np.testing.assert_array_equal(found, melody.astype(np.float32))
