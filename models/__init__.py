"""Models of machine learning courses, each an `nn.Module` (installed as `tinygrad_ml.models`)."""
