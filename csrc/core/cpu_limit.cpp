#include "core/cpu_limit.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace irs {
namespace {

int affinity_cpus() {
#if defined(__linux__)
  // The mask of a machine with more CPUs than the set has room for is refused with EINVAL.
  for (int room = 1024; room <= (1 << 20); room *= 4) {
    cpu_set_t* set = CPU_ALLOC(room);
    if (!set) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(room);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

// cgroup v2: "max 100000" or "150000 100000" (microseconds of CPU time, per so many microseconds).
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::strtod(quota.c_str(), nullptr) / period;
}

// cgroup v1: the same in two files, and -1 for no limit.
double quota_v1(const std::string& folder) {
  double quota = 0, period = 0;
  std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The tightest limit from the group at `path` up to the mount. A container often sees the host's path without
// its folders; the walk then ends at the mount, where the container's own limit is.
template <class Quota>
double tightest(const std::string& mount, std::string path, Quota quota) {
  double limit = 0;
  for (;;) {
    if (path == "/") path.clear();
    const double here = quota(mount + path);
    if (here > 0) limit = limit > 0 ? std::min(limit, here) : here;
    if (path.empty()) return limit;
    path.erase(path.find_last_of('/'));
  }
}

bool names_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

int cgroup_cpus(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  double limit = 0;
  // Lines are "hierarchy:controllers:path"; v2 is "0::/path".
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    double here = 0;
    if (controllers.empty()) {
      here = tightest(mounts, path, quota_v2);
    } else if (names_cpu(controllers)) {
      here = tightest(mounts + "/" + controllers, path, quota_v1);
      if (here == 0) here = tightest(mounts + "/cpu", path, quota_v1);
    }
    if (here > 0) limit = limit > 0 ? std::min(limit, here) : here;
  }
  return static_cast<int>(std::ceil(limit));
}

int usable_cpus() {
  const int cpus = affinity_cpus();
  const int quota = cgroup_cpus("");
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

}  // namespace irs
