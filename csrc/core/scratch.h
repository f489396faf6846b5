// Large memory for the time of a call. Fresh pages of 4 KB would cost more than what is computed in them, so
// Linux is asked for large ones. Nothing is initialised.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace irs {

class Scratch {
 public:
  explicit Scratch(std::size_t floats) : memory_(allocate(floats * sizeof(float))) {
    if (!memory_) throw std::bad_alloc();
  }

  float* data() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };

  static float* allocate(std::size_t bytes) {
#if defined(__linux__)
    constexpr std::size_t page = 2 << 20;
    if (bytes >= page) {
      bytes = (bytes + page - 1) / page * page;
      void* memory = std::aligned_alloc(page, bytes);
      if (memory) madvise(memory, bytes, MADV_HUGEPAGE);  // without it things are only slower
      return static_cast<float*>(memory);
    }
#endif
    return static_cast<float*>(std::malloc(bytes));
  }

  std::unique_ptr<float, Free> memory_;
};

}  // namespace irs
