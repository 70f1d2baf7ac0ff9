"""Amounts of money in major units."""

from decimal import Decimal

import babel.numbers


def money(amount: Decimal, currency: str) -> str:
    """With exactly the decimals the currency has: `7400.00` EUR, `7400` JPY."""
    return str(amount.quantize(Decimal(1).scaleb(-babel.numbers.get_currency_precision(currency))))
