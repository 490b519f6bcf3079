"""Rows of the paper's Table 1: each is one small file on the same loop, data, seeds and budget as SPF."""
