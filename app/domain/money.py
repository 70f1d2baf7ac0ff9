"""Amounts of money in major units."""

from decimal import Decimal

import babel.numbers
from babel.core import get_global

from app.phrases import Phrase

CURRENCIES = frozenset(
    code
    for used in get_global("territory_currencies").values()
    for code, _, until, tender in used
    if tender and until is None
)
"""What one can pay with somewhere today, by the Unicode CLDR: no currency of the past, and none for tests."""
MAX_PRICE = Decimal("9999999.99")


def money(amount: Decimal, currency: str) -> str:
    """With exactly the decimals the currency has: `7400.00` EUR, `7400` JPY."""
    return str(rounded(amount, currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-babel.numbers.get_currency_precision(currency)))


def currency_complaint(currency: str) -> str | None:
    return None if currency in CURRENCIES else Phrase("must be an ISO 4217 code such as EUR")


def price_complaint(price: Decimal, currency: str) -> str | None:
    """What is wrong with a price; of one in a currency that is not known, whether any could have it."""
    if not 0 <= price <= MAX_PRICE:
        return Phrase("must lie between 0 and 9,999,999.99")
    if currency not in CURRENCIES:
        return None
    decimals = babel.numbers.get_currency_precision(currency)
    if price == round(price, decimals):
        return None
    if not decimals:
        return Phrase("must have no decimals in %(currency)s", currency=currency)
    return Phrase("must have at most %(decimals)s decimals in %(currency)s", decimals=decimals, currency=currency)
