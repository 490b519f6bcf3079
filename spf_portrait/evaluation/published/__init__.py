"""Metrics with networks that others have published: for photographs, where no judge of this project sees anything.

The weights are not carried along and not fetched. They lie in a folder of the user's, one folder for each network:

    clip/           CLIPModel with its tokenizer, as transformers saves it        CLIP-I, CLIP-T
    hpsv2/          the same with the weights of HPSv2                             HPSv2
    face_parsing/   SegformerForSemanticSegmentation, as transformers saves it    Seg-Cons
    lpips/          alexnet.pth of torchvision and lin.pth of LPIPS 0.1            LPIPS

Pickles are opened for their tensors alone. ID has no loader: ArcFace looks at faces that a detector has cut out and put
upright, and without one its figures would mislead.
"""

from spf_portrait.evaluation.published.folder import METRICS_VARIABLE, published_metrics

__all__ = ["METRICS_VARIABLE", "published_metrics"]
