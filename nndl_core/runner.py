"""The Runner under its old address; it lives in nndl_core.engine.runner."""

from nndl_core.engine.runner import Divergence, Runner

__all__ = ["Divergence", "Runner"]
