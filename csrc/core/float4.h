// Four floats in one register, on any CPU. Compilers do not find these by themselves in short inner loops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__)
#define IRS_INLINE __attribute__((always_inline)) inline
#else
#define IRS_INLINE inline
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define IRS_VECTOR_EXTENSION 1
#endif
#endif

namespace irs {

// To the nearest, halves up.
IRS_INLINE std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::min(std::max(value + 0.5f, 0.0f), 255.0f));
}

#if IRS_VECTOR_EXTENSION

using Float4 = float __attribute__((vector_size(16)));

IRS_INLINE void to_bytes(Float4 value, std::uint8_t* bytes) {
  using Int4 = std::int32_t __attribute__((vector_size(16)));
  const Float4 least = {0, 0, 0, 0}, most = {255, 255, 255, 255};
  value = value + 0.5f;
  value = value < least ? least : value;
  value = value > most ? most : value;
  const Int4 whole = __builtin_convertvector(value, Int4);
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(whole[i]);
}

// Rows become columns.
IRS_INLINE void transpose(Float4& a, Float4& b, Float4& c, Float4& d) {
  const Float4 ab01 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Float4 ab23 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Float4 cd01 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Float4 cd23 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab01, cd01, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab01, cd01, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab23, cd23, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab23, cd23, 2, 3, 6, 7);
}

#else  // MSVC, and GCC before 12

struct Float4 {
  float lane[4];
  float& operator[](int i) { return lane[i]; }
  float operator[](int i) const { return lane[i]; }
};

IRS_INLINE Float4 operator*(const Float4& a, const Float4& b) {
  return {{a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]}};
}

IRS_INLINE Float4 operator*(float a, const Float4& b) { return Float4{{a, a, a, a}} * b; }

IRS_INLINE Float4 operator+(const Float4& a, const Float4& b) {
  return {{a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}};
}

IRS_INLINE void to_bytes(const Float4& value, std::uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) bytes[i] = to_byte(value[i]);
}

IRS_INLINE void transpose(Float4& a, Float4& b, Float4& c, Float4& d) {
  const Float4 rows[4] = {a, b, c, d};
  Float4* columns[4] = {&a, &b, &c, &d};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) (*columns[i])[j] = rows[j][i];
}

#endif

// V is Float4 or float; the address need not be aligned.
template <class V>
IRS_INLINE V load(const float* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class V>
IRS_INLINE void store(float* to, const V& value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace irs
