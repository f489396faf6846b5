// A plane enlarged by a whole factor with the bicubic kernel (a = -0.5), as MATLAB's imresize: the centre of
// sample x of the result is (x + 0.5) / scale - 0.5, borders are reflected with the edge sample repeated.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/extend.h"
#include "core/image_view.h"
#include "core/taps.h"

namespace irs {

class Enlarged {
 public:
  Enlarged(ImageView<const float> plane, int scale) : plane_(plane), scale_(scale) {
    for (int phase = 0; phase < scale; ++phase) {
      const double center = (phase + 0.5) / scale - 0.5;
      first_[phase] = static_cast<int>(std::floor(center)) - 1;
      double weights[4], sum = 0;
      for (int k = 0; k < 4; ++k) sum += weights[k] = cubic(center - (first_[phase] + k));
      for (int k = 0; k < 4; ++k) weights_[phase][k] = static_cast<float>(weights[k] / sum);
    }
  }

  // Columns [left, left + count) of a row. Beyond the result both go on with its edge samples.
  void row(int y, int left, int count, float* to) {
    y = std::clamp(y, 0, plane_.height() * scale_ - 1);
    const int last = plane_.width() * scale_ - 1;
    const int begin = std::clamp(left, 0, last), end = std::clamp(left + count - 1, 0, last) + 1;
    sum_rows(y, begin / scale_ - 2, (end - 1) / scale_ + 3);

    float* out = to + std::max(begin - left, 0);
    if (left > last) out = to;
    const float* line = line_.data() + 2;
    for (int x = begin, base = 0, phase = begin % scale_; x < end; ++x) {
      const float *w = weights_[phase], *from = line + base + first_[phase];
      *out++ = w[0] * from[0] + w[1] * from[1] + w[2] * from[2] + w[3] * from[3];
      if (++phase == scale_) phase = 0, ++base;
    }
    std::fill(to, to + std::clamp(begin - left, 0, count), to[std::clamp(begin - left, 0, count - 1)]);
    std::fill(out, to + count, out[-1]);
  }

 private:
  // line_[i] = row y of the result at column begin + i of the plane.
  void sum_rows(int y, int begin, int end) {
    const int phase = y % scale_, top = y / scale_ + first_[phase], width = plane_.width();
    const float *rows[4], *w = weights_[phase];
    for (int k = 0; k < 4; ++k) rows[k] = plane_.row(reflected(top + k, plane_.height()));
    line_.resize(std::max<std::size_t>(line_.size(), end - begin));
    float* line = line_.data() - begin;
    const int inner = std::clamp(0, begin, end), inner_end = std::clamp(width, inner, end);
    for (int x = inner; x < inner_end; ++x)
      line[x] = w[0] * rows[0][x] + w[1] * rows[1][x] + w[2] * rows[2][x] + w[3] * rows[3][x];
    for (int x = begin; x < end; x = x + 1 == inner ? inner_end : x + 1) {
      if (x >= inner && x < inner_end) continue;
      const int i = reflected(x, width);
      line[x] = w[0] * rows[0][i] + w[1] * rows[1][i] + w[2] * rows[2][i] + w[3] * rows[3][i];
    }
  }

  ImageView<const float> plane_;
  int scale_;
  int first_[4];  // of the four taps, relative to the sample that the result lies in
  float weights_[4][4];
  std::vector<float> line_;
};

}  // namespace irs
