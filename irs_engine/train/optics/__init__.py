"""Light from a scene to a file: what training pictures of photographed screens and prints are made of.

Radiance is linear, (N, 3, H, W) float32 about 0..1; pictures are sRGB in 0..1. Every random number comes from
torch's default generator.
"""
