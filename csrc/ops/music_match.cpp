// Finds songs of the index of music again: votes of pairs of peaks for songs, then single peaks for proof.

#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/arrays.h"
#include "core/bind.h"
#include "core/music_pairs.h"

namespace irs {
namespace {

// ---- votes

constexpr int pairs_ahead = 16;  // whose postings are on their way from memory
constexpr int block_bits = 14;  // of the timeline, in hops: its counts stay in the cache

struct Votes {
  std::vector<std::int32_t> songs, votes;
};

struct Part {
  const std::uint32_t* starts;
  std::ptrdiff_t songs;
  const std::uint32_t* directory;
  int bucket_bits;
  const std::uint32_t* postings;
  std::ptrdiff_t count;
  const bool* removed;
};

inline void prefetch([[maybe_unused]] const std::uint32_t* place) {
#if defined(__GNUC__)
  __builtin_prefetch(place);
#endif
}

// Places on the timeline of frame 0 of the query, one for every pair that query and part share, or that the
// part has with a frame less or more between its peaks. Damaged parts give wrong places, no crash.
std::vector<std::uint32_t> shared_places(const std::uint32_t* keys, const std::int32_t* frames,
                                         std::ptrdiff_t count, const Part& part) {
  const std::uint32_t end = part.starts[part.songs];
  const KeyLayout layout(part.bucket_bits, end);
  const std::uint32_t mask = layout.place_mask();
  std::vector<std::uint32_t> places;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    // Buckets are all over memory: without these most of the time is waiting for it.
    if (i + 2 * pairs_ahead < count) prefetch(part.directory + layout.bucket(keys[i + 2 * pairs_ahead]));
    if (i + pairs_ahead < count) {
      const std::ptrdiff_t at = part.directory[layout.bucket(keys[i + pairs_ahead])];
      prefetch(part.postings + std::min(at, part.count));
    }
    std::uint64_t before = ~std::uint64_t{0};
    for (int step = -1; step <= 1; ++step) {
      const std::uint32_t key = keys[i] + static_cast<std::uint32_t>(step);
      if (key >> time_bits != keys[i] >> time_bits || key >> pair_bits) continue;
      const std::uint32_t bucket = layout.bucket(key), rest = layout.rest(key);
      const std::uint64_t here = std::uint64_t{bucket} << 32 | rest;
      if (here == before) continue;
      before = here;
      const std::ptrdiff_t last = std::min<std::ptrdiff_t>(part.directory[bucket + 1], part.count);
      for (std::ptrdiff_t at = part.directory[bucket]; at < last; ++at) {
        const std::uint32_t posting = part.postings[at], place = posting & mask;
        if ((std::uint64_t{posting} >> layout.place_bits) != rest || place >= end) continue;
        if (place >= static_cast<std::uint32_t>(frames[i])) places.push_back(place - frames[i]);
      }
    }
  }
  return places;
}

// For every song the most votes that an alignment has, of two hops and the two after them, where at least
// `least`. The alignments of a song begin `early` hops before it.
Votes count_votes(const std::vector<std::uint32_t>& places, const Part& part, int early, int least) {
  const std::uint32_t end = part.starts[part.songs];
  const std::size_t blocks = (end >> block_bits) + 1;
  std::vector<std::size_t> firsts(blocks + 1);
  for (const std::uint32_t place : places) ++firsts[(place >> block_bits) + 1];
  for (std::size_t b = 0; b < blocks; ++b) firsts[b + 1] += firsts[b];
  std::vector<std::uint16_t> within(places.size());
  std::vector<std::size_t> next(firsts.begin(), firsts.end() - 1);
  for (const std::uint32_t place : places)
    within[next[place >> block_bits]++] = static_cast<std::uint16_t>(place & ((1 << block_bits) - 1));

  constexpr int half = 1 << (block_bits - 1);
  std::vector<std::int32_t> best(part.songs);
  std::vector<std::int32_t> counts(half + 1), sums(half);
  std::ptrdiff_t song = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    counts[0] = b && firsts[b] > firsts[b - 1] ? counts[half] : 0;  // the two hops before
    if (firsts[b + 1] == firsts[b]) {
      counts[half] = 0;
      continue;
    }
    std::fill(counts.begin() + 1, counts.end(), 0);
    for (std::size_t i = firsts[b]; i < firsts[b + 1]; ++i) ++counts[1 + (within[i] >> 1)];
    for (int i = 0; i < half; ++i) sums[i] = counts[i] + counts[i + 1];
    const std::int64_t first = static_cast<std::int64_t>(b) << block_bits;
    for (; song < part.songs; ++song) {
      const std::int64_t from = std::max<std::int64_t>(std::int64_t{part.starts[song]} - early - first, 0);
      const std::int64_t to = std::int64_t{part.starts[song + 1]} - early - first;
      const std::int64_t begin = std::min<std::int64_t>(from / 2, half);
      const std::int64_t stop = song + 1 == part.songs ? half : std::min<std::int64_t>(to / 2, half);
      std::int32_t most = 0;
      for (std::int64_t i = begin; i < stop; ++i) most = std::max(most, sums[i]);
      best[song] = std::max(best[song], most);
      if (song + 1 == part.songs || to > 2 * half) break;
    }
  }
  Votes votes;
  for (std::ptrdiff_t i = 0; i < part.songs; ++i)
    if (best[i] >= least && !part.removed[i]) {
      votes.songs.push_back(static_cast<std::int32_t>(i));
      votes.votes.push_back(best[i]);
    }
  return votes;
}

// ---- proof

constexpr int pitches = most_pitch + 1;

// Frames of a query, by bin.
struct Query {
  Query(const std::int32_t* frames, const std::uint16_t* bins, std::ptrdiff_t count)
      : firsts(pitches + 1), frames_by_bin(count) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      check(bins[i] <= most_pitch, "bins: expected at most ", most_pitch, ", got ", bins[i]);
      check(frames[i] >= 0 && frames[i] <= most_frames, "frames: expected 0 to ", most_frames, ", got ",
            frames[i]);
      ++firsts[bins[i] + 1];
      length = std::max(length, frames[i] + 1);
    }
    for (int b = 0; b < pitches; ++b) firsts[b + 1] += firsts[b];
    std::vector<std::int32_t> next(firsts.begin(), firsts.end() - 1);
    for (std::ptrdiff_t i = 0; i < count; ++i) frames_by_bin[next[bins[i]]++] = frames[i];
  }

  std::vector<std::int32_t> firsts, frames_by_bin;
  std::int32_t length = 0;
};

struct Proof {
  double z;
  std::int32_t coincidences, offset;
};

constexpr int reach = 1;  // frames and bins within which peaks coincide
constexpr int side = 2 * reach + 1;

// What coincidences are worth, by bins between the two peaks and by frames: small whole numbers, as floats.
struct Kernel {
  float weight[reach + 1][side];
};

struct Song {
  Song(const std::uint16_t* rows, std::ptrdiff_t count) {
    std::int64_t at = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      at += rows[2 * i];
      check(at <= most_frames, "songs: one of more than ", most_frames, " hops");
      if (rows[2 * i + 1] > most_pitch) continue;  // time passes
      frames.push_back(static_cast<std::int32_t>(at));
      bins.push_back(rows[2 * i + 1]);
    }
  }

  std::vector<std::int32_t> frames, bins;
};

// Scores of alignments, frame 0 of the query being at frames from -query.length on of the song.
std::vector<float> scores_of(const Query& query, const Song& song, const Kernel& kernel) {
  const std::size_t alignments = static_cast<std::size_t>(query.length) + song.frames.back() + 1;
  std::vector<float> same(alignments + 2 * reach), beside(alignments + 2 * reach), scores(alignments);
  for (std::size_t i = 0; i < song.frames.size(); ++i) {
    const std::int32_t base = song.frames[i] + query.length + reach;
    const auto add = [&](std::vector<float>& to, int bin) {
      for (std::int32_t j = query.firsts[bin]; j < query.firsts[bin + 1]; ++j)
        to[base - query.frames_by_bin[j]] += 1;
    };
    const int bin = song.bins[i];
    add(same, bin);
    if (bin > 0) add(beside, bin - 1);
    if (bin < most_pitch) add(beside, bin + 1);
  }
  const float *a = same.data(), *b = beside.data();
  const auto &v = kernel.weight[0], &w = kernel.weight[1];
  float* __restrict to = scores.data();
  for (std::size_t i = 0; i < alignments; ++i) {
    const float here = v[0] * a[i] + v[1] * a[i + 1] + v[2] * a[i + 2];
    to[i] = here + (w[0] * b[i] + w[1] * b[i + 1] + w[2] * b[i + 2]);
  }
  return scores;
}

// Deviations of `best` above values that have this sum and sum of squares. Counts of chance deviate by their
// root, if not by more.
double above(double best, double sum, double squares, std::int64_t count, double unit, double spread) {
  const auto all = static_cast<double>(count);
  const double mean = sum / all, variance = squares / all - mean * mean;
  return (best - mean) / std::sqrt(std::max({spread * variance, mean * unit, 2 * unit * unit}));
}

constexpr int beat = 25;  // frames: some note begins in nearly every such piece of a song

// Deviations above the best alignments of pieces of a song. Notes of any two songs of one tempo coincide in
// rhythm: then all of these are high, and the best is none of its own.
double above_beats(const float* scores, std::ptrdiff_t count, double best, double unit) {
  std::vector<float> most;
  for (std::ptrdiff_t first = 0; first + beat <= count; first += beat)
    most.push_back(*std::max_element(scores + first, scores + first + beat));
  if (most.empty()) most.push_back(*std::max_element(scores, scores + count));
  std::sort(most.begin(), most.end());
  const std::size_t kept = (4 * most.size() + 4) / 5;  // songs repeat themselves
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const auto value = static_cast<double>(most[i]);
    sum += value, squares += value * value;
  }
  return above(best, sum, squares, static_cast<std::int64_t>(kept), unit, 2);
}

// The best alignment, against what others have, but for the few that have most: songs repeat themselves.
Proof prove(const Query& query, const Song& song, const Kernel& kernel, double usual) {
  if (song.frames.empty() || !query.length) return {0, 0, 0};
  const auto scores = scores_of(query, song, kernel);
  const auto best = std::max_element(scores.begin(), scores.end());
  const auto offset = static_cast<std::int32_t>(best - scores.begin()) - query.length;

  // All of the query within the song; where it is short, half of it.
  const std::ptrdiff_t alignments = static_cast<std::ptrdiff_t>(scores.size()), length = query.length;
  const bool is_long = alignments - length > length + length / 2;
  const std::ptrdiff_t begin = is_long ? length : length / 2;
  const std::ptrdiff_t end = is_long ? alignments - length : alignments - length / 2;
  std::vector<std::int64_t> often(static_cast<std::size_t>(*best) + 1);
  const std::int64_t count = std::max<std::ptrdiff_t>(end - begin, 1);
  for (std::ptrdiff_t i = begin; i < begin + count; ++i) ++often[static_cast<std::size_t>(scores[i])];
  const auto kept = std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(count) * usual), 1);
  std::int64_t left = kept;
  double sum = 0, squares = 0;
  for (std::size_t score = 0; left; ++score) {
    const auto taken = static_cast<double>(std::min(left, often[score]));
    left -= std::min(left, often[score]);
    const auto value = static_cast<double>(score);
    sum += taken * value, squares += taken * value * value;
  }
  const double unit = kernel.weight[0][reach];
  const double z = std::min(above(*best, sum, squares, kept, unit, 1),
                            2 * above_beats(scores.data() + begin, count, *best, unit));

  std::int32_t coincidences = 0;
  for (std::size_t i = 0; i < song.frames.size(); ++i)
    for (int b = std::max(song.bins[i] - reach, 0); b <= std::min(song.bins[i] + reach, most_pitch); ++b)
      for (std::int32_t j = query.firsts[b]; j < query.firsts[b + 1]; ++j)
        coincidences += std::abs(song.frames[i] - offset - query.frames_by_bin[j]) <= reach;
  return {z, coincidences, offset};
}

}  // namespace

IRS_BIND(m) {
  // Songs of a part with the most votes that an alignment of each has: (n,) int32 both, by song.
  m.def(
      "vote_music",
      [](const py::array& keys, const py::array& frames, const py::array& starts, const py::array& directory,
         const py::array& postings, const py::array& removed, int early, int least) {
        Part part;
        part.starts = values_of<std::uint32_t>(starts, "starts");
        part.songs = starts.size() - 1;
        part.directory = values_of<std::uint32_t>(directory, "directory");
        part.postings = values_of<std::uint32_t>(postings, "postings");
        part.count = postings.size();
        part.removed = values_of<bool>(removed, "removed");
        part.bucket_bits = 0;
        while ((py::ssize_t{2} << part.bucket_bits) < directory.size()) ++part.bucket_bits;
        check(part.songs >= 0 && directory.size() == (py::ssize_t{1} << part.bucket_bits) + 1 &&
                  part.bucket_bits <= pair_bits,
              "directory: expected 2 ** bits + 1, got ", directory.size());
        check(removed.size() == part.songs, "removed: expected one for each of ", part.songs, " songs");
        check(keys.size() == frames.size(), "frames: expected as many as keys");
        const auto* first_key = values_of<std::uint32_t>(keys, "keys");
        const auto* first_frame = values_of<std::int32_t>(frames, "frames");
        const auto count = keys.size();
        Votes votes;
        if (part.songs) {
          py::gil_scoped_release release;
          votes = count_votes(shared_places(first_key, first_frame, count, part), part, early, least);
        }
        return py::make_tuple(as_array(votes.songs), as_array(votes.votes));
      },
      py::arg("keys").noconvert(), py::arg("frames").noconvert(), py::arg("starts").noconvert(),
      py::arg("directory").noconvert(), py::arg("postings").noconvert(), py::arg("removed").noconvert(),
      py::arg("early"), py::arg("least"));

  // For each song, as rows of IndexPart.peaks: (n,) float64 z, (n,) int32 coincidences and (n,) int32 frames
  // of the song at frame 0 of the query.
  m.def(
      "prove_music",
      [](const py::array& frames, const py::array& bins, const std::vector<py::array>& songs,
         const py::array& kernel, double usual) {
        const auto* first_frame = values_of<std::int32_t>(frames, "frames");
        const auto* first_bin = values_of<std::uint16_t>(bins, "bins");
        check(frames.size() == bins.size(), "bins: expected as many as frames");
        const auto* weights = values_of<float>(kernel, "kernel", side);
        check(kernel.shape(0) == reach + 1, "kernel: expected (", reach + 1, ", ", side, ")");
        for (int i = 0; i < (reach + 1) * side; ++i)
          check(weights[i] >= 0 && weights[i] <= 64, "kernel: expected 0 to 64, got ", weights[i]);
        check(usual > 0 && usual <= 1, "usual: expected more than 0 and at most 1, got ", usual);
        Kernel weighing;
        std::copy(weights, weights + (reach + 1) * side, weighing.weight[0]);
        std::vector<std::pair<const std::uint16_t*, py::ssize_t>> rows;
        for (const auto& song : songs)
          rows.push_back({values_of<std::uint16_t>(song, "songs", 2), song.shape(0)});
        const py::ssize_t count = frames.size();
        std::vector<double> z;
        std::vector<std::int32_t> coincidences, offsets;
        {
          py::gil_scoped_release release;
          const Query query(first_frame, first_bin, count);
          for (const auto& [first, length] : rows) {
            const Proof proof = prove(query, Song(first, length), weighing, usual);
            z.push_back(proof.z);
            coincidences.push_back(proof.coincidences);
            offsets.push_back(proof.offset);
          }
        }
        return py::make_tuple(as_array(z), as_array(coincidences), as_array(offsets));
      },
      py::arg("frames").noconvert(), py::arg("bins").noconvert(), py::arg("songs"),
      py::arg("kernel").noconvert(), py::arg("usual"));
}

}  // namespace irs
