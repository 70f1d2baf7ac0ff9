"""The fields of a page's forms, as a browser would send them."""

from html.parser import HTMLParser


def form_in(page: str) -> dict[str, str]:
    """By name; buttons are not pressed."""
    reader = Fields()
    reader.feed(page)
    reader.close()
    return reader.found


class Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.open = ""
        """The name of the field that text is read for, or that an option belongs to."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            if given.get("type") not in {"radio", "checkbox"} or "checked" in given:
                self.found[name] = given.get("value") or ""
        elif tag in {"textarea", "select"}:
            self.open, self.found[name] = name, ""
        elif tag == "option" and ("selected" in given or not self.found[self.open]):
            self.found[self.open] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.open and self.lasttag == "textarea":
            self.found[self.open] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"}:
            self.open = ""
