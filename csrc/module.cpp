#include "core/bind.h"
#include "core/cpu_limit.h"
#include "core/isa.h"
#include "core/parallel_for.h"

namespace irs {
namespace {

py::list isa_names() {
  py::list names;
  for (Isa isa : usable_isas()) names.append(isa_name(isa));
  return names;
}

}  // namespace
}  // namespace irs

PYBIND11_MODULE(_native, m) {
  using namespace irs;
  m.doc() = "Native kernels of irs_engine; the public functions are in irs_engine.";
  m.attr("__version__") = IRS_VERSION;

  // Whatever is wrong with the build or the variables is said at import, not in the middle of a job.
  py::module_::import("irs_engine._stamp").attr("refuse_stale")(IRS_STAMP);
  current_isa();
  check_num_threads_variable();

  m.def("isas", &isa_names, "Instruction sets that this CPU runs, weakest first.");
  m.def("isa", [] { return isa_name(current_isa()); }, "The instruction set that the kernels use.");
  m.def("bf16_pays", &bf16_pays, "Whether torch's convolutions are quicker in bf16 than in fp32 on this CPU.");
  m.def("set_isa", &set_isa, py::arg("name"));
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, py::arg("count"));
  m.def("usable_cpus", &usable_cpus, "CPUs within the affinity mask and the cgroup quota.");
  m.def("cgroup_cpus", &cgroup_cpus, py::arg("root") = "", "The cgroup quota in CPUs, 0 for none.");

  Binding::bind_all(m);
}
