// Pixels that belong to someone else. A view never allocates, and is checked once, when it is made.
#pragma once

#include <cstddef>

#include "core/check.h"

namespace irs {

// The elements that a view may touch. Rows may run upwards, so its first pixel need not be the first of them.
template <class T>
struct Extent {
  T* begin;
  std::size_t size;

  bool holds(const T* from, std::ptrdiff_t count) const {
    return begin <= from && from + count <= begin + size;
  }
};

// Interleaved pixels (height, width, channels). Rows lie `row_stride` elements apart, in either direction.
template <class T>
class ImageView {
 public:
  ImageView(Extent<T> extent, T* first, int width, int height, int channels, std::ptrdiff_t row_stride)
      : first_(first), width_(width), height_(height), channels_(channels), row_stride_(row_stride) {
    check(width > 0 && height > 0 && channels > 0, "image: expected at least one pixel, got ", width, "x",
          height, "x", channels);
    check(extent.holds(row(0), row_length()) && extent.holds(row(height - 1), row_length()), "image: ", width,
          "x", height, "x", channels, ", rows ", row_stride, " apart, does not fit ", extent.size,
          " elements");
  }

  int width() const { return width_; }
  int height() const { return height_; }
  int channels() const { return channels_; }
  std::ptrdiff_t row_stride() const { return row_stride_; }
  std::ptrdiff_t row_length() const { return static_cast<std::ptrdiff_t>(width_) * channels_; }
  T* row(int y) const { return first_ + y * row_stride_; }

 private:
  T* first_;
  int width_, height_, channels_;
  std::ptrdiff_t row_stride_;
};

// Planes (channels, height, width) without gaps, as networks take them.
template <class T>
class PlanesView {
 public:
  PlanesView(Extent<T> extent, int width, int height, int channels)
      : first_(extent.begin), width_(width), height_(height), channels_(channels) {
    check(width > 0 && height > 0 && channels > 0, "planes: expected at least one pixel, got ", channels, "x",
          height, "x", width);
    check(static_cast<std::size_t>(width) * height * channels <= extent.size, "planes: ", channels, "x",
          height, "x", width, " does not fit ", extent.size, " elements");
  }

  int width() const { return width_; }
  int height() const { return height_; }
  int channels() const { return channels_; }
  T* row(int channel, int y) const {
    return first_ + (static_cast<std::ptrdiff_t>(channel) * height_ + y) * width_;
  }

 private:
  T* first_;
  int width_, height_, channels_;
};

}  // namespace irs
