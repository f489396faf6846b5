import io
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from drawn_videos import RATE, SIZE, scene, video
from music_videos import box, rewritten, song
from music_videos import video as music_video
from PIL import Image

from irs_engine.errors import MediaError, MediaFormatError, MissingExtra
from irs_engine.video.frames import open_video

pytest.importorskip("av", reason="needs irs-engine[video]")


@pytest.fixture(scope="module")
def clip():
    return video(scene(1, 1))


def decoded(source, at_least=None):
    """(time, pixels) of each frame, and the size as shown."""
    with open_video(source) as opened:
        found = [(frame.time, frame.rgb(at_least).pixels, frame.size) for frame in opened.frames()]
    times, pixels, sizes = zip(*found, strict=True)
    assert len(set(sizes)) == 1
    return times, pixels, sizes[0]


@pytest.mark.parametrize(
    ("format", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "mpeg4", "yuv420p"),
        ("matroska", "libx265", "yuv420p10le"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("mpegts", "mpeg2video", "yuv420p"),
        ("gif", "gif", "rgb8"),
    ],
)
def test_containers_and_codecs(format, codec, pix_fmt):
    rate = 25 if codec == "mpeg2video" else RATE
    times, pixels, size = decoded(
        video(scene(1, 1, rate=rate), format=format, codec=codec, pix_fmt=pix_fmt, rate=rate)
    )
    assert size == SIZE and times[0] == 0 and list(times) == sorted(times)
    assert times[-1] > 0.7 and len(times) >= 3  # those on which no other frame is built are left out
    # rgb8 has four levels of blue; the others are coarse where colours meet.
    assert abs(pixels[0].astype(float) - next(scene(1, 1))).mean() < (40 if format == "gif" else 8)


def test_colours_of_large_videos_are_those_of_hdtv():
    """Files that do not say which matrix they use are played by their height."""
    red = np.zeros((720, 64, 3), np.uint8)
    red[...] = 200, 40, 40
    import av

    frame = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709"
    )
    planes = [np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[0, 0] for plane in frame.planes]
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=5, width=64, height=720, pix_fmt="yuv420p")
        for number in range(3):
            again = av.VideoFrame(64, 720, "yuv420p")
            for plane, value in zip(again.planes, planes, strict=True):
                plane.update(np.full((plane.height, plane.line_size), value, np.uint8))
            again.pts = number
            container.mux(stream.encode(again))
        container.mux(stream.encode(None))
    _, pixels, _ = decoded(out.getvalue())
    assert abs(pixels[0].reshape(-1, 3).mean(0) - (200, 40, 40)).max() < 6


def test_pixels_are_as_small_as_needed(clip):
    with open_video(clip) as opened:
        frame = next(opened.frames())
        assert frame.rgb(32).pixels.shape == (32, 48, 3) and frame.rgb(32).size == SIZE
        assert frame.rgb(500).pixels.shape == (64, 96, 3)
        assert frame.grey(12, 8).shape == (8, 12)


def turned(data, quarter):
    """The MP4 with the matrix that a phone writes that was held upright: a quarter clockwise, or back."""
    matrix = {
        1: (0, 0x10000, 0, -0x10000, 0, 0),
        -1: (0, -0x10000, 0, 0x10000, 0, 0),
        2: (-0x10000, 0, 0, 0, -0x10000, 0),
    }[quarter]
    numbers = b"".join(int(n).to_bytes(4, "big", signed=True) for n in matrix) + bytes(8) + b"\x40\0\0\0"

    def change(kind, body):
        return body[:40] + numbers + body[76:] if kind == b"tkhd" else body

    return rewritten(data, change)


@pytest.mark.parametrize("quarter", [1, -1, 2])
def test_rotation_of_phones_is_applied(clip, quarter):
    _, plain, _ = decoded(clip)
    _, pixels, size = decoded(turned(clip, quarter))
    assert size == (SIZE if quarter == 2 else SIZE[::-1])
    assert pixels[0].shape == (size[1], size[0], 3)
    assert abs(pixels[0].astype(int) - np.rot90(plain[0], -quarter)).mean() < 2
    _, small, size = decoded(turned(clip, quarter), at_least=32)
    assert small[0].shape == (size[1] // 2, size[0] // 2, 3)


def test_pixels_that_are_not_square_are_made_so():
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=5, width=96, height=64, pix_fmt="yuv420p")
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number, pixels in enumerate(scene(1, 0.3)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    _, pixels, size = decoded(out.getvalue())
    assert size == (128, 64) and pixels[0].shape == (64, 128, 3)


def test_all_kinds_of_input(clip, tmp_path):
    file = tmp_path / "a.mp4"
    file.write_bytes(clip)
    expected, _, _ = decoded(clip)
    with file.open("rb") as opened:
        for source in (file, str(file), bytearray(clip), memoryview(clip), io.BytesIO(clip), opened):
            assert decoded(source)[0] == expected
        assert not opened.closed


def test_what_cannot_be_used_says_why(tmp_path, clip):
    text = tmp_path / "notes.mp4"
    text.write_bytes(b"no video at all, but words " * 40)
    for source, error, words in [
        (tmp_path / "gone.mp4", MediaError, "gone.mp4: No such file"),
        (text, MediaFormatError, "notes.mp4: damaged, or in none of the formats"),
        (b"", MediaFormatError, "an empty file"),
        (7, MediaError, "int: expected a path"),
        (music_video(song(1, 1), picture=False), MediaError, "no video in it"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", MediaFormatError, "none of the formats"),
    ]:
        with pytest.raises(error, match=words):
            open_video(source)


def test_covers_of_songs_are_no_videos():
    picture = io.BytesIO()
    Image.fromarray(next(scene(1, 1))).save(picture, "JPEG")
    data = box(b"data", bytes([0, 0, 0, 13, 0, 0, 0, 0]) + picture.getvalue())  # 13: JPEG
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(10))
    meta = box(b"meta", bytes(4) + handler + box(b"ilst", box(b"covr", data)))
    boxes = rewritten(music_video(song(1, 1), picture=False), lambda kind, body: body)
    at = boxes.rindex(b"moov") - 4
    m4a = boxes[:at] + box(b"moov", boxes[at + 8 :] + box(b"udta", meta))
    import av

    assert [stream.type for stream in av.open(io.BytesIO(m4a)).streams] == ["audio", "video"]
    with pytest.raises(MediaError, match="no video in it"):
        open_video(m4a)


def test_a_file_that_ends_early_gives_what_there_is():
    data = video(scene(1, 4, moving=3), format="matroska", g=5)
    whole, _, _ = decoded(data)
    part, _, _ = decoded(data[: len(data) // 2])
    assert 0 < len(part) < len(whole)


def test_damage_ends_in_pictures_or_in_an_error():
    data = video(scene(1, 2, moving=5), format="mpegts", codec="mpeg2video", rate=25)
    random = np.random.default_rng(0)
    for _ in range(20):
        broken = bytearray(data)
        for at in random.integers(0, len(data), 40):
            broken[at] = random.integers(256)
        times = []
        try:
            with open_video(bytes(broken)) as opened:
                times += [frame.time for frame in opened.frames() if frame.rgb(16).pixels.size]
        except MediaError:
            continue
        assert times and times == sorted(set(times))


def test_frames_of_impossible_sizes_are_refused(monkeypatch):
    from irs_engine.video import frames

    monkeypatch.setattr(frames, "MOST_PIXELS", 96 * 64 - 1)
    with open_video(video(scene(1, 1))) as opened, pytest.raises(MediaError, match="cannot be decoded"):
        list(opened.frames())


def test_without_pyav_it_says_what_installs_it(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"pip install 'irs-engine\[video\]'"):
        open_video(clip)


@pytest.mark.slow
def test_a_long_video_does_not_fill_the_memory(tmp_path):
    """Half a minute of it takes no more than some seconds do."""
    code = """if True:
        import resource, sys
        from irs_engine.video.frames import open_video
        with open_video(sys.argv[1]) as opened:
            for number, frame in enumerate(opened.frames()):
                frame.rgb(64)
                if number == 30:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    file = tmp_path / "long.mkv"
    file.write_bytes(video(scene(1, 30, size=(320, 192), moving=2), format="matroska", codec="mpeg4"))
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    number, grown = map(int, done.stdout.split())
    assert number == 299 and grown < 8_000  # KiB; the frames are 50 MB
