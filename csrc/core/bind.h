// What an operator file needs to show itself to Python.
//
//   IRS_BIND(m) { m.def("invert", [](const py::array& image, const py::array& out) { ... }, ...); }
//
// Arrays arrive as py::array with py::arg("image").noconvert(), so nothing is copied unseen, and become views
// here: an error then says which argument, what it takes and what it got. After that, release the GIL.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "core/check.h"
#include "core/image_view.h"

namespace irs {

namespace py = pybind11;

// A function that adds an operator to the module; all of them form a list that module.cpp walks.
class Binding {
 public:
  explicit Binding(void (*bind)(py::module_&)) : bind_(bind), next_(list()) { list() = this; }

  static void bind_all(py::module_& module) {
    for (const Binding* binding = list(); binding; binding = binding->next_) binding->bind_(module);
  }

 private:
  static Binding*& list() {
    static Binding* first = nullptr;
    return first;
  }

  void (*bind_)(py::module_&);
  Binding* next_;
};

#define IRS_BIND(module)                                             \
  static void bind_this_file(::irs::py::module_& module);            \
  static const ::irs::Binding binding_of_this_file(&bind_this_file); \
  static void bind_this_file(::irs::py::module_& module)

namespace detail {

inline std::string describe(const py::array& array) {
  return std::string(py::str(array.dtype())) + " " + std::string(py::str(array.attr("shape")));
}

// What every view needs: the right element type, aligned, not empty, and writable where T is not const.
template <class T>
void check_array(const py::array& array, const char* name, bool shape_fits, const std::string& expected) {
  using Element = std::remove_const_t<T>;
  check(shape_fits && py::isinstance<py::array_t<Element>>(array), name, ": expected ", expected, ", got ",
        describe(array));
  check(array.size() > 0, name, ": expected at least one pixel, got ", describe(array));
  check(reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Element) == 0, name,
        ": not aligned to its elements");
  check(std::is_const_v<T> || array.writeable(), name,
        ": expected an array that can be written to, got a read-only one");
}

template <class T>
std::string type_name() {
  return std::string(py::str(py::dtype::of<std::remove_const_t<T>>()));
}

template <class T>
T* first_element(const py::array& array) {
  return static_cast<T*>(const_cast<void*>(array.data()));
}

// Steps along an axis of length 1 are never taken, and numpy lets them be anything.
inline bool steps(const py::array& array, int axis, py::ssize_t bytes) {
  return array.shape(axis) == 1 || array.strides(axis) == bytes;
}

}  // namespace detail

inline bool has_16_bits(const py::array& image) { return py::isinstance<py::array_t<std::uint16_t>>(image); }

// (height, width, channels), or (height, width) where one channel is among the accepted. Rows may lie any
// distance apart and in any direction; the pixels of a row must be contiguous.
template <class T>
ImageView<T> image_view(const py::array& array, const char* name, std::initializer_list<int> accepted) {
  std::string shapes;
  bool fits = false;
  const auto channels = array.ndim() == 3 ? array.shape(2) : 1;
  for (int count : accepted) {
    shapes += (shapes.empty() ? "" : " or ") + std::string("(height, width, ") + std::to_string(count) + ")";
    fits |= count == channels && (array.ndim() == 3 || (array.ndim() == 2 && count == 1));
  }
  detail::check_array<T>(array, name, fits, detail::type_name<T>() + " " + shapes);

  const py::ssize_t size = sizeof(T), limit = 1 << 30;
  check(array.shape(0) <= limit && array.shape(1) <= limit / channels, name, ": too large, got ",
        detail::describe(array));
  const int height = static_cast<int>(array.shape(0)), width = static_cast<int>(array.shape(1));
  const bool contiguous =
      detail::steps(array, 1, channels * size) && (array.ndim() == 2 || detail::steps(array, 2, size));
  const py::ssize_t stride = height == 1 ? width * channels * size : array.strides(0);
  check(contiguous && stride % size == 0, name, ": expected rows of contiguous pixels, got strides ",
        std::string(py::str(array.attr("strides"))), "; use numpy.ascontiguousarray");
  check(std::is_const_v<T> || std::abs(stride) >= width * channels * size, name, ": the rows overlap");

  T* first = detail::first_element<T>(array);
  const py::ssize_t step = stride / size, climb = step * (height - 1);
  const Extent<T> buffer{first + std::min<py::ssize_t>(climb, 0),
                         static_cast<std::size_t>(std::abs(climb) + width * channels)};
  return ImageView<T>(buffer, first, width, height, static_cast<int>(channels), step);
}

// (channels, height, width), C-contiguous.
template <class T>
PlanesView<T> planes_view(const py::array& array, const char* name, int channels) {
  const bool fits = array.ndim() == 3 && array.shape(0) == channels;
  detail::check_array<T>(array, name, fits,
                         detail::type_name<T>() + " (" + std::to_string(channels) + ", height, width)");
  const py::ssize_t limit = 1 << 30;
  check(array.shape(1) <= limit && array.shape(2) <= limit, name, ": too large, got ",
        detail::describe(array));
  check(array.flags() & py::array::c_style, name,
        ": expected a C-contiguous array; use numpy.ascontiguousarray");
  return PlanesView<T>({detail::first_element<T>(array), static_cast<std::size_t>(array.size())},
                       static_cast<int>(array.shape(2)), static_cast<int>(array.shape(1)), channels);
}

}  // namespace irs
