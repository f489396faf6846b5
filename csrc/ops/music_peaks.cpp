// Peaks of the spectrogram of sound, by which music is known again: places that are the largest around, above
// the mean around them.
//
// Sound streams through: every row of the spectrogram passes a stage as soon as the rows are there that the
// stage looks ahead to, and memory holds no more than that. Products are not fused, so that all instruction
// sets find the same peaks.

#define IRS_OP_FILE "ops/music_peaks.cpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/aligned.h"
#include "core/arrays.h"
#include "core/bind.h"
#include "core/float4.h"

#ifndef IRS_MUSIC_PEAKS
#define IRS_MUSIC_PEAKS
namespace irs {
namespace {

constexpr int window = 1024, hop = 160;      // samples at 16 kHz
constexpr int low = 6, bins = 448;           // of 15.6 Hz: 94 Hz to 7.1 kHz
constexpr int batch = 16;                    // frames whose spectra are found at a time
constexpr int floor_reach = 30;              // frames to each side whose loudest bin sets the floor
constexpr int mean_frames = 40, mean_bins = 20;  // reach of the mean that is taken away
constexpr int most_reach = 15;               // of the largest around
constexpr int log_rows = 128, white_rows = 32;   // that are kept: powers of two
static_assert(log_rows > 2 * mean_frames + floor_reach + batch, "rows that stages look back to");
static_assert(white_rows > 2 * most_reach, "as many as a peak is compared with");
constexpr float none = -std::numeric_limits<float>::infinity();

struct Tables {
  Tables() : turns(2 * 512), half_turns(2 * 512), taper(window), places(512), shares(bins) {
    const double circle = 2 * std::acos(-1.0);
    for (int k = 0; k < 512; ++k) {
      turns[2 * k] = static_cast<float>(std::cos(circle * k / 512));
      turns[2 * k + 1] = static_cast<float>(-std::sin(circle * k / 512));
      half_turns[2 * k] = static_cast<float>(std::cos(circle * k / 1024));
      half_turns[2 * k + 1] = static_cast<float>(-std::sin(circle * k / 1024));
      for (int bit = 0; bit < 9; ++bit) places[k] |= static_cast<std::uint16_t>((k >> bit & 1) << (8 - bit));
    }
    // Half of Hann's window: power_of gives twice the spectrum.
    for (int i = 0; i < window; ++i)
      taper[i] = static_cast<float>(0.25 - 0.25 * std::cos(circle * i / window));
    for (int b = 0; b < bins; ++b)
      shares[b] = static_cast<float>(
          1.0 / (std::min(b + mean_bins, bins - 1) - std::max(b - mean_bins, 0) + 1));
  }

  std::vector<float> turns, half_turns, taper;
  std::vector<std::uint16_t> places;
  std::vector<float> shares;  // of one of the bins that the mean goes over
};

}  // namespace
}  // namespace irs
#endif

#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/vec.h"
#include "core/lanes_fft.h"

// Natural logarithms of square roots, to 2e-7 or so: Cephes' logf without its special cases.
IRS_NOINLINE void half_logs(float* values, int count) {
  for (int i = 0; i < count; ++i) {
    const float value = values[i] + 1e-18f;  // silence has one as well
    std::int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const std::int32_t above = bits - 0x3f3504f3, rest = (above & 0x7fffff) + 0x3f3504f3;
    float m;
    std::memcpy(&m, &rest, sizeof m);
    const float e = static_cast<float>(above >> 23), f = m - 1;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const float square = f * f;
    values[i] = 0.5f * (f + (p * f * square - 0.5f * square) + e * 0.69314718056f);
  }
}

// Logarithms of the magnitudes of `batch` frames, a hop apart, to rows of `bins`. `work` has room for 1024
// vectors.
void log_spectra(const float* samples, const Tables& tables, float* work, float* rows) {
  constexpr int together = lanes < batch ? lanes : batch;
  static_assert(batch % together == 0, "whole vectors");
  for (int first = 0; first < batch; first += together) {
    for (int i = 0; i < window; ++i) {
      const float weight = tables.taper[i];
      for (int lane = 0; lane < together; ++lane)
        work[i * lanes + lane] = weight * samples[(first + lane) * hop + i];
    }
    transform_512(work, tables.turns.data());
    float power[bins * lanes];
    for (int b = 0; b < bins; ++b)
      store(power + b * lanes, power_of(work, tables.places.data(), low + b, tables.half_turns.data()));
    half_logs(power, bins * lanes);
    for (int lane = 0; lane < together; ++lane)
      for (int b = 0; b < bins; ++b) rows[(first + lane) * bins + b] = power[b * lanes + lane];
  }
}

// Raises a row to its floor and counts it in.
void add_row(float* __restrict row, float least, double* __restrict sums) {
  for (int b = 0; b < bins; ++b) {
    row[b] = row[b] < least ? least : row[b];
    sums[b] += row[b];
  }
}

void take_row(const float* __restrict row, double* __restrict sums) {
  for (int b = 0; b < bins; ++b) sums[b] -= row[b];
}

// A row less the mean of the box around it, of which `sums` are over `count` frames.
void whiten_row(const float* __restrict row, const double* __restrict sums, int count,
                const float* __restrict shares, float* __restrict white) {
  constexpr int width = bins + 2 * mean_bins;
  static_assert(2 * mean_bins + 1 == 32 + 8 + 1, "sums over 8 and 32 bins make that of the box");
  float means[width + 32] = {}, two[width + 32], four_[width + 32], eight[width + 32], thirty_two[width + 32];
  const double share = 1.0 / count;
  for (int b = 0; b < bins; ++b) means[mean_bins + b] = static_cast<float>(sums[b] * share);
  for (int i = 0; i < width + 31; ++i) two[i] = means[i] + means[i + 1];
  for (int i = 0; i < width + 29; ++i) four_[i] = two[i] + two[i + 2];
  for (int i = 0; i < width + 25; ++i) eight[i] = four_[i] + four_[i + 4];
  for (int i = 0; i < bins; ++i) thirty_two[i] = (eight[i] + eight[i + 8]) + (eight[i + 16] + eight[i + 24]);
  for (int b = 0; b < bins; ++b)
    white[b] = row[b] - (thirty_two[b] + eight[b + 32] + means[b + 40]) * shares[b];
}

// The largest within `reach` bins of each, by maxima over windows that double.
void largest_of_row(const float* __restrict row, int reach, float* __restrict largest) {
  float values[2][bins + 2 * most_reach];
  for (int i = 0; i < bins + 2 * most_reach; ++i) values[0][i] = none;
  std::memcpy(values[0] + reach, row, bins * sizeof(float));
  int length = bins + 2 * reach, at = 0;
  for (int have = 1; have < 2 * reach + 1;) {
    const int step = std::min(have, 2 * reach + 1 - have);
    const float *from = values[at], *ahead = from + step;
    float* __restrict to = values[1 - at];
    length -= step, have += step, at = 1 - at;
    for (int i = 0; i < length; ++i) to[i] = from[i] > ahead[i] ? from[i] : ahead[i];
  }
  std::memcpy(largest, values[at], bins * sizeof(float));
}

// Bins that are above `least` and the largest around in their row; returns how many.
int crests_of_row(const float* __restrict row, const float* __restrict largest, float least,
                  std::uint16_t* crests) {
  int count = 0;
  for (int first = 0; first < bins; first += 32) {
    int any = 0;
    for (int b = first; b < first + 32; ++b) any |= (row[b] > least) & (row[b] >= largest[b]);
    if (!any) continue;
    for (int b = first; b < first + 32; ++b)
      if (row[b] > least && row[b] >= largest[b]) crests[count++] = static_cast<std::uint16_t>(b);
  }
  return count;
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

const Tables& tables() {
  static const Tables made;
  return made;
}

// Rows of the last frames, by frame.
class Rows {
 public:
  explicit Rows(int count) : mask_(count - 1), memory_(static_cast<std::size_t>(count) * bins) {}

  float* operator[](std::int64_t frame) { return memory_.data() + (frame & mask_) * bins; }

 private:
  std::int64_t mask_;
  Aligned<float> memory_;
};

class MusicPeaks {
 public:
  MusicPeaks(int frame_reach, int bin_reach, float least)
      : frame_reach_(frame_reach), bin_reach_(bin_reach), least_(least) {
    check(frame_reach >= 1 && frame_reach <= most_reach, "frame_reach: expected 1 to ", most_reach, ", got ",
          frame_reach);
    check(bin_reach >= 1 && bin_reach <= most_reach, "bin_reach: expected 1 to ", most_reach, ", got ",
          bin_reach);
    std::fill_n(loudest_, log_rows, none);
  }

  // What is no number is taken for silence, and what is louder than any sound for very loud.
  void feed(const float* samples, std::ptrdiff_t count) {
    check(!finished_, "feed: nothing can follow after finish");
    constexpr int needed = (batch - 1) * hop + window;
    constexpr std::ptrdiff_t block = 1 << 16;
    for (std::ptrdiff_t first = 0; first < count; first += block) {
      const std::ptrdiff_t length = std::min(block, count - first);
      const std::size_t kept = samples_.size();
      samples_.resize(kept + length);
      float* to = samples_.data() + kept;
      for (std::ptrdiff_t i = 0; i < length; ++i) {
        const float value = samples[first + i];
        to[i] = value > -1e6f ? value < 1e6f ? value : 1e6f : value <= -1e6f ? -1e6f : 0.0f;
        to[i] = value == value ? to[i] : 0.0f;
      }
      std::size_t begin = 0;
      for (; begin + needed <= samples_.size(); begin += batch * hop)
        add_batch(samples_.data() + begin, batch);
      samples_.erase(samples_.begin(), samples_.begin() + begin);
    }
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    const int left = samples_.size() < window ? 0 : static_cast<int>((samples_.size() - window) / hop + 1);
    samples_.resize((batch - 1) * hop + window);
    if (left) add_batch(samples_.data(), left);
    samples_.clear();
    const std::int64_t frames = next_;
    while (next_ < frames + floor_reach + mean_frames + frame_reach_) advance(next_++, frames);
  }

  const std::vector<std::int32_t>& frames() const { return found_frames_; }
  const std::vector<std::uint16_t>& pitches() const { return found_bins_; }

 private:
  void add_batch(const float* samples, int count) {
    IRS_DISPATCH(log_spectra)(samples, tables(), work_.data(), logs_[next_]);
    for (int i = 0; i < count; ++i) {
      loudest_[next_ & (log_rows - 1)] = *std::max_element(logs_[next_], logs_[next_] + bins);
      advance(next_, std::numeric_limits<std::int64_t>::max());
      ++next_;
    }
  }

  // Each stage does the row that rows up to `at` make possible, of `end` in all.
  void advance(std::int64_t at, std::int64_t end) {
    const std::int64_t floored = at - floor_reach;
    if (floored >= 0 && floored < end) {
      float loudest = none;
      for (std::int64_t i = std::max<std::int64_t>(floored - floor_reach, 0); i < std::min(at + 1, end); ++i)
        loudest = std::max(loudest, loudest_[i & (log_rows - 1)]);
      IRS_DISPATCH(add_row)(logs_[floored], loudest - depth, sums_);
    }
    const std::int64_t whitened = floored - mean_frames;
    if (whitened >= 0 && whitened < end) whiten(whitened, std::min(floored + 1, end));
    const std::int64_t done = whitened - frame_reach_;
    if (done >= 0 && done < end) find_peaks(done, std::min(whitened + 1, end));
  }

  void whiten(std::int64_t at, std::int64_t end) {
    const std::int64_t begin = std::max<std::int64_t>(at - mean_frames, 0);
    const int count = static_cast<int>(end - begin);
    IRS_DISPATCH(whiten_row)(logs_[at], sums_, count, tables().shares.data(), white_[at]);
    IRS_DISPATCH(largest_of_row)(white_[at], bin_reach_, largest_[at]);
    if (at >= mean_frames) IRS_DISPATCH(take_row)(logs_[at - mean_frames], sums_);
  }

  void find_peaks(std::int64_t at, std::int64_t end) {
    std::uint16_t crests[bins];
    const int count = IRS_DISPATCH(crests_of_row)(white_[at], largest_[at], least_, crests);
    for (int i = 0; i < count; ++i) {
      const int b = crests[i];
      const float height = white_[at][b];
      std::int64_t other = std::max<std::int64_t>(at - frame_reach_, 0);
      while (other < at && largest_[other][b] < height) ++other;  // of a steady tone the first alone
      if (other < at) continue;
      while (other < end && largest_[other][b] <= height) ++other;
      if (other < end) continue;
      found_frames_.push_back(static_cast<std::int32_t>(at));
      found_bins_.push_back(static_cast<std::uint16_t>(low + b));
    }
  }

  static constexpr float depth = 8.0590478f;  // 70 dB

  int frame_reach_, bin_reach_;
  float least_;
  std::vector<float> samples_;  // not yet in a frame that is done
  std::int64_t next_ = 0;       // frame
  bool finished_ = false;
  Aligned<float> work_{static_cast<std::size_t>(window) * 16};
  Rows logs_{log_rows}, white_{white_rows}, largest_{white_rows};
  float loudest_[log_rows];
  double sums_[bins] = {};
  std::vector<std::int32_t> found_frames_;
  std::vector<std::uint16_t> found_bins_;
};

}  // namespace

IRS_BIND(m) {
  py::class_<MusicPeaks>(m, "MusicPeaks")
      .def(py::init<int, int, float>(), py::arg("frame_reach"), py::arg("bin_reach"), py::arg("least"))
      // (n,) float32 samples at 16 kHz, of any number.
      .def(
          "feed",
          [](MusicPeaks& self, const py::array& samples) {
            const auto* first = values_of<float>(samples, "samples");
            const auto count = samples.size();
            py::gil_scoped_release release;
            self.feed(first, count);
          },
          py::arg("samples").noconvert())
      // (n,) int32 frames and (n,) uint16 bins, in the order of time, then of pitch.
      .def("finish", [](MusicPeaks& self) {
        {
          py::gil_scoped_release release;
          self.finish();
        }
        return py::make_tuple(as_array(self.frames()), as_array(self.pitches()));
      });
}

}  // namespace irs
#endif
