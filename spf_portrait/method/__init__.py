"""The paper: dual paths, control map, losses and enhancement, from captions to the raw losses of one step.

It knows a base model and the adapter on it; it must not know who takes the steps, nor where anything is written.
"""
