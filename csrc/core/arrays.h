// Arrays of plain numbers from and to Python, of any length, none included.
#pragma once

#include <string>
#include <vector>

#include "core/bind.h"

namespace irs {

// The values of a contiguous (n,) array, or (n, columns) one.
template <class T>
const T* values_of(const py::array& array, const char* name, py::ssize_t columns = 0) {
  const bool fits = array.ndim() == (columns ? 2 : 1) && (!columns || array.shape(1) == columns) &&
                    py::isinstance<py::array_t<T>>(array) && (array.flags() & py::array::c_style) != 0;
  check(fits, name, ": expected contiguous ", detail::type_name<T>(), " (n",
        columns ? ", " + std::to_string(columns) : std::string(","), "), got ", detail::describe(array));
  return static_cast<const T*>(array.data());
}

template <class T>
py::array_t<T> as_array(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

}  // namespace irs
