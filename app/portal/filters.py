"""How pages write money and moments."""

from typing import Any

FILTERS: dict[str, Any] = {}
