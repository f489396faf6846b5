// The one thread pool. No OpenMP: a child forked after an OpenMP region hangs in its first own region.
#pragma once

#include <cstdint>

namespace irs {

// Threads that parallel_for may use, the caller's included: as set, else IRS_NUM_THREADS, else usable_cpus().
int num_threads();
void set_num_threads(int count);

// Throws std::invalid_argument when IRS_NUM_THREADS is set to something else than a number of threads.
void check_num_threads_variable();

namespace detail {
using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
void run_ranges(std::int64_t count, std::int64_t grain, RangeFunction function, void* context);
}  // namespace detail

// Calls body(begin, end) for disjoint ranges that cover [0, count), each at least `grain` long but the last,
// on several threads, and returns when all are done. Results must not depend on where ranges begin. The first
// exception is thrown again in the caller, and ranges not yet begun are dropped. Nested calls, and calls
// while another thread uses the pool, run in the caller's thread.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  const auto call = [](void* context, std::int64_t begin, std::int64_t end) {
    (*static_cast<const Body*>(context))(begin, end);
  };
  detail::run_ranges(count, grain, call, const_cast<Body*>(&body));
}

}  // namespace irs
