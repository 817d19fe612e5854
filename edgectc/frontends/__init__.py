"""Raw sample to model input; everything after resampling lives in the graph (numpy only)."""
