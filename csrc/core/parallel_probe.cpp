// Lets the tests see what parallel_for does.
#include <mutex>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "core/bind.h"
#include "core/parallel_for.h"

namespace irs {

IRS_BIND(m) {
  m.def(
      "parallel_ranges",
      [](std::int64_t count, std::int64_t grain, std::int64_t fail_at) {
        std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
        std::mutex mutex;
        py::gil_scoped_release release;
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          check(!(begin <= fail_at && fail_at < end), "parallel_ranges: asked to fail at ", fail_at);
          const std::lock_guard<std::mutex> lock(mutex);
          ranges.emplace_back(begin, end);
        });
        return ranges;
      },
      py::arg("count"), py::arg("grain"), py::arg("fail_at") = -1);
}

}  // namespace irs
