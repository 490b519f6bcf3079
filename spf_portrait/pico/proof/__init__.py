"""The paper's claims on the bundled model, where the truth is known: systems side by side on biased caption sets."""
