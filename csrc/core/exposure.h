// How a dark photo is to be lifted, found in a thumbnail of it.
#pragma once

#include "core/image_view.h"

namespace irs {

constexpr int cell_means = 5;      // brightness max(R, G, B), its square, red, green, blue; all in 0..1
constexpr int exposure_maps = 6;   // share, red, green, blue of the smoothing; slope, offset of the light
constexpr int exposure_lines = 4;  // what is worked with for each cell besides

// A pixel x is smoothed to share x + colour, its brightness m lies in light of slope m + offset, and
// core/tone_curve.h makes a brightness of that.
struct Exposure {
  float exposure = 1, shadows = 1;  // 1 / gain^2, of the whole picture and of its shadows

  bool unchanged() const { return shadows == 1; }  // they are lifted at least as much as the rest
};

// Of (height, width, cell_means) means over the cells of a thumbnail. Brightness 0 changes nothing, 0.9 is
// usual. Where the picture is to change, `maps` becomes (height, width, exposure_maps).
Exposure find_exposure(ImageView<const float> means, double brightness, float* maps, float* lines);

}  // namespace irs
