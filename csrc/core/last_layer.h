// The last convolution of a network that makes one plane: 32 channels side by side in. Include it inside
// IRS_ISA_BEGIN ... IRS_ISA_END, after core/vec.h.

IRS_INLINE float sum(Vec v) {
  float values[lanes];
  store(values, v);
  for (int n = lanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) values[i] += values[i + n];
  return values[0];
}

constexpr int last_layer_block = 8;  // pixels: callers leave room for a whole block at the end of a row

// Pixels [0, count) from `size` rows [x][32]; weights are [size][size][32].
template <int size>
IRS_NOINLINE void last_layer(const float* const* rows, int count, const float* weights, float bias,
                             float* to) {
  for (int x = 0; x < count; x += last_layer_block) {
    Vec sums[last_layer_block];
    for (int p = 0; p < last_layer_block; ++p) sums[p] = broadcast(0);
    for (int ky = 0; ky < size; ++ky)
      for (int c = 0; c < 32; c += lanes)
        for (int kx = 0; kx < size; ++kx) {
          const Vec w = load(weights + (ky * size + kx) * 32 + c);
          const float* from = rows[ky] + std::ptrdiff_t{x + kx} * 32 + c;
          for (int p = 0; p < last_layer_block; ++p) sums[p] = fma(load(from + p * 32), w, sums[p]);
        }
    const int some = std::min(last_layer_block, count - x);
    for (int p = 0; p < some; ++p) to[x + p] = bias + sum(sums[p]);
  }
}
