"""Networks that blurnet has never seen, one a file; each as ``(build, (C, H, W))`` by name.

Each is randomly initialised: seed before ``build()``.
"""

from importlib import import_module

_FILES = (
    "vgg",
    "residual",
    "vit",
    "separable",
    "spatial_transformer",
    "grey",
    "functional",
    "tuple_output",
    "dict_output",
    "logits_output",
    "flattened",
    "used_twice",
    "keeps_maps",
    "in_place",
    "by_keyword",
    "compiled",
    "exported",
    "transformers_resnet",
    "transformers_vit",
)

_MODULES = {name: import_module(f"{__name__}.{name}") for name in _FILES}

NETWORKS = {name: (module.build, module.SHAPE) for name, module in _MODULES.items()}
