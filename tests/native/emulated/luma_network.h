// Reads scale, height and width (int32), the six arrays of weights and a plane of luma (float32) from standard
// input, and writes what a kernel makes of them. Built for aarch64 and run under emulation by test_aarch64.py.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

template <class T>
std::vector<T> read(std::size_t count) {
  std::vector<T> values(count);
  if (std::fread(values.data(), sizeof(T), count, stdin) != count) std::abort();
  return values;
}

struct Given {
  int scale, height, width;
  std::vector<float> arrays[6], luma;
};

// `sizes` of the arrays; those of the last two are for each of `scale * scale` outputs where `shuffled`.
inline Given read_network(const std::vector<int>& sizes, bool shuffled) {
  const auto shape = read<std::int32_t>(3);
  Given given{shape[0], shape[1], shape[2], {}, {}};
  for (std::size_t i = 0; i < sizes.size(); ++i)
    given.arrays[i] = read<float>(sizes[i] * (shuffled && i >= 4 ? given.scale * given.scale : 1));
  given.luma = read<float>(std::size_t{1} * given.height * given.width);
  return given;
}

// A kernel takes (weights, luma, out, first row, part); `grown` is the scale of the plane that it works on.
template <class Weights, class Kernel>
void run_kernel(const Given& given, const Weights& weights, int grown, int most_tiles, const Kernel& kernel) {
  const int height = given.height, width = given.width, scale = given.scale;
  std::vector<float> out(given.luma.size() * scale * scale);
  const irs::Extent<const float> from{given.luma.data(), given.luma.size()};
  const irs::Extent<float> to{out.data(), out.size()};
  const irs::ImageView<const float> luma(from, from.begin, width, height, 1, width);
  const irs::ImageView<float> enlarged(to, to.begin, width * scale, height * scale, 1, width * scale);
  irs::for_each_part(width * grown, most_tiles, (height * grown + 3) / 4,
                     [&](irs::Part part) { kernel(weights, luma, enlarged, 0, part); });
  std::fwrite(out.data(), sizeof(float), out.size(), stdout);
}
