// Pairs of peaks as numbers that say how they look, not when they are: keys of the index of music.
//
// Wang 2003: pitch of the first peak, interval to the second, time between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace irs {

constexpr int pair_bits = 23;                  // of a key: 9 of pitch, 7 of interval, 7 of time
constexpr int least_lead = 4, most_lead = 71;  // frames between the peaks of a pair
constexpr int most_interval = 63;              // bins between them
constexpr int most_pitch = 511;                // bin
constexpr int time_bits = 7;
constexpr std::int32_t most_frames = (1 << 23) - 1;  // of a song or query: 23 hours

inline std::uint32_t pair_key(int pitch, int interval, int lead) {
  return static_cast<std::uint32_t>(pitch << 14 | (interval + 64) << time_bits | lead);
}

// Keys of a part of the index: the first bits of a key choose a bucket, whose postings hold as many of the
// others as the place of the pair leaves room for.
struct KeyLayout {
  KeyLayout(int bucket_bits, std::uint32_t end) : own(pair_bits - bucket_bits), place_bits(0) {
    while (place_bits < 32 && std::uint64_t{end} >> place_bits) ++place_bits;
    dropped = own > 32 - place_bits ? own - (32 - place_bits) : 0;
  }

  std::uint32_t bucket(std::uint32_t key) const { return key >> own; }
  std::uint32_t rest(std::uint32_t key) const { return (key & ((std::uint32_t{1} << own) - 1)) >> dropped; }
  std::uint32_t posting(std::uint32_t key, std::uint32_t place) const {
    return static_cast<std::uint32_t>(std::uint64_t{rest(key)} << place_bits) | place;
  }
  std::uint32_t place_mask() const {
    return static_cast<std::uint32_t>((std::uint64_t{1} << place_bits) - 1);
  }

  int own;         // bits of a key that its bucket does not tell
  int place_bits;  // of a posting, the lower ones
  int dropped;     // lowest bits of a key that there is no room for
};

// Calls found(key, frame) for the pairs of each peak with the `fan` next ones in reach; peaks are in the
// order of time, then of pitch.
template <class Found>
void for_pairs(const std::int32_t* frames, const std::uint16_t* bins, std::ptrdiff_t count, int fan,
               const Found& found) {
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    int left = fan;
    for (std::ptrdiff_t j = i + 1; j < count && left; ++j) {
      const std::int64_t lead = std::int64_t{frames[j]} - frames[i];
      if (lead > most_lead) break;
      const int interval = bins[j] - bins[i];
      if (lead < least_lead || std::abs(interval) > most_interval) continue;
      found(pair_key(bins[i], interval, static_cast<int>(lead)), frames[i]);
      --left;
    }
  }
}

}  // namespace irs
