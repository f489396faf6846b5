// HazeNet (irs_engine/enhance/haze_net.py): a thumbnail to the six maps that `defog` works with.
//
// Feature maps are interleaved, so that vectors run along the channels of a pixel. Products are added in one
// order and never fused, so every instruction set gives the same bits; the whole network is a millisecond or
// two, less than the pixels of a large picture take.

#define IRS_OP_FILE "ops/haze_net.cpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/float4.h"
#include "core/layer_weights.h"
#include "core/parallel_for.h"

#ifndef IRS_HAZE_NET_TYPES
#define IRS_HAZE_NET_TYPES
namespace irs {

constexpr int net_block = 16;  // channels that a kernel works on at a time

// (height, width, channels), channels a multiple of net_block but for the thumbnail.
struct Features {
  Features(int rows, int columns, int depth)
      : height(rows), width(columns), channels(depth),
        values(static_cast<std::size_t>(rows) * columns * depth) {}
  float* at(int y, int x) { return values.data() + (static_cast<std::ptrdiff_t>(y) * width + x) * channels; }
  const float* at(int y, int x) const { return const_cast<Features*>(this)->at(y, x); }

  int height, width, channels;
  Aligned<float> values;
};

// A convolution of side 1 or 3, its weights as [block of outputs][tap][input][net_block].
struct Convolution {
  int inputs, outputs, side, stride;
  Aligned<float> weights, bias;
};

enum class After { nothing, relu, add_relu };  // add_relu: relu(sum), and what lies in the output already

}  // namespace irs
#endif

#include "core/foreach_isa.h"

IRS_ISA_BEGIN
#include "core/vec.h"

constexpr int net_vectors = net_block / lanes;
constexpr int net_pixels = net_vectors >= 4 ? 2 : net_vectors == 2 ? 4 : 8;  // as registers allow

// `net_block` outputs of so many pixels; from[p] are the inputs of pixel p for each tap in turn.
template <int count>
IRS_NOINLINE void convolve_pixels(const float* const (*from)[9], const float* weights, const float* bias,
                                  int taps, int inputs, float (*sums)[net_block]) {
  Vec sum[count][net_vectors];
  for (int p = 0; p < count; ++p)
    for (int v = 0; v < net_vectors; ++v) sum[p][v] = load(bias + v * lanes);
  for (int tap = 0; tap < taps; ++tap) {
    const float* pixel[count];
    for (int p = 0; p < count; ++p) pixel[p] = from[p][tap];
    for (int i = 0; i < inputs; ++i, weights += net_block)
      for (int p = 0; p < count; ++p) {
        const Vec value = broadcast(pixel[p][i]);
        for (int v = 0; v < net_vectors; ++v) sum[p][v] = sum[p][v] + value * load(weights + v * lanes);
      }
  }
  for (int p = 0; p < count; ++p)
    for (int v = 0; v < net_vectors; ++v) store(sums[p] + v * lanes, sum[p][v]);
}

void convolve_rows(const Convolution& conv, const Features& in, Features& out, After after, int begin,
                   int end) {
  const int reach = conv.side / 2, taps = conv.side * conv.side;
  const float* from[net_pixels][9];
  float sums[net_pixels][net_block];
  for (int y = begin; y < end; ++y) {
    for (int x = 0; x < out.width; x += net_pixels) {
      const int count = std::min(net_pixels, out.width - x);
      for (int p = 0; p < net_pixels; ++p)
        for (int tap = 0; tap < taps; ++tap) {  // what lies outside is the edge, repeated
          const int row = y * conv.stride + tap / conv.side - reach;
          const int column = std::min(x + p, out.width - 1) * conv.stride + tap % conv.side - reach;
          from[p][tap] = in.at(std::clamp(row, 0, in.height - 1), std::clamp(column, 0, in.width - 1));
        }
      for (int first = 0; first < conv.outputs; first += net_block) {
        const auto skipped = static_cast<std::ptrdiff_t>(first) * taps * conv.inputs;
        convolve_pixels<net_pixels>(from, conv.weights.data() + skipped, conv.bias.data() + first, taps,
                                    conv.inputs, sums);
        for (int p = 0; p < count; ++p) {
          float* to = out.at(y, x + p) + first;
          for (int i = 0; i < net_block; ++i) {
            const float value = after == After::nothing ? sums[p][i] : std::max(sums[p][i], 0.0f);
            to[i] = after == After::add_relu ? to[i] + value : value;
          }
        }
      }
    }
  }
}

// out = relu(out + the small map enlarged twice by bilinear, pixels' centres aligned)
void enlarge_rows(const Features& small, Features& out, int begin, int end) {
  const int channels = out.channels;
  for (int y = begin; y < end; ++y) {
    const int near_y = y / 2, far_y = std::clamp(near_y + (y % 2 ? 1 : -1), 0, small.height - 1);
    for (int x = 0; x < out.width; ++x) {
      const int near_x = x / 2, far_x = std::clamp(near_x + (x % 2 ? 1 : -1), 0, small.width - 1);
      const float *a = small.at(near_y, near_x), *b = small.at(near_y, far_x);
      const float *c = small.at(far_y, near_x), *d = small.at(far_y, far_x);
      float* to = out.at(y, x);
      for (int i = 0; i < channels; ++i) {
        const float sum = 0.75f * (0.75f * a[i] + 0.25f * b[i]) + 0.25f * (0.75f * c[i] + 0.25f * d[i]);
        to[i] = std::max(to[i] + sum, 0.0f);
      }
    }
  }
}

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

constexpr int haze_widths[] = {16, 32, 48, 64, 64};
constexpr int haze_levels = 5, haze_upwards = 2, haze_maps = 6;
constexpr int haze_stride = 1 << haze_levels, haze_map_stride = 1 << (haze_levels - haze_upwards);
constexpr int multiplications_worth_a_thread = 100000;

Convolution convolution(const py::array& weight, const py::array& bias, int inputs, int outputs, int side,
                        int stride) {
  const float* w = weights_array(weight, "weight", {outputs, inputs, side, side});
  const float* b = weights_array(bias, "bias", {outputs});
  const int blocks = (outputs + net_block - 1) / net_block, taps = side * side;
  Convolution conv{inputs, blocks * net_block, side, stride,
                   Aligned<float>(static_cast<std::size_t>(blocks) * net_block * taps * inputs),
                   padded(b, outputs, blocks * net_block)};
  for (int o = 0; o < outputs; ++o)
    for (int i = 0; i < inputs; ++i)
      for (int tap = 0; tap < taps; ++tap)
        conv.weights[((o / net_block * taps + tap) * inputs + i) * net_block + o % net_block] =
            w[(o * inputs + i) * taps + tap];
  return conv;
}

class HazeNet {
 public:
  // Weights and biases in the order in which they are used.
  explicit HazeNet(const std::vector<std::pair<py::array, py::array>>& layers) {
    check(layers.size() == 13, "layers: expected 13, got ", layers.size());
    auto layer = layers.begin();
    const auto next = [&](int inputs, int outputs, int side, int stride = 1) {
      const auto& [weight, bias] = *layer++;
      return convolution(weight, bias, inputs, outputs, side, stride);
    };
    for (int i = 0, inputs = 3; i < haze_levels; inputs = haze_widths[i++])
      down_.push_back(next(inputs, haze_widths[i], 3, 2));
    const int deepest = haze_widths[haze_levels - 1];
    for (int i = 0; i < 2; ++i) middle_.push_back(next(deepest, deepest, 3));
    whole_ = next(deepest, deepest, 1);
    int inputs = deepest;
    for (int i = 0; i < haze_upwards; ++i) {
      const int outputs = haze_widths[haze_levels - 2 - i];
      up_.push_back(next(inputs, outputs, 1));
      merge_.push_back(next(outputs, outputs, 3));
      inputs = outputs;
    }
    maps_ = next(inputs, haze_maps, 1);
  }

  void run(const py::array& thumbnail, const py::array& maps) const {
    const auto from = image_view<const float>(thumbnail, "thumbnail", {3});
    const auto to = image_view<float>(maps, "maps", {haze_maps});
    check(from.width() % haze_stride == 0 && from.height() % haze_stride == 0,
          "thumbnail: expected sides that are multiples of ", haze_stride, ", got ", from.width(), "x",
          from.height());
    check(to.width() == from.width() / haze_map_stride && to.height() == from.height() / haze_map_stride,
          "maps: expected 1/", haze_map_stride, " of the thumbnail's sides, got ", to.width(), "x",
          to.height());
    py::gil_scoped_release release;
    const Features found = maps_of(from);
    for (int y = 0; y < to.height(); ++y)
      for (int x = 0; x < to.width(); ++x) std::copy_n(found.at(y, x), haze_maps, to.row(y) + x * haze_maps);
  }

 private:
  Features maps_of(ImageView<const float> thumbnail) const {
    Features first(thumbnail.height(), thumbnail.width(), 3);
    for (int y = 0; y < first.height; ++y)
      for (int i = 0; i < 3 * first.width; ++i) first.at(y, 0)[i] = 2 * thumbnail.row(y)[i] - 1;
    std::vector<Features> levels;
    levels.push_back(std::move(first));
    for (const Convolution& conv : down_) levels.push_back(convolve(conv, levels.back(), After::relu));
    Features x = std::move(levels.back());
    for (const Convolution& conv : middle_) x = residual(conv, x);
    add_whole(x);
    for (int i = 0; i < haze_upwards; ++i) {
      Features wider = std::move(levels[haze_levels - 1 - i]);
      enlarge(convolve(up_[i], x, After::nothing), wider);
      x = residual(merge_[i], wider);
    }
    return convolve(maps_, x, After::nothing);
  }

  static Features convolve(const Convolution& conv, const Features& in, After after) {
    Features out(in.height / conv.stride, in.width / conv.stride, conv.outputs);
    convolve_into(conv, in, out, after);
    return out;
  }

  static Features residual(const Convolution& conv, const Features& in) {
    Features out(in.height, in.width, in.channels);
    std::copy_n(in.at(0, 0), static_cast<std::size_t>(in.height) * in.width * in.channels, out.at(0, 0));
    convolve_into(conv, in, out, After::add_relu);
    return out;
  }

  static void convolve_into(const Convolution& conv, const Features& in, Features& out, After after) {
    const int row = out.width * conv.outputs * conv.inputs * conv.side * conv.side;
    const int grain = 1 + multiplications_worth_a_thread / row;
    parallel_for(out.height, grain, [&](std::int64_t begin, std::int64_t end) {
      IRS_DISPATCH(convolve_rows)(conv, in, out, after, static_cast<int>(begin), static_cast<int>(end));
    });
  }

  static void enlarge(const Features& small, Features& out) {
    IRS_DISPATCH(enlarge_rows)(small, out, 0, out.height);
  }

  // A linear layer of the mean over all pixels, added to every one.
  void add_whole(Features& x) const {
    Features mean(1, 1, x.channels);
    for (int y = 0; y < x.height; ++y)
      for (int i = 0; i < x.width * x.channels; ++i) mean.at(0, 0)[i % x.channels] += x.at(y, 0)[i];
    for (int c = 0; c < x.channels; ++c) mean.at(0, 0)[c] /= static_cast<float>(x.height * x.width);
    const Features added = convolve(whole_, mean, After::nothing);
    for (int y = 0; y < x.height; ++y)
      for (int i = 0; i < x.width * x.channels; ++i) x.at(y, 0)[i] += added.at(0, 0)[i % x.channels];
  }

  std::vector<Convolution> down_, middle_, up_, merge_;
  Convolution whole_{}, maps_{};
};

}  // namespace

IRS_BIND(m) {
  py::class_<HazeNet>(m, "HazeNet")
      .def(py::init<const std::vector<std::pair<py::array, py::array>>&>(), py::arg("layers"))
      .def("run", &HazeNet::run, py::arg("thumbnail").noconvert(), py::arg("maps").noconvert());
}

}  // namespace irs
#endif
