// Haze removed by the maps that HazeNet found: J = A + u (I - A), u a plane over the brightest and the
// darkest channel of the pixel (irs_engine/enhance/haze_net.py). The picture is read and written once.

#define IRS_OP_FILE "ops/defog.cpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/float4.h"
#include "core/parallel_for.h"

#ifndef IRS_DEFOG_TYPES
#define IRS_DEFOG_TYPES
namespace irs {
constexpr int defog_maps = 6;  // airlight red, green, blue; slope_max, slope_min, offset
constexpr int rows_worth_a_thread = 16;
constexpr int curve_steps = 1 << 16;  // from black to white: as many as std::uint16_t has

struct Defogging {
  ImageView<const float> maps;  // for values in levels
  float most;                   // contrast
  bool fits_fixed;              // whether fixed point holds all that these maps can give
};
}  // namespace irs
#endif

#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/pixels.h"
#include "core/map_tiles.h"

// u of every pixel; the maps are slope_max, slope_min and offset.
template <class T>
IRS_NOINLINE void find_contrast(const T* __restrict planes, const float* __restrict above,
                                const float* __restrict step, const float* __restrict share, int line,
                                float most, int width, float* __restrict contrast) {
  constexpr int n = tile_columns;
  const T *red = planes, *green = planes + n, *blue = planes + 2 * n;
  for (int x = 0; x < width; ++x) {
    const T brightest = std::max(red[x], std::max(green[x], blue[x]));
    const T darkest = std::min(red[x], std::min(green[x], blue[x]));
    const float slope_max = between(above[x], step[x], share[x]);
    const float slope_min = between(above[line + x], step[line + x], share[x]);
    const float offset = between(above[2 * line + x], step[2 * line + x], share[x]);
    const float seen = offset + slope_max * brightest + slope_min * darkest;
    contrast[x] = std::min(std::max(seen, 0.0f), most);
  }
}

// One colour of every pixel, scaled from levels of T to levels of Out.
template <class T, class Out>
IRS_NOINLINE void clear_plane(const T* __restrict plane, const float* __restrict above,
                              const float* __restrict step, const float* __restrict share,
                              const float* __restrict contrast, int width, Out* __restrict out) {
  constexpr float scale = float(std::numeric_limits<Out>::max()) / std::numeric_limits<T>::max();
  for (int x = 0; x < width; ++x) {
    const float airlight = between(above[x], step[x], share[x]);
    out[x] = to_level<Out>((airlight + (plane[x] - airlight) * contrast[x]) * scale);
  }
}

// The same in fixed point: a level is 2^6, 1 of what adds up to u is 2^11, and 1 of u is 2^12.
constexpr int level_bits = 6;
constexpr float level_unit = 1 << level_bits, slope_unit = 1 << 19, offset_unit = 1 << 11;

IRS_NOINLINE void find_contrast(const Fixed* __restrict planes, const Fixed* __restrict above,
                                const Fixed* __restrict step, const Fixed* __restrict share, int line,
                                Fixed most, int width, Fixed* __restrict contrast) {
  constexpr int n = tile_columns;
  const Fixed *red = planes, *green = planes + n, *blue = planes + 2 * n;
  for (int x = 0; x < width; ++x) {
    const Fixed brightest = std::max(red[x], std::max(green[x], blue[x]));
    const Fixed darkest = std::min(red[x], std::min(green[x], blue[x]));
    const Fixed slope_max = between(above[x], step[x], share[x]);
    const Fixed slope_min = between(above[line + x], step[line + x], share[x]);
    const Fixed offset = between(above[2 * line + x], step[2 * line + x], share[x]);
    const Fixed seen = static_cast<Fixed>(offset + times(slope_max, static_cast<Fixed>(brightest << 1)) +
                                          times(slope_min, static_cast<Fixed>(darkest << 1)));
    contrast[x] = static_cast<Fixed>(std::min(std::max(seen, Fixed{0}), most) << 1);
  }
}

IRS_NOINLINE void clear_plane(const Fixed* __restrict plane, const Fixed* __restrict above,
                              const Fixed* __restrict step, const Fixed* __restrict share,
                              const Fixed* __restrict contrast, int width, std::uint8_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const Fixed airlight = between(above[x], step[x], share[x]);
    const Fixed haze = static_cast<Fixed>(plane[x] - airlight);
    out[x] = to_level(static_cast<Fixed>(times(contrast[x], haze) + (static_cast<Fixed>(airlight + 4) >> 3)));
  }
}

template <class T, class V>
struct DefogPart {
  using Lines = MapLines<V, defog_maps>;
  ImageView<const T> image;
  ImageView<T> out;
  V most;
  const T* curve;  // if there is one: levels for steps of brightness from black to white

  void operator()(const Lines& lines, int left, int width, int y, const V* __restrict share) const {
    constexpr int n = tile_columns;
    alignas(64) T planes[3 * n], cleared[3 * n];
    alignas(64) V colours[3 * n], contrast[n];
    alignas(64) std::uint16_t steps[n];
    const std::ptrdiff_t first = std::ptrdiff_t{3} * left;
    const V *above = lines.above(3) + left, *step = lines.step(3) + left;
    split_rgb(image.row(y) + first, width, planes, planes + n, planes + 2 * n);
    if constexpr (sizeof(V) == sizeof(Fixed)) {
      for (int c = 0; c < 3; ++c) to_colours<level_bits>(planes + c * n, width, colours + c * n);
      find_contrast(colours, above, step, share, lines.line(), most, width, contrast);
    } else {
      find_contrast(planes, above, step, share, lines.line(), most, width, contrast);
    }
    for (int c = 0; c < 3; ++c) {
      above = lines.above(c) + left, step = lines.step(c) + left;
      if constexpr (sizeof(V) == sizeof(Fixed)) {
        clear_plane(colours + c * n, above, step, share, contrast, width, cleared + c * n);
      } else if (curve) {
        clear_plane(planes + c * n, above, step, share, contrast, width, steps);
        for (int x = 0; x < width; ++x) cleared[c * n + x] = curve[steps[x]];
      } else {
        clear_plane(planes + c * n, above, step, share, contrast, width, cleared + c * n);
      }
    }
    join_rgb(cleared, cleared + n, cleared + 2 * n, width, out.row(y) + first);
  }
};

// Rows [begin, end) of a picture.
template <class T>
void defog_rows(ImageView<const T> image, ImageView<T> out, const Defogging& wanted, const T* curve,
                int begin, int end) {
  const int width = image.width(), height = image.height();
  if constexpr (sizeof(T) == 1) {
    if (wanted.fits_fixed && !curve) {
      const float scales[defog_maps] = {level_unit, level_unit, level_unit,
                                        slope_unit, slope_unit, offset_unit};
      const Fixed most = static_cast<Fixed>(std::min(wanted.most * offset_unit, 16383.0f));
      return for_each_part<Fixed>(wanted.maps, scales, width, height, begin, end,
                                  DefogPart<T, Fixed>{image, out, most, nullptr});
    }
  }
  const float scales[defog_maps] = {1, 1, 1, 1, 1, 1};
  for_each_part<float>(wanted.maps, scales, width, height, begin, end,
                       DefogPart<T, float>{image, out, wanted.most, curve});
}

void defog_rows_8(ImageView<const std::uint8_t> image, ImageView<std::uint8_t> out, const Defogging& wanted,
                  const std::uint8_t* curve, int begin, int end) {
  defog_rows(image, out, wanted, curve, begin, end);
}

void defog_rows_16(ImageView<const std::uint16_t> image, ImageView<std::uint16_t> out,
                   const Defogging& wanted, const std::uint16_t* curve, int begin, int end) {
  defog_rows(image, out, wanted, curve, begin, end);
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

// Airlight of -0.5..1.5, and terms of u of less than 8 each and 16 together: as the network sees photos.
// Other maps are worked with in floats.
bool fits_fixed_point(ImageView<const float> levels, float most) {
  for (int y = 0; y < levels.height(); ++y)
    for (int x = 0; x < levels.width(); ++x) {
      const float* map = levels.row(y) + x * defog_maps;
      float sum = 0;
      for (int m = 3; m < defog_maps; ++m) {
        const float term = std::abs(map[m]) * (m < 5 ? 255 : 1);
        if (!(term < 7.9f)) return false;
        sum += term;
      }
      for (int c = 0; c < 3; ++c)
        if (!(std::abs(map[c] - 127.5f) <= 255)) return false;
      if (!(sum < 15.9f)) return false;
    }
  return most >= 0 && most <= 8;
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
  const Defogging wanted{levels, most, fits_fixed_point(levels, most)};
  parallel_for(from.height(), rows_worth_a_thread, [&](std::int64_t begin, std::int64_t end) {
    kernel(from, to, wanted, curve.empty() ? nullptr : curve.data(), static_cast<int>(begin),
           static_cast<int>(end));
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
          return defog<std::uint16_t>(image, maps, out, strength, most, exponent,
                                      IRS_DISPATCH(defog_rows_16));
        }
        defog<std::uint8_t>(image, maps, out, strength, most, exponent, IRS_DISPATCH(defog_rows_8));
      },
      py::arg("image").noconvert(), py::arg("maps").noconvert(), py::arg("out").noconvert(),
      py::arg("strength"), py::arg("most"), py::arg("exponent"));
}

}  // namespace irs
#endif
