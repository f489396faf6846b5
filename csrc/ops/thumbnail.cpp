// Thumbnails as the enhancing networks see them: every cell is the mean of the pixels that it touches.
//
// Sums are whole numbers, so the result has the same bits on every instruction set.

#define IRS_OP_FILE "ops/thumbnail.cpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/bind.h"
#include "core/cells.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN

// Holds the sum of as many values as a T has.
template <class T>
using Sum = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::uint32_t>;

template <class T>
IRS_NOINLINE void add_row(const T* __restrict row, int length, Sum<T>* __restrict sums) {
  for (int i = 0; i < length; ++i) sums[i] += row[i];
}

template <class T>
void thumbnail_rows(ImageView<const T> image, ImageView<float> out, int begin, int end) {
  constexpr int most = 1 << 8 * sizeof(T);  // rows in a sum
  std::vector<Sum<T>> sums(image.row_length());
  std::vector<std::uint64_t> totals(image.row_length());
  for (int y = begin; y < end; ++y) {
    const Cell rows(y, image.height(), out.height());
    std::fill(totals.begin(), totals.end(), 0);
    for (int from = rows.begin; from < rows.end; from += most) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int row = from; row < std::min(from + most, rows.end); ++row)
        add_row(image.row(row), static_cast<int>(image.row_length()), sums.data());
      for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += sums[i];
    }
    for (int x = 0; x < out.width(); ++x) {
      const Cell columns(x, image.width(), out.width());
      const double area = double(rows.end - rows.begin) * (columns.end - columns.begin);
      for (int c = 0; c < 3; ++c) {
        std::uint64_t total = 0;
        for (int column = columns.begin; column < columns.end; ++column) total += totals[3 * column + c];
        out.row(y)[3 * x + c] = static_cast<float>(total / (area * std::numeric_limits<T>::max()));
      }
    }
  }
}

void thumbnail_8(ImageView<const std::uint8_t> image, ImageView<float> out, int begin, int end) {
  thumbnail_rows(image, out, begin, end);
}

void thumbnail_16(ImageView<const std::uint16_t> image, ImageView<float> out, int begin, int end) {
  thumbnail_rows(image, out, begin, end);
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

template <class T, class Kernel>
void thumbnail(const py::array& image, const py::array& out, const Kernel& kernel) {
  const auto from = image_view<const T>(image, "image", {3});
  const auto to = image_view<float>(out, "out", {3});
  py::gil_scoped_release release;
  parallel_for(to.height(), 1, [&](std::int64_t begin, std::int64_t end) {
    kernel(from, to, static_cast<int>(begin), static_cast<int>(end));
  });
}

}  // namespace

IRS_BIND(m) {
  // (H, W, 3) uint8 or uint16 to (h, w, 3) float32 in 0..1, of any size.
  m.def(
      "thumbnail",
      [](const py::array& image, const py::array& out) {
        if (has_16_bits(image)) return thumbnail<std::uint16_t>(image, out, IRS_DISPATCH(thumbnail_16));
        thumbnail<std::uint8_t>(image, out, IRS_DISPATCH(thumbnail_8));
      },
      py::arg("image").noconvert(), py::arg("out").noconvert());
}

}  // namespace irs
#endif
