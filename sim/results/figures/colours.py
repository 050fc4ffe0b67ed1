"""The colours of all figures, in pictures and on pages.

Those of Okabe and Ito, which stay apart for colour-blind readers, and darker or paler shades of them; a
state has the same colour in every figure. Needs no matplotlib: a page's style sheet has them from here.

Source:
    Okabe and Ito, "Color Universal Design" (2002), https://jfly.uni-koeln.de/color/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sim.rules import SubtaskState

ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"

STATE_COLOURS: Final = {
    SubtaskState.SUCCESS: GREEN,
    SubtaskState.PROCESSING: SKY,
    SubtaskState.FAIL_WAIT_RETRY: ORANGE,
    SubtaskState.WAITTING: "#DDDDDD",
    SubtaskState.STOPPED: PURPLE,
    SubtaskState.FAIL: VERMILION,
}
"""Colour of each state, from the bottom of the stack to its top."""

LINE_COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
"""Of lines side by side, in an order in which neighbours differ in brightness too."""

HELD_UP_COLOURS: Final[Mapping[str, str]] = {
    "ready_queue": ORANGE,
    "place_queue": "#A66F00",
    "offline": "#BBBBBB",
    "window": "#8E8E8E",
    "outage": "#6A6A6A",
    "query": "#9ED9F5",
    "coverage": SKY,
    "download_place": "#F6CF80",
    "download": BLUE,
    "shared_link": YELLOW,
    "verify": "#9AD7C3",
    "install": GREEN,
    "reboot": "#6B8F1A",
    "timer": VERMILION,
    "retry_wait": PURPLE,
    "call_wait": "#8C4A6E",
}
"""Colours of what time goes to, by the names of `sim.scenario.metrics.HELD_UP`: queues and places are orange,
what is out of reach is grey, work is blue and green, silence is red, waits for another attempt are purple."""

DARK: Final = "#00513B"
"""Edge and band of what is green."""
LOAD: Final = "#2176A8"
"""Line above an area in the colour of Processing."""
LIMIT: Final = "#B03A00"
"""What a load must not pass."""
GOOD: Final = "#00734F"
"""Words about what came well."""
BAD: Final = "#B34700"
"""Words about what went wrong."""
CALM: Final = "#555555"
"""Words beside a figure."""
WAIT: Final = "#BBBBBB"
"""What only waits."""
RULE: Final = "#CCCCCC"
"""Lines that part one thing from the next."""
FAINT: Final = "#EEEEEE"
"""Grids and shades."""

_RETRY_COLOURS: Final = ("#333333", *LINE_COLOURS[:5])


def style_sheet() -> str:
    """Return the colours that pages share with pictures, as custom properties of a style sheet."""
    states = {f"s-{state.progress_key}": colour for state, colour in STATE_COLOURS.items()}
    lines = {f"line-{i_line}": colour for i_line, colour in enumerate(_RETRY_COLOURS)}
    waiting = STATE_COLOURS[SubtaskState.WAITTING]
    held = {f"h-{name.replace('_', '-')}": colour for name, colour in HELD_UP_COLOURS.items()}
    named = {**states, **held, "s-open": waiting, "s-dark": DARK, "load": LOAD, "bad": LIMIT, **lines}
    return " ".join(f"--{name}: {colour.lower()};" for name, colour in named.items())
