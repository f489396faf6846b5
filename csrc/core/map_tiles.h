// Small maps, enlarged by bilinear to the rows that are being worked on.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END after
// core/pixels.h, hence no include guard.

// Pixels that kernels work on at a time: what they pass on stays in the first cache. The maps of whole rows
// are in the second one, as pictures are best read and written in the order in which they lie in memory.
constexpr int tile_columns = 512;

// Where pixel i of an axis lies among the samples of a map, centres aligned: so far behind sample `first`,
// which may be -1. Samples outside are those at the edge.
struct Between {
  Between(int i, int pixels, int samples) {
    const double place = (i + 0.5) * samples / pixels - 0.5;
    first = static_cast<int>(place + 1) - 1;  // floor: place is never below -1
    share = static_cast<float>(place - first);
  }
  int first;
  float share;
};

template <class V>
IRS_NOINLINE void subtract(const V* __restrict from, const V* __restrict what, int count,
                           V* __restrict difference) {
  for (int i = 0; i < count; ++i) difference[i] = static_cast<V>(from[i] - what[i]);
}

template <class V>
IRS_NOINLINE void to_numbers(const float* __restrict values, float scale, int count, V* __restrict numbers) {
  for (int i = 0; i < count; ++i) numbers[i] = to_number<V>(values[i] * scale);
}

// Two rows of the maps, and all columns of the picture. Map m of pixel x in a row of the picture between them
// is between(above(m)[x], step(m)[x], share[x]), the share being that of the row everywhere.
template <class V, int maps>
class MapLines {
 public:
  // Values of the maps are multiplied with `scales`; neighbours must not differ by more than V holds.
  MapLines(ImageView<const float> values, const float (&scales)[maps], int image_width)
      : values_(values), scales_(scales), line_((image_width + block + 31) / 32 * 32), above_(maps * line_),
        below_(maps * line_), step_(maps * line_), shares_(line_), enlarged_(line_) {
    first_cell_ = Between(0, image_width, values_.width()).first;
    for (int x = 0; x < image_width; ++x) {
      const Between place(x, image_width, values_.width());
      const int cell = place.first - first_cell_;
      shares_[x] = place.share;
      if (runs_.empty() || runs_.back().cell != cell) runs_.push_back({x, x, cell});
      runs_.back().end = x + 1;
    }
    cells_ = Aligned<float>((runs_.back().cell + 2) * std::size_t{maps});
    climbs_ = Aligned<float>((runs_.back().cell + 1) * std::size_t{maps});
  }

  // To the row behind that many, which may be -1, and the next one.
  void move_to(int row) {
    if (row == row_) return;
    if (row == row_ + 1 && row_ != nowhere) {
      std::swap(above_, below_);
    } else {
      enlarge(row, above_.data());
    }
    enlarge(row + 1, below_.data());
    row_ = row;
    subtract(below_.data(), above_.data(), maps * line_, step_.data());
  }

  const V* above(int map) const { return above_.data() + std::ptrdiff_t{map} * line_; }
  const V* step(int map) const { return step_.data() + std::ptrdiff_t{map} * line_; }
  int line() const { return line_; }  // from a map to the next one

 private:
  static constexpr int block = 8;  // pixels that are enlarged at a time; a block may reach over the end
  static constexpr int nowhere = -2;

  // Pixels [begin, end), behind the same cell.
  struct Run {
    int begin, end, cell;
  };

  // A row of the maps.
  void enlarge(int row, V* to) {
    const float* from = values_.row(std::clamp(row, 0, values_.height() - 1));
    const int end = first_cell_ + runs_.back().cell + 2;  // of the cells, some perhaps outside
    for (int cell = first_cell_; cell < end; ++cell)
      std::copy_n(from + std::clamp(cell, 0, values_.width() - 1) * maps, maps,
                  cells_.data() + (cell - first_cell_) * maps);
    subtract(cells_.data() + maps, cells_.data(), (end - first_cell_ - 1) * maps, climbs_.data());
    for (int m = 0; m < maps; ++m) {
      enlarge_map(cells_.data() + m, climbs_.data() + m, shares_.data(), enlarged_.data());
      to_numbers(enlarged_.data(), scales_[m], line_, to + std::ptrdiff_t{m} * line_);
    }
  }

  // Runs are short, and blocks of them fast: what is written behind the end is overwritten by the next run.
  IRS_NOINLINE void enlarge_map(const float* __restrict cells, const float* __restrict climbs,
                                const float* __restrict shares, float* __restrict to) const {
    for (const Run& run : runs_) {
      const float start = cells[run.cell * maps], climb = climbs[run.cell * maps];
      for (int x = run.begin; x < run.end; x += block)
        for (int i = 0; i < block; ++i) to[x + i] = start + shares[x + i] * climb;
    }
  }

  ImageView<const float> values_;
  const float (&scales_)[maps];
  int line_, row_ = nowhere, first_cell_;
  Aligned<V> above_, below_, step_;
  Aligned<float> cells_, climbs_, shares_, enlarged_;
  std::vector<Run> runs_;
};

// Calls body(lines, left, width, y, share) for the parts of every row in [begin, end) of a picture. The share
// is given for every column: GCC does not find `times` where one number is the same for all.
template <class V, int maps, class Body>
void for_each_part(ImageView<const float> values, const float (&scales)[maps], int image_width,
                   int image_height, int begin, int end, const Body& body) {
  MapLines<V, maps> lines(values, scales, image_width);
  alignas(64) V share[tile_columns];
  for (int y = begin; y < end; ++y) {
    const Between place(y, image_height, values.height());
    lines.move_to(place.first);
    std::fill_n(share, tile_columns, to_number<V>(place.share * share_unit<V>));
    for (int left = 0; left < image_width; left += tile_columns)
      body(lines, left, std::min(tile_columns, image_width - left), y, share);
  }
}
