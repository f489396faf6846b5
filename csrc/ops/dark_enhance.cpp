// Dark photos lifted (irs_engine/enhance/dark_enhance.py): one pass over the picture makes a thumbnail,
// core/exposure.cpp finds in it what is to be done, and one pass does it.

#define IRS_OP_FILE "ops/dark_enhance.cpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/cells.h"
#include "core/exposure.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/scratch.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/pixels.h"
#include "core/map_tiles.h"
#include "core/tone_curve.h"

// Whole numbers that hold the sums of so many values, and of their squares.
template <class T>
using Sum = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::uint32_t>;
template <class T>
using SquareSum = std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>;
constexpr int rows_in_a_sum = 256;
constexpr int sum_columns = 1024;  // that are worked on at a time: they stay in the first cache

// Sums over the rows of a cell: brightness, red, green and blue of every column, and brightness squared.
template <class T>
struct ColumnSums {
  explicit ColumnSums(int width) : values(std::size_t{4} * width), squares(width) {}
  void clear() {
    std::fill(values.begin(), values.end(), 0);
    std::fill(squares.begin(), squares.end(), 0);
  }
  std::vector<Sum<T>> values;
  std::vector<SquareSum<T>> squares;
};

template <class T>
IRS_NOINLINE void add_brightness(const T* __restrict red, const T* __restrict green, const T* __restrict blue,
                                 int count, Sum<T>* __restrict sums, SquareSum<T>* __restrict squares) {
  for (int x = 0; x < count; ++x) {
    const T brightest = std::max(red[x], std::max(green[x], blue[x]));
    sums[x] += brightest;
    squares[x] += SquareSum<T>(brightest) * brightest;
  }
}

template <class T>
IRS_NOINLINE void add_values(const T* __restrict values, int count, Sum<T>* __restrict sums) {
  for (int x = 0; x < count; ++x) sums[x] += values[x];
}

template <class T>
void add_rows(ImageView<const T> image, int begin, int end, ColumnSums<T>& sums) {
  const int width = image.width();
  alignas(64) T planes[3 * sum_columns];
  for (int y = begin; y < end; ++y)
    for (int left = 0; left < width; left += sum_columns) {
      const int count = std::min(sum_columns, width - left);
      T *red = planes, *green = red + sum_columns, *blue = green + sum_columns;
      split_rgb(image.row(y) + std::ptrdiff_t{3} * left, count, red, green, blue);
      add_brightness(red, green, blue, count, sums.values.data() + left, sums.squares.data() + left);
      for (int c = 0; c < 3; ++c)
        add_values(planes + c * sum_columns, count,
                   sums.values.data() + std::ptrdiff_t{width} * (1 + c) + left);
    }
}

// Sums of the columns of every cell in a row of `cells`, to its totals: brightness, its square, the colours.
template <class T>
IRS_NOINLINE void add_columns(const ColumnSums<T>& sums, int width, int cells, std::uint64_t* totals) {
  const Sum<T>*brightness = sums.values.data(), *red = brightness + width, *green = red + width;
  const Sum<T>* blue = green + width;
  const SquareSum<T>* squares = sums.squares.data();
  for (int x = 0; x < cells; ++x, totals += cell_means) {
    const Cell columns(x, width, cells);
    std::uint64_t m = 0, m2 = 0, r = 0, g = 0, b = 0;
    for (int column = columns.begin; column < columns.end; ++column) {
      m += brightness[column];
      m2 += squares[column];
      r += red[column];
      g += green[column];
      b += blue[column];
    }
    const std::uint64_t found[cell_means] = {m, m2, r, g, b};
    for (int i = 0; i < cell_means; ++i) totals[i] += found[i];
  }
}

// Rows [begin, end) of a thumbnail: the means of the pixels that each cell touches.
template <class T>
void mean_rows(ImageView<const T> image, ImageView<float> means, int begin, int end) {
  constexpr double largest = std::numeric_limits<T>::max();
  const int width = image.width();
  ColumnSums<T> sums(width);
  std::vector<std::uint64_t> totals(means.row_length());
  for (int y = begin; y < end; ++y) {
    const Cell rows(y, image.height(), means.height());
    std::fill(totals.begin(), totals.end(), 0);
    for (int from = rows.begin; from < rows.end; from += rows_in_a_sum) {
      sums.clear();
      add_rows(image, from, std::min(from + rows_in_a_sum, rows.end), sums);
      add_columns(sums, width, means.width(), totals.data());
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

// How values stand for colours and light of 0..1: floats as they are, and a grey level of 8 bits as 2^7.
template <class V>
constexpr float unit = 1;
template <>
constexpr float unit<Fixed> = 255 << 7;

// What a tone is multiplied with so that `times` of it and a colour are levels of T, of 8 bits in eighths.
template <class T>
constexpr float tone_unit = sizeof(T) == 1 ? 1 << 11 : std::numeric_limits<T>::max();

void to_colours(const std::uint8_t* levels, int count, Fixed* colours) {
  to_colours<7>(levels, count, colours);
}

IRS_NOINLINE void to_colours(const std::uint16_t* __restrict levels, int count, float* __restrict colours) {
  for (int i = 0; i < count; ++i) colours[i] = levels[i] * (1.0f / std::numeric_limits<std::uint16_t>::max());
}

// The maps are share, red, green and blue.
template <class V>
IRS_NOINLINE void smooth(const V* __restrict above, const V* __restrict step, const V* __restrict share,
                         int line, int width, V* __restrict colours) {
  constexpr int n = tile_columns;
  for (int x = 0; x < width; ++x) {
    const V kept = between(above[x], step[x], share[x]);
    for (int c = 0; c < 3; ++c) {
      const V mean = between(above[(1 + c) * line + x], step[(1 + c) * line + x], share[x]);
      colours[c * n + x] = static_cast<V>(times(kept, colours[c * n + x]) + mean);
    }
  }
}

// Gains are below 16, so nothing needs to be clamped.
template <class V>
IRS_INLINE V to_tone(float value) {
  if constexpr (sizeof(V) == sizeof(float)) return value;
  return static_cast<V>(static_cast<int>(value + 0.5f));
}

// The brightest colour, the square of the light and D of the tone curve; the maps are slope and offset of the
// light. Apart from find_tone, as processors do not look far enough ahead for so long a loop.
template <class V>
IRS_NOINLINE void find_light(const V* __restrict colours, const V* __restrict above, const V* __restrict step,
                             const V* __restrict share, int line, const Exposure& found, int width,
                             V* __restrict brightest, float* __restrict squares, float* __restrict bends) {
  constexpr int n = tile_columns;
  constexpr float scale = 1 / unit<V>;
  const float exposure = found.exposure, shadows = found.shadows;
  for (int x = 0; x < width; ++x) {
    const V most = std::max(colours[x], std::max(colours[n + x], colours[2 * n + x]));
    const V slope = between(above[x], step[x], share[x]);
    const V offset = between(above[line + x], step[line + x], share[x]);
    // At most 1, and nowhere more than V holds; below 0 is nothing but a rounding.
    const V room = static_cast<V>(V(unit<V>) - offset);
    const V light = static_cast<V>(std::min(times(slope, most), room) + offset);
    const float m = most * scale, t = light * scale;
    brightest[x] = most;
    squares[x] = t * t;
    bends[x] = shoulder_and_shadows(m * m, t * t, exposure, shadows);
  }
}

// What colours are multiplied with, and what is added to all of them.
template <class T, class V>
IRS_NOINLINE void find_tone(const V* __restrict brightest, const float* __restrict squares,
                            const float* __restrict bends, float fading, int width, V* __restrict factors,
                            V* __restrict added) {
  for (int x = 0; x < width; ++x) {
    const Tone wanted = tone(bends[x], squares[x], fading);
    const float gain = wanted.gain * tone_unit<T>, factor = gain * wanted.colour;
    factors[x] = to_tone<V>(factor);
    added[x] = times(to_tone<V>(gain - factor), brightest[x]);
  }
}

template <class V, class T>
IRS_NOINLINE void apply_tone(const V* __restrict colours, const V* __restrict factors,
                             const V* __restrict added, int width, T* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const V level = static_cast<V>(times(factors[x], colours[x]) + added[x]);
    if constexpr (sizeof(T) == 1) {
      out[x] = to_level(level);
    } else {
      out[x] = to_level<T>(level);
    }
  }
}

template <class T, class V>
struct EnhancePart {
  using Lines = MapLines<V, exposure_maps>;
  ImageView<const T> image;
  ImageView<T> out;
  const Exposure& found;

  void operator()(const Lines& lines, int left, int width, int y, const V* __restrict share) const {
    constexpr int n = tile_columns;
    alignas(64) T planes[3 * n];
    alignas(64) V colours[3 * n], brightest[n], factors[n], added[n];
    alignas(64) float squares[n], bends[n];
    const std::ptrdiff_t first = std::ptrdiff_t{3} * left;
    split_rgb(image.row(y) + first, width, planes, planes + n, planes + 2 * n);
    for (int c = 0; c < 3; ++c) to_colours(planes + c * n, width, colours + c * n);
    smooth(lines.above(0) + left, lines.step(0) + left, share, lines.line(), width, colours);
    find_light(colours, lines.above(4) + left, lines.step(4) + left, share, lines.line(), found, width,
               brightest, squares, bends);
    find_tone<T>(brightest, squares, bends, 1 - std::sqrt(found.shadows), width, factors, added);
    for (int c = 0; c < 3; ++c) apply_tone(colours + c * n, factors, added, width, planes + c * n);
    join_rgb(planes, planes + n, planes + 2 * n, width, out.row(y) + first);
  }
};

// Rows [begin, end) of a picture.
template <class V, class T>
void enhance_rows(ImageView<const T> image, ImageView<T> out, ImageView<const float> maps,
                  const Exposure& found, int begin, int end) {
  constexpr float share = share_unit<V>, colour = unit<V>;
  const float scales[exposure_maps] = {share, colour, colour, colour, share, colour};
  for_each_part<V>(maps, scales, image.width(), image.height(), begin, end,
                   EnhancePart<T, V>{image, out, found});
}

void enhance_rows_8(ImageView<const std::uint8_t> image, ImageView<std::uint8_t> out,
                    ImageView<const float> maps, const Exposure& found, int begin, int end) {
  enhance_rows<Fixed>(image, out, maps, found, begin, end);
}

void enhance_rows_16(ImageView<const std::uint16_t> image, ImageView<std::uint16_t> out,
                     ImageView<const float> maps, const Exposure& found, int begin, int end) {
  enhance_rows<float>(image, out, maps, found, begin, end);
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

constexpr int thumbnail_side = 256;  // the longer one; smaller pictures are their own thumbnail
constexpr int rows_worth_a_thread = 16;

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

template <class T, class MeanRows, class EnhanceRows>
void dark_enhance(const py::array& image, const py::array& out, double brightness, const MeanRows& mean_rows,
                  const EnhanceRows& enhance_rows) {
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
    parallel_for(height, rows_worth_a_thread, [&](std::int64_t begin, std::int64_t end) {
      for (auto y = static_cast<int>(begin); y < end; ++y)
        std::copy_n(from.row(y), from.row_length(), to.row(y));
    });
    return;
  }
  const auto given = view_of<const float>(maps, columns, rows, exposure_maps);
  parallel_for(height, rows_worth_a_thread, [&](std::int64_t begin, std::int64_t end) {
    enhance_rows(from, to, given, found, static_cast<int>(begin), static_cast<int>(end));
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
                                             IRS_DISPATCH(enhance_rows_16));
        }
        dark_enhance<std::uint8_t>(image, out, brightness, IRS_DISPATCH(mean_rows_8),
                                   IRS_DISPATCH(enhance_rows_8));
      },
      py::arg("image").noconvert(), py::arg("out").noconvert(), py::arg("brightness"));
}

}  // namespace irs
#endif
