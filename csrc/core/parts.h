// How networks that roll rows through all their layers share out a picture among threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel_for.h"

namespace irs {

// Steps [begin, end) of rows, of `tiles` x 4 columns from `left` on.
struct Part {
  int left, tiles, begin, end;
};

// Calls body(part) for parts that cover `width` columns and `steps` steps, none wider than `most` tiles. A
// part begins with rows that it shares with the one above, so it has eight steps where there are as many.
template <class Body>
void for_each_part(int width, int most, int steps, const Body& body) {
  const int tiles = (width + 3) / 4, columns = (tiles + most - 1) / most;
  parallel_for(std::int64_t{columns} * steps, std::min(steps, 8), [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t column = begin / steps;
      const int step = static_cast<int>(begin % steps);
      const int count = static_cast<int>(std::min<std::int64_t>(end - begin, steps - step));
      const int left = static_cast<int>(tiles * column / columns);
      const int right = static_cast<int>(tiles * (column + 1) / columns);
      body(Part{left * 4, right - left, step, step + count});
      begin += count;
    }
  });
}

}  // namespace irs
