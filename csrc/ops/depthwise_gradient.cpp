// The gradient of the kernels of a "same" depthwise convolution of stride 1, for training on a CPU.
//
// Every channel has its kernel, so there is no matrix product in it; torch's way takes ten times as long as
// all the rest of such a convolution's step.

#define IRS_OP_FILE "ops/depthwise_gradient.cpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/bind.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/vec.h"

constexpr int most_side = 7;  // of a kernel: its column of sums stays in registers

// Adds to the sums of one column of the kernel, dx from its middle, what a row of the gradient says.
template <int side>
void add_column(const float* __restrict gradient, const float* const* rows, int width, int channels, int dx,
                float* __restrict sums) {
  Vec sum[side];
  for (int dy = 0; dy < side; ++dy) sum[dy] = load(sums + dy * side * channels);
  for (int x = std::max(0, -dx); x < width - std::max(0, dx); ++x) {
    const Vec by = load(gradient + static_cast<std::ptrdiff_t>(x) * channels);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(x + dx) * channels;
    for (int dy = 0; dy < side; ++dy) sum[dy] = fma(by, load(rows[dy] + at), sum[dy]);
  }
  for (int dy = 0; dy < side; ++dy) store(sums + dy * side * channels, sum[dy]);
}

// For channels from `begin` to `end`, both multiples of the vector's length.
template <int side>
void add_pictures(ImageView<const float> x, ImageView<const float> gradient, ImageView<float> out, int height,
                  const float* zeros, int begin, int end) {
  constexpr int reach = side / 2;
  for (int row = 0; row < x.height(); ++row) {
    const int y = row % height;
    for (int channel = begin; channel < end; channel += lanes) {
      const float* rows[side];
      for (int dy = 0; dy < side; ++dy) {
        const bool inside = y + dy - reach >= 0 && y + dy - reach < height;
        rows[dy] = (inside ? x.row(row + dy - reach) : zeros) + channel;
      }
      for (int dx = -reach; dx <= reach; ++dx)
        add_column<side>(gradient.row(row) + channel, rows, x.width(), x.channels(), dx,
                         out.row(0) + (dx + reach) * x.channels() + channel);
    }
  }
}

void depthwise_gradient_of(ImageView<const float> x, ImageView<const float> gradient, ImageView<float> out,
                           int height, const float* zeros, int begin, int end) {
  static_assert(most_side == 7, "one case for each side");
  switch (out.width()) {
    case 3: return add_pictures<3>(x, gradient, out, height, zeros, begin, end);
    case 5: return add_pictures<5>(x, gradient, out, height, zeros, begin, end);
    case 7: return add_pictures<7>(x, gradient, out, height, zeros, begin, end);
  }
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {

constexpr int gradient_block = 16;  // channels that a thread takes at a time

IRS_BIND(m) {
  // x and gradient: (N height, W, C), N pictures end to end; out: (side, side, C).
  m.def(
      "depthwise_gradient",
      [](const py::array& x, const py::array& gradient, const py::array& out, int height) {
        const int channels = x.ndim() == 3 ? static_cast<int>(x.shape(2)) : 1;
        const auto from = image_view<const float>(x, "x", {channels});
        const auto by = image_view<const float>(gradient, "gradient", {channels});
        const auto to = image_view<float>(out, "out", {channels});
        check(channels % gradient_block == 0, "x: expected a multiple of ", gradient_block,
              " channels, got ", channels);
        check(by.width() == from.width() && by.height() == from.height(),
              "gradient: expected the shape of x");
        check(height > 0 && from.height() % height == 0, "height: expected a divisor of ", from.height(),
              ", got ", height);
        check(to.width() == to.height() && (to.width() == 3 || to.width() == 5 || to.width() == 7) &&
                  to.row_stride() == to.row_length(),
              "out: expected (side, side, channels) without gaps and a side of 3, 5 or 7");
        py::gil_scoped_release release;
        std::fill_n(to.row(0), to.row_length() * to.height(), 0.0f);
        const std::vector<float> zeros(static_cast<std::size_t>(from.row_length()));
        parallel_for(channels / gradient_block, 1, [&](std::int64_t begin, std::int64_t end) {
          IRS_DISPATCH(depthwise_gradient_of)
          (from, by, to, height, zeros.data(), static_cast<int>(begin) * gradient_block,
           static_cast<int>(end) * gradient_block);
        });
      },
      py::arg("x").noconvert(), py::arg("gradient").noconvert(), py::arg("out").noconvert(),
      py::arg("height"));
}

}  // namespace irs
#endif
