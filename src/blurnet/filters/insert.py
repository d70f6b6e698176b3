"""Put a filter into a copy of any network: before it, after a layer, or after its activation."""

from typing import TypeVar

from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters.hooks import ACTIVATION, INPUT, put_in, submodule
from blurnet.filters.layer import DepthwiseFilter
from blurnet.filters.tracing import Layer, Trace, trace
from blurnet.models import copy_of, find_input, network_of
from blurnet.models.memory import keep_freed_memory

Model = TypeVar("Model", bound=nn.Module)


def insert_after(
    model: Model, layer: str, filter: DepthwiseFilter, *, example: Tensor | None = None
) -> Model:
    """Give a copy of a network in which a filter follows one layer.

    The copy's weights have the names that they had. A fixed filter adds none; a trainable one adds
    ``<layer>.blur_kernel``.

    Args:
        model: any network; it is left as it is, and the copy shares nothing with it. A Classifier
            stays one, and layers are those of the network in it.
        layer: its dotted name, any if it has several; ``name+activation`` for what the network's
            code computes from its output by a function such as ``F.relu``. If the network runs the
            layer several times, each output is filtered.
        filter: the filter; it is left as it is.
        example: images that the network takes; None: some are found.

    Returns:
        The new network. ``print`` shows the filter where it stands.

    Raises:
        BlurnetError: if there is no such layer, or its output cannot be filtered; the message lists
            the layers that would do.

    """
    check_filter("insert_after", filter)
    model = copy_of(model)
    example = find_input(model) if example is None else example
    put(model, layer, filter, trace(model, example))
    return model


def insert_before(model: Model, filter: DepthwiseFilter, *, example: Tensor | None = None) -> Model:
    """Give a copy of a network whose input is filtered first.

    Args:
        model: any network that takes N × C × H × W; it is left as it is. In a Classifier, what the
            network gets is filtered: the images resized and normalised.
        filter: a fixed filter.
        example: images that the network takes; None: some are found.

    Raises:
        BlurnetError: if the images cannot be filtered.

    """
    check_filter("insert_before", filter)
    return insert_after(model, INPUT, filter, example=example)


def put(model: nn.Module, place: str, filter: DepthwiseFilter, seen: Trace) -> None:
    """Put a filter into a network, in place.

    Args:
        model: changed.
        place: as for ``insert_after``; or "input".
        filter: the filter.
        seen: the network on an example.

    Raises:
        BlurnetError: as ``insert_after``.

    """
    maps = filtered_maps(seen, place)
    try:
        filter.check(tuple(maps.shape))
    except BlurnetError as error:
        where = "of the input" if place == INPUT else f"after layer {place!r}"
        raise BlurnetError(f"{where}: {error}") from None
    keep_freed_memory()
    put_in(network_of(model), place, filter, maps)
    if place.endswith(ACTIVATION):
        trace(model, seen.example)  # which says what else is done with the layer's output


def filtered_maps(seen: Trace, place: str) -> Tensor:
    """Give what a filter at a place would get, N × C × H × W.

    Raises:
        BlurnetError: if there is nothing that can be filtered; the message lists where there is.

    """
    if place == INPUT:
        given = seen.given
        if not isinstance(given, Tensor) or given.dim() != 4:
            raise BlurnetError("the network's input is not N × C × H × W and cannot be filtered")
        return given
    name = place.removesuffix(ACTIVATION)
    submodule(seen.network, name)
    ran = seen.layers()
    fitting = ", ".join(layer.name for layer in ran if layer.filterable) or "none"
    maps = seen.output(name)
    if not seen.ran(name):
        raise BlurnetError(
            f"layer {name!r} does not run as a module in this network; these do: {fitting}"
        )
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        found = " × ".join(map(str, maps.shape)) if isinstance(maps, Tensor) else "no tensor"
        raise BlurnetError(
            f"the output of layer {name!r} is {found}; a filter needs N × C × H × W, "
            f"which these give: {fitting}"
        )
    return maps


def first_convolution(seen: Trace) -> Layer:
    """Give the first convolution of a network that ran.

    Raises:
        BlurnetError: if no layer is one; the message lists the layers that could be filtered.

    """
    ran = seen.layers()
    for layer in ran:
        if layer.first_convolution:
            return layer
    fitting = ", ".join(layer.name for layer in ran if layer.filterable) or "input"
    why = (
        "the network's code calls its convolutions by functions (F.conv2d)"
        if seen.convolutions_by_function
        else "the network has no convolution"
    )
    raise BlurnetError(f"no layer is the first convolution: {why}; say after what: {fitting}")


def check_filter(what: str, filter: object) -> None:
    """Raise a BlurnetError for what is no filter, such as a kernel."""
    if isinstance(filter, Tensor):
        size = " × ".join(map(str, filter.shape))
        raise BlurnetError(
            f"{what} takes a filter, DepthwiseFilter(kernel), not the kernel itself ({size})"
        )
    if not isinstance(filter, DepthwiseFilter):
        raise BlurnetError(
            f"{what} takes a filter, DepthwiseFilter(kernel), not a {type(filter).__name__}"
        )
