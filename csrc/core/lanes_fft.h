// The Fourier transform of 1024 real samples, of as many frames at a time as a vector has lanes: every lane
// holds a frame of its own, so no step of it moves values between lanes.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END, after
// core/vec.h, hence no include guard. Products are not fused, so that all of them give the same bits.

struct Complex {
  Vec re, im;
};

IRS_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
IRS_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }

IRS_INLINE Complex load_complex(const float* from) { return {load(from), load(from + lanes)}; }

IRS_INLINE void store_complex(float* to, Complex value) {
  store(to, value.re);
  store(to + lanes, value.im);
}

// `turn` is the cosine and sine of an angle by which values are turned.
IRS_INLINE Complex turned(Complex a, const float* turn) {
  const Vec c = broadcast(turn[0]), s = broadcast(turn[1]);
  return {a.re * c - a.im * s, a.re * s + a.im * c};
}

// Decimation in frequency, two bits of the index at a time: 4 values `quarter` apart. Results lie in the
// order of reversed bits.
IRS_INLINE void four(float* data, std::ptrdiff_t quarter, const float* turns, int step) {
  float *p0 = data, *p1 = data + quarter, *p2 = data + 2 * quarter, *p3 = data + 3 * quarter;
  const Complex a = load_complex(p0), b = load_complex(p1), c = load_complex(p2), d = load_complex(p3);
  const Complex even = a + c, odd = a - c, other = b + d, rest = b - d;
  const Complex left = {odd.re + rest.im, odd.im - rest.re}, right = {odd.re - rest.im, odd.im + rest.re};
  store_complex(p0, even + other);
  store_complex(p1, turned(even - other, turns + 4 * step));
  store_complex(p2, turned(left, turns + 2 * step));
  store_complex(p3, turned(right, turns + 6 * step));
}

// In place: data is [512][re, im][lanes]; turns holds cosine and sine of -2 pi k / 512 for k below 512.
IRS_NOINLINE void transform_512(float* data, const float* turns) {
  constexpr std::ptrdiff_t one = 2 * lanes;
  for (int span = 512; span >= 8; span /= 4)
    for (int first = 0; first < 512; first += span)
      for (int j = 0; j < span / 4; ++j)
        four(data + (first + j) * one, span / 4 * one, turns, j * (512 / span));
  for (int i = 0; i < 512; i += 2) {
    float* p = data + i * one;
    const Complex a = load_complex(p), b = load_complex(p + one);
    store_complex(p, a + b);
    store_complex(p + one, a - b);
  }
}

// 4 |X|^2 of bin `k` of 1024 real samples, whose even ones went in as real and whose odd ones as imaginary
// parts. `places` are the reversed bits; half_turns holds cosine and sine of -2 pi k / 1024.
IRS_INLINE Vec power_of(const float* data, const std::uint16_t* places, int k, const float* half_turns) {
  const Complex a = load_complex(data + places[k] * 2 * lanes);
  const Complex b = load_complex(data + places[(512 - k) % 512] * 2 * lanes);
  const Complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
  const Complex all = even + turned(odd, half_turns + 2 * k);
  return all.re * all.re + all.im * all.im;
}
