// Weights of a network as the caller gives them, checked and laid out for the kernels.
#pragma once

#include <initializer_list>
#include <string>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/isa.h"

namespace irs {

// The elements of a C-contiguous float32 array of this shape.
inline const float* weights_array(const py::array& array, const char* name,
                                  std::initializer_list<int> shape) {
  bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
  std::string expected;
  int axis = 0;
  for (int size : shape) {
    fits = fits && array.shape(axis++) == size;
    expected += (expected.empty() ? "" : ", ") + std::to_string(size);
  }
  detail::check_array<const float>(array, name, fits, "float32 (" + expected + ")");
  check(array.flags() & py::array::c_style, name,
        ": expected a C-contiguous array; use numpy.ascontiguousarray");
  return detail::first_element<const float>(array);
}

// (rows, columns) to [columns][rows].
inline Aligned<float> transposed(const float* values, int rows, int columns) {
  Aligned<float> result(static_cast<std::size_t>(rows) * columns);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) result[x * rows + y] = values[y * columns + x];
  return result;
}

// With zeros behind.
inline Aligned<float> padded(const float* values, int count, int length) {
  Aligned<float> result(length);
  for (int i = 0; i < count; ++i) result[i] = values[i];
  return result;
}

// A plane (height, width): rows any distance apart, in any direction.
template <class T>
ImageView<T> plane_view(const py::array& array, const char* name) {
  check(array.ndim() == 2, name, ": expected ", detail::type_name<T>(), " (height, width), got ",
        detail::describe(array));
  return image_view<T>(array, name, {1});
}

// `out` is what a network makes of rows of `luma`, from `first` on.
inline void check_enlarged(ImageView<const float> luma, ImageView<float> out, int scale, int first) {
  const int limit = 1 << 28;
  check(luma.width() <= limit && luma.height() <= limit, "luma: too large, got ", luma.height(), " x ",
        luma.width());
  check(out.width() == luma.width() * scale && out.height() % scale == 0, "out: expected a multiple of ",
        scale, " rows of ", luma.width() * scale, " columns, got ", out.height(), " x ", out.width());
  const int rows = out.height() / scale;
  check(rows <= luma.height() && first >= 0 && first <= luma.height() - rows, "first: expected ", rows,
        " rows within the ", luma.height(), " of luma, got ", first, "..", first + rows);
}

inline void check_bf16(bool bf16) {
  check(!bf16 || has_bf16(), "bf16: expected the instruction set amx, which this CPU may lack, got ",
        isa_name(current_isa()));
}

}  // namespace irs
