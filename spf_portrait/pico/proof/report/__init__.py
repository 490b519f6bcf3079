"""The proof as a page: what the records say about the paper's claims, with tables and pictures."""
