"""Networks that were made elsewhere: looked at, wrapped, and explained if they cannot be used."""
