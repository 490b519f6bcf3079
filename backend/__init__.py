"""HTTP and records of SPF-Portrait. Never imports torch, nor the worker."""
