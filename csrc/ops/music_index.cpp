// The index of music: pairs of peaks of many songs, by key, on one common timeline.
//
// Pairs are found twice, once to count them and once to put them down, so that nothing is held beside the
// index itself.

#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/arrays.h"
#include "core/bind.h"
#include "core/music_pairs.h"
#include "core/parallel_for.h"

namespace irs {
namespace {

constexpr int postings_of_bucket = 8, least_bucket_bits = 4;
constexpr std::uint16_t filler = 0xffff;  // a bin that is none: time passes
constexpr std::int64_t most_hops = 0xffffffff;

struct Song {
  const std::int32_t* frames;
  const std::uint16_t* bins;
  std::ptrdiff_t count;
};

void check_song(const Song& song) {
  std::int32_t before = 0;
  for (std::ptrdiff_t i = 0; i < song.count; ++i) {
    check(song.frames[i] >= before, "frames: expected an ascending order from 0, got ", song.frames[i],
          " after ", before);
    check(song.frames[i] <= most_frames, "frames: expected at most ", most_frames, ", got ", song.frames[i]);
    check(song.bins[i] <= most_pitch, "bins: expected at most ", most_pitch, ", got ", song.bins[i]);
    before = song.frames[i];
  }
}

// Rows of frames since the peak before, and bin.
void pack(const Song& song, std::vector<std::uint16_t>& rows) {
  std::int32_t before = 0;
  for (std::ptrdiff_t i = 0; i < song.count; ++i) {
    for (; song.frames[i] - before > 0xffff; before += 0xffff) {
      rows.push_back(0xffff);
      rows.push_back(filler);
    }
    rows.push_back(static_cast<std::uint16_t>(song.frames[i] - before));
    rows.push_back(song.bins[i]);
    before = song.frames[i];
  }
}

struct Index {
  std::vector<std::uint32_t> starts, peak_starts, directory;
  std::vector<std::uint16_t> peaks;
  std::vector<std::uint32_t> postings;
};

Index build(const std::vector<Song>& songs, int fan, int gap) {
  Index index;
  std::int64_t at = 0;
  std::uint64_t pairs = 0;
  for (const Song& song : songs) {
    check_song(song);
    at += gap;
    check(at <= most_hops, "songs: more than ", most_hops, " hops in one part");
    index.starts.push_back(static_cast<std::uint32_t>(at));
    index.peak_starts.push_back(static_cast<std::uint32_t>(index.peaks.size() / 2));
    pack(song, index.peaks);
    at += song.count ? song.frames[song.count - 1] + std::int64_t{1} : 0;
    for_pairs(song.frames, song.bins, song.count, fan, [&](std::uint32_t, std::int32_t) { ++pairs; });
  }
  check(at <= most_hops && pairs <= most_hops, "songs: more than ", most_hops, " hops or pairs in one part");
  index.starts.push_back(static_cast<std::uint32_t>(at));
  index.peak_starts.push_back(static_cast<std::uint32_t>(index.peaks.size() / 2));

  int bits = least_bucket_bits;
  while (bits < pair_bits && (std::uint64_t{postings_of_bucket} << bits) < pairs) ++bits;
  const KeyLayout layout(bits, index.starts.back());
  const std::size_t buckets = std::size_t{1} << bits;
  index.directory.resize(buckets + 1);
  for (const Song& song : songs)
    for_pairs(song.frames, song.bins, song.count, fan,
              [&](std::uint32_t key, std::int32_t) { ++index.directory[layout.bucket(key) + 1]; });
  for (std::size_t b = 0; b < buckets; ++b) index.directory[b + 1] += index.directory[b];

  index.postings.resize(pairs);
  std::vector<std::uint32_t> next(index.directory.begin(), index.directory.end() - 1);
  for (std::size_t i = 0; i < songs.size(); ++i)
    for_pairs(songs[i].frames, songs[i].bins, songs[i].count, fan,
              [&](std::uint32_t key, std::int32_t frame) {
                const auto place = index.starts[i] + static_cast<std::uint32_t>(frame);
                index.postings[next[layout.bucket(key)]++] = layout.posting(key, place);
              });
  parallel_for(static_cast<std::int64_t>(buckets), 1 << 12, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b)
      std::sort(index.postings.begin() + index.directory[b], index.postings.begin() + index.directory[b + 1]);
  });
  return index;
}

}  // namespace

IRS_BIND(m) {
  // Keys and first frames of the pairs of peaks: (n,) uint32 and (n,) int32.
  m.def(
      "music_pairs",
      [](const py::array& frames, const py::array& bins, int fan) {
        const Song song = {values_of<std::int32_t>(frames, "frames"), values_of<std::uint16_t>(bins, "bins"),
                           frames.size()};
        check(bins.size() == frames.size(), "bins: expected as many as frames");
        check(fan >= 1, "fan: expected 1 or more, got ", fan);
        check_song(song);
        std::vector<std::uint32_t> keys;
        std::vector<std::int32_t> firsts;
        {
          py::gil_scoped_release release;
          for_pairs(song.frames, song.bins, song.count, fan, [&](std::uint32_t key, std::int32_t frame) {
            keys.push_back(key);
            firsts.push_back(frame);
          });
        }
        return py::make_tuple(as_array(keys), as_array(firsts));
      },
      py::arg("frames").noconvert(), py::arg("bins").noconvert(), py::arg("fan"));

  // What an IndexPart of irs_engine/music/index.py holds, of songs as (frames, bins).
  m.def(
      "build_music_index",
      [](const std::vector<std::pair<py::array, py::array>>& peaks, int fan, int gap) {
        std::vector<Song> songs;
        for (const auto& [frames, bins] : peaks) {
          check(bins.size() == frames.size(), "bins: expected as many as frames");
          songs.push_back({values_of<std::int32_t>(frames, "frames"), values_of<std::uint16_t>(bins, "bins"),
                           frames.size()});
        }
        check(fan >= 1 && gap >= 0, "fan, gap: expected 1 or more and 0 or more, got ", fan, " and ", gap);
        Index index;
        {
          py::gil_scoped_release release;
          index = build(songs, fan, gap);
        }
        py::array_t<std::uint16_t> rows(
            {static_cast<py::ssize_t>(index.peaks.size() / 2), py::ssize_t{2}}, index.peaks.data());
        return py::make_tuple(as_array(index.starts), as_array(index.peak_starts), rows,
                              as_array(index.directory), as_array(index.postings));
      },
      py::arg("songs"), py::arg("fan"), py::arg("gap"));
}

}  // namespace irs
