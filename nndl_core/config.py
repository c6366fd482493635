"""The settings of a run under their old address; they live in nndl_core.base.config."""

from nndl_core.base.config import KNOBS, ConfigError, RunConfig, describe

__all__ = ["KNOBS", "ConfigError", "RunConfig", "describe"]
