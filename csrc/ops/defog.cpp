// Haze removed by the maps that HazeNet found: J = A + u (I - A), u a plane over the brightest and the
// darkest channel of the pixel (irs_engine/enhance/haze_net.py). The picture is read and written once.

#define IRS_OP_FILE "ops/defog.cpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/bind.h"
#include "core/float4.h"
#include "core/map_tiles.h"
#include "core/parallel_for.h"

#ifndef IRS_DEFOG_TYPES
#define IRS_DEFOG_TYPES
namespace irs {
constexpr int defog_maps = 6;  // airlight red, green, blue; slope_max, slope_min, offset
constexpr int curve_steps = 1 << 16;  // from black to white: as many as std::uint16_t has
}  // namespace irs
#endif

#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/pixels.h"

// u of every pixel; the maps are slope_max, slope_min and offset.
template <class T>
IRS_NOINLINE void find_contrast(const T* __restrict planes, const float* __restrict above,
                                const float* __restrict step, float share, float most, int width,
                                float* __restrict contrast) {
  constexpr int n = tile_columns;
  const T *red = planes, *green = planes + n, *blue = planes + 2 * n;
  for (int x = 0; x < width; ++x) {
    const T brightest = std::max(red[x], std::max(green[x], blue[x]));
    const T darkest = std::min(red[x], std::min(green[x], blue[x]));
    const float slope_max = above[x] + share * step[x];
    const float slope_min = above[n + x] + share * step[n + x];
    const float offset = above[2 * n + x] + share * step[2 * n + x];
    const float seen = offset + slope_max * brightest + slope_min * darkest;
    contrast[x] = std::min(std::max(seen, 0.0f), most);
  }
}

// One colour of every pixel, scaled from levels of T to levels of Out.
template <class T, class Out>
IRS_NOINLINE void clear_plane(const T* __restrict plane, const float* __restrict above,
                              const float* __restrict step, float share, const float* __restrict contrast,
                              int width, Out* __restrict out) {
  constexpr float scale = float(std::numeric_limits<Out>::max()) / std::numeric_limits<T>::max();
  for (int x = 0; x < width; ++x) {
    const float airlight = above[x] + share * step[x];
    out[x] = to_level<Out>((airlight + (plane[x] - airlight) * contrast[x]) * scale);
  }
}

// A row of a tile. `curve`, if there is one, gives levels for steps of brightness from black to white.
template <class T>
void defog_row(const T* row, T* to, int width, const MapTile& tile, float share, float most, const T* curve) {
  constexpr int n = tile_columns;
  T planes[3 * n], cleared[3 * n];
  float contrast[n];
  split_rgb(row, width, planes, planes + n, planes + 2 * n);
  find_contrast(planes, tile.above(3), tile.step(3), share, most, width, contrast);
  for (int c = 0; c < 3; ++c) {
    const float *above = tile.above(c), *step = tile.step(c);
    if (curve) {
      std::uint16_t steps[n];
      clear_plane(planes + c * n, above, step, share, contrast, width, steps);
      for (int x = 0; x < width; ++x) cleared[c * n + x] = curve[steps[x]];
    } else {
      clear_plane(planes + c * n, above, step, share, contrast, width, cleared + c * n);
    }
  }
  join_rgb(cleared, cleared + n, cleared + 2 * n, width, to);
}

void defog_row_8(const std::uint8_t* row, std::uint8_t* to, int width, const MapTile& tile, float share,
                 float most, const std::uint8_t* curve) {
  defog_row(row, to, width, tile, share, most, curve);
}

void defog_row_16(const std::uint16_t* row, std::uint16_t* to, int width, const MapTile& tile, float share,
                  float most, const std::uint16_t* curve) {
  defog_row(row, to, width, tile, share, most, curve);
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

// The maps for values in levels: the airlight scaled up, what is multiplied with levels scaled down.
Aligned<float> maps_for_levels(ImageView<const float> maps, float strength, float largest) {
  Aligned<float> scaled(static_cast<std::size_t>(maps.height()) * maps.row_length());
  float* to = scaled.data();
  for (int y = 0; y < maps.height(); ++y) {
    const float* from = maps.row(y);
    for (int x = 0; x < maps.width(); ++x, from += defog_maps, to += defog_maps) {
      for (int c = 0; c < 3; ++c) to[c] = from[c] * largest;
      for (int m = 3; m < 5; ++m) to[m] = from[m] * strength / largest;
      to[5] = 1 + strength * (from[5] - 1);
    }
  }
  return scaled;
}

// Levels by steps of brightness: a power, in whole numbers.
template <class T>
std::vector<T> power_curve(double exponent) {
  std::vector<T> curve(curve_steps);
  for (int i = 0; i < curve_steps; ++i)
    curve[i] = static_cast<T>(
        std::pow(i / double(curve_steps - 1), exponent) * std::numeric_limits<T>::max() + 0.5);
  return curve;
}

template <class T, class Kernel>
void defog(const py::array& image, const py::array& maps, const py::array& out, float strength, float most,
           double exponent, const Kernel& kernel) {
  const auto from = image_view<const T>(image, "image", {3});
  const auto given = image_view<const float>(maps, "maps", {defog_maps});
  const auto to = image_view<T>(out, "out", {3});
  check(to.width() == from.width() && to.height() == from.height(), "out: expected the size of the image");
  check(exponent > 0, "exponent: expected more than 0, got ", exponent);
  py::gil_scoped_release release;
  const Aligned<float> scaled = maps_for_levels(given, strength, std::numeric_limits<T>::max());
  const std::size_t count = static_cast<std::size_t>(given.height()) * given.row_length();
  const ImageView<const float> levels({scaled.data(), count}, scaled.data(), given.width(), given.height(),
                                      defog_maps, given.row_length());
  const std::vector<T> curve = exponent == 1 ? std::vector<T>() : power_curve<T>(exponent);
  for_each_tile_row(levels, from.width(), from.height(),
                    [&](const MapTile& tile, int left, int width, int y, float share) {
                      kernel(from.row(y) + 3 * left, to.row(y) + 3 * left, width, tile, share, most,
                             curve.empty() ? nullptr : curve.data());
                    });
}

}  // namespace

IRS_BIND(m) {
  // (H, W, 3) uint8 or uint16 and (h, w, 6) maps to `out`, then to a power.
  m.def(
      "defog",
      [](const py::array& image, const py::array& maps, const py::array& out, float strength, float most,
         double exponent) {
        if (has_16_bits(image)) {
          return defog<std::uint16_t>(image, maps, out, strength, most, exponent, IRS_DISPATCH(defog_row_16));
        }
        defog<std::uint8_t>(image, maps, out, strength, most, exponent, IRS_DISPATCH(defog_row_8));
      },
      py::arg("image").noconvert(), py::arg("maps").noconvert(), py::arg("out").noconvert(),
      py::arg("strength"), py::arg("most"), py::arg("exponent"));
}

}  // namespace irs
#endif
