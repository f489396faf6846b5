#include "core/taps.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace irs {

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// One output: inputs from `first` on, their weights at `offset` of a list that all outputs share.
struct Output {
  int first, count;
  std::size_t offset;
};

class Weights {
 public:
  Weights(int inputs, double ratio, Filter filter) : inputs_(inputs), ratio_(ratio), filter_(filter) {}

  // The output that covers [from, from + ratio).
  Output add(double from) {
    const std::size_t offset = list_.size();
    int first = 0;
    switch (filter_) {
      case Filter::bilinear: first = add_kernel(from + 0.5 * ratio_, 1, triangle); break;
      case Filter::bicubic: first = add_kernel(from + 0.5 * ratio_, 2, cubic); break;
      case Filter::area: first = add_overlaps(from, from + ratio_); break;
    }
    return trimmed({first, static_cast<int>(list_.size() - offset), offset});
  }

  const double* of(const Output& output) const { return list_.data() + output.offset; }

 private:
  int add_kernel(double center, double support, double (*kernel)(double)) {
    const double stretch = std::max(ratio_, 1.0), reach = support * stretch;
    const int begin = std::max(static_cast<int>(center - reach + 0.5), 0);
    const int end = std::min(static_cast<int>(center + reach + 0.5), inputs_);
    for (int i = begin; i < end; ++i) list_.push_back(kernel((i + 0.5 - center) / stretch));
    return begin;
  }

  int add_overlaps(double from, double to) {
    const int begin = std::min(static_cast<int>(from), inputs_ - 1);
    const int end = std::clamp(static_cast<int>(std::ceil(to)), begin + 1, inputs_);
    // Never nothing at all, however narrow the interval.
    for (int i = begin; i < end; ++i)
      list_.push_back(std::max(1e-12, std::min(to, i + 1.0) - std::max(from, i + 0.0)));
    return begin;
  }

  // Without the taps of weight zero at either end, which would be work for nothing.
  Output trimmed(Output output) const {
    while (output.count > 1 && of(output)[output.count - 1] == 0) --output.count;
    while (output.count > 1 && of(output)[0] == 0) ++output.first, ++output.offset, --output.count;
    return output;
  }

  int inputs_;
  double ratio_;
  Filter filter_;
  std::vector<double> list_;
};

}  // namespace

int Taps::run_end(int begin, int most) const {
  if (outputs() - begin <= most && span(begin, outputs()) <= most) return outputs();
  const auto too_far = std::upper_bound(first.begin() + begin + 1, first.end(), first[begin] + most - count);
  return std::min(static_cast<int>(too_far - first.begin()), begin + most);
}

Taps make_taps(int inputs, int outputs, double begin, double length, Filter filter) {
  constexpr double rounding = 1e-6;
  check(length > 0 && begin >= -rounding && begin + length <= inputs + rounding,
        "box: expected a part of 0..", inputs, ", got ", begin, "..", begin + length);
  const double ratio = length / outputs;

  Weights weights(inputs, ratio, filter);
  std::vector<Output> list;
  list.reserve(outputs);
  Taps taps;
  for (int i = 0; i < outputs; ++i) {
    list.push_back(weights.add(begin + i * ratio));
    taps.count = std::max(taps.count, list.back().count);
  }

  taps.first.reserve(outputs);
  taps.weights.assign(static_cast<std::size_t>(outputs) * taps.count, 0.0f);
  float* row = taps.weights.data();
  for (const Output& output : list) {
    const int first = std::min(output.first, inputs - taps.count);  // at the far end, padding goes in front
    const double* weight = weights.of(output);
    double sum = 0;
    for (int k = 0; k < output.count; ++k) sum += weight[k];
    float* padded = row + (output.first - first);
    for (int k = 0; k < output.count; ++k) padded[k] = static_cast<float>(weight[k] / sum);
    taps.first.push_back(first);
    row += taps.count;
  }
  return taps;
}

}  // namespace irs
