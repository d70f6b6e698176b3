"""Small figures: data in, SVG or an image's data URI out."""

import base64
import math
from collections.abc import Sequence
from io import BytesIO

from markupsafe import Markup
from PIL import Image
from torch import Tensor

from blurnet.report.words import percent, span


def interval_bar(
    name: str, share: float, interval: Sequence[float], published: float | None = None
) -> Markup:
    """Draw a share as a bar with its interval as a whisker, and what was published as a diamond.

    The drawing is as wide as its box; its height and its text's size do not change with it.

    Args:
        name: what the share is, for those who hear the page.
        share: in [0, 1].
        interval: its lower and upper limit.
        published: the published share, if there is one.

    """
    low, high = interval
    title = f"{name}: {percent(share)}, 95\u00a0% interval {span(interval)}"
    diamond = Markup("")
    if published is not None:
        title += f", published {percent(published)}"
        diamond = Markup(
            '<svg x="{:.2f}%" y="50%" class="published"><path d="M0-6 5 0 0 6-5 0Z"/></svg>'
        ).format(100 * published)
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" width="100%" height="22">'
        '<rect class="track" width="100%" height="12" y="5"/>'
        '<rect class="value" width="{:.2f}%" height="12" y="5"/>'
        '<g class="whisker"><line x1="{:.2f}%" x2="{:.2f}%" y1="11" y2="11"/>'
        '<line x1="{:.2f}%" x2="{:.2f}%" y1="7" y2="15"/>'
        '<line x1="{:.2f}%" x2="{:.2f}%" y1="7" y2="15"/></g>{}</svg>'
    ).format(title, 100 * share, *(100 * x for x in (low, high, low, low, high, high)), diamond)


def line_chart(name: str, values: Sequence[float]) -> Markup:
    """Draw a loss over its steps, on a logarithmic scale from its lowest to its highest.

    Args:
        name: what the values are, for those who hear the page.
        values: at least one, in order.

    """
    logs = [math.log(max(value, 1e-9)) for value in values]
    low, high = min(logs), max(logs)
    height, last = (high - low) or 1, max(len(values) - 1, 1)
    points = " ".join(
        f"{100 * step / last:.2f},{100 * (high - value) / height:.2f}"
        for step, value in enumerate(logs)
    )
    title = f"{name}: from {values[0]:.3g} to {values[-1]:.3g} in {len(values)} steps"
    return Markup(
        '<svg class="line" role="img" aria-label="{}" viewBox="0 0 100 100" '
        'preserveAspectRatio="none"><polyline points="{}"/></svg>'
    ).format(title, points)


def image_uri(image: Tensor) -> str:
    """Write an image as a PNG in a data URI.

    Args:
        image: C × H × W (three channels) or H × W, uint8, or float32 in [0, 1].

    """
    if image.is_floating_point():
        image = (image * 255).round().byte()
    if image.dim() == 3:
        image = image.permute(1, 2, 0)
    content = BytesIO()
    Image.fromarray(image.contiguous().numpy()).save(content, "PNG", optimize=True)
    return data_uri("image/png", content.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Write a file's content as a URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
