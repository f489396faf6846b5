// The cells of a thumbnail: all pixels that each touches, as torch's adaptive_avg_pool2d has it.
#pragma once

#include <cstdint>

namespace irs {

// Pixels [begin, end) make up cell i of `cells` along an axis of so many pixels.
struct Cell {
  Cell(int i, int pixels, int cells)
      : begin(static_cast<int>(std::int64_t{i} * pixels / cells)),
        end(static_cast<int>((std::int64_t{i + 1} * pixels + cells - 1) / cells)) {}
  int begin, end;
};

}  // namespace irs
