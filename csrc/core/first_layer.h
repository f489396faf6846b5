// The first convolution of a network: one plane in, `out` channels side by side out. Include it inside
// IRS_ISA_BEGIN ... IRS_ISA_END, after core/vec.h.

template <int size, int out, int pixels, int vectors>
IRS_INLINE void first_layer_pixels(const float* const* rows, std::ptrdiff_t x, const float* weights,
                                   const float* bias, float* to) {
  Vec sums[pixels][vectors];
  for (int p = 0; p < pixels; ++p)
    for (int j = 0; j < vectors; ++j) sums[p][j] = load(bias + j * lanes);
  for (int ky = 0; ky < size; ++ky) {
    const float* row = rows[ky] + x;
    for (int kx = 0; kx < size; ++kx, weights += out) {
      Vec w[vectors];
      for (int j = 0; j < vectors; ++j) w[j] = load(weights + j * lanes);
      for (int p = 0; p < pixels; ++p) {
        const Vec value = broadcast(row[kx + p]);
        for (int j = 0; j < vectors; ++j) sums[p][j] = fma(value, w[j], sums[p][j]);
      }
    }
  }
  for (int p = 0; p < pixels; ++p)
    for (int j = 0; j < vectors; ++j) store(to + p * out + j * lanes, sums[p][j]);
}

constexpr int first_layer_block = 6;  // pixels: callers leave room for a whole block at the end of a row

// Pixels [0, width) from `size` rows of the plane, whose first column is that of the first tap; weights are
// [size][size][out].
template <int size, int out>
IRS_NOINLINE void first_layer(const float* const* rows, int width, const float* weights, const float* bias,
                              float* to) {
  constexpr int vectors = accumulators / first_layer_block;
  static_assert(out % (vectors * lanes) == 0, "outputs come in whole blocks");
  for (int x = 0; x < width; x += first_layer_block)
    for (int o = 0; o < out; o += vectors * lanes)
      first_layer_pixels<size, out, first_layer_block, vectors>(rows, x, weights + o, bias + o,
                                                                to + std::ptrdiff_t{x} * out + o);
}
