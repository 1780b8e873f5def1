"""Gradient clipping under the name that PyTorch gives it, `nn.utils`; it is that of `optim`."""

from ..optim import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_"]
