// The widest vector of floats that an instruction set has, and what convolutions do with it.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END, hence no
// include guard.

#if IRS_TARGET_AVX512

using Vec = __m512;
constexpr int accumulators = 24;  // sums held in registers at a time: of 32, with room for the operands
IRS_INLINE Vec broadcast(float value) { return _mm512_set1_ps(value); }
IRS_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }  // a b + c
// GCC 12 warns of an operand that _mm512_min_ps leaves undefined; the masked form has none.
IRS_INLINE Vec min(Vec a, Vec b) { return _mm512_maskz_min_ps(0xffff, a, b); }
IRS_INLINE Vec max(Vec a, Vec b) { return _mm512_maskz_max_ps(0xffff, a, b); }

// To 1 ulp or so: a guess of 14 bits and one step of Newton's, a third of the time of a division.
IRS_INLINE Vec divide(Vec a, Vec b) {
  const Vec guess = _mm512_maskz_rcp14_ps(0xffff, b), quotient = a * guess;
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(b, quotient, a), guess, quotient);
}

#elif IRS_TARGET_AVX2

using Vec = __m256;
constexpr int accumulators = 12;  // of 16 registers
IRS_INLINE Vec broadcast(float value) { return _mm256_set1_ps(value); }
IRS_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
IRS_INLINE Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
IRS_INLINE Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
IRS_INLINE Vec divide(Vec a, Vec b) { return a / b; }

#elif IRS_TARGET_NEON

using Vec = float32x4_t;
constexpr int accumulators = 24;
IRS_INLINE Vec broadcast(float value) { return vdupq_n_f32(value); }
IRS_INLINE Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
IRS_INLINE Vec min(Vec a, Vec b) { return vminq_f32(a, b); }
IRS_INLINE Vec max(Vec a, Vec b) { return vmaxq_f32(a, b); }
IRS_INLINE Vec divide(Vec a, Vec b) { return a / b; }

#else

#if defined(__GNUC__)
using Vec = float __attribute__((vector_size(16)));
IRS_INLINE Vec broadcast(float value) { return Vec{value, value, value, value}; }
#else
using Vec = float;
IRS_INLINE Vec broadcast(float value) { return value; }
#endif
constexpr int accumulators = 12;
IRS_INLINE Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }  // rounded twice, where there is no FMA
IRS_INLINE Vec min(Vec a, Vec b) { return a < b ? a : b; }
IRS_INLINE Vec max(Vec a, Vec b) { return a > b ? a : b; }
IRS_INLINE Vec divide(Vec a, Vec b) { return a / b; }

#endif

constexpr int lanes = sizeof(Vec) / sizeof(float);

IRS_INLINE Vec load(const float* from) {
  Vec value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

IRS_INLINE void store(float* to, Vec value) { std::memcpy(to, &value, sizeof value); }

// x P(x^2) / Q(x^2), the minimax fit on |x| <= 7.75 (1e-7) and constant beyond, where 4e-7 are left to 1.
// With rounding the error stays below 6e-7.
IRS_INLINE Vec tanh(Vec x) {
  x = max(broadcast(-7.75f), min(broadcast(7.75f), x));
  const Vec t = x * x;
  Vec p = fma(broadcast(1.1572289622563403e-05f), t, broadcast(0.0029629734344780445f));
  p = fma(p, t, broadcast(0.12936140596866608f));
  p = fma(p, t, broadcast(0.9999995231628418f));
  Vec q = fma(broadcast(2.5080203158722525e-07f), t, broadcast(0.00024044561723712832f));
  q = fma(q, t, broadcast(0.023862620815634727f));
  q = fma(q, t, broadcast(0.46269291639328003f));
  q = fma(q, t, broadcast(1.0f));
  return divide(p * x, q);
}

struct Tanh {
  static IRS_INLINE Vec of(Vec x) { return tanh(x); }
};

struct Relu {
  static IRS_INLINE Vec of(Vec x) { return max(x, broadcast(0.0f)); }
};

struct Linear {
  static IRS_INLINE Vec of(Vec x) { return x; }
};

template <class Activation>
IRS_NOINLINE void activate(float* values, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; i += lanes) store(values + i, Activation::of(load(values + i)));
}
