"""Checkpoints: all that a training run needs to go on as if it had not been cut off."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from blurnet.data.tensors import read_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import write_whole

FORMAT = "blurnet training checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training run keeps its state, and what it is a run of.

    The file is safetensors; its metadata holds the rest as JSON. It is replaced as a whole.

    Args:
        path: the file; its folder exists.
        description: what JSON can hold of all that the run depends on (network, data, settings). A
            file with another description is refused.
        seconds: how long a run goes on before it writes its state again.

    """

    path: Path
    description: Mapping[str, Any]
    seconds: float = 30.0

    def write(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Replace the file.

        Raises:
            BlurnetError: if the disk does not take it.

        """
        content = {"format": FORMAT, "description": self.description, "values": values}
        metadata = {name: json.dumps(value, sort_keys=True) for name, value in content.items()}
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        write_whole(self.path, save(whole, metadata))

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read the tensors and values that were written last; None if there is no file.

        Raises:
            BlurnetError: if the file is cut short, no checkpoint, or of another run.

        """
        if not self.path.exists():
            return None
        tensors, metadata = read_safetensors(self.path)
        try:
            known = json.loads(metadata["format"]) == FORMAT
            description, values = (json.loads(metadata[name]) for name in ("description", "values"))
        except (KeyError, ValueError):
            known = False
        if not known:
            raise BlurnetError(f"{self.path}: not a checkpoint of a blurnet training run")
        wanted = json.loads(json.dumps(self.description))
        if description != wanted:
            differing = sorted(
                name
                for name in description.keys() | wanted.keys()
                if description.get(name) != wanted.get(name)
            )
            raise BlurnetError(
                f"{self.path}: the checkpoint of another training run; it differs in "
                f"{', '.join(differing)}. Remove it, or choose another folder"
            )
        return tensors, values
