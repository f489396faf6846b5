#include "core/isa.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/check.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace irs {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned part = 0) {
  Registers r;
  __get_cpuid_count(leaf, part, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

// Register files that the operating system saves on a context switch.
std::uint64_t saved_state() {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

constexpr bool all(std::uint64_t value, std::uint64_t mask) { return (value & mask) == mask; }
constexpr unsigned bit(int n) { return 1u << n; }

// Linux hands out the 8 KB of tile registers only to processes that ask, and may refuse.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

std::vector<Isa> detect() {
  std::vector<Isa> usable{Isa::generic};
  const Registers one = cpuid(1), seven = cpuid(7);
  const bool osxsave = one.ecx & bit(27);
  const std::uint64_t saved = osxsave ? saved_state() : 0;

  const bool avx2 = all(saved, 0x6) && all(one.ecx, bit(28) | bit(12) | bit(29))  // AVX, FMA, F16C
                    && all(seven.ebx, bit(5) | bit(3) | bit(8));                  // AVX2, BMI1, BMI2
  if (!avx2) return usable;
  usable.push_back(Isa::avx2);

  const bool avx512 = all(saved, 0xe6)  // and F, DQ, CD, BW, VL
                      && all(seven.ebx, bit(16) | bit(17) | bit(28) | bit(30) | bit(31));
  if (!avx512) return usable;
  usable.push_back(Isa::avx512);

  const bool amx = all(saved, 0x60000) && all(seven.edx, bit(22) | bit(24) | bit(25))  // BF16, TILE, INT8
                   && all(cpuid(7, 1).eax, bit(5));                                    // AVX512_BF16
  if (amx && may_use_tiles()) usable.push_back(Isa::amx);
  return usable;
}

// AVX512_BF16 has twice the rate of fp32 on AMD's CPUs and half of it on Intel's.
bool has_quick_bf16_dots() {
  const Registers zero = cpuid(0);
  char vendor[12];
  std::memcpy(vendor, &zero.ebx, 4);
  std::memcpy(vendor + 4, &zero.edx, 4);
  std::memcpy(vendor + 8, &zero.ecx, 4);
  return std::memcmp(vendor, "AuthenticAMD", 12) == 0 && all(cpuid(7, 1).eax, bit(5));
}

#elif defined(__aarch64__)

bool has_quick_bf16_dots() { return false; }

std::vector<Isa> detect() { return {Isa::generic, Isa::neon}; }  // NEON is part of the architecture

#else

bool has_quick_bf16_dots() { return false; }

std::vector<Isa> detect() { return {Isa::generic}; }

#endif

Isa find_usable(const std::string& name, const char* where) {
  std::string names;
  for (Isa isa : usable_isas()) {
    if (name == isa_name(isa)) return isa;
    names += std::string(names.empty() ? "" : ", ") + isa_name(isa);
  }
  check(false, where, ": this CPU runs ", names, "; got '", name, "'");
  return Isa::generic;
}

Isa initial_isa() {
  const char* forced = std::getenv("IRS_ISA");
  return forced && *forced ? find_usable(forced, "IRS_ISA") : usable_isas().back();
}

std::atomic<Isa>& current() {
  static std::atomic<Isa> isa{initial_isa()};
  return isa;
}

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::amx: return "amx";
    case Isa::neon: return "neon";
    case Isa::generic: break;
  }
  return "generic";
}

const std::vector<Isa>& usable_isas() {
  static const std::vector<Isa> usable = detect();
  return usable;
}

bool bf16_pays() {
  static const bool quick_dots = has_quick_bf16_dots();
  return has_bf16() || (current_isa() == Isa::avx512 && quick_dots);
}

Isa current_isa() { return current().load(std::memory_order_relaxed); }

void set_isa(const std::string& name) {
  current().store(find_usable(name, "isa"), std::memory_order_relaxed);
}

}  // namespace irs
