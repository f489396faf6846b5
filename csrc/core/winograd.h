// Convolution by Winograd's F(4x4, 3x3) and F(4x4, 5x5); weights come from core/winograd_weights.h. Include
// it inside IRS_ISA_BEGIN ... IRS_ISA_END, after core/vec.h.
//
// A pixel's channels lie side by side, so the transforms need no shuffles. A row of tiles is made in batches
// that stay in the second-level cache; what a tile gives does not depend on the others of its batch.

template <int taps>
struct Winograd;

template <>
struct Winograd<3> {
  static constexpr int points = 6;

  static IRS_INLINE void input(const Vec (&d)[6], Vec (&v)[6]) {
    const Vec even = fma(broadcast(-4), d[2], d[4]), odd = fma(broadcast(-4), d[1], d[3]);
    const Vec even2 = d[4] - d[2], odd2 = d[3] - d[1];
    v[0] = fma(broadcast(4), d[0], fma(broadcast(-5), d[2], d[4]));
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = fma(broadcast(2), odd2, even2);
    v[4] = fma(broadcast(-2), odd2, even2);
    v[5] = fma(broadcast(4), d[1], fma(broadcast(-5), d[3], d[5]));
  }

  static IRS_INLINE void output(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec sum1 = m[1] + m[2], sum2 = m[3] + m[4], difference1 = m[1] - m[2], difference2 = m[3] - m[4];
    y[0] = m[0] + sum1 + sum2;
    y[1] = fma(broadcast(2), difference2, difference1);
    y[2] = fma(broadcast(4), sum2, sum1);
    y[3] = fma(broadcast(8), difference2, difference1) + m[5];
  }
};

template <>
struct Winograd<5> {
  static constexpr int points = 8;

  static IRS_INLINE void input(const Vec (&d)[8], Vec (&v)[8]) {
    v[0] = fma(broadcast(5.25f), d[4] - d[2], d[0] - d[6]);
    v[7] = fma(broadcast(5.25f), d[3] - d[5], d[7] - d[1]);
    const Vec even1 = fma(broadcast(-4.25f), d[4], d[2] + d[6]);
    const Vec odd1 = fma(broadcast(-4.25f), d[3], d[1] + d[5]);
    v[1] = even1 + odd1;
    v[2] = even1 - odd1;
    const Vec even2 = fma(broadcast(0.25f), d[2], fma(broadcast(-1.25f), d[4], d[6]));
    const Vec odd2 = fma(broadcast(0.5f), d[1], fma(broadcast(-2.5f), d[3], d[5] + d[5]));
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    const Vec even3 = fma(broadcast(4), d[2], fma(broadcast(-5), d[4], d[6]));
    const Vec odd3 = fma(broadcast(0.5f), d[5], fma(broadcast(-2.5f), d[3], d[1] + d[1]));
    v[5] = even3 + odd3;
    v[6] = even3 - odd3;
  }

  static IRS_INLINE void output(const Vec (&m)[8], Vec (&y)[4]) {
    const Vec sum1 = m[1] + m[2], sum2 = m[3] + m[4], sum3 = m[5] + m[6];
    const Vec difference1 = m[1] - m[2], difference2 = m[3] - m[4], difference3 = m[5] - m[6];
    y[0] = fma(broadcast(8), sum3, m[0] + sum1 + sum2);
    y[1] = fma(broadcast(4), difference3, fma(broadcast(2), difference2, difference1));
    y[2] = fma(broadcast(2), sum3, fma(broadcast(4), sum2, sum1));
    y[3] = fma(broadcast(8), difference2, difference1 + difference3) + m[7];
  }
};

// tiles x in times in x out, for a few tiles and `vectors` vectors of outputs that fill the registers.
template <int in, int stored, int out, int tiles, int vectors>
IRS_INLINE void multiply_tiles(const float* v, const float* weights, float* m) {
  Vec sums[tiles][vectors];
#pragma GCC unroll 24
  for (int t = 0; t < tiles; ++t)
    for (int j = 0; j < vectors; ++j) sums[t][j] = broadcast(0);
  for (int i = 0; i < in; ++i) {
    Vec w[vectors];
    for (int j = 0; j < vectors; ++j) w[j] = load(weights + i * out + j * lanes);
#pragma GCC unroll 24
    for (int t = 0; t < tiles; ++t) {
      const Vec value = broadcast(v[t * stored + i]);
      for (int j = 0; j < vectors; ++j) sums[t][j] = fma(value, w[j], sums[t][j]);
    }
  }
#pragma GCC unroll 24
  for (int t = 0; t < tiles; ++t)
    for (int j = 0; j < vectors; ++j) store(m + t * out + j * lanes, sums[t][j]);
}

template <int in, int stored, int out>
IRS_NOINLINE void multiply(const float* v, const float* weights, int tiles, float* m) {
  constexpr int most = accumulators == 24 ? 4 : 2;
  constexpr int vectors = out / lanes < most ? out / lanes : most, block = accumulators / vectors;
  for (int o = 0; o < out; o += vectors * lanes) {
    int t = 0;
    for (; t + block <= tiles; t += block)
      multiply_tiles<in, stored, out, block, vectors>(v + t * stored, weights + o, m + t * out + o);
    for (; t + 4 <= tiles; t += 4)
      multiply_tiles<in, stored, out, 4, vectors>(v + t * stored, weights + o, m + t * out + o);
    for (; t < tiles; ++t)
      multiply_tiles<in, stored, out, 1, vectors>(v + t * stored, weights + o, m + t * out + o);
  }
}

// A layer with `in` channels, in rows [x][stored], and `out` channels, in rows [x][out]. `stored` and `out`
// are multiples of 16. Some tiles are made at a time: as many as keep their transforms in the cache.
template <int taps, int in, int stored, int out, int batch_tiles>
struct WinogradLayer {
  static constexpr int points = Winograd<taps>::points;
  static constexpr int values = points * points;
  // Not a multiple of 4096 bytes, or the points of one tile would fall into the same lines of the cache.
  static constexpr std::ptrdiff_t v_stride = batch_tiles * stored + 16, m_stride = batch_tiles * out + 16;
  static constexpr std::size_t scratch = values * (v_stride + m_stride);  // floats

  // Four rows of `tiles` x 4 pixels from taps + 3 rows; scratch is as long as it says above.
  template <class Activation>
  static void run(const float* const* rows, const float* weights, const float* bias, int tiles,
                  float* scratch, float* const* to) {
    float *const v = scratch, *const m = scratch + values * v_stride;
    for (int t = 0; t < tiles; t += batch_tiles) {
      const int count = std::min(batch_tiles, tiles - t);
      transform_input(rows, t, count, v);
      for (int k = 0; k < values; ++k)
        multiply<in, stored, out>(v + k * v_stride, weights + std::ptrdiff_t{k} * in * out, count,
                                  m + k * m_stride);
      transform_output<Activation>(m, bias, t, count, to);
    }
  }

 private:
  static IRS_NOINLINE void transform_input(const float* const* rows, int first, int count, float* v) {
    for (int t = 0; t < count; ++t)
      for (int c = 0; c < stored; c += lanes) {
        const std::ptrdiff_t from = std::ptrdiff_t{first + t} * 4 * stored + c;
        Vec columns[points][points];
        for (int x = 0; x < points; ++x) {
          Vec d[points];
          for (int y = 0; y < points; ++y) d[y] = load(rows[y] + from + x * stored);
          Winograd<taps>::input(d, columns[x]);
        }
        for (int k = 0; k < points; ++k) {
          Vec d[points], values[points];
          for (int x = 0; x < points; ++x) d[x] = columns[x][k];
          Winograd<taps>::input(d, values);
          for (int l = 0; l < points; ++l) store(v + (k * points + l) * v_stride + t * stored + c, values[l]);
        }
      }
  }

  template <class Activation>
  static IRS_NOINLINE void transform_output(const float* m, const float* bias, int first, int count,
                                            float* const* to) {
    for (int t = 0; t < count; ++t)
      for (int c = 0; c < out; c += lanes) {
        const Vec offset = load(bias + c);
        const std::ptrdiff_t at = std::ptrdiff_t{first + t} * 4 * out + c;
        Vec columns[points][4];
        for (int l = 0; l < points; ++l) {
          Vec values[points];
          for (int k = 0; k < points; ++k) values[k] = load(m + (k * points + l) * m_stride + t * out + c);
          Winograd<taps>::output(values, columns[l]);
        }
        for (int y = 0; y < 4; ++y) {
          Vec values[points], pixels[4];
          for (int l = 0; l < points; ++l) values[l] = columns[l][y];
          Winograd<taps>::output(values, pixels);
          for (int x = 0; x < 4; ++x) store(to[y] + at + x * out, Activation::of(pixels[x] + offset));
        }
      }
  }
};
