"""What the code says to people, ready to be said in another language."""

from typing import Self


class Phrase(str):
    """Words that are chosen far from the page that says them: plain English, with the values filled in.

    It remembers both, so that a page can say it in the language of its reader.
    """

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> Self:
        phrase = super().__new__(cls, text % values if values else text)
        phrase.text, phrase.values = text, values
        return phrase
