// ESPCN (Shi et al. 2016): a plane of luma, enlarged r times in each direction.
//
//   5x5 1->64 tanh, 3x3 64->32 tanh, 3x3 32->r*r, pixel shuffle
//
// The plane is continued by its edge samples; no layer pads its own input. Rows roll through all layers, four
// at a time and some 256 columns wide, so that what lies between the layers stays in the second-level cache.
// Winograd's tiles are counted from the first output row: rows of a band that begins at a multiple of four
// rows of the image have the same bits as rows of the whole image.

#define IRS_OP_FILE "ops/espcn.cpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/extend.h"
#include "core/float4.h"
#include "core/layer_weights.h"
#include "core/parts.h"
#include "core/tile_weights.h"
#include "core/winograd_weights.h"
#include "core/foreach_isa.h"

#ifndef IRS_ESPCN_WEIGHTS
#define IRS_ESPCN_WEIGHTS
namespace irs {

constexpr int espcn_step = 4;    // rows that are made at a time
constexpr int espcn_halo = 6;    // rows of context that they take: the receptive field, and whole tiles below
constexpr int espcn_tiles = 64;  // columns that are made at a time, in tiles of four
constexpr int espcn_tiles_bf16 = 340;  // half the size, and two rows at a time

struct EspcnWeights {
  int scale;
  Aligned<float> first, first_bias;    // [5 * 5][64]
  Aligned<float> middle, middle_bias;  // Winograd, [36][64][32]
  Aligned<float> last, last_bias;      // Winograd, [36][32][16]

  TileWeights first_tiles, middle_tiles;
  Aligned<float> first_sums;  // kernel_sums()
  TileWeights last_tiles;     // [3 * 3]
  Aligned<float> tanh;        // tanh_intervals()
};

// Weights (64, 1, 5, 5), (32, 64, 3, 3), (9 or 16, 32, 3, 3), and the biases, laid out for the kernels.
inline EspcnWeights espcn_weights(const float* w1, const float* b1, const float* w2, const float* b2,
                                  const float* w3, const float* b3, int scale) {
  const int outputs = scale * scale;
  EspcnWeights weights;
  weights.scale = scale;
  weights.first = transposed(w1, 64, 25);
  weights.middle = winograd_weights(w2, 32, 64, 3, 32);
  weights.last = winograd_weights(w3, outputs, 32, 3, 16);
  weights.first_bias = padded(b1, 64, 64);
  weights.middle_bias = padded(b2, 32, 32);
  weights.last_bias = padded(b3, outputs, 16);
  if (usable_isas().back() != Isa::amx) return weights;
  weights.tanh = tanh_intervals();
  weights.first_tiles = first_tile_weights(w1, 5);
  weights.first_sums = kernel_sums(w1, 5);
  weights.middle_tiles = middle_tile_weights(w2, 3);
  weights.last_tiles = TileWeights(9);
  for (int o = 0; o < outputs; ++o)
    for (int c = 0; c < 32; ++c)
      for (int tap = 0; tap < 9; ++tap) weights.last_tiles.set(tap, c, o, w3[(o * 32 + c) * 9 + tap]);
  return weights;
}

}  // namespace irs
#endif

IRS_ISA_BEGIN

#include "core/vec.h"
#include "core/winograd.h"
#include "core/first_layer.h"

using Middle = WinogradLayer<3, 64, 64, 32, 24>;
using Last = WinogradLayer<3, 32, 32, 16, 24>;

// Output rows y * scale ... of a row of 16 channels per pixel.
template <int scale>
IRS_NOINLINE void shuffle(const float* channels, int count, float* out, std::ptrdiff_t stride) {
  for (int x = 0; x < count; ++x, channels += 16, out += scale)
    for (int j = 0; j < scale; ++j)
      std::memcpy(out + j * stride, channels + j * scale, scale * sizeof(float));
}

// Rows are counted from `first`, columns from `left`; either may be negative or beyond the plane.
class Strip {
 public:
  Strip(const EspcnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first, Part part)
      : weights_(weights),
        luma_(luma),
        out_(out),
        first_(first),
        part_(part),
        width_(part.tiles * 4 + 6),
        memory_(8 * plane_stride() + 6 * hidden_stride() + 8 * deep_stride() + 4 * last_stride() + scratch) {
    plane_ = memory_.data();
    hidden_ = plane_ + 8 * plane_stride();
    deep_ = hidden_ + 6 * hidden_stride();
    channels_ = deep_ + 8 * deep_stride();
    scratch_ = channels_ + 4 * last_stride();
  }

  void run() {
    make_hidden(part_.begin * 4 - 2, 2);
    make_deep(part_.begin);
    for (int step = part_.begin; step < part_.end; ++step) {
      make_deep(step + 1);
      make_output(step);
    }
  }

 private:
  static constexpr std::size_t scratch = std::max(Middle::scratch, Last::scratch);

  // Floats in a row: of the plane, of the 64 and 32 channels, and of the 16 of the last layer.
  std::size_t plane_stride() const { return (width_ + 4 + first_layer_block + 15) / 16 * 16; }
  std::size_t hidden_stride() const { return (width_ + first_layer_block) * 64; }
  std::size_t deep_stride() const { return (part_.tiles + 1) * 4 * 32; }
  std::size_t last_stride() const { return part_.tiles * 4 * 16; }

  // Rings of rows; row -2 of the 64 channels and row -1 of the 32 are the first that anything takes.
  float* hidden(int y) { return hidden_ + (y + 2 - 4 * part_.begin) % 6 * hidden_stride(); }
  float* deep(int y) { return deep_ + (y + 1 - 4 * part_.begin) % 8 * deep_stride(); }

  // Rows [y, y + count) of the first layer, from column -2 on.
  void make_hidden(int y, int count) {
    const float* rows[8];
    for (int i = 0; i < count + 4; ++i) {
      float* to = plane_ + i * plane_stride();
      const float* row = luma_.row(std::clamp(first_ + y - 2 + i, 0, luma_.height() - 1));
      copy_extended(row, luma_.width(), part_.left - 4, width_ + 4, to);
      rows[i] = to;
    }
    for (int i = 0; i < count; ++i) {
      first_layer<5, 64>(rows + i, width_, weights_.first.data(), weights_.first_bias.data(), hidden(y + i));
      activate<Tanh>(hidden(y + i), width_ * 64);
    }
  }

  // Rows 4 step - 1 ... 4 step + 2 of the middle layer, from column -1 on.
  void make_deep(int step) {
    make_hidden(step * 4, 4);
    const float* rows[6];
    float* to[4];
    for (int i = 0; i < 6; ++i) rows[i] = hidden(step * 4 - 2 + i);
    for (int i = 0; i < 4; ++i) to[i] = deep(step * 4 - 1 + i);
    Middle::run<Linear>(rows, weights_.middle.data(), weights_.middle_bias.data(), part_.tiles + 1, scratch_,
                        to);
    for (float* row : to) activate<Tanh>(row, deep_stride());
  }

  void make_output(int step) {
    const float* rows[6];
    float* to[4];
    for (int i = 0; i < 6; ++i) rows[i] = deep(step * 4 - 1 + i);
    for (int i = 0; i < 4; ++i) to[i] = channels_ + i * last_stride();
    Last::run<Linear>(rows, weights_.last.data(), weights_.last_bias.data(), part_.tiles, scratch_, to);

    const int scale = weights_.scale, count = std::min(part_.tiles * 4, luma_.width() - part_.left);
    for (int i = 0; i < 4 && (step * 4 + i) * scale < out_.height(); ++i) {
      float* out = out_.row((step * 4 + i) * scale) + part_.left * scale;
      (scale == 3 ? shuffle<3> : shuffle<4>)(to[i], count, out, out_.row_stride());
    }
  }

  const EspcnWeights& weights_;
  ImageView<const float> luma_;
  ImageView<float> out_;
  int first_;
  Part part_;
  int width_;  // of the first layer's output
  Aligned<float> memory_;
  float *plane_, *hidden_, *deep_, *channels_, *scratch_;
};

void espcn(const EspcnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first,
           Part part) {
  Strip(weights, luma, out, first, part).run();
}

#if IRS_AMX
IRS_AMX_BEGIN

#include "core/tiles.h"

// The same with bf16 products. Two rows at a time: the order of sums differs between even and odd rows, but
// parts begin at even ones.
class TileStrip {
 public:
  TileStrip(const EspcnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first,
            Part part)
      : weights_(weights),
        luma_(luma),
        out_(out),
        first_(first),
        part_(part),
        tanh_(weights.tanh.data()),
        deep_width_(round_up(part.tiles * 4, 32) + 16),
        hidden_width_(deep_width_ + 16),
        hidden_stride_((hidden_width_ + 31) / 32 * 32 * 64 + 18 * 64),
        plane_width_(hidden_width_ + 16),
        plane_(First::rows * plane_width_),
        hidden_(4 * hidden_stride_),
        deep_(4 * 32 * deep_width_),
        sums_(tile_sums) {}

  void run() {
    const Tiles tiles;
    const int begin = part_.begin * 4, end = std::min(part_.end * 4, out_.height() / weights_.scale);
    make_hidden(begin - 2);
    make_hidden(begin);
    make_deep(begin - 1);
    for (int y = begin; y < end; y += 2) {
      make_hidden(y + 2);
      make_deep(y + 1);
      make_output(y);
    }
  }

 private:
  using First = FirstTiles<5>;

  static constexpr int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

  // Rings of four rows.
  Bf16* hidden(int y) { return hidden_.data() + (y & 3) * hidden_stride_; }
  Bf16* deep(int y) { return deep_.data() + (y & 3) * 32 * deep_width_; }

  // Rows y and y + 1 of the first layer, from column -2 on.
  IRS_NOINLINE void make_hidden(int y) {
    const float* rows[First::rows];
    for (int i = 0; i < First::rows; ++i) {
      float* to = plane_.data() + i * plane_width_;
      const float* row = luma_.row(std::clamp(first_ + y - 2 + i, 0, luma_.height() - 1));
      copy_extended(row, luma_.width(), part_.left - 4, plane_width_, to);
      rows[i] = to;
    }
    const RoughTanh tanh = tanh_;  // in registers
    First::run(rows, hidden_width_, weights_.first_tiles.data(), weights_.first_bias.data(),
               weights_.first_sums.data(), tanh, sums_.data(), hidden(y), hidden(y + 1));
  }

  // Rows y and y + 1 of the middle layer, from column -1 on.
  IRS_NOINLINE void make_deep(int y) {
    const Bf16* rows[4];
    for (int i = 0; i < 4; ++i) rows[i] = hidden(y - 1 + i);
    const RoughTanh tanh = tanh_;
    middle_tiles<3>(rows, deep_width_, weights_.middle_tiles.data(), weights_.middle_bias.data(), tanh,
                    sums_.data(), deep(y), deep(y + 1));
  }

  // Output rows of the rows y and y + 1.
  IRS_NOINLINE void make_output(int y) {
    const Bf16* rows[4];
    for (int i = 0; i < 4; ++i) rows[i] = deep(y - 1 + i);
    const int scale = weights_.scale, width = std::min(part_.tiles * 4, luma_.width() - part_.left);
    for (int x = 0; x < width; x += 32) {
      output_tiles(rows, x, sums_.data());
      for (int row = 0; row < 2 && (y + row) * scale < out_.height(); ++row) {
        float* out = out_.row((y + row) * scale) + (part_.left + x) * scale;
        (scale == 3 ? shuffle<3> : shuffle<4>)(sums_.data() + row * 512, std::min(32, width - x), out,
                                               out_.row_stride());
      }
    }
  }

  // 2 rows x 32 pixels x 16.
  IRS_INLINE void output_tiles(const Bf16* const* rows, int x, float* to) {
    const float* bias = weights_.last_bias.data();
    const Bf16* weights = weights_.last_tiles.data();
    written_before_tiles();
    _tile_loadd(0, bias, 0);
    _tile_loadd(1, bias, 0);
    _tile_loadd(2, bias, 0);
    _tile_loadd(3, bias, 0);
    for (int ky = 0; ky < 3; ++ky) {
      const Bf16 *upper = rows[ky] + x * 32, *lower = rows[ky + 1] + x * 32;
      for (int kx = 0; kx < 3; ++kx, weights += 512) {
        _tile_loadd(4, weights, 64);
        _tile_loadd(5, upper + kx * 32, 64);
        _tile_dpbf16ps(0, 5, 4);
        _tile_loadd(6, upper + kx * 32 + 512, 64);
        _tile_dpbf16ps(1, 6, 4);
        _tile_loadd(7, lower + kx * 32, 64);
        _tile_dpbf16ps(2, 7, 4);
        _tile_loadd(5, lower + kx * 32 + 512, 64);
        _tile_dpbf16ps(3, 5, 4);
      }
    }
    _tile_stored(0, to, 64);
    _tile_stored(1, to + 256, 64);
    _tile_stored(2, to + 512, 64);
    _tile_stored(3, to + 768, 64);
  }

  const EspcnWeights& weights_;
  ImageView<const float> luma_;
  ImageView<float> out_;
  int first_;
  Part part_;
  const RoughTanh tanh_;
  int deep_width_, hidden_width_, hidden_stride_, plane_width_;
  Aligned<float> plane_;
  Aligned<Bf16> hidden_, deep_;
  Aligned<float> sums_;
};

void espcn_bf16(const EspcnWeights& weights, ImageView<const float> luma, ImageView<float> out,
                int first, Part part) {
  TileStrip(weights, luma, out, first, part).run();
}

IRS_AMX_END
#endif

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

class Espcn {
 public:
  Espcn(const py::array& w1, const py::array& b1, const py::array& w2, const py::array& b2,
        const py::array& w3, const py::array& b3) {
    const int outputs = w3.ndim() == 4 && w3.shape(0) == 16 ? 16 : 9;
    weights_ = espcn_weights(
        weights_array(w1, "w1", {64, 1, 5, 5}), weights_array(b1, "b1", {64}),
        weights_array(w2, "w2", {32, 64, 3, 3}), weights_array(b2, "b2", {32}),
        weights_array(w3, "w3", {outputs, 32, 3, 3}), weights_array(b3, "b3", {outputs}), outputs == 9 ? 3 : 4);
  }

  int scale() const { return weights_.scale; }

  void run(const py::array& luma, const py::array& out, int first, bool bf16) const {
    const auto from = plane_view<const float>(luma, "luma");
    const auto to = plane_view<float>(out, "out");
    check_enlarged(from, to, weights_.scale, first);
    check_bf16(bf16);

    py::gil_scoped_release release;
    const int steps = (to.height() / weights_.scale + espcn_step - 1) / espcn_step;
    for_each_part(from.width(), bf16 ? espcn_tiles_bf16 : espcn_tiles, steps, [&](Part part) {
#if IRS_AMX
      if (bf16) return avx512::espcn_bf16(weights_, from, to, first, part);
#endif
      IRS_DISPATCH(espcn)(weights_, from, to, first, part);
    });
  }

 private:
  EspcnWeights weights_;
};

}  // namespace

IRS_BIND(m) {
  m.def("has_bf16", &has_bf16, "Whether kernels may be asked for bf16: the instruction set in use is amx.");
  py::class_<Espcn>(m, "Espcn")
      .def(py::init<const py::array&, const py::array&, const py::array&, const py::array&, const py::array&,
                    const py::array&>(),
           py::arg("w1").noconvert(), py::arg("b1").noconvert(), py::arg("w2").noconvert(),
           py::arg("b2").noconvert(), py::arg("w3").noconvert(), py::arg("b3").noconvert())
      .def("run", &Espcn::run, py::arg("luma").noconvert(), py::arg("out").noconvert(), py::arg("first"),
           py::arg("bf16"))
      .def_property_readonly("scale", &Espcn::scale)
      .def_property_readonly_static("halo", [](const py::object&) { return espcn_halo; })
      .def_property_readonly_static("band", [](const py::object&) { return espcn_step; });
}

}  // namespace irs
#endif
