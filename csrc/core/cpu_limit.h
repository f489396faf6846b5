#pragma once

#include <string>

namespace irs {

// CPUs that this process may keep busy: those of its affinity mask, or fewer when a cgroup quota (a
// container's CPU limit) allows less. Quotas count in parts of a CPU and are rounded up.
int usable_cpus();

// The quota alone, in CPUs, or 0 when there is none. Tests bring their own files: `root` stands for "/".
int cgroup_cpus(const std::string& root);

}  // namespace irs
