// Small maps, enlarged by bilinear to the pixels that are being worked on, a tile at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/aligned.h"
#include "core/image_view.h"
#include "core/parallel_for.h"

namespace irs {

constexpr int tile_columns = 512;  // of the picture: maps of a tile stay in the first cache

// Where pixel i of an axis lies among the samples of a map, centres aligned and edges repeated: between
// `first` and `second`, so far from the first.
struct Between {
  Between(int i, int pixels, int samples) {
    const double place = (i + 0.5) * samples / pixels - 0.5;
    const int low = static_cast<int>(place + 1) - 1;  // floor: place is never below -1
    first = std::clamp(low, 0, samples - 1);
    second = std::clamp(low + 1, 0, samples - 1);
    share = static_cast<float>(place - low);
  }
  int first, second;
  float share;
};

// One tile: pixels [left, left + width) of rows [top, bottom), which lie between the same two rows of the
// maps. Map m of pixel x in row y is above(m)[x] + share * step(m)[x], the share being that of the row.
class MapTile {
 public:
  MapTile(ImageView<const float> maps, int image_width)
      : maps_(maps), image_width_(image_width), above_(size()), below_(size()), step_(size()) {}

  // For the columns of the picture from `left` on, and two rows of the maps.
  void fill(int first_row, int second_row, int left, int width) {
    const bool below_the_last = left == left_ && width == width_ && first_row == row_below_;
    if (left != left_ || width != width_) move(left, width);
    if (below_the_last) {
      std::swap(above_, below_);
    } else {
      enlarge(first_row, above_.data());
    }
    enlarge(second_row, below_.data());
    row_below_ = second_row;
    for (int i = 0; i < maps_.channels() * tile_columns; i += tile_columns)
      for (int x = 0; x < width; ++x) step_[i + x] = below_[i + x] - above_[i + x];
  }

  const float* above(int map) const { return above_.data() + map * tile_columns; }
  const float* step(int map) const { return step_.data() + map * tile_columns; }

 private:
  static constexpr int block = 8;  // pixels that are worked on at a time: two vectors on any CPU

  // Pixels [begin, end) of the tile, between the same two columns of the maps.
  struct Run {
    int begin, end, first, second;
  };

  std::size_t size() const { return static_cast<std::size_t>(maps_.channels()) * tile_columns; }

  void move(int left, int width) {
    left_ = left;
    width_ = width;
    runs_.clear();
    for (int x = 0; x < width; ++x) {
      const Between place(left + x, image_width_, maps_.width());
      shares_[x] = place.share;
      if (runs_.empty() || runs_.back().first != place.first || runs_.back().second != place.second)
        runs_.push_back({x, x, place.first, place.second});
      runs_.back().end = x + 1;
    }
  }

  // A row of the maps, for every column of the tile.
  void enlarge(int row, float* to) const {
    const int maps = maps_.channels();
    for (const Run& run : runs_) {
      const float *first = maps_.row(row) + run.first * maps, *second = maps_.row(row) + run.second * maps;
      for (int m = 0; m < maps; ++m)
        enlarge_run(first[m], second[m] - first[m], shares_ + run.begin, run.end - run.begin,
                    tile_columns - run.begin, to + m * tile_columns + run.begin);
    }
  }

  // Runs are short, and blocks of them fast: what is written behind the end is overwritten by the next run.
  static void enlarge_run(float start, float climb, const float* __restrict shares, int count, int room,
                          float* __restrict line) {
    int x = 0;
    for (; x < count && x + block <= room; x += block)
      for (int i = 0; i < block; ++i) line[x + i] = start + shares[x + i] * climb;
    for (; x < count; ++x) line[x] = start + shares[x] * climb;
  }

  ImageView<const float> maps_;
  int image_width_, left_ = -1, width_ = 0, row_below_ = -1;
  Aligned<float> above_, below_, step_;
  float shares_[tile_columns] = {};
  std::vector<Run> runs_;
};

// Calls body(tile, left, width, y, share) for every row of every tile of a picture.
template <class Body>
void for_each_tile_row(ImageView<const float> maps, int image_width, int image_height, const Body& body) {
  const int columns = (image_width + tile_columns - 1) / tile_columns, bands = maps.height() + 1;
  parallel_for(std::int64_t{columns} * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    MapTile tile(maps, image_width);
    for (std::int64_t i = begin; i < end; ++i) {  // downwards, so that a tile shares a row with the last one
      // A band has the rows whose upper map row is band - 1; those above the first one's centre come first.
      const int band = static_cast<int>(i % bands), left = static_cast<int>(i / bands) * tile_columns;
      const int width = std::min(tile_columns, image_width - left);
      const auto starts = [&](int map_row) {  // the first row that is not above the centre of that map row
        const std::int64_t twice = 2 * maps.height();
        const std::int64_t centre = (2 * std::int64_t{map_row} + 1) * image_height - maps.height();
        return static_cast<int>(std::min<std::int64_t>((centre + twice - 1) / twice, image_height));
      };
      const int top = band == 0 ? 0 : starts(band - 1);
      const int bottom = band == maps.height() ? image_height : starts(band);
      if (top >= bottom) continue;
      tile.fill(std::max(band - 1, 0), std::min(band, maps.height() - 1), left, width);
      for (int y = top; y < bottom; ++y) {
        const double place = (y + 0.5) * maps.height() / image_height - 0.5;
        body(tile, left, width, y, static_cast<float>(place - (band - 1)));
      }
    }
  });
}

}  // namespace irs
