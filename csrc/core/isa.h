// Instruction sets: what this CPU runs, and which of them the kernels use now.
#pragma once

#include <string>
#include <vector>

namespace irs {

// Weakest first within one architecture.
enum class Isa { generic, avx2, avx512, amx, neon };

const char* isa_name(Isa isa);

// What this CPU and operating system run, weakest first; `generic` is always there.
const std::vector<Isa>& usable_isas();

// The strongest usable one, unless IRS_ISA or `set_isa` says otherwise.
Isa current_isa();

// Whether kernels with bf16 products run: they need AMX.
inline bool has_bf16() { return current_isa() == Isa::amx; }

// Whether convolutions of other libraries (oneDNN's, which torch uses) are quicker in bf16 than in fp32.
bool bf16_pays();

// Throws std::invalid_argument unless `name` is usable. For tests and measurements.
void set_isa(const std::string& name);

}  // namespace irs
