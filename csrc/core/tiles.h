// AMX tiles: 16 rows of 64 bytes, bf16 products, float sums. Include it inside IRS_AMX_BEGIN ... IRS_AMX_END.
//
// GCC 12 does not know what memory the intrinsics for loading tiles and their configuration read, and would
// move or drop stores before them: hence the constant configuration, and written_before_tiles(). A tile whose
// rows cross cache lines takes six times as long to load as one whose rows do not (measured).

alignas(64) constexpr std::uint8_t tile_configuration[64] = {
    1,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0,   // palette 1
    64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0,   // bytes of a row, 16 bits each
    0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0,   //
    16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0};  // rows

// Tiles belong to the thread for as long as this lives: unreleased ones make its every context switch dearer.
class Tiles {
 public:
  Tiles() { _tile_loadconfig(tile_configuration); }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

IRS_INLINE void written_before_tiles() { __asm__ volatile("" ::: "memory"); }

// The table is tanh_intervals() of core/tile_weights.h.
struct RoughTanh {
  __m512 table[6];

  explicit RoughTanh(const float* from) {
    for (int i = 0; i < 6; ++i) table[i] = _mm512_loadu_ps(from + i * 16);
  }

  IRS_INLINE __m512 operator()(__m512 x) const {
    x = _mm512_range_ps(x, _mm512_set1_ps(15.4f / 4), 2);  // the smaller magnitude, with the sign of x
    // Adding 3 * 2^22 rounds to a whole number and leaves it in the lowest bits.
    const __m512i k = _mm512_castps_si512(_mm512_fmadd_ps(x, _mm512_set1_ps(4), _mm512_set1_ps(12582912)));
    const __m512 c0 = _mm512_permutex2var_ps(table[0], k, table[1]);
    const __m512 c1 = _mm512_permutex2var_ps(table[2], k, table[3]);
    const __m512 c2 = _mm512_permutex2var_ps(table[4], k, table[5]);
    return _mm512_fmadd_ps(_mm512_fmadd_ps(c2, x, c1), x, c0);
  }
};

struct TileRelu {
  IRS_INLINE __m512 operator()(__m512 x) const {
    return _mm512_maskz_max_ps(0xffff, x, _mm512_setzero_ps());
  }
};

// Turns a block of sums into bf16 while the tiles work on the next one: take() is called between their steps.
struct Pending {
  const float* sums;
  Bf16* to;

  // Sums [begin, end) in units of 32.
  template <class Activation>
  IRS_INLINE void take(int begin, int end, const Activation& activation) const {
    for (int i = begin * 32; i < end * 32; i += 32) {
      const __m512 first = activation(_mm512_load_ps(sums + i));
      const __m512 second = activation(_mm512_load_ps(sums + i + 16));
      const __m512bh both = _mm512_cvtne2ps_pbh(second, first);
      std::memcpy(to + i, &both, sizeof both);
    }
  }
};

constexpr int tile_sums = 4096;  // floats that a layer needs for its sums, on a cache line

// size x size, one plane to 64 channels, two rows at a time. Before 16 pixels are rounded to bf16, a value from
// their midst is taken off all that they see, and comes back through the bias: where little changes, little is
// rounded off.
template <int size>
struct FirstTiles {
  // What a pixel of two output rows sees: size x (size + 1) values, in steps of 32 for the tiles.
  static constexpr int rows = size + 1, pairs = rows / 2;
  static constexpr int steps = (size * rows + 31) / 32;

  // From `rows` rows of the plane, read to column width + 32; width is a multiple of 16. Weights are [row of
  // two][step][16 outputs of 64], kernels their sums over the whole kernel.
  template <class Activation>
  static IRS_INLINE void run(const float* const* plane, int width, const Bf16* weights, const float* bias,
                             const float* kernels, const Activation& activation, float* sums, Bf16* upper,
                             Bf16* lower) {
    const Interleaver interleaver;
    alignas(64) Bf16 taps[2][steps * 512];
    alignas(64) float biases[2][64];
    see(plane, 0, bias, kernels, interleaver, taps[0], biases[0]);
    Pending pending{sums, upper};  // nothing yet; what comes first overwrites it
    for (int x = 0, turn = 0; x < width; x += 16, turn ^= 1) {
      multiply(taps[turn], weights, biases[turn], sums + 1024, pending, activation);
      pending = {sums + 1024, upper + x * 64};
      if (x + 16 < width) see(plane, x + 16, bias, kernels, interleaver, taps[turn ^ 1], biases[turn ^ 1]);
      multiply(taps[turn], weights + steps * 4 * 512, biases[turn], sums, pending, activation);
      pending = {sums, lower + x * 64};
    }
    pending.take(0, 32, activation);
  }

 private:
  // Two values, rounded to bf16, side by side.
  static IRS_INLINE __m512i pair(__m512i first, __m512i second) {
    return _mm512_or_si512(_mm512_maskz_srli_epi32(0xffff, first, 16), second);
  }

  // Rounded to bf16, the lower bits zero.
  static IRS_INLINE __m512i rounded(__m512 value) {
    const __m512i bits = _mm512_add_epi32(_mm512_castps_si512(value), _mm512_set1_epi32(0x8000));
    return _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0xffff0000)));
  }

  // Pairs of rows of 16 columns become [x][row].
  struct Interleaver {
    alignas(64) int place[pairs][16];
    __mmask16 from[pairs][pairs] = {};

    Interleaver() {
      for (int i = 0; i < pairs * 16; ++i) {
        place[i / 16][i % 16] = i / pairs;
        from[i / 16][i % pairs] |= static_cast<__mmask16>(1 << i % 16);
      }
    }

    IRS_INLINE void operator()(const __m512i* given, Bf16* to) const {
      for (int o = 0; o < pairs; ++o) {
        const __m512i index = _mm512_load_si512(place[o]);
        __m512i mixed = _mm512_maskz_permutexvar_epi32(from[o][0], index, given[0]);
        for (int i = 1; i < pairs; ++i)
          mixed = _mm512_mask_permutexvar_epi32(mixed, from[o][i], index, given[i]);
        _mm512_storeu_si512(to + o * 32, mixed);
      }
    }
  };

  // Whole lines for 16 pixels, [step][pixel][32]: copying is cheaper than tiles whose rows cross lines.
  static IRS_INLINE void copy(const Bf16* from, Bf16* taps) {
    for (int p = 0; p < 16; ++p)
      for (int step = 0; step < steps; ++step)
        _mm512_store_si512(taps + (step * 16 + p) * 32, _mm512_loadu_si512(from + p * rows + step * 32));
  }

  static IRS_INLINE void see(const float* const* plane, int x, const float* bias, const float* kernels,
                             const Interleaver& interleaver, Bf16* taps, float* biases) {
    alignas(64) Bf16 values[32 * rows];
    const __m512 centre = _mm512_set1_ps(plane[rows / 2][x + 8 + size / 2]);
    for (int half = 0; half < 32; half += 16) {
      __m512i given[pairs];
      for (int i = 0; i < pairs; ++i)
        given[i] = pair(rounded(_mm512_loadu_ps(plane[2 * i] + x + half) - centre),
                        rounded(_mm512_loadu_ps(plane[2 * i + 1] + x + half) - centre));
      interleaver(given, values + half * rows);
    }
    copy(values, taps);
    for (int i = 0; i < 64; i += 16) {
      const __m512 given = _mm512_loadu_ps(bias + i);
      _mm512_store_ps(biases + i, _mm512_fmadd_ps(centre, _mm512_loadu_ps(kernels + i), given));
    }
  }

  template <class Activation>
  static IRS_INLINE void multiply(const Bf16* taps, const Bf16* weights, const float* bias, float* to,
                                  Pending pending, const Activation& activation) {
    written_before_tiles();
    _tile_loadd(0, bias, 0);
    _tile_loadd(1, bias + 16, 0);
    _tile_loadd(2, bias + 32, 0);
    _tile_loadd(3, bias + 48, 0);
    for (int step = 0; step < steps; ++step, taps += 512, weights += 4 * 512) {
      _tile_loadd(6, taps, 64);
      _tile_loadd(4, weights, 64);
      _tile_dpbf16ps(0, 6, 4);
      _tile_loadd(5, weights + 512, 64);
      _tile_dpbf16ps(1, 6, 5);
      _tile_loadd(4, weights + 1024, 64);
      _tile_dpbf16ps(2, 6, 4);
      _tile_loadd(5, weights + 1536, 64);
      _tile_dpbf16ps(3, 6, 5);
      pending.take(step * 32 / steps, (step + 1) * 32 / steps, activation);
    }
    _tile_stored(0, to, 256);
    _tile_stored(1, to + 16, 256);
    _tile_stored(2, to + 32, 256);
    _tile_stored(3, to + 48, 256);
  }
};

// size x size, 64 channels to 32, two rows at a time from size + 1 rows [x][64]. Weights are [tap][half of
// the inputs][half of the outputs]; width is a multiple of 16.
template <int size, class Activation>
IRS_INLINE void middle_tiles(const Bf16* const* rows, int width, const Bf16* weights, const float* bias,
                             const Activation& activation, float* sums, Bf16* upper, Bf16* lower) {
  // In the middle of the steps: for 5x5 a quarter faster than at once, beside the stores of the sums.
  constexpr int first_unit = size * size - 8;
  Pending above{sums, upper}, below{sums, lower};
  for (int x = 0; x < width; x += 16) {
    float* const to = sums + (x / 16 % 2) * 1024;  // two blocks take turns
    written_before_tiles();
    _tile_loadd(0, bias, 0);
    _tile_loadd(1, bias + 16, 0);
    _tile_loadd(2, bias, 0);
    _tile_loadd(3, bias + 16, 0);
    const Bf16* tiles = weights;
    for (int ky = 0; ky < size; ++ky) {
      const Bf16 *from = rows[ky] + x * 64, *from_below = rows[ky + 1] + x * 64;
#pragma GCC unroll 10
      for (int i = 0; i < 2 * size; ++i, tiles += 2 * 512) {
        _tile_loadd(4, from + i * 32, 128);
        _tile_loadd(6, tiles, 64);
        _tile_loadd(7, tiles + 512, 64);
        _tile_loadd(5, from_below + i * 32, 128);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        const int unit = ky * 2 * size + i - first_unit;
        if (unit >= 0 && unit < 16) {
          above.take(unit, unit + 1, activation);
          below.take(unit, unit + 1, activation);
        }
      }
    }
    _tile_stored(0, to, 128);
    _tile_stored(1, to + 16, 128);
    _tile_stored(2, to + 512, 128);
    _tile_stored(3, to + 528, 128);
    above = {to, upper + x * 32};
    below = {to + 512, lower + x * 32};
  }
  above.take(0, 16, activation);
  below.take(0, 16, activation);
}
