// Illumination, exposure and noise of a thumbnail. Windows are shares of its longer side, so the result does
// not depend on the size of the picture; sums run in one order, so neither on threads or instruction sets.

#define IRS_OP_FILE "core/exposure.cpp"

#include "core/exposure.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/extend.h"
#include "core/float4.h"
#include "core/parallel_for.h"
#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/tone_curve.h"

// The guided filter (He, Sun, Tang 2013), guided by what it filters: contrast well below this share of the
// local brightness is smoothed away.
constexpr float least_contrast = 0.03f;  // its square, relative to that of the brightness
constexpr float black = 0.02f;           // below this brightness contrast is no longer relative
constexpr float least_share = 0.15f;     // of a pixel that is kept where there is nothing but noise
constexpr float dim_from = 0.006f, dim_to = 0.25f;  // brightness in which noise is looked for
constexpr float no_variance = 1e-7f;     // keeps flat areas from 0 / 0

IRS_NOINLINE void add_row(const float* __restrict entering, int length, double* __restrict sums) {
  for (int i = 0; i < length; ++i) sums[i] += entering[i];
}

IRS_NOINLINE void move_row(const float* __restrict entering, const float* __restrict leaving, int length,
                           double* __restrict sums) {
  for (int i = 0; i < length; ++i) sums[i] += double(entering[i]) - leaving[i];
}

// Sums of `side` neighbours, times `scale`.
template <int maps>
IRS_NOINLINE void slide(const double* __restrict values, int width, int side, double scale,
                        float* __restrict means) {
  double sums[maps] = {};
  for (int k = 0; k < side; ++k)
    for (int m = 0; m < maps; ++m) sums[m] += values[k * maps + m];
  const double* entering = values + side * maps;
  for (int x = 0; x < width; ++x, means += maps, values += maps, entering += maps)
    for (int m = 0; m < maps; ++m) {
      means[m] = static_cast<float>(sums[m] * scale);
      sums[m] += entering[m] - values[m];
    }
}

// Rows of interleaved maps, as they lie in memory.
template <int maps>
struct Rows {
  const float* values;
  int width;
  const float* row(int y, float*) const { return values + std::ptrdiff_t{y} * width * maps; }
};

// [m, m^2] of every cell.
struct Squares {
  const float* cells;
  int width;
  const float* row(int y, float* pairs) const {
    const float* from = cells + std::ptrdiff_t{y} * width * cell_means;
    for (int x = 0; x < width; ++x) {
      const float m = from[x * cell_means];
      pairs[2 * x] = m;
      pairs[2 * x + 1] = m * m;
    }
    return pairs;
  }
};

// Means over windows of (2 radius + 1)^2 cells, reflected at the edges, of so many interleaved maps: calls
// take(y, means) for the rows [begin, end), a band with sums of its own.
template <int maps, class Source, class Take>
void box_means(const Source& source, int width, int height, int radius, int begin, int end,
               const Take& take) {
  const int length = width * maps, side = 2 * radius + 1;
  const double area = double(side) * side;
  std::vector<double> columns(length);
  std::vector<double> extended((width + 2 * radius + 1) * std::size_t{maps});  // the last one is never used
  std::vector<float> entering(length), leaving(length), means(length);
  const auto row = [&](int y, std::vector<float>& values) {
    return source.row(reflected(y, height), values.data());
  };
  for (int k = -radius; k <= radius; ++k) add_row(row(begin + k, entering), length, columns.data());
  for (int y = begin; y < end; ++y) {
    if (y > begin) move_row(row(y + radius, entering), row(y - radius - 1, leaving), length, columns.data());
    std::copy(columns.begin(), columns.end(), extended.begin() + radius * maps);
    for (int k = 1; k <= radius; ++k)
      for (int m = 0; m < maps; ++m) {
        extended[(radius - k) * maps + m] = columns[reflected(-k, width) * maps + m];
        extended[(radius + width - 1 + k) * maps + m] = columns[reflected(width - 1 + k, width) * maps + m];
      }
    slide<maps>(extended.data(), width, side, 1 / area, means.data());
    take(y, means.data());
  }
}

// T of every cell of a row.
void light_of_row(const float* __restrict cells, const float* __restrict maps, int width,
                  float* __restrict light) {
  for (int x = 0; x < width; ++x) {
    const float* map = maps + x * exposure_maps;
    light[x] = std::min(std::max(map[4] * cells[x * cell_means] + map[5], 0.0f), 1.0f);
  }
}

// Means of [m, m^2] to [slope, offset] of the illumination as a line over m.
struct FitLight {
  float* lines;
  int width;
  void operator()(int y, const float* __restrict means) const {
    float* __restrict to = lines + std::ptrdiff_t{y} * width * 2;
    for (int x = 0; x < width; ++x, means += 2, to += 2) {
      const float mean = means[0], mean2 = mean * mean;
      const float variance = std::max(means[1] - mean2, 0.0f);
      const float slope = variance / (variance + least_contrast * (mean2 + square(black)));
      to[0] = slope;
      to[1] = mean - slope * mean;
    }
  }
};

// To some of the maps of an Exposure.
template <int count>
struct Keep {
  float* maps;
  int width;
  void operator()(int y, const float* __restrict means) const {
    float* __restrict to = maps + std::ptrdiff_t{y} * width * exposure_maps;
    for (int x = 0; x < width; ++x)
      for (int m = 0; m < count; ++m) to[x * exposure_maps + m] = means[x * count + m];
  }
};

// Variances of the brightness where it is dim, -1 elsewhere.
struct FindVariance {
  float* variances;
  int width;
  void operator()(int y, const float* __restrict means) const {
    float* __restrict to = variances + std::ptrdiff_t{y} * width;
    for (int x = 0; x < width; ++x, means += cell_means) {
      const float variance = std::max(means[1] - means[0] * means[0], 0.0f);
      to[x] = means[0] > dim_from && means[0] < dim_to ? variance : -1;
    }
  }
};

// The linear estimate of least mean square error (Lee 1980) where the variance is that of noise, as far as
// the gain would show it: share, red, green, blue.
struct FitSmoothing {
  float* lines;
  int width;
  float noise, exposure, shadows;
  void operator()(int y, const float* __restrict means) const {
    float* __restrict to = lines + std::ptrdiff_t{y} * width * 4;
    for (int x = 0; x < width; ++x, means += cell_means, to += 4) {
      const float m2 = means[0] * means[0];
      const float variance = std::max(means[1] - m2, 0.0f);
      const float seen = 1 / std::sqrt(shoulder_and_shadows(m2, m2, exposure, shadows));
      const float gain = 1 + (seen - 1) * (m2 / (m2 + square(noise_floor)));
      const float detail = std::max(variance - noise, 0.0f) / (variance + no_variance);
      const float share = 1 - (1 - least_share) * (1 - detail) * (1 - 1 / gain);
      to[0] = share;
      for (int c = 0; c < 3; ++c) to[1 + c] = (1 - share) * means[2 + c];
    }
  }
};

// Steps of find_exposure, for rows [begin, end) of a thumbnail.
void fit_light(ImageView<const float> cells, int radius, float* lines, int begin, int end) {
  const int width = cells.width(), height = cells.height();
  box_means<2>(Squares{cells.row(0), width}, width, height, radius, begin, end, FitLight{lines, width});
}

void smooth_light(const float* lines, int width, int height, int radius, float* maps, int begin, int end) {
  box_means<2>(Rows<2>{lines, width}, width, height, radius, begin, end, Keep<2>{maps + 4, width});
}

void find_variance(ImageView<const float> cells, int radius, float* variances, int begin, int end) {
  const int width = cells.width(), height = cells.height();
  box_means<cell_means>(Rows<cell_means>{cells.row(0), width}, width, height, radius, begin, end,
                        FindVariance{variances, width});
}

void fit_smoothing(ImageView<const float> cells, int radius, float noise, float exposure, float shadows,
                   float* lines, int begin, int end) {
  const int width = cells.width(), height = cells.height();
  box_means<cell_means>(Rows<cell_means>{cells.row(0), width}, width, height, radius, begin, end,
                        FitSmoothing{lines, width, noise, exposure, shadows});
}

void smooth_smoothing(const float* lines, int width, int height, float* maps, int begin, int end) {
  box_means<4>(Rows<4>{lines, width}, width, height, 1, begin, end, Keep<4>{maps, width});
}

// Sum of values[i] / sqrt(D_i), D the shoulder over bends[i].
double sum_lifted(const double* __restrict values, const double* __restrict bends, int count, double exposure,
                  double* __restrict terms) {
  for (int i = 0; i < count; ++i) terms[i] = values[i] / std::sqrt(exposure + (1 - exposure) * bends[i]);
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += terms[i];
  return sum;
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

constexpr int band_rows = 32;        // of the thumbnail: work for a thread, with sums of its own
constexpr int light_window = 16;     // its half side, as a part of the longer side of the thumbnail
constexpr int noise_window = 256;    // likewise: a cell at the usual size
constexpr double usual_brightness = 0.9;

constexpr int levels = 4096;          // of the histogram: a step times a gain of 12 is less than a grey level
constexpr double target = 0.46;       // mean brightness that the exposure is to give
constexpr double most_exposure = 12;  // gains beyond it show noise only
constexpr double not_black = 0.02;    // brightness that counts half in that mean; black borders do not count
constexpr int halvings = 20;          // of the range of the exposure

// Whether the picture is to be changed at all: in full from the second value on, not at all up to the first.
constexpr float dark_light = 0.3f;             // light that is not dark at all
constexpr double dark_part[] = {0.12, 0.30};   // of the picture
constexpr double usual_mean[] = {0.40, 0.28};  // of the brightness

constexpr float bright_light[] = {0.4f, 0.6f};  // light that belongs to the bright side of a backlit picture
constexpr double backlit_part = 0.25;          // bright part from which on shadows are lifted in full
constexpr double shadow_gain = 3;              // of a backlit picture at the least

constexpr double noise_percentile = 30;    // of the local variances: where nothing but noise varies
constexpr double noise_spread = 1.5;       // local variances of noise alone go up to there, about
constexpr double most_noise = 3.0 / 255;   // standard deviation
constexpr double enough_dim = 0.02;        // part of the picture

// 0 up to `from`, 1 from `to` on, and smooth between.
double smooth_step(double value, const double (&range)[2]) {
  const double u = std::clamp((value - range[0]) / (range[1] - range[0]), 0.0, 1.0);
  return u * u * (3 - 2 * u);
}

// A window's half side; halves to even, as Python rounds.
int radius_of(int longer_side, int part) {
  return std::max(1, static_cast<int>(std::nearbyint(longer_side / double(part))));
}

template <class Body>
void for_each_band(int height, const Body& body) {
  parallel_for((height + band_rows - 1) / band_rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (int band = static_cast<int>(begin); band < end; ++band)
      body(band * band_rows, std::min((band + 1) * band_rows, height));
  });
}

// Gain with which the mean of the pixels that are not black reaches the target.
double expose(const float* cells, std::ptrdiff_t count) {
  std::vector<std::uint32_t> histogram(levels);
  for (std::ptrdiff_t i = 0; i < count; ++i)
    ++histogram[static_cast<int>(std::min(cells[i * cell_means] * levels, levels - 1.0f))];
  std::vector<double> values, bends;
  double want = 0, kept = 0;
  for (int i = 0; i < levels; ++i) {
    if (!histogram[i]) continue;
    const double m = (i + 0.5) / levels, m2 = m * m;
    const double number = histogram[i] * m2 / (m2 + not_black * not_black);
    const double signal = m2 / (m2 + double(generic::noise_floor) * generic::noise_floor);
    values.push_back(number * m * signal);
    bends.push_back(generic::shoulder(m2, m2, 0.0));
    want += number * target;
    kept += number * m * (1 - signal);
  }
  std::vector<double> terms(values.size());
  double low = 0, high = std::log(most_exposure);
  for (int i = 0; i < halvings; ++i) {
    const double middle = (low + high) / 2;
    const double lifted = IRS_DISPATCH(sum_lifted)(
        values.data(), bends.data(), static_cast<int>(values.size()), std::exp(-2 * middle), terms.data());
    (kept + lifted < want ? low : high) = middle;
  }
  return std::exp(low);
}

// Floats that are not negative are ordered as their bits are.
std::uint32_t coarse(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits >> 16;
}

// Variance of the noise, a percentile of those that are not negative.
float find_noise(const float* variances, std::ptrdiff_t count) {
  std::vector<std::uint32_t> counts(1 << 16);
  std::size_t looked_at = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    if (variances[i] < 0) continue;
    ++counts[coarse(variances[i])];
    ++looked_at;
  }
  if (!looked_at) return 0;
  auto rank = static_cast<std::size_t>(looked_at * noise_percentile / 100);
  std::uint32_t key = 0;
  for (; rank >= counts[key]; ++key) rank -= counts[key];
  std::vector<float> near;
  for (std::ptrdiff_t i = 0; i < count; ++i)
    if (variances[i] >= 0 && coarse(variances[i]) == key) near.push_back(variances[i]);
  std::nth_element(near.begin(), near.begin() + rank, near.end());
  return static_cast<float>(std::min(near[rank] * noise_spread, most_noise * most_noise) *
                            std::min(1.0, looked_at / (enough_dim * count)));
}

struct Gains {
  double exposure, shadows;
};

// From the thumbnail and the light in it.
Gains find_gains(ImageView<const float> means, const float* maps) {
  const int width = means.width(), height = means.height();
  struct Sums {
    double brightness = 0, dark = 0, bright = 0;
  };
  std::vector<Sums> rows(height);
  for_each_band(height, [&](int begin, int end) {
    std::vector<float> light(width);
    for (int y = begin; y < end; ++y) {
      const float* row = means.row(y);
      IRS_DISPATCH(light_of_row)(row, maps + std::ptrdiff_t{y} * width * exposure_maps, width, light.data());
      Sums sums;
      for (int x = 0; x < width; ++x) {
        sums.brightness += row[x * cell_means];
        sums.dark += std::max(dark_light - light[x], 0.0f);
        sums.bright += std::clamp(light[x], bright_light[0], bright_light[1]) - bright_light[0];
      }
      rows[y] = sums;
    }
  });
  Sums all;
  for (const Sums& row : rows) {
    all.brightness += row.brightness;
    all.dark += row.dark;
    all.bright += row.bright;
  }
  const double count = double(width) * height;
  const double change = std::max(smooth_step(all.dark / (count * dark_light), dark_part),
                                 smooth_step(all.brightness / count, usual_mean));
  if (change == 0) return {1, 1};
  const double exposure = 1 + change * (expose(means.row(0), std::ptrdiff_t{width} * height) - 1);
  // A large dark part beside a large bright one: the dark part alone is lifted.
  const double bright = all.bright / (count * (bright_light[1] - bright_light[0]));
  const double backlit = smooth_step(bright, {0, backlit_part});
  return {exposure, std::max(exposure, 1 + change * backlit * (shadow_gain - 1))};
}

}  // namespace

Exposure find_exposure(ImageView<const float> means, double brightness, float* maps, float* lines) {
  const int width = means.width(), height = means.height(), longer = std::max(width, height);
  const std::ptrdiff_t count = std::ptrdiff_t{width} * height;
  Exposure found;
  if (brightness == 0) return found;
  const int radius = radius_of(longer, light_window), small = radius_of(longer, noise_window);
  for_each_band(height, [&](int begin, int end) {
    IRS_DISPATCH(fit_light)(means, radius, lines, begin, end);
  });
  for_each_band(height, [&](int begin, int end) {
    IRS_DISPATCH(smooth_light)(lines, width, height, radius, maps, begin, end);
  });

  const Gains gains = find_gains(means, maps);
  const double power = -2 * brightness / usual_brightness;
  found.exposure = static_cast<float>(std::pow(gains.exposure, power));
  found.shadows = static_cast<float>(std::pow(gains.shadows, power));
  if (found.unchanged()) return found;

  for_each_band(height, [&](int begin, int end) {
    IRS_DISPATCH(find_variance)(means, small, lines, begin, end);
  });
  const float noise = find_noise(lines, count);
  for_each_band(height, [&](int begin, int end) {
    IRS_DISPATCH(fit_smoothing)(means, small, noise, found.exposure, found.shadows, lines, begin, end);
  });
  for_each_band(height, [&](int begin, int end) {
    IRS_DISPATCH(smooth_smoothing)(lines, width, height, maps, begin, end);
  });
  return found;
}

}  // namespace irs
#endif
