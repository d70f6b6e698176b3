"""Networks from ``torch.export``, as modules whose layers have the names that they had.

What ``ExportedProgram.module()`` gives cannot be put in evaluation mode, holds one flat graph, and
takes only as many images as it was exported with. Here it becomes a tree of modules, each with a
graph of its own: it can be copied, hooked and evaluated like any network, and gets its images in
the number that it takes.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export, unflatten
from torch.export.unflatten import UnflattenedModule, _SubmoduleBase
from torch.utils import _pytree as pytree

from blurnet.errors import BlurnetError


class ExportedLayer(nn.Module):
    """A layer of an exported program: its parameters, its own layers, and what it computes.

    Args:
        graph: computes the output, from ``args`` in the order of its placeholders.
        kind: the class that the layer had.

    """

    def __init__(self, graph: fx.Graph, kind: str) -> None:
        super().__init__()
        self.graph = graph
        self.kind = kind

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph."""
        if kwargs:
            names = [str(node.target) for node in self.graph.find_nodes(op="placeholder")]
            args += tuple(kwargs[name] for name in names[len(args) :])
        return fx.Interpreter(self, graph=self.graph).run(*args)

    def extra_repr(self) -> str:
        """Say what it was."""
        return self.kind


class _Shared:
    """Holds the tree of the outputs, which never changes; PyTorch warns of its copies."""

    def __init__(self, tree: pytree.TreeSpec) -> None:
        self.tree = tree

    def __deepcopy__(self, _memo: Any) -> "_Shared":
        return self


class ExportedNetwork(ExportedLayer):
    """A whole exported program that takes one tensor.

    Args:
        graph: of the outermost module.
        kind: the class that the network had.
        shape: of the input; None for a length that may vary.
        output: the tree in which the graph's outputs were.

    """

    def __init__(
        self,
        graph: fx.Graph,
        kind: str,
        shape: tuple[int | None, ...],
        output: pytree.TreeSpec,
    ) -> None:
        super().__init__(graph, kind)
        self.shape = shape
        self._output = _Shared(output)

    def forward(self, images: Tensor) -> Any:
        """Run the program, as often as the number of images that it takes asks for."""
        pairs = zip(self.shape[1:], images.shape[1:], strict=False)
        if images.dim() != len(self.shape) or any(n not in (None, has) for n, has in pairs):
            raise BlurnetError(
                f"the program was exported for images of {_said(self.shape[1:])}, "
                f"not {_said(images.shape[1:])}"
            )
        batch = self.shape[0]
        if batch is None or len(images) == batch:
            return self._run(images)
        found = [self._run(piece) for piece in _of_length(images, batch)]
        flat = [pytree.tree_leaves(each) for each in found]
        joined = [
            torch.cat(values)[: len(images)] if isinstance(values[0], Tensor) else values[0]
            for values in zip(*flat, strict=True)
        ]
        return pytree.tree_unflatten(joined, self._output.tree)

    def _run(self, images: Tensor) -> Any:
        flat = super().forward(images)
        return pytree.tree_unflatten(list(flat), self._output.tree)


def as_module(model: Any) -> nn.Module:
    """Give what was taken for a network as a module that can be copied, changed and evaluated.

    Args:
        model: an ``nn.Module``, itself given back; an exported program, or the module that its
            ``.module()`` gives.

    Raises:
        BlurnetError: for anything else, and a program that takes more than one tensor.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's own use of what it deprecates
        if isinstance(model, fx.GraphModule) and "train" in vars(model):
            model = _exported_again(model)
        if isinstance(model, ExportedProgram):
            model = unflatten(model)
    if isinstance(model, UnflattenedModule):
        return _network(model)
    if not isinstance(model, nn.Module):
        raise BlurnetError(
            f"a network is an nn.Module or an exported program, not a {type(model).__name__}"
        )
    return model


def _exported_again(model: fx.GraphModule) -> ExportedProgram:
    """Give the program whose ``.module()`` this is."""
    val = _only_input(model.graph).meta["val"]
    fixed = [_fixed(length) for length in val.shape]
    vary = {axis: Dim.AUTO for axis, length in enumerate(fixed) if length is None}
    shape = [length or val.shape[axis].node.hint or 2 for axis, length in enumerate(fixed)]
    example = torch.zeros(shape, dtype=val.dtype, device=val.device)
    return export(model, (example,), dynamic_shapes=(vary,) if vary else None)


def _network(program: UnflattenedModule) -> ExportedNetwork:
    shape = _only_input(program.graph).meta["val"].shape
    signature = program.module_call_graph[0].signature
    assert signature is not None
    made = ExportedNetwork(
        _plain(program.graph),
        "exported program",
        tuple(_fixed(length) for length in shape),
        signature.out_spec,
    )
    output = made.graph.output_node()
    if not isinstance(output.args[0], tuple | list):
        output.args = ((output.args[0],),)
    _fill(made, program, {}, {})
    return made.eval()


def _fill(
    made: nn.Module,
    source: nn.Module,
    done: dict[nn.Module, nn.Module],
    by_weights: dict[tuple[int, ...], nn.Module],
) -> None:
    """Put copies of the source's parameters, buffers and layers into what was made of it.

    Layers that share all of their weights were one layer under several names, and are one again.
    """
    for name, parameter in source.named_parameters(recurse=False):
        made.register_parameter(name, parameter)
    persistent = source.state_dict(keep_vars=True)
    for name, buffer in source.named_buffers(recurse=False):
        made.register_buffer(name, buffer, persistent=name in persistent)
    for name, layer in source._modules.items():
        if layer is None or name == "_guards_fn":
            continue
        weights = tuple(id(weight) for weight in layer.parameters())
        leaf = not any(layer.children())
        if layer in done:
            one = done[layer]
        elif leaf and weights and weights in by_weights:
            one = by_weights[weights]
        else:
            one = _layer(layer)
            done[layer] = one
            if leaf and weights:
                by_weights[weights] = one
            _fill(one, layer, done, by_weights)
        made.add_module(name, one)


def _layer(layer: nn.Module) -> nn.Module:
    graph = getattr(layer, "graph", None)
    if graph is None:
        return nn.Module()  # it holds parameters and computes nothing
    called = layer.type_name() if isinstance(layer, _SubmoduleBase) else None
    return ExportedLayer(_plain(graph), (called or type(layer).__name__).rpartition(".")[2])


def _plain(graph: fx.Graph) -> fx.Graph:
    """Copy a graph, without the checks of its inputs and what keeps it from being copied."""
    plain = fx.Graph()
    output = plain.graph_copy(graph, {})
    plain.output(output)
    for node in plain.nodes:
        if node.op == "call_module" and node.target == "_guards_fn":
            plain.erase_node(node)
            continue
        node.meta = {}
    return plain


def _fixed(length: int | torch.SymInt) -> int | None:
    """Give a length of the input that cannot vary, also one that exporting found to be so."""
    return length if isinstance(length, int) else length.node.maybe_as_int()


def _only_input(graph: fx.Graph) -> fx.Node:
    inputs: list[fx.Node] = list(graph.find_nodes(op="placeholder"))
    if len(inputs) != 1 or not isinstance(inputs[0].meta.get("val"), Tensor):
        raise BlurnetError(
            f"an exported classifier takes one tensor, the images; this program takes {len(inputs)}"
        )
    return inputs[0]


def _of_length(images: Tensor, length: int) -> Iterator[Tensor]:
    """Give the images in pieces of one length; the last repeats its last image to have it."""
    for start in range(0, len(images), length):
        piece = images[start : start + length]
        missing = length - len(piece)
        yield torch.cat([piece, piece[-1:].expand(missing, -1, -1, -1)]) if missing else piece


def _said(lengths: Any) -> str:
    return " × ".join("any" if length is None else str(length) for length in lengths)
