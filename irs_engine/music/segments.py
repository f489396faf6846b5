"""Segment files: songs and their index, written once and then only read, through a memory map.

    magic, version, length and CRC-32 of the header     20 bytes, little-endian
    header     JSON: format of the fingerprints, bytes of the file, and of each section its type, shape,
               place and CRC-32
    sections   arrays, each at a multiple of 64 bytes

Opening one checks the header and the sections that say where in others to read. Those that hold the bulk are
left to `check_segment`: they would be gigabytes to read, and a wrong value in them costs a vote at most.
"""

from __future__ import annotations

import dataclasses
import json
import mmap
import os
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from irs_engine.music.fingerprint import FORMAT
from irs_engine.music.index import IndexPart
from irs_engine.music.songs import CatalogueError

MAGIC, VERSION = b"IRSMUSIC", 1
ALIGN = 64
MOST_HEADER = 1 << 16  # bytes
SECTIONS = tuple(field.name for field in dataclasses.fields(IndexPart))
BULK = ("peaks", "postings")  # not checked when a segment is opened
OF_PEAKS = ("starts", "peak_starts", "peaks")  # what all else can be built anew from
_TYPES: dict[str, np.dtype[Any]] = {"<u2": np.dtype("<u2"), "<u4": np.dtype("<u4")}
_START = struct.Struct("<8sIII")


class SegmentError(CatalogueError):
    """A segment file is damaged, or not one; the message begins with its name."""


class StaleSegment(SegmentError):
    """A segment file was written with other parameters of fingerprints: to be built anew from its peaks."""


def write_segment(file: Path, part: IndexPart) -> int:
    """Write a file, which must not be there, and wait until it is on the disk; return its bytes."""
    arrays = {name: _little_endian(getattr(part, name)) for name in SECTIONS}
    header: dict[str, Any] = {"format": FORMAT, "bytes": 0, "sections": {}}
    # Where the sections begin depends on how long the header is, which has room for any numbers.
    at = _aligned(_START.size + 256 + 128 * len(arrays))
    for name, array in arrays.items():
        about = {"type": array.dtype.str, "shape": array.shape, "at": at, "crc": zlib.crc32(_bytes(array))}
        header["sections"][name] = about
        at = _aligned(at + array.nbytes)
    header["bytes"] = at
    text = json.dumps(header).encode()
    assert _START.size + len(text) <= min(about["at"] for about in header["sections"].values())
    with file.open("xb") as out:
        out.write(_START.pack(MAGIC, VERSION, len(text), zlib.crc32(text)) + text)
        for name, array in arrays.items():
            out.seek(header["sections"][name]["at"])
            out.write(_bytes(array))
        out.truncate(at)
        out.flush()
        os.fsync(out.fileno())
    return at


def open_segment(file: Path) -> IndexPart:
    """The songs of a file, mapped: read from the disk as they are used.

    Raises:
        FileNotFoundError: It is not there.
        StaleSegment: Its hashes are not those that queries have now.
        SegmentError: It is damaged.
    """
    header, memory = _open(file)
    if header["format"] != FORMAT:
        raise StaleSegment(f"{file}: written with other parameters of fingerprints, to be built anew")
    return _part(file, header, memory, SECTIONS, [name for name in SECTIONS if name not in BULK])


def open_peaks(file: Path) -> IndexPart:
    """Like `open_segment`, but without hashes, and with all else checked: what an index is built anew from.

    Any format will do, and damage to the hashes does not matter.
    """
    return _part(file, *_open(file), OF_PEAKS, OF_PEAKS)


def check_segment(file: Path) -> IndexPart:
    """Like `open_segment`, with every byte checked."""
    open_segment(file)
    return _part(file, *_open(file), SECTIONS, SECTIONS)


def _open(file: Path) -> tuple[dict[str, Any], memoryview]:
    """The header, which fits the file, and all of the file."""
    try:
        with file.open("rb") as opened:
            start = opened.read(_START.size)
            if len(start) < _START.size:
                raise SegmentError(f"{file}: cut off after {len(start)} bytes")
            magic, version, length, crc = _START.unpack(start)
            if magic != MAGIC:
                raise SegmentError(f"{file}: no segment of a catalogue")
            if version != VERSION:
                raise SegmentError(f"{file}: version {version}, this version of irs-engine reads {VERSION}")
            text = opened.read(min(length, MOST_HEADER))
            if zlib.crc32(text) != crc:
                raise SegmentError(f"{file}: its header is damaged")
            header = json.loads(text)
            size = os.fstat(opened.fileno()).st_size
            if size != header["bytes"]:
                raise SegmentError(f"{file}: has {size} bytes, its header says {header['bytes']}")
            return header, memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SegmentError(f"{file}: cannot be read ({error})") from error


def _part(
    file: Path, header: dict[str, Any], memory: memoryview, names: Collection[str], checked: Collection[str]
) -> IndexPart:
    """The named sections; the others are empty."""
    arrays = {name: np.zeros(0, np.uint32) for name in SECTIONS}
    for name in names:
        about = header["sections"].get(name)
        if about is None or about["type"] not in _TYPES:
            raise SegmentError(f"{file}: has no section {name} that can be read")
        kind, shape = _TYPES[about["type"]], tuple(about["shape"])
        data = memory[about["at"] : about["at"] + int(np.prod(shape, dtype=np.int64)) * kind.itemsize]
        if name in checked and zlib.crc32(data) != about["crc"]:
            raise SegmentError(f"{file}: its section {name} is damaged")
        arrays[name] = np.frombuffer(data, kind).reshape(shape)
    return IndexPart(**arrays)


def _little_endian(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    if array.dtype.str not in _TYPES:
        raise TypeError(f"an array of {array.dtype} cannot be stored")
    return array


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(at: int) -> int:
    return -(-at // ALIGN) * ALIGN


def sync_folder(folder: Path) -> None:
    """Wait until the names of its files are on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
