"""What one turn of the event loop answers leaves in one piece."""

import asyncio

from app.one_write import MOST_BYTES, OneWrite


class Wire(asyncio.Transport):
    """Remembers what was written, and in which pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_head_and_body_are_one_piece_and_the_next_turn_has_its_own() -> None:
    wire = Wire()
    one = OneWrite(wire)
    one.write(b"head ")
    one.write(b"body")
    assert wire.pieces == []
    await asyncio.sleep(0)
    one.write(b"more")
    await asyncio.sleep(0)
    assert wire.pieces == [b"head body", b"more"]


async def test_a_long_answer_does_not_gather_so_that_its_reader_can_slow_it_down() -> None:
    wire = Wire()
    one = OneWrite(wire)
    for _ in range(4):
        one.write(b"x" * MOST_BYTES)
    assert [len(piece) for piece in wire.pieces] == [MOST_BYTES] * 4
    await asyncio.sleep(0)
    assert len(wire.pieces) == 4


async def test_what_was_written_before_closing_is_sent() -> None:
    wire = Wire()
    one = OneWrite(wire)
    one.write(b"the end")
    one.close()
    assert (wire.pieces, wire.closed) == ([b"the end"], True)
    await asyncio.sleep(0)
    assert wire.pieces == [b"the end"]
