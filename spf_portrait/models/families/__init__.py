"""Families of base models: what Stable Diffusion 1.x, 2.x, XL and 3 do differently, behind one interface."""
