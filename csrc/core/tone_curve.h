// The tone curve of dark_enhance: gains of light and colour, where the light is T and the brightness m.
//
// Meant to be compiled once per instruction set: include it inside IRS_ISA_BEGIN ... IRS_ISA_END, hence no
// include guard.

constexpr float shoulder_start = 0.25f;  // share of the light that bends the curve besides the brightness
constexpr float shadow_end = 0.5f;       // light from which on nothing is shadow
constexpr float noise_floor = 0.006f;    // light in which half of the gain is held back: there is only noise
constexpr float colour_floor = 0.04f;    // light in which colours are half noise
constexpr float faded = 0.2f;            // of the colour goes where the gain is large, and more in noise

template <class Float>
constexpr Float square(Float value) {
  return value * value;
}

// D, where m is multiplied with 1 / sqrt(D): 1 / sqrt(exposure) near black, 1 in white, and a shoulder
// between (as in Reinhard et al. 2002), so that lamps keep their order and stay below white.
template <class Float>
IRS_INLINE Float shoulder(Float m2, Float t2, Float exposure) {
  return exposure + (1 - exposure) * (m2 + Float(shoulder_start) * t2 * (1 - m2));
}

// The same with shadows lifted by themselves.
IRS_INLINE float shoulder_and_shadows(float m2, float t2, float exposure, float shadows) {
  const float depth = std::max(1 - t2 * (1 / square(shadow_end)), 0.0f);
  return shoulder(m2, t2, exposure - (exposure - shadows) * (depth * depth));
}

// 1 / sqrt(value) to 3e-5, the same on every instruction set, in a fraction of the time of root and division:
// half the exponent by its bits, then the best polynomial for what is left.
IRS_INLINE float inverse_root(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = 0x5f370000 - (bits >> 1);
  float guess;
  std::memcpy(&guess, &bits, sizeof guess);
  const float left = value * guess * guess;
  return guess * (1.87973484f + left * (left * 0.3786722f - 1.25841015f));
}

struct Tone {
  float gain, colour;  // the latter is the share that is kept
};

// Of light t with its D. `fading` is 0 where nothing is lifted, towards 1 with the gain.
IRS_INLINE Tone tone(float bend, float t2, float fading) {
  constexpr float noise = square(noise_floor), colour_noise = square(colour_floor);
  const float with_noise = t2 + noise, with_colour_noise = t2 + colour_noise;
  const float both = with_noise * with_colour_noise;
  // One root for three: `lift` is 1 / sqrt(D), and `part` 1 / both.
  const float root = inverse_root(bend * (both * both));
  const float lift = root * both, part = bend * lift * root;
  const float least = 1 - fading, most = 1 - fading * faded;
  return {(noise + t2 * lift) * (with_colour_noise * part),
          (least * colour_noise + most * t2) * (with_noise * part)};
}
