// Weights of a convolution, transformed for Winograd's F(4x4, taps x taps) (Lavin, Gray 2016). A tile of
// n x n inputs, n = taps + 3, makes 4 x 4 outputs; it is evaluated at the points 0, 1, -1, 2, -2 (and 1/2,
// -1/2 for five taps) and infinity.
#pragma once

#include <cmath>
#include <vector>

#include "core/aligned.h"

namespace irs {

// How much a tap weighs at a point: the matrix G of the paper. The scales belong to the two other matrices,
// which are in core/winograd.h.
inline double winograd_weight(int taps, int point, int tap) {
  static const double points[] = {0, 1, -1, 2, -2, 0.5, -0.5};
  static const double scale3[] = {1 / 4., -1 / 6., -1 / 6., 1 / 24., 1 / 24.};
  static const double scale5[] = {1, -2 / 9., -2 / 9., 1 / 90., 1 / 90., 4 / 45., 4 / 45.};
  if (point == taps + 2) return tap == taps - 1;
  return (taps == 3 ? scale3 : scale5)[point] * std::pow(points[point], tap);
}

// From (out, in, taps, taps) to [n * n][in][padded], with zeros for the outputs that do not exist.
inline Aligned<float> winograd_weights(const float* weights, int out, int in, int taps, int padded) {
  const int n = taps + 3;
  std::vector<double> g(n * taps);
  for (int k = 0; k < n; ++k)
    for (int i = 0; i < taps; ++i) g[k * taps + i] = winograd_weight(taps, k, i);

  Aligned<float> transformed(static_cast<std::size_t>(n) * n * in * padded);
  for (int o = 0; o < out; ++o)
    for (int c = 0; c < in; ++c)
      for (int ky = 0; ky < n; ++ky)
        for (int kx = 0; kx < n; ++kx) {
          const float* kernel = weights + (static_cast<std::size_t>(o) * in + c) * taps * taps;
          double sum = 0;
          for (int y = 0; y < taps; ++y)
            for (int x = 0; x < taps; ++x) sum += g[ky * taps + y] * g[kx * taps + x] * kernel[y * taps + x];
          const std::size_t point = ky * n + kx;
          transformed[(point * in + c) * padded + o] = static_cast<float>(sum);
        }
  return transformed;
}

}  // namespace irs
