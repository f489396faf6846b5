// Antialiased resize of 8-bit pixels, in one pass with what comes before and after: cropping, normalising.
//
// The axes are separable, and the vertical one goes first: it reads whole rows, which vectorises without
// shuffling, and when shrinking leaves little for the other. A strip of a few output rows is made at a time,
// in tiles of columns whose sums stay in cache.

#define IRS_OP_FILE "ops/resize.cpp"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/bind.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/taps.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN

constexpr int strip_rows = 4;  // they share the loads of horizontal weights, and hide each other's latency
constexpr int tile_columns = 512;

// An RGB pixel is summed as four lanes, the last being whatever comes next: that costs no more than three.
template <int channels>
using Pixel = std::conditional_t<channels == 1, float, Float4>;
template <int channels>
constexpr int lanes = sizeof(Pixel<channels>) / sizeof(float);

// sums[i] = sum over k of weights[k] * (row k)[i], added in the order of k on every instruction set.
IRS_NOINLINE void sum_down(const uint8_t* __restrict rows, std::ptrdiff_t stride, const float* weights,
                           int count, int length, float* __restrict sums) {
  // One to four rows first, then four at a time. A missing one is the first row again, weighing nothing.
  const int head = (count - 1) % 4 + 1;
  const auto row = [=](int k) { return k < head ? rows + k * stride : rows; };
  const auto weight = [=](int k) { return k < head ? weights[k] : 0.0f; };
  const uint8_t *r0 = row(0), *r1 = row(1), *r2 = row(2), *r3 = row(3);
  float w0 = weight(0), w1 = weight(1), w2 = weight(2), w3 = weight(3);
  if (head <= 2) {
    for (int i = 0; i < length; ++i) sums[i] = w0 * r0[i] + w1 * r1[i];
  } else {
    for (int i = 0; i < length; ++i) sums[i] = w0 * r0[i] + w1 * r1[i] + w2 * r2[i] + w3 * r3[i];
  }
  for (int k = head; k < count; k += 4) {
    r0 = rows + k * stride, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
    w0 = weights[k], w1 = weights[k + 1], w2 = weights[k + 2], w3 = weights[k + 3];
    for (int i = 0; i < length; ++i) sums[i] = sums[i] + w0 * r0[i] + w1 * r1[i] + w2 * r2[i] + w3 * r3[i];
  }
}

// Outputs [begin, end) of strip_rows rows: pixel x is the sum over k of weights[k] * (pixel k of sums). Rows
// of `sums`, whose first pixel is input column `left`, lie sums_stride apart, those of `pixels`
// pixels_stride.
template <int channels>
IRS_NOINLINE void sum_across(const float* __restrict sums, std::ptrdiff_t sums_stride, int left,
                             const Taps& taps, int begin, int end, float* __restrict pixels,
                             std::ptrdiff_t pixels_stride) {
  using P = Pixel<channels>;
  const std::ptrdiff_t count = taps.count;
  for (int x = begin; x < end; ++x, pixels += lanes<channels>) {
    const float* from = sums + (taps.first[x] - left) * channels;
    const float* weights = taps.weight(x);
    P totals[strip_rows];
    for (int r = 0; r < strip_rows; ++r) totals[r] = weights[0] * load<P>(from + r * sums_stride);
    for (std::ptrdiff_t k = 1; k < count; ++k)
      for (int r = 0; r < strip_rows; ++r)
        totals[r] = totals[r] + weights[k] * load<P>(from + r * sums_stride + k * channels);
    for (int r = 0; r < strip_rows; ++r) store(pixels + r * pixels_stride, totals[r]);
  }
}

// Makes the output rows [begin, end); `write(pixels, y, x, count)` takes each finished part of a row.
template <int channels, class Write>
void resize_rows(ImageView<const uint8_t> image, const Taps& across, const Taps& down, int begin, int end,
                 const Write& write) {
  const int columns = std::max(tile_columns, across.count);
  const std::ptrdiff_t sums_stride = columns * channels + 1;  // the last RGB pixel has a fourth lane too
  const std::ptrdiff_t pixels_stride = columns * lanes<channels>;
  std::vector<float> sums(sums_stride * strip_rows), pixels(pixels_stride * strip_rows);

  for (int y = begin; y < end; y += strip_rows) {
    const int rows = std::min(strip_rows, end - y);
    for (int x = 0, x_end; x < across.outputs(); x = x_end) {
      x_end = across.run_end(x, columns);
      const int left = across.first[x], length = across.span(x, x_end) * channels;
      for (int r = 0; r < rows; ++r)
        sum_down(image.row(down.first[y + r]) + left * channels, image.row_stride(), down.weight(y + r),
                 down.count, length, sums.data() + r * sums_stride);
      sum_across<channels>(sums.data(), sums_stride, left, across, x, x_end, pixels.data(), pixels_stride);
      for (int r = 0; r < rows; ++r) write(pixels.data() + r * pixels_stride, y + r, x, x_end - x);
    }
  }
}

IRS_NOINLINE void write_planes(const float* __restrict pixels, int count, Float4 scale, Float4 offset,
                               float* __restrict red, float* __restrict green, float* __restrict blue) {
  int x = 0;
  for (; x + 4 <= count; x += 4, pixels += 16) {
    Float4 a = load<Float4>(pixels) * scale + offset;
    Float4 b = load<Float4>(pixels + 4) * scale + offset;
    Float4 c = load<Float4>(pixels + 8) * scale + offset;
    Float4 d = load<Float4>(pixels + 12) * scale + offset;
    transpose(a, b, c, d);
    store(red + x, a);
    store(green + x, b);
    store(blue + x, c);
  }
  for (; x < count; ++x, pixels += 4) {
    const Float4 pixel = load<Float4>(pixels) * scale + offset;
    red[x] = pixel[0];
    green[x] = pixel[1];
    blue[x] = pixel[2];
  }
}

void resize_to_planes(ImageView<const uint8_t> image, PlanesView<float> out, const Taps& across,
                      const Taps& down, int begin, int end, const float* scale, const float* offset) {
  const Float4 scales = load<Float4>(scale), offsets = load<Float4>(offset);
  resize_rows<3>(image, across, down, begin, end, [&](const float* pixels, int y, int x, int count) {
    write_planes(pixels, count, scales, offsets, out.row(0, y) + x, out.row(1, y) + x, out.row(2, y) + x);
  });
}

template <int channels>
IRS_NOINLINE void write_pixels(const float* __restrict pixels, int count, uint8_t* __restrict out) {
  for (int x = 0; x < count; ++x) {
    if constexpr (channels == 1) {
      out[x] = to_byte(pixels[x]);
    } else {
      uint8_t bytes[4];
      to_bytes(load<Float4>(pixels + x * 4), bytes);
      for (int c = 0; c < channels; ++c) out[x * channels + c] = bytes[c];
    }
  }
}

template <int channels>
void resize_channels(ImageView<const uint8_t> image, ImageView<uint8_t> out, const Taps& across,
                     const Taps& down, int begin, int end) {
  resize_rows<channels>(image, across, down, begin, end, [&](const float* pixels, int y, int x, int count) {
    write_pixels<channels>(pixels, count, out.row(y) + x * channels);
  });
}

void resize_to_pixels(ImageView<const uint8_t> image, ImageView<uint8_t> out, const Taps& across,
                      const Taps& down, int begin, int end) {
  switch (out.channels()) {
    case 1: return resize_channels<1>(image, out, across, down, begin, end);
    case 3: return resize_channels<3>(image, out, across, down, begin, end);
    case 4: return resize_channels<4>(image, out, across, down, begin, end);
  }
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

using Box = std::tuple<double, double, double, double>;  // left, top, width, height
using PerChannel = std::tuple<double, double, double>;

std::vector<float> four_lanes(const PerChannel& values) {
  const auto [red, green, blue] = values;
  return {static_cast<float>(red), static_cast<float>(green), static_cast<float>(blue), 0.0f};
}

// Calls rows(across, down, begin, end) for strips of output rows, on as many threads as are worth waking.
template <class From, class To, class Rows>
void resample(const From& from, const To& to, const Box& box, int filter, const Rows& rows) {
  const auto [left, top, width, height] = box;
  const Taps across = make_taps(from.width(), to.width(), left, width, static_cast<Filter>(filter));
  const Taps down = make_taps(from.height(), to.height(), top, height, static_cast<Filter>(filter));

  // Waking a thread pays for strips of some 50 microseconds, 2^18 products; they are multiples of four rows.
  const double products = 1.0 * across.span(0, to.width()) * down.count + 3.0 * to.width() * across.count;
  const int strip = 4 * std::max(1, static_cast<int>(65536 / products));
  parallel_for((to.height() + strip - 1) / strip, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto last = std::min<std::int64_t>(end * strip, to.height());
    rows(across, down, static_cast<int>(begin * strip), static_cast<int>(last));
  });
}

}  // namespace

IRS_BIND(m) {
  // Planes of value * scale + offset.
  m.def(
      "resize_normalize",
      [](const py::array& image, const py::array& out, const Box& box, int filter, const PerChannel& scale,
         const PerChannel& offset) {
        const auto from = image_view<const uint8_t>(image, "image", {3});
        const auto to = planes_view<float>(out, "out", 3);
        const auto scales = four_lanes(scale), offsets = four_lanes(offset);
        py::gil_scoped_release release;
        resample(from, to, box, filter, [&](const Taps& across, const Taps& down, int begin, int end) {
          IRS_DISPATCH(resize_to_planes)
          (from, to, across, down, begin, end, scales.data(), offsets.data());
        });
      },
      py::arg("image").noconvert(), py::arg("out").noconvert(), py::arg("box"), py::arg("filter"),
      py::arg("scale"), py::arg("offset"));

  m.def(
      "resize",
      [](const py::array& image, const py::array& out, const Box& box, int filter) {
        const auto from = image_view<const uint8_t>(image, "image", {1, 3, 4});
        const auto to = image_view<uint8_t>(out, "out", {from.channels()});
        py::gil_scoped_release release;
        resample(from, to, box, filter, [&](const Taps& across, const Taps& down, int begin, int end) {
          IRS_DISPATCH(resize_to_pixels)(from, to, across, down, begin, end);
        });
      },
      py::arg("image").noconvert(), py::arg("out").noconvert(), py::arg("box"), py::arg("filter"));
}

}  // namespace irs
#endif
