"""The codes on tickets: enough of them, and no letter likelier than another."""

from collections import Counter

from app.domain.issuing import CODE_LENGTH, CODE_LETTERS, LETTER_OF, NO_LETTERS, new_codes


def test_every_ticket_gets_a_code_of_its_own_length_and_letters() -> None:
    for count in (0, 1, 500):
        codes = new_codes(count)
        assert len(set(codes)) == count
        assert all(len(code) == CODE_LENGTH and set(code) <= set(CODE_LETTERS) for code in codes)


def test_no_letter_is_likelier_than_another() -> None:
    ways = Counter(bytes(byte for byte in range(256) if byte not in NO_LETTERS).translate(LETTER_OF).decode())
    assert set(ways) == set(CODE_LETTERS)
    assert len(set(ways.values())) == 1
