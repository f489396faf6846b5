#include "ops/espcn.cpp"

#include "luma_network.h"

int main() {
  const Given given = read_network({64 * 25, 64, 32 * 64 * 9, 32, 32 * 9, 1}, true);
  const auto* a = given.arrays;
  const auto weights = irs::espcn_weights(a[0].data(), a[1].data(), a[2].data(), a[3].data(), a[4].data(),
                                          a[5].data(), given.scale);
  run_kernel(given, weights, 1, irs::espcn_tiles, irs::neon::espcn);
}
