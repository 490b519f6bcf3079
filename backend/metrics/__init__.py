"""Figures for Prometheus: jobs as the records have them, requests as this process saw them."""
