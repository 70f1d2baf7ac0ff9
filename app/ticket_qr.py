"""The QR code of a ticket as SVG, drawn with attributes alone, so that it may stand inside a page."""

import functools

import segno

QUIET_ZONE = 4
"""Modules of white around the code; scanners ask for four."""


@functools.lru_cache(maxsize=2048)
def qr_svg(text: str) -> str:
    """Black on white in any colour scheme: inverted codes are not read everywhere. 8 ms, so it is kept."""
    return squares(text).svg_inline(
        scale=8, border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )


def squares(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m")
