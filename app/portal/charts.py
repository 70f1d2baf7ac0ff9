"""Charts as numbers; templates draw them as SVG."""

from collections.abc import Sequence

import msgspec

WIDTH, HEIGHT = 600.0, 160.0
GAP = 0.2
LEAST = 1.5
WIDEST = 60.0


class Bar(msgspec.Struct, frozen=True):
    """A rectangle in the units of the drawing; a value above zero is never too low to be seen."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[int]) -> list[Bar]:
    """One bar for each value, as high as the drawing for the greatest."""
    step, most = WIDTH / max(len(values), 1), max(values, default=0)
    width = min(step * (1 - GAP), WIDEST)
    heights = [max(HEIGHT * value / most, LEAST) if value > 0 else 0.0 for value in values]
    return [
        Bar(round(step * place + (step - width) / 2, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2))
        for place, height in enumerate(heights)
    ]
