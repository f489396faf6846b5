"""Videos of photos: are the cuts found, and are the tags those of the photo that is shown at that time?

    python benchmarks/video.py --photos shots/ --count 40 --out video.json

The video is made here: each photo for 1 to 3 seconds, moved and shaken a little, H.264 at 25 frames/s.
A cut counts as found when a scene begins within 0.2 s of it; what else begins a scene are mostly pans that
show another part of the photo. A tag of a photo (`Engine.tag` with the same threshold) counts as found when
the video has it at the middle of the time that the photo is shown; the other way round, seconds of tags of
the video count as right when the photo of that second has the tag. Cropped and compressed frames are other
pictures than the photos, so neither can be 100 %. Needs the extra `video`.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

import irs_engine as irs
from irs_engine.batches import pictures_in

RATE = 25  # frames per second
NEAR = 0.2  # seconds between a cut and the beginning of a scene


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="a folder")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threshold", type=float, default=60)
    parser.add_argument("--height", type=int, default=360, help="of the video, 16:9")
    parser.add_argument("--detect", action="store_true", help="look for things in the frames too")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    photos = pictures_in(arguments.photos, recursive=True)
    draw.shuffle(photos)
    photos = photos[: arguments.count]
    data, ends = made_video(photos, draw, arguments.height)
    engine = irs.Engine(arguments.device)
    options = {"threshold": arguments.threshold, "detect": arguments.detect}
    alone = [{tag.id for tag in engine.tag(photo, **options).tags} for photo in photos]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, cpu = time.perf_counter(), time.process_time()
    result = engine.tag_video(data, **options)
    found = {
        **compare(result, ends, alone),
        "seconds of video": round(result.duration, 1),
        "frames looked at": len(result.frames),
        "seconds": round(time.perf_counter() - clock, 1),
        "seconds of the CPU": round(time.process_time() - cpu, 1),
        "more memory, MB": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024, 1),
    }
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def compare(result: irs.VideoResult, ends: list[float], alone: list[set[str]]) -> dict[str, float]:
    """What was found, beside when each photo ends and which tags it has alone."""
    begun = np.array(result.scenes[1:])
    cuts = np.array(ends[:-1])
    distance = abs(begun[:, None] - cuts[None])
    starts = [0.0, *ends[:-1]]
    seen = {
        (tag.id, number)
        for tag in result.tags
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        if any(one.start <= (start + end) / 2 < one.end for one in tag.intervals)
    }
    of_photos = {(id, number) for number, ids in enumerate(alone) for id in ids}
    right = total = 0.0
    for tag in result.tags:
        for one in tag.intervals:
            for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
                both = max(0.0, min(end, one.end) - max(start, one.start))
                total += both
                right += both * (tag.id in alone[number])
    return {
        "cuts": len(cuts),
        "cuts found": int((distance.min(0) <= NEAR).sum()),
        "other scenes begun": int((distance.min(1) > NEAR).sum()),
        "tags of photos": len(of_photos),
        "found at their time, %": round(100 * len(of_photos & seen) / max(1, len(of_photos)), 1),
        "seconds of tags that the photo has, %": round(100 * right / max(total, 1e-9), 1),
    }


def made_video(photos: list[Path], draw: random.Random, height: int) -> tuple[bytes, list[float]]:
    """An MP4, and the seconds at which each photo ends."""
    out, ends, count = io.BytesIO(), [], 0
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=RATE, width=height * 16 // 9, height=height, pix_fmt="yuv420p"
        )
        stream.options = {"crf": "26", "preset": "veryfast"}
        for photo in photos:
            for pixels in _moved(Image.open(photo).convert("RGB"), draw, (height * 16 // 9, height)):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, count = count, count + 1
                container.mux(stream.encode(frame))
            ends.append(count / RATE)
        container.mux(stream.encode(None))
    return out.getvalue(), ends


def _moved(photo: Image.Image, draw: random.Random, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Frames of a camera that moves slowly over a photo."""
    count = draw.randint(RATE, 3 * RATE)
    width = min(photo.width, photo.height * size[0] / size[1])
    zooms, lefts, tops = ([draw.uniform(low, 0.95), draw.uniform(low, 0.95)] for low in (0.7, 0, 0))
    for number in range(count):
        part = number / count
        zoom, x, y = (a + (b - a) * part + draw.gauss(0, 0.002) for a, b in (zooms, lefts, tops))
        wide = width * zoom
        high = wide * size[1] / size[0]
        left = min(max(0.0, x * (photo.width - wide)), photo.width - wide)
        top = min(max(0.0, y * (photo.height - high)), photo.height - high)
        part_of_it = (left, top, left + wide, top + high)
        yield np.asarray(photo.resize(size, Image.Resampling.BILINEAR, box=part_of_it))


if __name__ == "__main__":
    main()
