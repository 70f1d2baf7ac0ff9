"""Tickets on paper: an A4 page for each, with the code to scan, the same words as its page, in any script."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from app.domain.ticket_page import TicketPage
from app.pdf_text import TextPdf
from app.ticket_printer import TicketWords
from app.ticket_qr import squares

MARGIN, WIDTH = 20.0, 170.0  # millimetres
QR_SIZE = 66.0
COLUMN = WIDTH - QR_SIZE - 8
INK, QUIET, ACCENT = (33, 26, 44), (98, 90, 112), (74, 47, 128)


def ticket_pdf(pages: Sequence[tuple[TicketPage, TicketWords]]) -> bytes:
    """The bytes of the file, in a tenth of a second of one core: not for the loop."""
    texts = [
        text
        for ticket, words in pages
        for text in (ticket.title, ticket.code, words.note, *words.rows, *words.rows.values())
    ]
    with tempfile.TemporaryDirectory(prefix="eventstream-") as folder:
        pdf = TextPdf(texts, "A4", Path(folder))
        pdf.set_title(pages[0][0].title)
        pdf.set_lang("en")
        for ticket, words in pages:
            draw_page(pdf, ticket, words)
        return bytes(pdf.output())


def draw_page(pdf: TextPdf, ticket: TicketPage, words: TicketWords) -> None:
    pdf.add_page()
    pdf.set_fill_color(*ACCENT)
    pdf.rect(MARGIN, MARGIN, WIDTH, 2, "F")
    pdf.set_text_color(*INK)
    top = MARGIN + 9 + pdf.write_lines(MARGIN, MARGIN + 9, WIDTH, ticket.title, "B", 22) + 8
    words_end = draw_words(pdf, top, words.rows)
    code_end = draw_code(pdf, top, ticket)
    pdf.set_text_color(*QUIET)
    pdf.write_lines(MARGIN, max(words_end, code_end) + 8, WIDTH, words.note, points=9)


def draw_words(pdf: TextPdf, y: float, rows: dict[str, str]) -> float:
    """Label above text, one pair below the other, whatever the script at the left edge; where they end."""
    for label, text in rows.items():
        pdf.set_text_color(*QUIET)
        y += pdf.write_lines(MARGIN, y, COLUMN, label, points=8.5)
        pdf.set_text_color(*INK)
        y += pdf.write_lines(MARGIN, y, COLUMN, text, points=12, at_left=True) + 3.5
    return y


def draw_code(pdf: TextPdf, top: float, ticket: TicketPage) -> float:
    """Squares as rectangles, sharp in any size, and below them the code in letters; where it ends."""
    if ticket.qr_text is None:
        return top
    left = MARGIN + WIDTH - QR_SIZE
    matrix = squares(ticket.qr_text).matrix
    side = QR_SIZE / len(matrix)
    pdf.set_fill_color(0)
    for row, modules in enumerate(matrix):
        for column, width in dark_stretches(modules):
            pdf.rect(left + column * side, top + row * side, width * side, side * 1.01, "F")
    code_width = pdf.width_of(ticket.code, "B", 14)
    pdf.write_lines(left + (QR_SIZE - code_width) / 2, top + QR_SIZE + 3, QR_SIZE, ticket.code, "B", 14)
    return top + QR_SIZE + 10


def dark_stretches(modules: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where dark squares begin, and how many follow one another."""
    place = 0
    for dark, group in groupby(modules, key=bool):
        width = len(list(group))
        if dark:
            yield place, width
        place += width
