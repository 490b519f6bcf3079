"""Adapters as files for other tools: written, tried as those tools would, and only then released."""

from spf_portrait.export.facts import AdapterFacts
from spf_portrait.export.write import Exported, export_checkpoint

__all__ = ["AdapterFacts", "Exported", "export_checkpoint"]
