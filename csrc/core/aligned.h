// Memory for kernels: zeros that begin at a cache line, as vectors and tiles like it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace irs {

template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t count) : memory_(count * sizeof(T) + line) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    first_ = reinterpret_cast<T*>(memory_.data() + (line - address % line) % line);
  }

  // Copies would lie elsewhere relative to a line; moved memory stays where it is.
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  Aligned(Aligned&&) = default;
  Aligned& operator=(Aligned&&) = default;

  T* data() { return first_; }
  const T* data() const { return first_; }
  T& operator[](std::size_t i) { return first_[i]; }
  const T& operator[](std::size_t i) const { return first_[i]; }

 private:
  static constexpr std::size_t line = 64;
  std::vector<unsigned char> memory_;
  T* first_ = nullptr;
};

}  // namespace irs
