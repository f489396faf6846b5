"""A package, so that its browser and its server end with it: no event loop can run beside a driven browser."""
