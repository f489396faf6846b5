"""Weights that come with irs_engine; installed as `irs_engine_weights`. Code is in `irs_engine.weights`."""
