// Which input samples make up an output sample when one axis is resampled, and with what weights.
#pragma once

#include <cstddef>
#include <vector>

namespace irs {

enum class Filter { bilinear, bicubic, area };

// Keys' bicubic kernel (1981), a = -0.5.
double cubic(double x);

// Output i is the sum over k < count of weight(i)[k] * input[first[i] + k]. Every output has the same number
// of taps, so that loops over them do not branch; short ones are padded with zeros. first[] never decreases.
struct Taps {
  int count = 0;
  std::vector<int> first;
  std::vector<float> weights;

  int outputs() const { return static_cast<int>(first.size()); }
  const float* weight(int i) const { return weights.data() + static_cast<std::size_t>(i) * count; }

  // Inputs that the outputs [begin, end) take, from first[begin] on.
  int span(int begin, int end) const { return first[end - 1] + count - first[begin]; }

  // The end of the longest run of outputs from `begin` on that is no longer than `most` and takes no more
  // than `most` inputs; one output at least.
  int run_end(int begin, int most) const;
};

// Resamples [begin, begin + length) of an axis of `inputs` samples, where sample i covers [i, i + 1), to
// `outputs` samples. Bilinear and bicubic (a = -0.5) are Pillow's: shrinking widens the kernel by the ratio;
// taps reach beyond the interval but not beyond the axis, and weights sum to 1. Area weighs a sample with the
// length that it shares with the output.
Taps make_taps(int inputs, int outputs, double begin, double length, Filter filter);

}  // namespace irs
