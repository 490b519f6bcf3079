"""Which modules of a denoising network carry an adapter, as regular expressions over whole module paths."""

from typing import Final

CROSS_ATTENTION: Final = r".*attn2\.(to_q|to_k|to_v|to_out\.0)"
"""What reads the text in a U-Net: queries, keys, values and output of its cross-attention."""
ALL_ATTENTION: Final = r".*attn[12]\.(to_q|to_k|to_v|to_out\.0)"
"""The same, and the attention of the picture to itself, as in diffusers' own example of LoRA."""

JOINT_CROSS_ATTENTION: Final = r".*\.attn\.(to_q|add_k_proj|add_v_proj|to_out\.0)"
"""What reads the text in a joint-attention transformer: picture queries, text keys and values, what is made of them.

The same queries also meet the picture's own keys there: joint attention has no part that reads text alone.
"""
JOINT_ALL_ATTENTION: Final = r".*\.attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
"""Every attention matrix there."""
