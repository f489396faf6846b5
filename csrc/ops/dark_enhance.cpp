// Dark photos lifted (irs_engine/enhance/dark_enhance.py): one pass over the picture makes a thumbnail,
// core/exposure.cpp finds in it what is to be done, and one pass does it.

#define IRS_OP_FILE "ops/dark_enhance.cpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/bind.h"
#include "core/cells.h"
#include "core/exposure.h"
#include "core/float4.h"
#include "core/map_tiles.h"
#include "core/parallel_for.h"
#include "core/scratch.h"

#ifndef IRS_DARK_ENHANCE_TYPES
#define IRS_DARK_ENHANCE_TYPES
namespace irs {
// A row of a tile, and where the next one lies.
template <class T>
struct TileRow {
  const T *from, *next_from;
  T *to, *next_to;
  int width;
};
}  // namespace irs
#endif

#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/pixels.h"
#include "core/tone_curve.h"

// Whole numbers that hold the sums of so many values, and of their squares.
template <class T>
using Sum = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::uint32_t>;
template <class T>
using SquareSum = std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>;
constexpr int rows_in_a_sum = 256;

template <class T>
IRS_NOINLINE void add_values(const T* __restrict values, int count, Sum<T>* __restrict sums) {
  for (int i = 0; i < count; ++i) sums[i] += values[i];
}

template <class T>
IRS_NOINLINE void find_brightest(const T* __restrict pixels, int count, T* __restrict brightest) {
  for (int x = 0; x < count; ++x)
    brightest[x] = std::max(pixels[3 * x], std::max(pixels[3 * x + 1], pixels[3 * x + 2]));
}

template <class T>
IRS_NOINLINE void add_squares(const T* __restrict values, int count, SquareSum<T>* __restrict sums) {
  for (int i = 0; i < count; ++i) sums[i] += SquareSum<T>(values[i]) * values[i];
}

// Sums of the columns of every cell in a row of `cells`, to its totals.
template <class Values, class Squares>
IRS_NOINLINE void add_columns(const Values* brightness, const Squares* squares, const Values* colours,
                              int width, int cells, std::uint64_t* totals) {
  for (int x = 0; x < cells; ++x, totals += cell_means) {
    const Cell columns(x, width, cells);
    for (int column = columns.begin; column < columns.end; ++column) {
      totals[0] += brightness[column];
      totals[1] += squares[column];
      for (int c = 0; c < 3; ++c) totals[2 + c] += colours[std::ptrdiff_t{3} * column + c];
    }
  }
}

// Rows [begin, end) of a thumbnail: the means of the pixels that each cell touches.
template <class T>
void mean_rows(ImageView<const T> image, ImageView<float> means, int begin, int end) {
  constexpr double largest = std::numeric_limits<T>::max();
  const int width = image.width();
  std::vector<Sum<T>> colours(image.row_length()), brightness(width);
  std::vector<SquareSum<T>> squares(width);
  std::vector<T> brightest(width);
  std::vector<std::uint64_t> totals(means.row_length());
  for (int y = begin; y < end; ++y) {
    const Cell rows(y, image.height(), means.height());
    std::fill(totals.begin(), totals.end(), 0);
    for (int from = rows.begin; from < rows.end; from += rows_in_a_sum) {
      std::fill(colours.begin(), colours.end(), 0);
      std::fill(brightness.begin(), brightness.end(), 0);
      std::fill(squares.begin(), squares.end(), 0);
      for (int row = from; row < std::min(from + rows_in_a_sum, rows.end); ++row) {
        const T* pixels = image.row(row);
        find_brightest(pixels, width, brightest.data());
        add_values(pixels, 3 * width, colours.data());
        add_values(brightest.data(), width, brightness.data());
        add_squares(brightest.data(), width, squares.data());
      }
      add_columns(brightness.data(), squares.data(), colours.data(), width, means.width(), totals.data());
    }
    for (int x = 0; x < means.width(); ++x) {
      const Cell columns(x, width, means.width());
      const double white = largest * (rows.end - rows.begin) * (columns.end - columns.begin);
      for (int i = 0; i < cell_means; ++i)
        means.row(y)[x * cell_means + i] =
            static_cast<float>(totals[x * cell_means + i] / (i == 1 ? white * largest : white));
    }
  }
}

void mean_rows_8(ImageView<const std::uint8_t> image, ImageView<float> means, int begin, int end) {
  mean_rows(image, means, begin, end);
}

void mean_rows_16(ImageView<const std::uint16_t> image, ImageView<float> means, int begin, int end) {
  mean_rows(image, means, begin, end);
}

// Three planes of levels to colours in 0..1, smoothed; the maps are share, red, green and blue.
template <class T>
IRS_NOINLINE void smooth(const T* __restrict planes, const float* __restrict above,
                         const float* __restrict step, float share, int width, float* __restrict colours) {
  constexpr int n = tile_columns;
  constexpr float scale = 1.0f / std::numeric_limits<T>::max();
  for (int x = 0; x < width; ++x) {
    const float kept = (above[x] + share * step[x]) * scale;
    colours[x] = kept * planes[x] + (above[n + x] + share * step[n + x]);
    colours[n + x] = kept * planes[n + x] + (above[2 * n + x] + share * step[2 * n + x]);
    colours[2 * n + x] = kept * planes[2 * n + x] + (above[3 * n + x] + share * step[3 * n + x]);
  }
}

// What colours are multiplied with, and what is added to all three, in levels; the maps are slope and offset
// of the light.
template <class T>
IRS_NOINLINE void find_tone(const float* __restrict colours, const float* __restrict above,
                            const float* __restrict step, float share, const Exposure& found, int width,
                            float* __restrict factors, float* __restrict added) {
  constexpr int n = tile_columns;
  constexpr float largest = std::numeric_limits<T>::max();
  const float exposure = found.exposure, shadows = found.shadows;
  const float fading = 1 - std::sqrt(shadows);  // 0 where nothing is lifted, towards 1 with the gain
  const float least_colour = largest * (1 - fading), more_colour = largest * fading * (1 - faded);
  for (int x = 0; x < width; ++x) {
    const float m = std::max(colours[x], std::max(colours[n + x], colours[2 * n + x]));
    const float slope = above[x] + share * step[x], offset = above[n + x] + share * step[n + x];
    const float light = std::min(std::max(slope * m + offset, 0.0f), 1.0f), t2 = light * light;
    const float root = std::sqrt(shoulder_and_shadows(m * m, t2, exposure, shadows));
    const float with_noise = t2 + square(noise_floor), with_colour_noise = t2 + square(colour_floor);
    // One division for three, which are 1 / root, t2 / with_noise and t2 / with_colour_noise.
    const float quotient = t2 / (root * with_noise * with_colour_noise);
    const float gain = 1 + quotient * with_colour_noise * (1 - root);
    const float factor = gain * (least_colour + more_colour * (quotient * root * with_noise));
    factors[x] = factor;
    added[x] = m * (largest * gain - factor);
  }
}

template <class T>
IRS_NOINLINE void apply_tone(const float* __restrict colours, const float* __restrict factors,
                             const float* __restrict added, int width, T* __restrict out) {
  for (int x = 0; x < width; ++x) out[x] = to_level<T>(factors[x] * colours[x] + added[x]);
}

// A third of a row that is read or written soon: processors do not foresee that the next row of a tile comes
// next, and wait for memory when they are told of it all at once.
template <int write, class T>
IRS_INLINE void expect(const T* row, int third, int width) {
#if defined(__GNUC__)
  constexpr int line = 64 / sizeof(T);
  for (int i = third * width; i < (third + 1) * width; i += line) __builtin_prefetch(row + i, write);
#endif
}

template <class T>
void enhance_row(const TileRow<T>& row, const MapTile& tile, float share, const Exposure& found) {
  const int width = row.width;
  constexpr int n = tile_columns;
  T planes[3 * n];
  float colours[3 * n], factors[n], added[n];
  split_rgb(row.from, width, planes, planes + n, planes + 2 * n);
  expect<0>(row.next_from, 0, width);
  smooth(planes, tile.above(0), tile.step(0), share, width, colours);
  expect<0>(row.next_from, 1, width);
  find_tone<T>(colours, tile.above(4), tile.step(4), share, found, width, factors, added);
  expect<0>(row.next_from, 2, width);
  for (int c = 0; c < 3; ++c) {
    apply_tone(colours + c * n, factors, added, width, planes + c * n);
    expect<1>(row.next_to, c, width);
  }
  join_rgb(planes, planes + n, planes + 2 * n, width, row.to);
}

void enhance_row_8(const TileRow<std::uint8_t>& row, const MapTile& tile, float share,
                   const Exposure& found) {
  enhance_row(row, tile, share, found);
}

void enhance_row_16(const TileRow<std::uint16_t>& row, const MapTile& tile, float share,
                    const Exposure& found) {
  enhance_row(row, tile, share, found);
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

constexpr int thumbnail_side = 512;  // the longer one; smaller pictures are their own thumbnail

// Rows or columns of the thumbnail; halves to even, as Python rounds.
int thumbnail_size(int size, int longer) {
  const double scale = std::min(1.0, thumbnail_side / double(longer));
  return std::max(1, static_cast<int>(std::nearbyint(size * scale)));
}

template <class T>
ImageView<T> view_of(T* values, int width, int height, int channels) {
  const auto length = std::ptrdiff_t{width} * channels;
  return ImageView<T>({values, static_cast<std::size_t>(length * height)}, values, width, height, channels,
                      length);
}

template <class T, class MeanRows, class EnhanceRow>
void dark_enhance(const py::array& image, const py::array& out, double brightness, const MeanRows& mean_rows,
                  const EnhanceRow& enhance_row) {
  const auto from = image_view<const T>(image, "image", {3});
  const auto to = image_view<T>(out, "out", {3});
  const int width = from.width(), height = from.height(), longer = std::max(width, height);
  check(to.width() == width && to.height() == height, "out: expected the size of the image");
  check(brightness >= 0 && brightness <= 1, "brightness: expected 0..1, got ", brightness);
  py::gil_scoped_release release;

  const int columns = thumbnail_size(width, longer), rows = thumbnail_size(height, longer);
  const std::size_t count = std::size_t(columns) * rows;
  const Scratch memory(count * (cell_means + exposure_maps + exposure_lines));
  float *cells = memory.data(), *maps = cells + count * cell_means, *lines = maps + count * exposure_maps;
  const auto means = view_of<float>(cells, columns, rows, cell_means);
  parallel_for(rows, 1, [&](std::int64_t begin, std::int64_t end) {
    mean_rows(from, means, static_cast<int>(begin), static_cast<int>(end));
  });
  const auto thumbnail = view_of<const float>(cells, columns, rows, cell_means);
  const Exposure found = find_exposure(thumbnail, brightness, maps, lines);
  if (found.unchanged()) {
    for (int y = 0; y < height; ++y) std::copy_n(from.row(y), from.row_length(), to.row(y));
    return;
  }
  for_each_tile_row(view_of<const float>(maps, columns, rows, exposure_maps), width, height,
                    [&](const MapTile& tile, int left, int count, int y, float share) {
                      const auto first = std::ptrdiff_t{3} * left;
                      const int next = std::min(y + 1, height - 1);
                      enhance_row({from.row(y) + first, from.row(next) + first, to.row(y) + first,
                                   to.row(next) + first, count},
                                  tile, share, found);
                    });
}

}  // namespace

IRS_BIND(m) {
  // (H, W, 3) uint8 or uint16 to `out`.
  m.def(
      "dark_enhance",
      [](const py::array& image, const py::array& out, double brightness) {
        if (has_16_bits(image)) {
          return dark_enhance<std::uint16_t>(image, out, brightness, IRS_DISPATCH(mean_rows_16),
                                             IRS_DISPATCH(enhance_row_16));
        }
        dark_enhance<std::uint8_t>(image, out, brightness, IRS_DISPATCH(mean_rows_8),
                                   IRS_DISPATCH(enhance_row_8));
      },
      py::arg("image").noconvert(), py::arg("out").noconvert(), py::arg("brightness"));
}

}  // namespace irs
#endif
