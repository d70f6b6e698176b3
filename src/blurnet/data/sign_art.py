"""Drawings of US road signs: shape, colours and legend after the MUTCD, stretched to a square.

Each sign is drawn face on, with its bounding box stretched to the unit square as LISA's crops are;
(0, 0) is the top left corner and (1, 1) the bottom right. Letters and pictograms are strokes and
polygons of our own, so no font file is needed and every version of Pillow draws the same sign.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_OVERSAMPLING = 4

_BLACK = (22, 22, 24)
_WHITE = (240, 240, 236)
_RED = (186, 18, 32)
_YELLOW = (250, 186, 8)
_FLUORESCENT = (222, 238, 22)
_GREEN = (20, 150, 90)
_FADED = (70, 70, 72)
Colour = tuple[int, int, int]


def _arc(cx: float, cy: float, rx: float, ry: float, start: float, stop: float) -> list[Point]:
    """Trace an ellipse from ``start`` to ``stop``, in degrees clockwise from the right."""
    angles = [math.radians(start + (stop - start) * k / 16) for k in range(17)]
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


def _bend(start: Point, stop: Point) -> list[Point]:
    """Trace a lane change: an S that leaves ``start`` and reaches ``stop`` upright."""
    steps = [k / 16 for k in range(17)]
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    return [(start[0] + dx * t * t * (3 - 2 * t), start[1] + dy * t) for t in steps]


_BOWL = [(0.0, 0.0), (0.5, 0.0), *_arc(0.5, 0.27, 0.5, 0.27, -90, 90), (0.0, 0.54)]
_ROUND = [*_arc(0.5, 0.32, 0.5, 0.32, -180, 0), *_arc(0.5, 0.68, 0.5, 0.32, 0, 180)]
_LEFT: list[Point] = [(0, 0), (0, 1)]
_RIGHT: list[Point] = [(1, 0), (1, 1)]
_MIDDLE: list[Point] = [(0, 0.5), (1, 0.5)]

_GLYPHS: dict[str, list[list[Point]]] = {
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.2, 0.65), (0.8, 0.65)]],
    "C": [[*_arc(0.5, 0.32, 0.5, 0.32, -10, -180), *_arc(0.5, 0.68, 0.5, 0.32, 180, 10)]],
    "D": [[(0, 0), (0.4, 0), *_arc(0.4, 0.5, 0.6, 0.5, -90, 90), (0, 1), (0, 0)]],
    "E": [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, 0.5), (0.85, 0.5)]],
    "H": [_LEFT, _RIGHT, _MIDDLE],
    "I": [_LEFT],
    "L": [[(0, 0), (0, 1), (1, 1)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.8), (1, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (1, 1), (1, 0)]],
    "O": [[*_ROUND, _ROUND[0]]],
    "P": [_LEFT, _BOWL],
    "R": [_LEFT, _BOWL, [(0.5, 0.54), (1, 1)]],
    "S": [[*_arc(0.5, 0.25, 0.5, 0.25, -15, -270), *_arc(0.5, 0.75, 0.5, 0.25, -90, 165)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.2), (0.75, 1), (1, 0)]],
    "Y": [[(0, 0), (0.5, 0.5), (1, 0)], [(0.5, 0.5), (0.5, 1)]],
    "0": [[*_ROUND, _ROUND[0]]],
    "2": [[*_arc(0.5, 0.29, 0.5, 0.29, -170, 35), (0.0, 1.0), (1.0, 1.0)]],
    "3": [[*_arc(0.5, 0.25, 0.45, 0.25, -165, 90), *_arc(0.5, 0.74, 0.5, 0.26, -90, 165)]],
    "4": [[(0.75, 1), (0.75, 0), (0, 0.68), (1, 0.68)]],
    "5": [[(0.92, 0), (0.1, 0), (0.04, 0.46), *_arc(0.47, 0.68, 0.53, 0.32, -135, 155)]],
    "6": [[*_arc(0.5, 0.3, 0.5, 0.3, -20, -180), *_arc(0.5, 0.7, 0.5, 0.3, 180, 540)]],
}
_WIDTHS = {" ": 0.6, "I": 0.0, "M": 1.25, "W": 1.4}


class _Plate:
    """A transparent unit square to draw a sign on."""

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels * _OVERSAMPLING
        self.image = Image.new("RGBA", (self.pixels, self.pixels))
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self.pen.polygon([(x * self.pixels, y * self.pixels) for x, y in points], fill=colour)

    def box(self, box: Box, colour: Colour, radius: float = 0.0) -> None:
        left, top, right, bottom = (edge * self.pixels for edge in box)
        self.pen.rounded_rectangle(
            (left, top, right - 1, bottom - 1), radius * self.pixels, fill=colour
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.polygon(_arc(x, y, radius, radius, 0, 360), colour)

    def line(self, points: list[Point], width: float, colour: Colour = _BLACK) -> None:
        """Draw a stroke with round joints and ends."""
        scaled = [(x * self.pixels, y * self.pixels) for x, y in points]
        self.pen.line(scaled, fill=colour, width=round(width * self.pixels))
        for x, y in points:
            self.disc(x, y, width / 2, colour)

    def arrow(self, points: list[Point], width: float, head: float) -> None:
        """Draw a black stroke that ends, at the last point, in the tip of a head this wide."""
        (x0, y0), (x1, y1) = points[-2:]
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        foot = (x1 - ux * head * 0.75, y1 - uy * head * 0.75)
        self.line([*points[:-1], foot], width)
        side_x, side_y = -uy * head / 2, ux * head / 2
        self.polygon(
            [
                (x1, y1),
                (foot[0] + side_x, foot[1] + side_y),
                (foot[0] - side_x, foot[1] - side_y),
            ],
            _BLACK,
        )

    def text(self, text: str, box: Box, weight: float, colour: Colour = _BLACK) -> None:
        """Write ``text`` to fill ``box``; ``weight`` is the stroke's width over the height."""
        left, top, right, bottom = box
        stroke = weight * (bottom - top)
        widths = [_WIDTHS.get(letter, 1.0) for letter in text]
        gap = 0.35
        room = right - left - stroke * len(text)
        unit = room / (sum(widths) + gap * (len(text) - 1))
        x = left + stroke / 2
        for letter, width in zip(text, widths, strict=True):
            for points in _GLYPHS.get(letter, []):
                placed = [
                    (x + px * width * unit, top + stroke / 2 + py * (bottom - top - stroke))
                    for px, py in points
                ]
                self.line(placed, stroke, colour)
            x += (width + gap) * unit + stroke

    def walker(self, box: Box, stoutness: float) -> None:
        """Draw a person walking to the left."""
        left, top, right, bottom = box

        def at(*points: Point) -> list[Point]:
            return [(left + x * (right - left), top + y * (bottom - top)) for x, y in points]

        height = (bottom - top) * stoutness
        [(x, y)] = at((0.52, 0.08))
        self.disc(x, y, 0.085 * height, _BLACK)
        self.line(at((0.56, 0.27), (0.56, 0.5)), 0.2 * height)
        self.line(at((0.54, 0.5), (0.4, 0.72), (0.14, 0.97)), 0.115 * height)
        self.line(at((0.58, 0.5), (0.7, 0.73), (0.86, 0.97)), 0.115 * height)
        self.line(at((0.5, 0.23), (0.2, 0.36), (0.06, 0.52)), 0.09 * height)
        self.line(at((0.6, 0.23), (0.84, 0.38), (0.94, 0.54)), 0.09 * height)


def _diamond(plate: _Plate) -> None:
    for radius, colour in ((0.5, _YELLOW), (0.475, _BLACK), (0.445, _YELLOW)):
        plate.polygon(
            [(0.5, 0.5 - radius), (0.5 + radius, 0.5), (0.5, 0.5 + radius), (0.5 - radius, 0.5)],
            colour,
        )


def _octagon(plate: _Plate, x: float, y: float, radius: float, colour: Colour) -> None:
    circumscribed = radius / math.cos(math.pi / 8)
    angles = [math.pi * (2 * k + 1) / 8 for k in range(8)]
    plate.polygon(
        [(x + circumscribed * math.cos(a), y + circumscribed * math.sin(a)) for a in angles], colour
    )


def _white_plate(plate: _Plate, top: float = 0.0) -> None:
    plate.box((0, top, 1, 1), _WHITE, 0.05)
    plate.box((0.025, top + 0.025, 0.975, 0.975), _BLACK, 0.04)
    plate.box((0.055, top + 0.055, 0.945, 0.945), _WHITE, 0.03)


def _added_lane(plate: _Plate) -> None:
    _diamond(plate)
    plate.arrow([(0.36, 0.72), (0.36, 0.22)], 0.085, 0.2)
    plate.arrow([*_bend((0.78, 0.7), (0.62, 0.4)), (0.62, 0.22)], 0.085, 0.2)
    for top in (0.13, 0.21, 0.29):
        plate.line([(0.49, top), (0.49, top + 0.03)], 0.025)
    plate.line([(0.46, 0.86), (0.49, 0.42), (0.64, 0.76)], 0.03)


def _keep_right(plate: _Plate) -> None:
    _white_plate(plate)
    island = [(0.12, 0.17), (0.45, 0.17), *_arc(0.285, 0.36, 0.145, 0.14, 0, 180)]
    plate.polygon(island, _BLACK)
    plate.arrow([*_bend((0.46, 0.84), (0.71, 0.4)), (0.71, 0.1)], 0.15, 0.34)


def _lane_ends(plate: _Plate) -> None:
    _diamond(plate)
    plate.line([(0.36, 0.26), (0.36, 0.74)], 0.065)
    plate.line(
        [(0.55, 0.22), (0.55, 0.34), *_bend((0.55, 0.34), (0.68, 0.62)), (0.68, 0.72)], 0.065
    )
    for top in (0.56, 0.68, 0.8):
        plate.line([(0.51, top), (0.51, top + 0.04)], 0.035)


def _merge(plate: _Plate) -> None:
    _diamond(plate)
    plate.line(_bend((0.68, 0.78), (0.5, 0.46)), 0.095)
    plate.arrow([(0.47, 0.83), (0.47, 0.15)], 0.12, 0.29)


def _pedestrian_crossing(plate: _Plate) -> None:
    _diamond(plate)
    plate.walker((0.28, 0.18, 0.72, 0.8), 1.0)


def _school(plate: _Plate) -> None:
    for inset, colour in ((0.0, _FLUORESCENT), (0.035, _BLACK), (0.065, _FLUORESCENT)):
        near, far = inset, 1 - inset
        plate.polygon(
            [(0.5, inset * 1.2), (far, 0.42), (far, far), (near, far), (near, 0.42)], colour
        )
    plate.walker((0.14, 0.42, 0.5, 0.88), 1.15)
    plate.walker((0.46, 0.22, 0.88, 0.88), 1.0)


def _school_speed_limit_25(plate: _Plate) -> None:
    _white_plate(plate, 0.22)
    plate.box((0, 0, 1, 0.23), _FLUORESCENT, 0.04)
    plate.text("SCHOOL", (0.14, 0.06, 0.86, 0.18), 0.2)
    plate.text("SPEED LIMIT", (0.14, 0.31, 0.86, 0.4), 0.2)
    plate.text("25", (0.22, 0.46, 0.78, 0.75), 0.2)
    plate.text("WHEN CHILDREN", (0.12, 0.79, 0.88, 0.84), 0.2)
    plate.text("ARE PRESENT", (0.2, 0.87, 0.8, 0.92), 0.2)


def _signal_ahead(plate: _Plate) -> None:
    _diamond(plate)
    plate.box((0.37, 0.16, 0.63, 0.84), _BLACK, 0.03)
    for y, colour in ((0.28, (226, 40, 40)), (0.5, (255, 214, 90)), (0.72, _GREEN)):
        plate.disc(0.5, y, 0.088, colour)


def _speed_limit(plate: _Plate, number: str, colour: Colour = _BLACK) -> None:
    _white_plate(plate)
    plate.text("SPEED", (0.17, 0.1, 0.83, 0.24), 0.19)
    plate.text("LIMIT", (0.23, 0.29, 0.77, 0.43), 0.19)
    plate.text(number, (0.14, 0.51, 0.86, 0.91), 0.2, colour)


def _unreadable(plate: _Plate, number: str, smear: float) -> None:
    """Draw a speed limit whose number is faded and smeared over a radius of ``smear``."""
    _speed_limit(plate, number, _FADED)
    edges = (0.07, 0.47, 0.93, 0.93)
    left, top, right, bottom = (round(edge * plate.pixels) for edge in edges)
    number_field = plate.image.crop((left, top, right, bottom))
    smeared = number_field.filter(ImageFilter.GaussianBlur(smear * plate.pixels))
    plate.image.paste(smeared, (left, top))


def _stop(plate: _Plate) -> None:
    _octagon(plate, 0.5, 0.5, 0.5, _WHITE)
    _octagon(plate, 0.5, 0.5, 0.46, _RED)
    plate.text("STOP", (0.12, 0.33, 0.88, 0.68), 0.17, _WHITE)


def _stop_ahead(plate: _Plate) -> None:
    _diamond(plate)
    plate.arrow([(0.5, 0.36), (0.5, 0.11)], 0.085, 0.23)
    _octagon(plate, 0.5, 0.62, 0.185, _WHITE)
    _octagon(plate, 0.5, 0.62, 0.165, _RED)


def _turn_right(plate: _Plate) -> None:
    _diamond(plate)
    plate.arrow([(0.32, 0.7), (0.32, 0.43), (0.8, 0.43)], 0.12, 0.3)


def _yield(plate: _Plate) -> None:
    for inset, colour in ((0.0, _WHITE), (0.025, _RED), (0.155, _WHITE)):
        plate.polygon(
            [(inset * 1.62, inset), (1 - inset * 1.62, inset), (0.5, 1 - inset * 2.24)], colour
        )
    plate.text("YIELD", (0.34, 0.19, 0.66, 0.29), 0.2, _RED)


def _numbered(number: str) -> tuple[Callable[[_Plate], None], ...]:
    return (lambda plate: _speed_limit(plate, number),)


_UNREADABLE_NUMBERS = ("20", "40", "50", "55", "60", "65")

_DRAWINGS: dict[str, tuple[Callable[[_Plate], None], ...]] = {
    "addedLane": (_added_lane,),
    "keepRight": (_keep_right,),
    "laneEnds": (_lane_ends,),
    "merge": (_merge,),
    "pedestrianCrossing": (_pedestrian_crossing,),
    "school": (_school,),
    "schoolSpeedLimit25": (_school_speed_limit_25,),
    "signalAhead": (_signal_ahead,),
    "speedLimit25": _numbered("25"),
    "speedLimit30": _numbered("30"),
    "speedLimit35": _numbered("35"),
    "speedLimit45": _numbered("45"),
    "speedLimitUrdbl": tuple(
        functools.partial(_unreadable, number=number, smear=smear)
        for number in _UNREADABLE_NUMBERS
        for smear in (0.05, 0.08)
    ),
    "stop": (_stop,),
    "stopAhead": (_stop_ahead,),
    "turnRight": (_turn_right,),
    "yield": (_yield,),
}

NAMES: tuple[str, ...] = tuple(_DRAWINGS)
"""The signs that can be drawn, in the order of RP2's classes."""

_LEGEND_BARS: tuple[Box, Box] = ((10, 6, 22, 9), (10, 23, 22, 26))
_DIAMOND_BARS: tuple[Box, Box] = ((11, 10, 21, 13), (11, 19, 21, 22))
_BARS: dict[str, tuple[Box, Box]] = {
    "addedLane": _DIAMOND_BARS,
    "laneEnds": _DIAMOND_BARS,
    "merge": _DIAMOND_BARS,
    "pedestrianCrossing": _DIAMOND_BARS,
    "signalAhead": _DIAMOND_BARS,
    "stopAhead": _DIAMOND_BARS,
    "turnRight": _DIAMOND_BARS,
    "school": ((10, 10, 22, 13), (10, 23, 22, 26)),
    "yield": ((10, 5, 22, 8), (12, 15, 20, 18)),
}


def stickers(name: str) -> tuple[Box, Box]:
    """Give two boxes, above and below the legend, that lie on the sign when it fills the frame.

    Returns:
        Left, top, right and bottom of each, in units of a thirty-second of the frame.

    """
    return _BARS.get(name, _LEGEND_BARS)


@functools.cache
def art(name: str, pixels: int) -> Tensor:
    """Draw every variant of the sign ``name``, once in a process.

    Returns:
        float32 in [0, 1], variants × 4 × ``pixels`` × ``pixels``: red, green and blue multiplied by
        the coverage, and the coverage. Shared between callers: not to be written to.

    """
    variants = []
    for drawing in _DRAWINGS[name]:
        plate = _Plate(pixels)
        drawing(plate)
        small = plate.image.convert("RGBa").resize((pixels, pixels), Image.Resampling.BOX)
        variants.append(torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255)
    return torch.stack(variants).contiguous()
