"""3,000 mutated files: each is a picture or an ImageError; nothing crashes, hangs, warns or eats memory.

As a program, `python test_image_fuzz.py FIRST LAST`, it reads the files of these numbers and ends with a line
of JSON.
"""

import json
import random
import subprocess
import sys

import pytest

FILES, PARTS = 3000, 4
SECONDS = 10  # for one file, on a slow machine
MEGABYTES = 300


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files(part):
    first, last = (FILES * (part + i) // PARTS for i in (0, 1))
    done = subprocess.run([sys.executable, __file__, str(first), str(last)], capture_output=True, text=True)
    assert done.returncode == 0, f"exit code {done.returncode}, {done.stdout[-500:]} {done.stderr[-2000:]}"
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["pictures"] + outcome["errors"] == last - first
    assert min(outcome["pictures"], outcome["errors"]) > 100  # mutations do harm, but not only
    assert outcome["megabytes"] < MEGABYTES


def mutated(seeds, number):
    """File `number`: (name of its seed, data)."""
    draw = random.Random(number)
    name = draw.choice(sorted(seeds))
    data = bytearray(seeds[name])
    kind = draw.choice(
        [flip_bits, flip_bits, edit_header, edit_header, truncate, swap_blocks, insert, overwrite, splice]
    )
    for _ in range(draw.choice([1, 1, 1, 3])):
        kind(data, draw, seeds)
    return f"{number} {name} {kind.__name__}", bytes(data)


def flip_bits(data, draw, seeds):
    for _ in range(draw.choice([1, 4, 40])):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def edit_header(data, draw, seeds):
    at, count = draw.randrange(min(len(data), draw.choice([40, 200, 1000]))), draw.choice([1, 2, 4])
    data[at : at + count] = draw.choice(
        [b"\0" * count, b"\xff" * count, b"\x7f" * count, draw.randbytes(count)]
    )


def truncate(data, draw, seeds):
    del data[draw.randrange(len(data)) + 1 :]


def swap_blocks(data, draw, seeds):
    size = draw.choice([4, 16, 64, 512])
    a, b = sorted(draw.randrange(len(data)) for _ in range(2))
    if b - a >= size and b + size <= len(data):
        data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def insert(data, draw, seeds):
    at = draw.randrange(len(data))
    data[at:at] = draw.randbytes(draw.choice([1, 2, 17, 300]))


def overwrite(data, draw, seeds):
    """What is magic in one format, within another."""
    at = draw.randrange(len(data))
    word = draw.choice(
        [
            b"\xff\xd9",
            b"\xff\xda",
            b"\xff\xc4",
            b"\xff\xc2",
            b"IDAT",
            b"IEND",
            b"PLTE",
            b"acTL",
            b"VP8 ",
            b"ANMF",
            b"Exif\0\0",
        ]
    )
    data[at : at + len(word)] = word


def splice(data, draw, seeds):
    other = seeds[draw.choice(sorted(seeds))]
    at = draw.randrange(len(data))
    data[at:] = other[draw.randrange(len(other)) :]


def with_right_checksums(data):
    """A PNG with the checksums made right again: otherwise they end most of the mutations."""
    import zlib

    position, repaired = 8, bytearray(data)
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        repaired[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(repaired)


def main(first, last):
    import resource
    import signal
    import time
    import warnings

    from conftest import make_photo
    from image_files import fuzz_seeds

    from irs_engine.errors import ImageError
    from irs_engine.image import read_picture, read_rgb

    def used():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    warned = []
    warnings.simplefilter("always")
    warnings.showwarning = lambda *args: warned.append(str(args[0]))
    seeds = fuzz_seeds(make_photo(96, 72))
    for data in seeds.values():
        picture = read_picture(data)
        picture.restore(picture.pixels)
    before, pictures, errors, slowest = used(), 0, 0, 0.0
    for number in range(first, last):
        name, data = mutated(seeds, number)
        if data.startswith(b"\x89PNG") and number % 3:
            data = with_right_checksums(data)
        print(name, flush=True)  # the last line of a process that dies
        signal.alarm(SECONDS)
        start = time.perf_counter()
        try:
            if number % 2:
                pixels = read_rgb(data, at_least=number % 5 * 10 or None).pixels
            else:
                picture = read_picture(data)
                pixels = picture.pixels
                if pixels.size < 10**6:
                    picture.restore(pixels)
            assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size
            pictures += 1
        except ImageError:
            errors += 1
        slowest = max(slowest, time.perf_counter() - start)
    assert not warned, warned
    print(
        json.dumps({"pictures": pictures, "errors": errors, "megabytes": used() - before, "slowest": slowest})
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
