// Weights as the tiles of AMX take them: bf16, pairs of inputs side by side.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/aligned.h"

namespace irs {

using Bf16 = std::uint16_t;

// To the nearest, ties to even.
inline Bf16 to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<Bf16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Tiles of 32 inputs x 16 outputs, 1 KB each.
class TileWeights {
 public:
  static constexpr int inputs = 32, outputs = 16, elements = inputs * outputs;

  TileWeights() = default;
  explicit TileWeights(int tiles) : memory_(static_cast<std::size_t>(tiles) * elements) {}

  void set(int tile, int input, int output, float value) {
    memory_[tile * elements + input / 2 * 32 + output * 2 + input % 2] = to_bf16(value);
  }
  const Bf16* data() const { return memory_.data(); }

 private:
  Aligned<Bf16> memory_;
};

// The first layer, from (64, 1, size, size): see FirstTiles in core/tiles.h.
inline TileWeights first_tile_weights(const float* weights, int size) {
  const int rows = size + 1, steps = (size * rows + 31) / 32;
  TileWeights tiles(2 * steps * 4);
  for (int row = 0; row < 2; ++row)
    for (int o = 0; o < 64; ++o)
      for (int ky = 0; ky < size; ++ky)
        for (int kx = 0; kx < size; ++kx) {
          const int input = kx * rows + ky + row;
          tiles.set((row * steps + input / 32) * 4 + o / 16, input % 32, o % 16,
                    weights[(o * size + ky) * size + kx]);
        }
  return tiles;
}

// The sum of each of 64 kernels.
inline Aligned<float> kernel_sums(const float* weights, int size) {
  Aligned<float> sums(64);
  for (int i = 0; i < 64 * size * size; ++i) sums[i / (size * size)] += weights[i];
  return sums;
}

// The middle layer, from (32, 64, size, size): see middle_tiles() there.
inline TileWeights middle_tile_weights(const float* weights, int size) {
  const int taps = size * size;
  TileWeights tiles(taps * 2 * 2);
  for (int o = 0; o < 32; ++o)
    for (int c = 0; c < 64; ++c)
      for (int tap = 0; tap < taps; ++tap)
        tiles.set((tap * 2 + c / 32) * 2 + o / 16, c % 32, o % 16, weights[(o * 64 + c) * taps + tap]);
  return tiles;
}

// tanh by quadratic polynomials on 32 intervals, for results in bf16: c0, c1 and c2 of each. Interval k is
// [k - 1/2, k + 1/2] / 4 and lies at k mod 32, for k from -15 to 15. The error is below 1.7e-4, a tenth of
// what bf16 rounds; beyond 15.4 / 4 tanh rounds to 1 in bf16.
inline Aligned<float> tanh_intervals() {
  Aligned<float> table(96);
  for (int k = -15; k <= 15; ++k) {
    double x[3], y[3];  // the interpolation that is best where the nodes are Chebyshev's
    for (int i = 0; i < 3; ++i) {
      x[i] = (k + 0.5 * std::cos((2 * i + 1) * 3.14159265358979323846 / 6)) / 4;
      y[i] = std::tanh(x[i]);
    }
    const double slope = (y[1] - y[0]) / (x[1] - x[0]);
    const double bend = ((y[2] - y[1]) / (x[2] - x[1]) - slope) / (x[2] - x[0]);
    table[k & 31] = static_cast<float>(y[0] - slope * x[0] + bend * x[0] * x[1]);
    table[32 + (k & 31)] = static_cast<float>(slope - bend * (x[0] + x[1]));
    table[64 + (k & 31)] = static_cast<float>(bend);
  }
  return table;
}

}  // namespace irs
