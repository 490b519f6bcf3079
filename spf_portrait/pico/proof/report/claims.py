"""What the paper claims, and what this project set itself, each as one comparison of rows that figures decide."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from spf_portrait.pico.proof.report.samples import Sample, difference
from spf_portrait.pico.proof.rows import Drawing, RowName

Verdict = Literal["confirmed", "refuted", "not decided", "not measured"]


@dataclass(frozen=True)
class Claim:
    """One row is higher or lower than another.

    Attributes:
        text: For people.
        row: Of which something is claimed.
        against: What it is compared with.
        figure: A name of `samples.VALUES`.
        by: Claimed difference of the means, row − against: more than it where it is 0 or above, otherwise less.
        higher: Whether the row is claimed to be the higher one.
    """

    text: str
    row: RowName
    against: RowName
    figure: str
    higher: bool
    by: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A claim with what was measured.

    Attributes:
        claim: Which.
        verdict: "confirmed" where the whole interval of the difference lies beyond `by` on the claimed side, "refuted"
            where it lies on the other side altogether.
        measured: The difference; None where a row is missing.
    """

    claim: Claim
    verdict: Verdict
    measured: Sample | None


_SPF_PAPER: Final = RowName("spf-paper")
_OURS: Final = RowName("spf-standard")
_NAIVE: Final = RowName("naive")
_LORA: Final = RowName("lora")
PAPER: Final = (
    Claim("Naive fine-tuning loses who is shown (ID)", _SPF_PAPER, _NAIVE, "identity", higher=True),
    Claim("SPF keeps CLIP-I better than naive fine-tuning", _SPF_PAPER, _NAIVE, "clip_i", higher=True),
    Claim("SPF keeps the layout better (Seg-Cons)", _SPF_PAPER, _NAIVE, "seg_cons", higher=True),
    Claim("SPF keeps CLIP-I better than LoRA", _SPF_PAPER, _LORA, "clip_i", higher=True),
    Claim("SPF shows the target better than naive (CLIP-T)", _SPF_PAPER, _NAIVE, "clip_t_target", higher=True),
    Claim("SPF shows the target better than LoRA (CLIP-T)", _SPF_PAPER, _LORA, "clip_t_target", higher=True),
    Claim("Without L_fine-grained ID drops", RowName("paper-no-fine-grained"), _SPF_PAPER, "identity", higher=False),
    Claim(
        "Without L_enhanced CLIP-T drops", RowName("paper-no-enhancement"), _SPF_PAPER, "clip_t_target", higher=False
    ),
    Claim(
        "Without L_text-consistent CLIP-I drops",
        RowName("paper-no-text-consistent"),
        _SPF_PAPER,
        "clip_i",
        higher=False,
    ),
    Claim(
        "Without SFCM the target no longer arrives", RowName("paper-no-control-map"), _SPF_PAPER, "shown", False, -0.2
    ),
)
OURS: Final = (
    Claim("SPF pollutes less than naive fine-tuning", _OURS, _NAIVE, "excess_pollution", higher=False),
    Claim("SPF pollutes less than LoRA", _OURS, _LORA, "excess_pollution", higher=False),
    Claim("SPF leaves base texts alone", _OURS, _NAIVE, "base_change", higher=False),
    Claim("SPF shows the target within 3 points of naive", _OURS, _NAIVE, "shown", higher=True, by=-0.03),
    Claim(
        "Without the control map the target no longer arrives",
        RowName("no-control-map"),
        RowName("spf"),
        "shown",
        False,
        -0.2,
    ),
    Claim(
        "Held while drawing, naive fine-tuning pollutes less",
        RowName("naive", held=True),
        _NAIVE,
        "excess_pollution",
        higher=False,
    ),
)


def findings(claims: Collection[Claim], drawings: Collection[Drawing]) -> list[Finding]:
    """Each claim decided by the drawings of one kind of bias."""
    return [_found(claim, drawings) for claim in claims]


def _found(claim: Claim, drawings: Collection[Drawing]) -> Finding:
    ours, theirs = ([drawing for drawing in drawings if drawing.row == row] for row in (claim.row, claim.against))
    measured = difference(ours, theirs, claim.figure)
    return Finding(claim, "not measured" if measured is None else _verdict(claim, measured), measured)


def _verdict(claim: Claim, measured: Sample) -> Verdict:
    low, high = (end - claim.by for end in measured.interval)
    if not claim.higher:
        low, high = -high, -low
    if low > 0:
        return "confirmed"
    return "refuted" if high < 0 else "not decided"
