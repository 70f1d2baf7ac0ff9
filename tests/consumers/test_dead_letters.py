"""Whatever somebody put into a topic can be kept."""

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from app.consumers.dead_letters import dead_letter
from app.engines.log import MAX_BYTES, MAX_HEADER_BYTES, Delivered, refuse_unfit

TEXT = st.text(st.characters(categories=None), max_size=20).flatmap(
    lambda text: st.sampled_from([1, 100, 4_000]).map(lambda times: text * times)
)
HEADERS = st.one_of(
    st.dictionaries(TEXT, TEXT, max_size=10),
    st.integers(0, 20_000).map(lambda count: {f"{number}": "" for number in range(count)}),
)


@settings(max_examples=100, deadline=None)
@given(key=TEXT, size=st.sampled_from([0, MAX_BYTES, MAX_BYTES + 48_000]), headers=HEADERS, error=TEXT)
def test_a_dead_letter_always_fits_the_log(key: str, size: int, headers: dict[str, str], error: str) -> None:
    record = Delivered("upload-event", 0, 7, key, b"x" * size, headers, dt.datetime.now(dt.UTC))
    letter = dead_letter(record, "eventstream-postgres", ValueError(error), 5)
    refuse_unfit(letter)
    assert record.value.startswith(letter.value)
    assert len(letter.value) >= min(size, MAX_BYTES - len(letter.key.encode()))


def test_what_fits_is_kept_as_it_was() -> None:
    headers = {"ce_id": "1", "more": "x" * (MAX_HEADER_BYTES // 2)}
    record = Delivered("upload-event", 0, 7, "key", b"x" * 10, headers, dt.datetime.now(dt.UTC))
    letter = dead_letter(record, "eventstream-postgres", ValueError("no"), 5)
    assert (letter.key, letter.value, letter.headers | headers) == ("key", b"x" * 10, letter.headers)
    assert "dead_cut" not in letter.headers
