#pragma once

#include <sstream>
#include <stdexcept>

namespace irs {

// Throws std::invalid_argument, a ValueError in Python: check(n > 0, "n: expected 1 or more, got ", n).
template <class... Parts>
void check(bool condition, const Parts&... parts) {
  if (condition) return;
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

}  // namespace irs
