// What kernels do with pixels: values to levels, interleaved colours to planes and back.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END, hence no
// include guard.

// Kernels work in floats, or for 8-bit pictures in 16-bit fixed point, of which vectors hold twice as many.
using Fixed = std::int16_t;

IRS_INLINE float times(float a, float b) { return a * b; }

// In parts of 2^15, to the nearest: one instruction, which GCC finds in this form.
IRS_INLINE Fixed times(Fixed a, Fixed b) { return static_cast<Fixed>((((a * b) >> 14) + 1) >> 1); }

// The value of a map that lies so far below a row.
template <class V>
IRS_INLINE V between(V above, V step, V share) {
  return static_cast<V>(above + times(share, step));
}

template <class V>
IRS_INLINE V to_number(float value) {
  if constexpr (sizeof(V) == sizeof(float)) return value;
  const int whole = static_cast<int>(value + 32768.5f) - 32768;  // rounds numbers below 0 as those above
  return static_cast<V>(std::min(std::max(whole, -32767), 32767));
}

// Levels to the unit that colours are worked with. A loop of its own: GCC would know that they are not
// negative, and takes no multiplication in fixed point then.
template <int shift>
IRS_NOINLINE void to_colours(const std::uint8_t* __restrict levels, int count, Fixed* __restrict colours) {
  for (int i = 0; i < count; ++i) colours[i] = static_cast<Fixed>(levels[i] << shift);
}

// The level of a colour in eighths.
IRS_INLINE std::uint8_t to_level(Fixed eighths) {
  const Fixed level = static_cast<Fixed>(static_cast<Fixed>(eighths + 4) >> 3);
  return static_cast<std::uint8_t>(std::min(std::max(level, Fixed{0}), Fixed{255}));
}

// A share of 0..1, 1 left out.
template <class V>
constexpr float share_unit = sizeof(V) == sizeof(float) ? 1 : 1 << 15;

// To the nearest whole number that T has; the value may be anything that an int holds.
template <class T>
IRS_INLINE T to_level(float value) {
  // Clamped as a whole number: compilers have one instruction for that, and several where it could be NaN.
  const int level = static_cast<int>(value + 0.5f), largest = std::numeric_limits<T>::max();
  return static_cast<T>(std::min(std::max(level, 0), largest));
}

#if IRS_VECTOR_EXTENSION && IRS_TARGET_AVX2

// 16 pixels of 8 bits at a time, which compilers take apart and put together in many more steps. A colour has
// every third byte, so its bytes in three registers are all in different places, and one blend gathers them.
using Bytes = std::uint8_t __attribute__((vector_size(16)));
constexpr int bytes_at_a_time = 16;

// Bytes 0, 3, 6 ... of a, then of b, then of c, where they are.
IRS_INLINE Bytes blend(Bytes a, Bytes b, Bytes c) {
  constexpr std::uint8_t o = 0, i = 255;
  const Bytes first = {i, o, o, i, o, o, i, o, o, i, o, o, i, o, o, i};
  const Bytes second = {o, i, o, o, i, o, o, i, o, o, i, o, o, i, o, o};
  return (a & first) | (((b & second) | (c & ~second)) & ~first);
}

IRS_INLINE int split_blocks(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                            std::uint8_t* blue) {
  int x = 0;
  for (; x + bytes_at_a_time <= count; x += bytes_at_a_time) {
    Bytes from[3];
    std::memcpy(from, pixels + 3 * x, sizeof from);
    const Bytes r = blend(from[0], from[2], from[1]), g = blend(from[1], from[0], from[2]);
    const Bytes b = blend(from[2], from[1], from[0]);
    const Bytes reds = __builtin_shufflevector(r, r, 0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13);
    const Bytes greens = __builtin_shufflevector(g, g, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14);
    const Bytes blues = __builtin_shufflevector(b, b, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15);
    std::memcpy(red + x, &reds, sizeof reds);
    std::memcpy(green + x, &greens, sizeof greens);
    std::memcpy(blue + x, &blues, sizeof blues);
  }
  return x;
}

IRS_INLINE int join_blocks(const std::uint8_t* red, const std::uint8_t* green, const std::uint8_t* blue,
                           int count, std::uint8_t* pixels) {
  int x = 0;
  for (; x + bytes_at_a_time <= count; x += bytes_at_a_time) {
    Bytes r, g, b;
    std::memcpy(&r, red + x, sizeof r);
    std::memcpy(&g, green + x, sizeof g);
    std::memcpy(&b, blue + x, sizeof b);
    r = __builtin_shufflevector(r, r, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    g = __builtin_shufflevector(g, g, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    b = __builtin_shufflevector(b, b, 10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    const Bytes to[3] = {blend(r, g, b), blend(g, b, r), blend(b, r, g)};
    std::memcpy(pixels + 3 * x, to, sizeof to);
  }
  return x;
}

#else

template <class... Any>
IRS_INLINE int split_blocks(Any...) {
  return 0;
}

template <class... Any>
IRS_INLINE int join_blocks(Any...) {
  return 0;
}

#endif

template <class T>
IRS_NOINLINE void split_rgb(const T* __restrict pixels, int count, T* __restrict red, T* __restrict green,
                            T* __restrict blue) {
  int x = 0;
  if constexpr (sizeof(T) == 1) x = split_blocks(pixels, count, red, green, blue);
  for (; x < count; ++x) {
    red[x] = pixels[3 * x];
    green[x] = pixels[3 * x + 1];
    blue[x] = pixels[3 * x + 2];
  }
}

template <class T>
IRS_NOINLINE void join_rgb(const T* __restrict red, const T* __restrict green, const T* __restrict blue,
                           int count, T* __restrict pixels) {
  int x = 0;
  if constexpr (sizeof(T) == 1) x = join_blocks(red, green, blue, count, pixels);
  for (; x < count; ++x) {
    pixels[3 * x] = red[x];
    pixels[3 * x + 1] = green[x];
    pixels[3 * x + 2] = blue[x];
  }
}
