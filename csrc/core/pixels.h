// What kernels do with pixels: values to levels, interleaved colours to planes and back.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END, hence no
// include guard.

// To the nearest whole number that T has; the value may be anything that an int holds.
template <class T>
IRS_INLINE T to_level(float value) {
  // Clamped as a whole number: compilers have one instruction for that, and several where it could be NaN.
  const int level = static_cast<int>(value + 0.5f), largest = std::numeric_limits<T>::max();
  return static_cast<T>(std::min(std::max(level, 0), largest));
}

template <class T>
IRS_NOINLINE void split_rgb(const T* __restrict pixels, int count, T* __restrict red, T* __restrict green,
                            T* __restrict blue) {
  for (int x = 0; x < count; ++x) {
    red[x] = pixels[3 * x];
    green[x] = pixels[3 * x + 1];
    blue[x] = pixels[3 * x + 2];
  }
}

template <class T>
IRS_NOINLINE void join_rgb(const T* __restrict red, const T* __restrict green, const T* __restrict blue,
                           int count, T* __restrict pixels) {
  for (int x = 0; x < count; ++x) {
    pixels[3 * x] = red[x];
    pixels[3 * x + 1] = green[x];
    pixels[3 * x + 2] = blue[x];
  }
}
