"""The NNDL Lab's training engine: it knows nothing of any screen.

The names below are the public door. Each is loaded when it is first asked for: PyTorch takes a
second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nndl_core.base.config import ConfigError as ConfigError
    from nndl_core.base.config import RunConfig as RunConfig
    from nndl_core.data.catalog import Dataset as Dataset
    from nndl_core.data.catalog import make_dataset as make_dataset
    from nndl_core.data.table.reading import read_table as read_table
    from nndl_core.diagnosis.rules import diagnose as diagnose
    from nndl_core.engine.ensemble import Ensemble as Ensemble
    from nndl_core.engine.runner import Runner as Runner
    from nndl_core.network.model import MLP as MLP
    from nndl_core.studies.sweep.cells import sweep as sweep

HOMES = {
    "ConfigError": "base.config",
    "RunConfig": "base.config",
    "Dataset": "data.catalog",
    "make_dataset": "data.catalog",
    "read_table": "data.table.reading",
    "diagnose": "diagnosis.rules",
    "Ensemble": "engine.ensemble",
    "Runner": "engine.runner",
    "MLP": "network.model",
    "sweep": "studies.sweep.cells",
}
__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        said = f"module {__name__!r} has no attribute {name!r}"  # untranslated: Python's words
        raise AttributeError(said)
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
