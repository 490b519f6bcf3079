"""What stands behind a portrait, as SVG drawn beneath it on the renderer's 280 × 280 canvas."""

from typing import Final

CANVAS: Final = 280
_FOLD_WIDTH: Final = 35
_BRICK: Final = (70, 35)


def background_svg(kind: str) -> str:
    """SVG elements for a pattern name ("curtain", "brick") or a plain colour ("#a9d8f5")."""
    if kind == "curtain":
        return _curtain()
    if kind == "brick":
        return _brick_wall()
    return _rectangle(0, 0, CANVAS, CANVAS, kind)


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}"/>'


def _curtain() -> str:
    folds = range(0, CANVAS, 2 * _FOLD_WIDTH)
    stripes = "".join(_rectangle(x, 0, _FOLD_WIDTH, CANVAS, "#8a5a83") for x in folds)
    return _rectangle(0, 0, CANVAS, CANVAS, "#a3719b") + stripes


def _brick_wall() -> str:
    width, height = _BRICK
    bricks = [
        _rectangle(x - (width // 2 if row % 2 else 0), row * height, width - 5, height - 5, "#c4816b")
        for row in range(CANVAS // height)
        for x in range(0, CANVAS + width, width)
    ]
    return _rectangle(0, 0, CANVAS, CANVAS, "#dcb5a5") + "".join(bricks)
