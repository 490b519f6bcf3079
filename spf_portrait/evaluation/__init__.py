"""Measuring an adapter: held-out texts, four pictures for each, and every metric of the catalogue on them."""
