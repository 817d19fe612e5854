"""Networks that were made elsewhere: looked at, wrapped, and explained where they cannot be used."""
