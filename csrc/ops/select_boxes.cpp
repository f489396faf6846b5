// The boxes that a detector without anchors answers with: places above a threshold, their sides as the mean of
// a distribution, and of boxes of one class that overlap the likeliest (non-maximum suppression).
//
// Nearly all places are empty, so logits are compared as they are; only what is kept is turned into
// likelihoods and boxes.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/bind.h"

namespace irs {
namespace {

constexpr std::size_t most_candidates = 1000;

struct Candidate {
  float logit;
  std::int32_t place, label;
};

struct Box {
  float left, top, right, bottom;

  float area() const { return (right - left) * (bottom - top); }
};

// A matrix of floats whose rows lie one after the other.
struct Matrix {
  Matrix(const py::array& array, const char* name, py::ssize_t rows, py::ssize_t columns) {
    const bool fits = array.ndim() == 2 && (rows < 0 || array.shape(0) == rows) &&
                      (columns < 0 || array.shape(1) == columns);
    const auto length = [](py::ssize_t count) { return count < 0 ? "n" : std::to_string(count); };
    detail::check_array<const float>(
        array, name, fits, "float32 (" + length(rows) + ", " + length(columns) + ")");
    check(array.flags() & py::array::c_style, name,
          ": expected a C-contiguous array; use numpy.ascontiguousarray");
    first = detail::first_element<const float>(array);
    height = array.shape(0), width = array.shape(1);
  }

  const float* row(std::ptrdiff_t y) const { return first + y * width; }

  const float* first;
  std::ptrdiff_t height, width;
};

bool more_likely(const Candidate& a, const Candidate& b) {
  if (a.logit != b.logit) return a.logit > b.logit;
  return a.place != b.place ? a.place < b.place : a.label < b.label;
}

std::vector<Candidate> candidates(const Matrix& logits, float least) {
  std::vector<Candidate> found;
  for (std::ptrdiff_t place = 0; place < logits.height; ++place) {
    const float* row = logits.row(place);
    int any = 0;
    for (std::ptrdiff_t label = 0; label < logits.width; ++label) any |= row[label] >= least;
    if (!any) continue;
    for (std::ptrdiff_t label = 0; label < logits.width; ++label)
      if (row[label] >= least)
        found.push_back({row[label], static_cast<std::int32_t>(place), static_cast<std::int32_t>(label)});
  }
  const auto kept = found.begin() + std::min(found.size(), most_candidates);
  std::partial_sort(found.begin(), kept, found.end(), more_likely);
  found.erase(kept, found.end());
  return found;
}

// The mean of a distribution over 0 to bins - 1, from its logits.
float mean_of(const float* logits, std::ptrdiff_t bins) {
  const float largest = *std::max_element(logits, logits + bins);
  float total = 0, sum = 0;
  for (std::ptrdiff_t bin = 0; bin < bins; ++bin) {
    const float weight = std::exp(logits[bin] - largest);
    total += weight, sum += weight * static_cast<float>(bin);
  }
  return sum / total;
}

// `place` is x, y and stride.
Box box_at(const float* place, const float* sides, std::ptrdiff_t bins) {
  float distance[4];
  for (int side = 0; side < 4; ++side) distance[side] = mean_of(sides + side * bins, bins) * place[2];
  return {place[0] - distance[0], place[1] - distance[1], place[0] + distance[2], place[1] + distance[3]};
}

float overlap(const Box& a, const Box& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a.area() + b.area() - width * height);
}

struct Found {
  Box box;
  float score, label;
};
static_assert(sizeof(Found) == 6 * sizeof(float), "a row of the result");

// Those of boxes, the likeliest first, that no likelier one of their class overlaps by more; at most so many.
std::vector<Found> suppress(const Found* found, std::size_t count, float most_overlap, std::size_t most) {
  std::vector<Found> kept;
  for (std::size_t i = 0; i < count && kept.size() < most; ++i) {
    const Found& next = found[i];
    const bool hidden = std::any_of(kept.begin(), kept.end(), [&](const Found& other) {
      return other.label == next.label && overlap(next.box, other.box) > most_overlap;
    });
    if (!hidden) kept.push_back(next);
  }
  return kept;
}

std::vector<Found> find(const Matrix& logits, const Matrix& sides, const Matrix& places, float least) {
  const std::ptrdiff_t bins = sides.width / 4;
  std::vector<Found> found;
  for (const Candidate& candidate : candidates(logits, least))
    found.push_back({box_at(places.row(candidate.place), sides.row(candidate.place), bins),
                     1 / (1 + std::exp(-candidate.logit)), static_cast<float>(candidate.label)});
  return found;
}

// A matrix of rows of Found, to be written to.
Found* rows_of(const py::array& array, const char* name, std::size_t& count) {
  const Matrix rows(array, name, -1, 6);
  check(array.writeable(), name, ": expected an array that can be written to, got a read-only one");
  count = static_cast<std::size_t>(rows.height);
  return reinterpret_cast<Found*>(const_cast<float*>(rows.first));
}

void check_overlap(float most_overlap) {
  check(most_overlap > 0 && most_overlap <= 1, "most_overlap: expected more than 0 and at most 1, got ",
        most_overlap);
}

}  // namespace

IRS_BIND(m) {
  // (places, classes) logits, (places, 4 bins) logits of the sides in strides, and (places, 3) x, y and stride,
  // to the first rows of out (most, 6): left, top, right, bottom, score, class, the likeliest first; returns
  // how many.
  m.def(
      "select_boxes",
      [](const py::array& logits, const py::array& sides, const py::array& places, const py::array& out,
         float threshold, float most_overlap) {
        const Matrix scores(logits, "logits", -1, -1), distances(sides, "sides", scores.height, -1),
            where(places, "places", scores.height, 3);
        check(distances.width % 4 == 0, "sides: expected as many bins for each of 4 sides, got ",
              distances.width, " columns");
        std::size_t most = 0;
        Found* rows = rows_of(out, "out", most);
        check(threshold > 0 && threshold < 1, "threshold: expected more than 0 and less than 1, got ",
              threshold);
        check_overlap(most_overlap);
        const float least = std::log(threshold / (1 - threshold));
        py::gil_scoped_release release;
        const auto found = find(scores, distances, where, least);
        const auto kept = suppress(found.data(), found.size(), most_overlap, most);
        std::copy(kept.begin(), kept.end(), rows);
        return kept.size();
      },
      py::arg("logits").noconvert(), py::arg("sides").noconvert(), py::arg("places").noconvert(),
      py::arg("out").noconvert(), py::arg("threshold"), py::arg("most_overlap"));

  // Rows as above, the likeliest first, from several pictures of one scene: those that stay move to the front;
  // returns how many.
  m.def(
      "suppress_boxes",
      [](const py::array& boxes, float most_overlap) {
        std::size_t count = 0;
        Found* rows = rows_of(boxes, "boxes", count);
        check_overlap(most_overlap);
        py::gil_scoped_release release;
        const auto kept = suppress(rows, count, most_overlap, count);
        std::copy(kept.begin(), kept.end(), rows);
        return kept.size();
      },
      py::arg("boxes").noconvert(), py::arg("most_overlap"));
}

}  // namespace irs
