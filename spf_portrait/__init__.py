"""SPF-Portrait: teach a text-to-image model one portrait attribute and change nothing else."""

__version__ = "0.1.0"
