// What lies beyond a row: its edge samples, or its reflection.
#pragma once

#include <algorithm>
#include <cstring>

namespace irs {

// The place within `count` samples that any index is reflected to, the edge sample repeated.
inline int reflected(int i, int count) {
  const int place = (i % (2 * count) + 2 * count) % (2 * count);
  return place < count ? place : 2 * count - 1 - place;
}

// Columns [left, left + count) of a row of `width` samples; they may lie before and behind it.
inline void copy_extended(const float* row, int width, int left, int count, float* to) {
  const int begin = std::clamp(-left, 0, count), end = std::clamp(width - left, begin, count);
  std::fill_n(to, begin, row[0]);
  if (end > begin) std::memcpy(to + begin, row + left + begin, (end - begin) * sizeof(float));
  std::fill_n(to + end, count - end, row[width - 1]);
}

}  // namespace irs
