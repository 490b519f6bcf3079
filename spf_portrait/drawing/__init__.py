"""Pictures from a base model and an adapter: a pair from one seed with its maps, grids, and the sheets that show them.

It knows the method's maps; it must not know losses' weights, checkpoints or anything else of a training.
"""
