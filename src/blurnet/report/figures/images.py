"""Small figures: data in, SVG or an image's data URI out."""

import base64
from io import BytesIO

from markupsafe import Markup
from PIL import Image
from torch import Tensor

from blurnet.report.words import Bounded, percent, span

SMALL, LARGE = 64, 256
"""A page has images up to the first width as they are, pixel by pixel, and larger ones as lossy
WebP of at most the second width, so that it stays small."""


def interval_bar(
    name: str,
    share: float,
    limits: Bounded | None = None,
    published: float | None = None,
    control: float | None = None,
    ceiling: float | None = None,
) -> Markup:
    """Draw a share as a bar with its interval as a whisker, and what was published as a diamond.

    The drawing is as wide as its box; its height and its text's size do not change with it.

    Args:
        name: what the share is, for those who hear the page.
        share: in [0, 1].
        limits: its 95 % interval, if it has one.
        published: the published share, if there is one.
        control: what the strongest sticker does that nobody searched for, a line across, likewise.
        ceiling: what filling the place in does, a dotted line across, likewise.

    """
    title, whisker, diamond = f"{name}: {percent(share)}", Markup(""), Markup("")
    if limits is not None:
        title += f", 95\u00a0% interval {span(limits)}"
        low, high = 100 * limits.low, 100 * limits.high
        whisker = Markup(
            '<g class="whisker"><line x1="{:.2f}%" x2="{:.2f}%" y1="11" y2="11"/>'
            '<line x1="{:.2f}%" x2="{:.2f}%" y1="7" y2="15"/>'
            '<line x1="{:.2f}%" x2="{:.2f}%" y1="7" y2="15"/></g>'
        ).format(low, high, low, low, high, high)
    if published is not None:
        title += f", published {percent(published)}"
        diamond = Markup(
            '<svg x="{:.2f}%" y="50%" class="published"><path d="M0-6 5 0 0 6-5 0Z"/></svg>'
        ).format(100 * published)
    across = Markup("")
    for kind, what, where in (
        ("control", "strongest control", control),
        ("ceiling", "place filled in", ceiling),
    ):
        if where is not None:
            title += f", {what} {percent(where)}"
            across += Markup(
                '<line class="across {}" x1="{:.2f}%" x2="{:.2f}%" y1="1" y2="21"/>'
            ).format(kind, 100 * where, 100 * where)
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" width="100%" height="22">'
        '<rect class="track" width="100%" height="12" y="5"/>'
        '<rect class="value" width="{:.2f}%" height="12" y="5"/>{}{}{}</svg>'
    ).format(title, 100 * share, across, whisker, diamond)


def picture(image: Tensor) -> Image.Image:
    """Make a picture of an image.

    Args:
        image: C × H × W or H × W, uint8, or float in [0, 1]. Three channels are colours, one is
            grey; of any other number the mean is shown, in grey.

    """
    if image.dim() == 3 and image.shape[0] not in {1, 3}:
        image = image.float().mean(0).to(image.dtype)
    if image.is_floating_point():
        image = (image.clamp(0, 1) * 255).round().byte()
    if image.dim() == 3:
        image = image.permute(1, 2, 0).squeeze(2)
    return Image.fromarray(image.contiguous().numpy())


def png(shown: Image.Image) -> bytes:
    """Write a picture as PNG."""
    content = BytesIO()
    shown.save(content, "PNG", optimize=True)
    return content.getvalue()


def image_uri(image: Tensor) -> str:
    """Write an image, as ``picture`` takes it, in a data URI; see ``SMALL``."""
    shown = picture(image)
    if max(shown.size) <= SMALL:
        return data_uri("image/png", png(shown))
    content = BytesIO()
    shown.thumbnail((LARGE, LARGE))
    shown.save(content, "WEBP", quality=88)
    return data_uri("image/webp", content.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Write a file's content as a URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
