// Compiles one operator file for every instruction set (after Highway's foreach_target.h).
//
//   #define IRS_OP_FILE "ops/resize.cpp"
//   #include <cmath>                    // everything else that is included comes before foreach_isa.h
//   #include "core/foreach_isa.h"
//
//   IRS_ISA_BEGIN                       // namespace irs::<isa>, compiled for that instruction set
//   void kernel(float* values, int count) { ... }
//   IRS_ISA_END
//
//   #if IRS_ONCE
//   void run(float* values, int count) { IRS_DISPATCH(kernel)(values, count); }
//   #endif
//
// A function of a shared header must never be compiled inside a region, nor with per-file -m flags: the
// linker keeps one copy of it for everyone, and if that is the AVX-512 one, older CPUs crash. Hence the order
// of the includes. A region may test IRS_TARGET_AVX2, IRS_TARGET_AVX512 or IRS_TARGET_NEON before it uses
// intrinsics. AMX has no pass of its own: where IRS_AMX is set, functions between IRS_AMX_BEGIN and
// IRS_AMX_END may use its tiles, and has_bf16() says whether they may be called. Clang does not pass the
// region's target on to lambdas, so loops belong in functions.

#ifndef IRS_FOREACH_ISA_H
#define IRS_FOREACH_ISA_H

#ifndef IRS_OP_FILE
#error "define IRS_OP_FILE, the path of the operator file below csrc, before including core/foreach_isa.h"
#endif

#include "core/isa.h"

#define IRS_PRAGMA_(text) _Pragma(#text)
#define IRS_PRAGMA(text) IRS_PRAGMA_(text)

#if defined(__clang__)
#define IRS_TARGET_PUSH(flags) \
  IRS_PRAGMA(clang attribute push(__attribute__((target(flags))), apply_to = function))
#define IRS_TARGET_POP IRS_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define IRS_TARGET_PUSH(flags) IRS_PRAGMA(GCC push_options) IRS_PRAGMA(GCC target(flags))
#define IRS_TARGET_POP IRS_PRAGMA(GCC pop_options)
#endif

// Loops that share a function with others run out of registers; GCC would inline whatever is called once.
#if defined(__GNUC__)
#define IRS_NOINLINE __attribute__((noinline))
#else
#define IRS_NOINLINE
#endif

#define IRS_NAMESPACE_BEGIN(isa) namespace irs { namespace isa { namespace {
#define IRS_NAMESPACE_END }}}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

// GCC prefers 256-bit vectors for AVX-512 unless told otherwise here; clang has no such word in `target`.
#define IRS_AVX2_FLAGS "avx2,fma,f16c,bmi,bmi2"
#if defined(__clang__)
#define IRS_AVX512_FLAGS IRS_AVX2_FLAGS ",avx512f,avx512dq,avx512cd,avx512bw,avx512vl"
#else
#define IRS_AVX512_FLAGS \
  IRS_AVX2_FLAGS ",avx512f,avx512dq,avx512cd,avx512bw,avx512vl,prefer-vector-width=512"
#endif

#define IRS_DISPATCH(function) \
  ::irs::for_current_isa(&::irs::generic::function, &::irs::avx2::function, &::irs::avx512::function)

namespace irs {
template <class Function>
Function* for_current_isa(Function* generic, Function* avx2, Function* avx512) {
  const Isa isa = current_isa();
  return isa >= Isa::avx512 ? avx512 : isa == Isa::avx2 ? avx2 : generic;  // AMX includes AVX-512
}
}  // namespace irs

#define IRS_ONCE 0
#define IRS_ISA_BEGIN IRS_NAMESPACE_BEGIN(generic)
#define IRS_ISA_END IRS_NAMESPACE_END
#include IRS_OP_FILE
#undef IRS_ISA_BEGIN
#undef IRS_ISA_END

#define IRS_TARGET_AVX2 1
#define IRS_ISA_BEGIN IRS_TARGET_PUSH(IRS_AVX2_FLAGS) IRS_NAMESPACE_BEGIN(avx2)
#define IRS_ISA_END IRS_NAMESPACE_END IRS_TARGET_POP
#include IRS_OP_FILE
#undef IRS_ISA_BEGIN
#undef IRS_ONCE

#define IRS_TARGET_AVX512 1
#if defined(__clang__) || __GNUC__ >= 11
#define IRS_AMX 1
#define IRS_AMX_BEGIN IRS_TARGET_PUSH(IRS_AVX512_FLAGS ",avx512bf16,amx-tile,amx-bf16")
#define IRS_AMX_END IRS_TARGET_POP
#endif
#define IRS_ISA_BEGIN IRS_TARGET_PUSH(IRS_AVX512_FLAGS) IRS_NAMESPACE_BEGIN(avx512)

#elif defined(__aarch64__) && defined(__GNUC__)

#include <arm_neon.h>

// Plain code is compiled to NEON here anyway; the second pass is for kernels that use its intrinsics.
#define IRS_DISPATCH(function) ::irs::for_current_isa(&::irs::generic::function, &::irs::neon::function)

namespace irs {
template <class Function>
Function* for_current_isa(Function* generic, Function* neon) {
  return current_isa() == Isa::neon ? neon : generic;
}
}  // namespace irs

#define IRS_ONCE 0
#define IRS_ISA_BEGIN IRS_NAMESPACE_BEGIN(generic)
#define IRS_ISA_END IRS_NAMESPACE_END
#include IRS_OP_FILE
#undef IRS_ISA_BEGIN
#undef IRS_ONCE

#define IRS_TARGET_NEON 1
#define IRS_ISA_BEGIN IRS_NAMESPACE_BEGIN(neon)

#else

#define IRS_DISPATCH(function) (&::irs::generic::function)
#define IRS_ISA_BEGIN IRS_NAMESPACE_BEGIN(generic)
#define IRS_ISA_END IRS_NAMESPACE_END

#endif

#define IRS_ONCE 1  // from here on the operator file goes on by itself, for the strongest instruction set

#endif  // IRS_FOREACH_ISA_H
