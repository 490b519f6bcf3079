"""From an order to an adapter: what a training loads, the stages and steps it takes, and what it leaves on disk.

It knows the method and how to draw a preview; it must not know how an adapter is judged, nor the bundled portraits.
"""
