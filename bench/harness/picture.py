"""Pictures of results as SVG: horizontal bars, and lines over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

COLOURS = ("#2f6f9f", "#e08a3c", "#5a9e6f", "#b05a7a", "#8a8a8a", "#c9b037", "#6a5acd")
WIDTH = 760
LABEL_WIDTH = 190
BAR_HEIGHT = 16
GAP = 10
TOP = 64
PLOT_HEIGHT = 220
_VALUE_WIDTH = 80

Groups = Mapping[str, Mapping[str, float]]
"""The values of each group by the names of their series."""


def bars(title: str, groups: Groups, *, unit: str, stacked: bool = False) -> str:
    """Return bars for each group: one below the other, or stacked with their sum at the end."""
    series = list(dict.fromkeys(name for values in groups.values() for name in values))
    most = max((_length(values, stacked=stacked) for values in groups.values()), default=1) or 1
    scale = (WIDTH - LABEL_WIDTH - _VALUE_WIDTH) / most
    parts, top = [], TOP
    for label, values in groups.items():
        parts.append(_text(LABEL_WIDTH - 8, top + BAR_HEIGHT - 4, label, anchor="end"))
        left = float(LABEL_WIDTH)
        for name, value in values.items():
            colour = COLOURS[series.index(name) % len(COLOURS)]
            parts.append(_box(left, top, value * scale, BAR_HEIGHT, colour))
            if stacked:
                left += value * scale
            else:
                parts.append(_value(left + value * scale, top, value, unit))
                top += BAR_HEIGHT + 2
        if stacked:
            parts.append(_value(left, top, sum(values.values()), unit))
            top += BAR_HEIGHT
        top += GAP
    return _svg(title, series, parts, top + GAP)


def lines(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, x: str, y: str
) -> str:
    """Return one line for each series of (x, y) points. *x* and *y* name the axes."""
    points = [point for found in series.values() for point in found]
    right = max((at for at, _ in points), default=1) or 1
    most = max((value for _, value in points), default=1) or 1
    left, bottom = 70, TOP + PLOT_HEIGHT
    wide = (WIDTH - left - 30) / right
    high = PLOT_HEIGHT / most
    parts = [_axis(left, bottom), _text(left - 6, TOP + 10, f"{most:.4g}", anchor="end")]
    parts += [_text(left - 6, bottom, "0", anchor="end"), _text(left, TOP - 6, y)]
    parts.append(_text(WIDTH - 30, bottom + 18, f"{x} {right:.4g}", anchor="end"))
    for number, found in enumerate(series.values()):
        path = " ".join(
            f"{left + at * wide:.1f},{bottom - value * high:.1f}" for at, value in found
        )
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return _svg(title, list(series), parts, bottom + 34)


def _length(values: Mapping[str, float], *, stacked: bool) -> float:
    return sum(values.values()) if stacked else max(values.values(), default=0)


def _svg(title: str, series: Sequence[str], parts: Sequence[str], height: float) -> str:
    head = [_text(12, 22, title, size=15), *_legend(series)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>\n'
        + "\n".join([*head, *parts])
        + "\n</svg>\n"
    )


def _legend(series: Sequence[str]) -> list[str]:
    parts, left = [], 12.0
    for number, name in enumerate(series):
        parts.append(_box(left, 34, 11, 11, COLOURS[number % len(COLOURS)]))
        parts.append(_text(left + 16, 44, name))
        left += 34 + 7 * len(name)
    return parts


def _box(left: float, top: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{colour}"/>'
    )


def _value(left: float, top: float, value: float, unit: str) -> str:
    return _text(left + 5, top + BAR_HEIGHT - 4, f"{float(f'{value:.3g}'):g}{unit}")


def _axis(left: float, bottom: float) -> str:
    return f'<path d="M{left},{TOP} V{bottom} H{WIDTH - 30}" fill="none" stroke="#888888"/>'


def _text(left: float, top: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{left:.1f}" y="{top:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="#222222">{escape(text)}</text>'
    )
