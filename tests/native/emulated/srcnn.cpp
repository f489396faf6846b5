#include "ops/srcnn.cpp"

#include "luma_network.h"

int main() {
  const Given given = read_network({64 * 81, 64, 32 * 64 * 25, 32, 32 * 25, 1}, false);
  const auto* a = given.arrays;
  const auto weights = irs::srcnn_weights(a[0].data(), a[1].data(), a[2].data(), a[3].data(), a[4].data(),
                                          a[5].data(), given.scale);
  run_kernel(given, weights, given.scale, irs::srcnn_tiles, irs::neon::srcnn);
}
