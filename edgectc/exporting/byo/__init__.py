"""Networks of others: their inputs, lengths and masks found out, adapted and proven.

Nothing here knows our families.
"""
