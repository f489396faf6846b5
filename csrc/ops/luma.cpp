// Luma for the super-resolution networks, and the way back: pixels enlarged by bicubic, which lend their
// colour to the luma that a network found.
//
// Luma is that of BT.601 in studio range, as MATLAB's rgb2ycbcr gives it, over 255: black is 16/255, white
// 235/255. The networks learned from it.

#define IRS_OP_FILE "ops/luma.cpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/bind.h"
#include "core/extend.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/taps.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/pixels.h"

constexpr float red_share = 0.299f, green_share = 0.587f, blue_share = 0.114f;  // BT.601
constexpr float black = 16.0f / 255, white_above_black = 219.0f / 255;
constexpr int reach = 2;              // of the bicubic kernel, in pixels to each side
constexpr int window = 2 * reach + 1;  // one of them weighs nothing; which one depends on the phase

template <class T>
constexpr float largest = std::numeric_limits<T>::max();

template <class T>
IRS_NOINLINE void luma_of_row(const T* __restrict pixels, int width, float* __restrict luma) {
  constexpr float scale = white_above_black / largest<T>;
  for (int x = 0; x < width; ++x) {
    const float red = pixels[3 * x], green = pixels[3 * x + 1], blue = pixels[3 * x + 2];
    luma[x] = black + scale * (red_share * red + green_share * green + blue_share * blue);
  }
}

// sums[i] = sum over k of weights[k] * rows[k][i] / the largest value
template <class T>
IRS_NOINLINE void sum_rows(const T* const* rows, const float* weights, int length, float* __restrict sums) {
  const T *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4];
  const float scale = 1 / largest<T>;
  const float v = weights[0] * scale, w = weights[1] * scale, x = weights[2] * scale;
  const float y = weights[3] * scale, z = weights[4] * scale;
  for (int i = 0; i < length; ++i) sums[i] = v * a[i] + w * b[i] + x * c[i] + y * d[i] + z * e[i];
}

// Every `step`-th value of a row, for each place within a step: [place][count], places `stride` apart.
template <int step>
IRS_NOINLINE void take_apart(const float* __restrict row, int count, float* __restrict parts,
                             std::ptrdiff_t stride) {
  for (int x = 0; x < count; ++x)
    for (int p = 0; p < step; ++p) parts[p * stride + x] = row[x * step + p];
}

// The other way round, for the bytes or words of a finished row.
template <int step, class T>
IRS_NOINLINE void put_together(const T* __restrict parts, std::ptrdiff_t stride, int count,
                               T* __restrict row) {
  for (int x = 0; x < count; ++x)
    for (int p = 0; p < step; ++p) row[x * step + p] = parts[p * stride + x];
}

IRS_INLINE float sum_around(const float* values, const float* weights) {
  return weights[0] * values[0] + weights[1] * values[1] + weights[2] * values[2] + weights[3] * values[3] +
         weights[4] * values[4];
}

// One of the places within a pixel: three planes of colours, which begin `reach` pixels before the first, and
// the luma that was found there, to three planes of the result.
template <class T>
IRS_NOINLINE void merge_phase(const float* __restrict colors, std::ptrdiff_t stride,
                              const float* __restrict luma, const float* __restrict weights, int width,
                              T* __restrict out, std::ptrdiff_t out_stride) {
  const float *reds = colors, *greens = colors + stride, *blues = colors + 2 * stride;
  T *out_reds = out, *out_greens = out + out_stride, *out_blues = out + 2 * out_stride;
  for (int x = 0; x < width; ++x) {
    const float red = sum_around(reds + x, weights), green = sum_around(greens + x, weights);
    const float blue = sum_around(blues + x, weights);
    const float found = (luma[x] - black) * (1 / white_above_black);
    const float added = found - (red_share * red + green_share * green + blue_share * blue);
    out_reds[x] = to_level<T>((red + added) * largest<T>);
    out_greens[x] = to_level<T>((green + added) * largest<T>);
    out_blues[x] = to_level<T>((blue + added) * largest<T>);
  }
}

// Output rows [begin, end); the first of all belongs to row `first` of the image.
template <class T, int scale>
void merge_rows(ImageView<const T> image, ImageView<const float> luma, ImageView<T> out, int first,
                const float* weights, int begin, int end) {
  const int width = image.width(), height = image.height();
  const std::ptrdiff_t stride = width + 2 * reach;
  std::vector<float> sums(3 * width), colors(3 * stride), found(scale * width);
  std::vector<T> finished(3 * scale * width);  // [place within a pixel][color][x]
  for (int y = begin; y < end; ++y) {
    const T* rows[window];
    for (int k = 0; k < window; ++k) rows[k] = image.row(reflected(first + y / scale + k - reach, height));
    sum_rows(rows, weights + y % scale * window, 3 * width, sums.data());
    take_apart<3>(sums.data(), width, colors.data() + reach, stride);
    for (int c = 0; c < 3; ++c) {
      float* plane = colors.data() + c * stride + reach;
      for (int k = 1; k <= reach; ++k) {
        plane[-k] = plane[reflected(-k, width)];
        plane[width - 1 + k] = plane[reflected(width - 1 + k, width)];
      }
    }
    take_apart<scale>(luma.row(y), width, found.data(), width);
    for (int p = 0; p < scale; ++p)
      merge_phase(colors.data(), stride, found.data() + p * width, weights + p * window, width,
                  finished.data() + 3 * p * width, width);
    put_together<3 * scale>(finished.data(), width, width, out.row(y));
  }
}

template <class T>
void merge_scaled(ImageView<const T> image, ImageView<const float> luma, ImageView<T> out, int first,
                  int scale, const float* weights, int begin, int end) {
  if (scale == 3) return merge_rows<T, 3>(image, luma, out, first, weights, begin, end);
  merge_rows<T, 4>(image, luma, out, first, weights, begin, end);
}

void luma_8(ImageView<const uint8_t> image, ImageView<float> out, int begin, int end) {
  for (int y = begin; y < end; ++y) luma_of_row(image.row(y), image.width(), out.row(y));
}

void luma_16(ImageView<const uint16_t> image, ImageView<float> out, int begin, int end) {
  for (int y = begin; y < end; ++y) luma_of_row(image.row(y), image.width(), out.row(y));
}

void merge_8(ImageView<const uint8_t> image, ImageView<const float> luma, ImageView<uint8_t> out, int first,
             int scale, const float* weights, int begin, int end) {
  merge_scaled(image, luma, out, first, scale, weights, begin, end);
}

void merge_16(ImageView<const uint16_t> image, ImageView<const float> luma, ImageView<uint16_t> out,
              int first, int scale, const float* weights, int begin, int end) {
  merge_scaled(image, luma, out, first, scale, weights, begin, end);
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

constexpr int rows_at_a_time = 8;

// Weights of the pixels around, for each of `scale` places within a pixel.
std::vector<float> phase_weights(int scale) {
  std::vector<float> weights;
  for (int phase = 0; phase < scale; ++phase)
    for (int k = -2; k <= 2; ++k)
      weights.push_back(static_cast<float>(cubic((phase + 0.5) / scale - 0.5 - k)));
  return weights;
}

template <class Rows>
void by_rows(int height, const Rows& rows) {
  parallel_for((height + rows_at_a_time - 1) / rows_at_a_time, 1, [&](std::int64_t begin, std::int64_t end) {
    rows(static_cast<int>(begin) * rows_at_a_time,
         std::min(static_cast<int>(end) * rows_at_a_time, height));
  });
}

template <class T, class Kernel>
void luma(const py::array& image, const py::array& out, const Kernel& kernel) {
  const auto from = image_view<const T>(image, "image", {3});
  const auto to = image_view<float>(out, "out", {1});
  check(to.width() == from.width() && to.height() == from.height(), "out: expected the size of the image");
  py::gil_scoped_release release;
  by_rows(from.height(), [&](int begin, int end) { kernel(from, to, begin, end); });
}

template <class T, class Kernel>
void merge(const py::array& image, const py::array& found, const py::array& out, int first, int scale,
           const Kernel& kernel) {
  const auto from = image_view<const T>(image, "image", {3});
  const auto luma = image_view<const float>(found, "luma", {1});
  const auto to = image_view<T>(out, "out", {3});
  check(scale == 3 || scale == 4, "scale: expected 3 or 4, got ", scale);
  check(to.width() == from.width() * scale && to.height() % scale == 0, "out: expected ",
        from.width() * scale, " columns and a multiple of ", scale, " rows, got ", to.width(), " and ",
        to.height());
  check(luma.width() == to.width() && luma.height() == to.height(), "luma: expected the size of out");
  check(first >= 0 && first + to.height() / scale <= from.height(), "first: rows ", first, " to ",
        first + to.height() / scale, " are not in an image of ", from.height());
  const auto weights = phase_weights(scale);
  py::gil_scoped_release release;
  by_rows(to.height(), [&](int begin, int end) {
    kernel(from, luma, to, first, scale, weights.data(), begin, end);
  });
}

}  // namespace

IRS_BIND(m) {
  // (H, W, 3) uint8 or uint16 to (H, W) float32 in 16/255..235/255.
  m.def(
      "luma",
      [](const py::array& image, const py::array& out) {
        if (has_16_bits(image)) return luma<std::uint16_t>(image, out, IRS_DISPATCH(luma_16));
        luma<std::uint8_t>(image, out, IRS_DISPATCH(luma_8));
      },
      py::arg("image").noconvert(), py::arg("out").noconvert());

  // The rows of the image from `first` on, enlarged to `out` by bicubic, with `luma` for their own.
  m.def(
      "merge_luma",
      [](const py::array& image, const py::array& found, const py::array& out, int first, int scale) {
        if (has_16_bits(image)) {
          return merge<std::uint16_t>(image, found, out, first, scale, IRS_DISPATCH(merge_16));
        }
        merge<std::uint8_t>(image, found, out, first, scale, IRS_DISPATCH(merge_8));
      },
      py::arg("image").noconvert(), py::arg("luma").noconvert(), py::arg("out").noconvert(), py::arg("first"),
      py::arg("scale"));
}

}  // namespace irs
#endif
