"""Whether a device can compute in the precision that a configuration asks for."""

from __future__ import annotations

import torch

from rin_core.config import Config
from rin_core.errors import ConfigError
from rin_core.model.matmul import computes_bfloat16


def require_precision(config: Config, device: torch.device) -> None:
    """Raise an error for a precision that a device does not support.

    Raises:
        ConfigError: ``training.precision`` is bfloat16, for which the device has no instructions.
    """
    if config.training.precision == "bfloat16" and not computes_bfloat16(device):
        raise ConfigError(
            f"training.precision = 'bfloat16' on {device.type}: must be 'float32' on a "
            "processor without AVX512-BF16 and AMX"
        )
