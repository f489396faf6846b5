// SRCNN 9-5-5 (Dong et al. 2015): a plane of luma, enlarged by bicubic and sharpened.
//
//   9x9 1->64 ReLU, 5x5 64->32 ReLU, 5x5 32->1
//
// The enlarged plane is continued by its edge samples; no layer pads its own input. Rows roll through all
// layers, four at a time, so that what lies between the layers stays in the second-level cache. Winograd's
// tiles are counted from the first output row: rows of a band that begins at a multiple of four rows of the
// image have the same bits as rows of the whole image.

#define IRS_OP_FILE "ops/srcnn.cpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/aligned.h"
#include "core/bind.h"
#include "core/enlarge.h"
#include "core/float4.h"
#include "core/layer_weights.h"
#include "core/parts.h"
#include "core/tile_weights.h"
#include "core/winograd_weights.h"
#include "core/foreach_isa.h"

#ifndef IRS_SRCNN_WEIGHTS
#define IRS_SRCNN_WEIGHTS
namespace irs {

constexpr int srcnn_step = 4;    // enlarged rows that are made at a time
constexpr int srcnn_halo = 4;    // rows of context that they take: 8 enlarged ones, and 2 for the bicubic
constexpr int srcnn_tiles = 47;  // columns that are made at a time, in tiles of four: whole batches
constexpr int srcnn_tiles_bf16 = 164;

struct SrcnnWeights {
  int scale;
  Aligned<float> first, first_bias;    // Winograd, [36][9][64]: the 9x9 kernel as nine of 3x3
  Aligned<float> middle, middle_bias;  // Winograd, [64][64][32]
  Aligned<float> last;                 // [5 * 5][32]
  float last_bias;

  TileWeights first_tiles, middle_tiles;
  Aligned<float> first_sums;  // kernel_sums()
  TileWeights last_tiles;     // [row of six], outputs [row of two][column of five]
};

// Weights (64, 1, 9, 9), (32, 64, 5, 5), (1, 32, 5, 5), and the biases, laid out for the kernels.
inline SrcnnWeights srcnn_weights(const float* w1, const float* b1, const float* w2, const float* b2,
                                  const float* w3, const float* b3, int scale) {
  SrcnnWeights weights;
  weights.scale = scale;
  std::vector<float> nine(64 * 81);  // (64, 1, 9, 9) as (64, 9, 3, 3)
  for (int o = 0; o < 64; ++o)
    for (int y = 0; y < 9; ++y)
      for (int x = 0; x < 9; ++x)
        nine[((o * 9 + y / 3 * 3 + x / 3) * 3 + y % 3) * 3 + x % 3] = w1[(o * 9 + y) * 9 + x];
  weights.first = winograd_weights(nine.data(), 64, 9, 3, 64);
  weights.middle = winograd_weights(w2, 32, 64, 5, 32);
  weights.last = transposed(w3, 32, 25);
  weights.first_bias = padded(b1, 64, 64);
  weights.middle_bias = padded(b2, 32, 32);
  weights.last_bias = *b3;
  if (usable_isas().back() != Isa::amx) return weights;
  weights.first_tiles = first_tile_weights(w1, 9);
  weights.first_sums = kernel_sums(w1, 9);
  weights.middle_tiles = middle_tile_weights(w2, 5);
  weights.last_tiles = TileWeights(6);
  for (int row = 0; row < 2; ++row)
    for (int c = 0; c < 32; ++c)
      for (int tap = 0; tap < 25; ++tap)
        weights.last_tiles.set(tap / 5 + row, c, row * 5 + tap % 5, w3[c * 25 + tap]);
  return weights;
}

}  // namespace irs
#endif

IRS_ISA_BEGIN

#include "core/vec.h"
#include "core/winograd.h"
#include "core/last_layer.h"

// The first layer sees 3x3 kernels on nine channels: the plane, moved by 0, 3 and 6 rows and columns. That is
// a quarter of the products of the 9x9 kernel.
using First = WinogradLayer<3, 9, 16, 64, 12>;
using Middle = WinogradLayer<5, 64, 64, 32, 12>;

// Enlarged rows are counted from `first`, columns from `left`; either may be negative or beyond the plane.
class Strip {
 public:
  Strip(const SrcnnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first, Part part)
      : weights_(weights),
        enlarged_(luma, weights.scale),
        out_(out),
        first_(first),
        part_(part),
        memory_(12 * plane_stride() + 6 * moved_stride() + 8 * (hidden_stride() + deep_stride()) + scratch) {
    plane_ = memory_.data();
    moved_ = plane_ + 12 * plane_stride();
    hidden_ = moved_ + 6 * moved_stride();
    deep_ = hidden_ + 8 * hidden_stride();
    scratch_ = deep_ + 8 * deep_stride();
  }

  void run() {
    const int begin = part_.begin * 4;
    for (int y = begin - 8; y < begin; ++y) make_plane(y);
    make_moved(begin - 8, 2);
    make_hidden(begin - 4);
    make_hidden(begin);
    make_deep(begin - 2);
    for (int y = begin; y < part_.end * 4; y += 4) {
      make_hidden(y + 4);
      make_deep(y + 2);
      make_output(y);
    }
  }

 private:
  static constexpr std::size_t scratch = std::max(First::scratch, Middle::scratch);

  // Floats in a row: of the plane, of its nine places, of the 64 and of the 32 channels.
  std::size_t plane_stride() const { return (part_.tiles * 4 + 16 + 15) / 16 * 16; }
  std::size_t moved_stride() const { return (part_.tiles * 4 + 10) * 16; }
  std::size_t hidden_stride() const { return (part_.tiles * 4 + 8) * 64; }
  std::size_t deep_stride() const { return (part_.tiles * 4 + 4 + last_layer_block) * 32; }

  // Rings of rows; 24 rows before the first step there is nothing.
  float* plane(int y) { return plane_ + (y + 24) % 12 * plane_stride(); }
  float* moved(int y) { return moved_ + (y + 24) % 6 * moved_stride(); }
  float* hidden(int y) { return hidden_ + (y + 24) % 8 * hidden_stride(); }
  float* deep(int y) { return deep_ + (y + 24) % 8 * deep_stride(); }

  // From column -8 on.
  void make_plane(int y) { enlarged_.row(first_ + y, part_.left - 8, part_.tiles * 4 + 16, plane(y)); }

  // Rows [y, y + count) of the nine places: channel 3 i + j of (y, x) is the plane at (y + 3 i, x + 3 j).
  void make_moved(int y, int count) {
    for (; count > 0; --count, ++y)
      for (int i = 0; i < 3; ++i) {
        const float* from = plane(y + 3 * i);
        float* to = moved(y) + 3 * i;
        for (int x = 0; x < part_.tiles * 4 + 10; ++x)
          for (int j = 0; j < 3; ++j) to[x * 16 + j] = from[x + 3 * j];
      }
  }

  // Rows [y, y + 4) of the first layer, from column -4 on: they take the rows [y - 4, y + 8) of the plane.
  void make_hidden(int y) {
    for (int i = 4; i < 8; ++i) make_plane(y + i);
    make_moved(y - 2, 4);
    const float* rows[6];
    float* to[4];
    for (int i = 0; i < 6; ++i) rows[i] = moved(y - 4 + i);
    for (int i = 0; i < 4; ++i) to[i] = hidden(y + i);
    First::run<Relu>(rows, weights_.first.data(), weights_.first_bias.data(), part_.tiles + 2, scratch_, to);
  }

  // Rows [y, y + 4) of the middle layer, from column -2 on.
  void make_deep(int y) {
    const float* rows[8];
    float* to[4];
    for (int i = 0; i < 8; ++i) rows[i] = hidden(y - 2 + i);
    for (int i = 0; i < 4; ++i) to[i] = deep(y + i);
    Middle::run<Relu>(rows, weights_.middle.data(), weights_.middle_bias.data(), part_.tiles + 1, scratch_,
                      to);
  }

  void make_output(int y) {
    const int count = std::min(part_.tiles * 4, out_.width() - part_.left);
    for (int i = 0; i < 4 && y + i < out_.height(); ++i) {
      const float* rows[5];
      for (int k = 0; k < 5; ++k) rows[k] = deep(y + i - 2 + k);
      last_layer<5>(rows, count, weights_.last.data(), weights_.last_bias, out_.row(y + i) + part_.left);
    }
  }

  const SrcnnWeights& weights_;
  Enlarged enlarged_;
  ImageView<float> out_;
  int first_;
  Part part_;
  Aligned<float> memory_;
  float *plane_, *moved_, *hidden_, *deep_, *scratch_;
};

void srcnn(const SrcnnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first,
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
  TileStrip(const SrcnnWeights& weights, ImageView<const float> luma, ImageView<float> out, int first,
            Part part)
      : weights_(weights),
        enlarged_(luma, weights.scale),
        out_(out),
        first_(first),
        part_(part),
        deep_width_((part.tiles * 4 + 4 + 15) / 16 * 16),
        hidden_width_(deep_width_ + 16),
        plane_width_(hidden_width_ + 16),
        hidden_stride_((hidden_width_ + 31) / 32 * 32 * 64 + 18 * 64),
        plane_(12 * plane_width_),
        hidden_(8 * hidden_stride_),
        deep_(8 * 32 * deep_width_),
        sums_(tile_sums),
        columns_(deep_width_ * 16) {}

  void run() {
    const Tiles tiles;
    const int begin = part_.begin * 4, end = std::min(part_.end * 4, out_.height());
    for (int y = begin - 8; y < begin; ++y) make_plane(y);
    for (int y = begin - 4; y < begin + 4; y += 2) make_hidden(y);
    make_deep(begin - 2);
    make_deep(begin);
    for (int y = begin; y < end; y += 2) {
      make_hidden(y + 4);
      make_deep(y + 2);
      make_output(y);
    }
  }

 private:
  float* plane(int y) { return plane_.data() + (y + 24) % 12 * plane_width_; }
  Bf16* hidden(int y) { return hidden_.data() + (y & 7) * hidden_stride_; }
  Bf16* deep(int y) { return deep_.data() + (y & 7) * 32 * deep_width_; }

  void make_plane(int y) { enlarged_.row(first_ + y, part_.left - 8, plane_width_, plane(y)); }

  // Rows y and y + 1 of the first layer, from column -4 on: they take the rows [y - 4, y + 6) of the plane.
  IRS_NOINLINE void make_hidden(int y) {
    make_plane(y + 4);
    make_plane(y + 5);
    const float* rows[10];
    for (int i = 0; i < 10; ++i) rows[i] = plane(y - 4 + i);
    FirstTiles<9>::run(rows, hidden_width_, weights_.first_tiles.data(), weights_.first_bias.data(),
                       weights_.first_sums.data(), TileRelu(), sums_.data(), hidden(y), hidden(y + 1));
  }

  // Rows y and y + 1 of the middle layer, from column -2 on.
  IRS_NOINLINE void make_deep(int y) {
    const Bf16* rows[6];
    for (int i = 0; i < 6; ++i) rows[i] = hidden(y - 2 + i);
    middle_tiles<5>(rows, deep_width_, weights_.middle_tiles.data(), weights_.middle_bias.data(), TileRelu(),
                    sums_.data(), deep(y), deep(y + 1));
  }

  // One tile sums over the rows of a kernel, for each of its columns and two output rows; what is left is to
  // add up the five columns, each from the pixel where it belongs.
  IRS_NOINLINE void make_output(int y) {
    const Bf16* weights = weights_.last_tiles.data();
    for (int x = 0; x < deep_width_; x += 16) {
      written_before_tiles();
      _tile_zero(0);
      for (int i = 0; i < 6; ++i) {
        _tile_loadd(1, deep(y - 2 + i) + x * 32, 64);
        _tile_loadd(2, weights + i * 512, 64);
        _tile_dpbf16ps(0, 1, 2);
      }
      _tile_stored(0, columns_.data() + x * 16, 64);
    }
    const int count = std::min(part_.tiles * 4, out_.width() - part_.left);
    const __m512i pixels = _mm512_slli_epi32(
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 4);
    for (int row = 0; row < 2 && y + row < out_.height(); ++row)
      for (int x = 0; x < count; x += 16) {
        const float* from = columns_.data() + x * 16 + row * 5;
        __m512 sum = _mm512_set1_ps(weights_.last_bias);
        for (int k = 0; k < 5; ++k)
          sum = sum + _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xffff, pixels, from + k * 17, 4);
        const auto some = static_cast<__mmask16>((1 << std::min(16, count - x)) - 1);
        _mm512_mask_storeu_ps(out_.row(y + row) + part_.left + x, some, sum);
      }
  }

  const SrcnnWeights& weights_;
  Enlarged enlarged_;
  ImageView<float> out_;
  int first_;
  Part part_;
  int deep_width_, hidden_width_, plane_width_, hidden_stride_;
  Aligned<float> plane_;
  Aligned<Bf16> hidden_, deep_;
  Aligned<float> sums_, columns_;
};

void srcnn_bf16(const SrcnnWeights& weights, ImageView<const float> luma, ImageView<float> out,
                int first, Part part) {
  TileStrip(weights, luma, out, first, part).run();
}

IRS_AMX_END
#endif

IRS_ISA_END

#if IRS_ONCE
namespace irs {
namespace {

class Srcnn {
 public:
  Srcnn(const py::array& w1, const py::array& b1, const py::array& w2, const py::array& b2,
        const py::array& w3, const py::array& b3, int scale) {
    check(scale == 3 || scale == 4, "scale: expected 3 or 4, got ", scale);
    weights_ = srcnn_weights(
        weights_array(w1, "w1", {64, 1, 9, 9}), weights_array(b1, "b1", {64}),
        weights_array(w2, "w2", {32, 64, 5, 5}), weights_array(b2, "b2", {32}),
        weights_array(w3, "w3", {1, 32, 5, 5}), weights_array(b3, "b3", {1}), scale);
  }

  int scale() const { return weights_.scale; }

  void run(const py::array& luma, const py::array& out, int first, bool bf16) const {
    const auto from = plane_view<const float>(luma, "luma");
    const auto to = plane_view<float>(out, "out");
    check_enlarged(from, to, weights_.scale, first);
    check_bf16(bf16);

    py::gil_scoped_release release;
    const int steps = (to.height() + srcnn_step - 1) / srcnn_step;
    for_each_part(to.width(), bf16 ? srcnn_tiles_bf16 : srcnn_tiles, steps, [&](Part part) {
#if IRS_AMX
      if (bf16) return avx512::srcnn_bf16(weights_, from, to, first * weights_.scale, part);
#endif
      IRS_DISPATCH(srcnn)(weights_, from, to, first * weights_.scale, part);
    });
  }

 private:
  SrcnnWeights weights_;
};

}  // namespace

IRS_BIND(m) {
  py::class_<Srcnn>(m, "Srcnn")
      .def(py::init<const py::array&, const py::array&, const py::array&, const py::array&, const py::array&,
                    const py::array&, int>(),
           py::arg("w1").noconvert(), py::arg("b1").noconvert(), py::arg("w2").noconvert(),
           py::arg("b2").noconvert(), py::arg("w3").noconvert(), py::arg("b3").noconvert(), py::arg("scale"))
      .def("run", &Srcnn::run, py::arg("luma").noconvert(), py::arg("out").noconvert(), py::arg("first"),
           py::arg("bf16"))
      .def_property_readonly("scale", &Srcnn::scale)
      .def_property_readonly_static("halo", [](const py::object&) { return srcnn_halo; })
      .def_property_readonly_static("band", [](const py::object&) { return srcnn_step; });
}

}  // namespace irs
#endif
