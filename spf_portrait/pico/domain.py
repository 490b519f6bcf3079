"""The attributes that a pico portrait has: axes, their values, and what each is called in a caption.

An axis takes exactly one value per portrait. A value with an empty `phrases` tuple is never named in captions
("no glasses" is simply silence). A held-back value is drawn by the renderer and known to CLIP, but the shipped U-Net
has never seen it: these are the attributes a user can teach.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Split(Enum):
    """What a value is used for. Nothing is ever tuned on a test value: they are for the numbers that are published."""

    KNOWN = "known"
    DEVELOPMENT = "development"
    TEST = "test"


@dataclass(frozen=True)
class Value:
    """One value of an axis: how the renderer draws it and how captions name it.

    Attributes:
        name: Unique on its axis.
        draw: Options of the renderer.
        phrases: What captions call it; the first is its usual name.
        split: KNOWN values are in the U-Net's training data, the others are held back from it.
        hides: Axes that can no longer be read off a portrait with this value.
    """

    name: str
    draw: tuple[tuple[str, str], ...] = ()
    phrases: tuple[str, ...] = ()
    split: Split = Split.KNOWN
    hides: tuple[str, ...] = ()

    @property
    def held_back(self) -> bool:
        """Whether the shipped U-Net has never seen it."""
        return self.split is not Split.KNOWN


@dataclass(frozen=True)
class Axis:
    """One way in which portraits differ; `weight` of a value is uniform among those of its kind."""

    name: str
    values: tuple[Value, ...]
    by_name: dict[str, Value] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {value.name: value for value in self.values})

    @property
    def known(self) -> tuple[Value, ...]:
        """The values that the shipped U-Net was trained on."""
        return tuple(value for value in self.values if not value.held_back)


COLOURS: Final[dict[str, str]] = {
    "red": "#e2504c",
    "blue": "#4b8fe0",
    "green": "#49a868",
    "yellow": "#f0c53c",
    "purple": "#9563cf",
    "black": "#2b3036",
    "white": "#f1f1f1",
}


def _skin(name: str, colour: str) -> Value:
    return Value(name, (("skinColor", colour),), (f"{name} skin", f"a {name} face"))


def _hair_colour(name: str, colour: str, split: Split = Split.KNOWN) -> Value:
    return Value(name, (("hairColor", colour), ("facialHairColor", colour)), (f"{name} hair",), split)


def _hair(name: str, variant: str, *phrases: str, split: Split = Split.KNOWN) -> Value:
    return Value(name, (("topVariant", variant),), phrases, split)


def _hat(name: str, variant: str, *phrases: str, split: Split = Split.KNOWN, also_hides: tuple[str, ...] = ()) -> Value:
    return Value(name, (("topVariant", variant),), phrases, split, ("hair_style", "hair_colour", *also_hides))


def _colour_axis(axis: str, option: str, names: tuple[str, ...]) -> Axis:
    return Axis(axis, tuple(Value(name, ((option, COLOURS[name]),), (name,)) for name in names))


def _face(name: str, eyes: str, mouth: str, brows: str, *phrases: str, split: Split = Split.KNOWN) -> Value:
    draw = (("eyesVariant", eyes), ("mouthVariant", mouth), ("eyebrowsVariant", brows))
    return Value(name, draw, phrases, split)


def _plain(name: str, colour: str) -> Value:
    return Value(name, (("background", colour),), (f"a {name} background", f"a plain {name} background"))


SKIN = Axis(
    "skin",
    (_skin("pale", "#ffdbb4"), _skin("tan", "#dc9a68"), _skin("brown", "#ae5d29"), _skin("dark", "#614335")),
)
HAIR_STYLE = Axis(
    "hair_style",
    (
        _hair("short", "shortFlat", "short hair", "cropped hair"),
        _hair("quiff", "shortWaved", "a quiff", "swept up hair"),
        _hair("bob", "bob", "a bob haircut", "chin length hair"),
        _hair("long", "straight02", "long hair", "long straight hair"),
        _hair("curly", "curly", "curly hair", "big curls"),
        _hair("shaggy", "shaggyMullet", "shaggy hair", "messy hair"),
        _hair("balding", "sides", "a bald head", "a balding head"),
        _hair("afro", "fro", "an afro", "afro hair", split=Split.DEVELOPMENT),
        _hair("bun", "bun", "a hair bun", "hair in a bun", split=Split.TEST),
    ),
)
HAIR_COLOUR = Axis(
    "hair_colour",
    (
        _hair_colour("black", "#2c1b18"),
        _hair_colour("brown", "#7a4630"),
        _hair_colour("ginger", "#cf4a14"),
        _hair_colour("grey", "#a3a3ab"),
        _hair_colour("blonde", "#e9c65e", Split.DEVELOPMENT),
        _hair_colour("pink", "#f478ab", Split.TEST),
    ),
)
HEADWEAR = Axis(
    "headwear",
    (
        Value("none"),
        _hat("hat", "hat", "a hat", "a wide hat"),
        _hat("beanie", "winterHat03", "a beanie", "a woolly hat"),
        _hat("hijab", "hijab", "a hijab", "a headscarf", also_hides=("clothes",)),
        _hat("trapper_hat", "winterHat1", "a trapper hat", "a fur hat"),
        _hat("turban", "turban", "a turban", split=Split.DEVELOPMENT),
        _hat("cat_ear_hat", "winterHat04", "a cat ear hat", split=Split.TEST),
    ),
)
HEADWEAR_COLOUR = _colour_axis("headwear_colour", "hatColor", ("red", "blue", "green", "yellow", "purple"))
GLASSES = Axis(
    "glasses",
    (
        Value("none"),
        Value("round", (("accessoriesVariant", "round"),), ("round glasses", "round spectacles")),
        Value("square", (("accessoriesVariant", "prescription02"),), ("square glasses", "thick glasses")),
        Value(
            "sunglasses",
            (("accessoriesVariant", "kurt"),),
            ("sunglasses", "dark glasses"),
            Split.DEVELOPMENT,
            hides=("expression",),
        ),
        Value("eyepatch", (("accessoriesVariant", "eyepatch"),), ("an eyepatch",), Split.TEST),
    ),
)
FACIAL_HAIR = Axis(
    "facial_hair",
    (
        Value("none"),
        Value("short_beard", (("facialHairVariant", "beardLight"),), ("a short beard", "a trimmed beard")),
        Value("moustache", (("facialHairVariant", "moustacheMagnum"),), ("a moustache", "a thick moustache")),
        Value(
            "full_beard",
            (("facialHairVariant", "beardMajestic"),),
            ("a full beard", "a long beard"),
            Split.DEVELOPMENT,
            hides=("clothes",),
        ),
        Value("curled_moustache", (("facialHairVariant", "moustacheFancy"),), ("a curled moustache",), Split.TEST),
    ),
)
CLOTHES = Axis(
    "clothes",
    (
        Value("t_shirt", (("clothesVariant", "shirtCrewNeck"),), ("a t-shirt", "a shirt")),
        Value("hoodie", (("clothesVariant", "hoodie"),), ("a hoodie", "a hooded top")),
        Value("jacket", (("clothesVariant", "blazerAndShirt"),), ("a jacket", "a blazer")),
        Value("sweater", (("clothesVariant", "collarAndSweater"),), ("a sweater", "a jumper")),
        Value("v_neck", (("clothesVariant", "shirtVNeck"),), ("a v-neck shirt", "a v-neck top")),
        Value("overalls", (("clothesVariant", "overall"),), ("overalls", "dungarees"), Split.DEVELOPMENT),
    ),
)
CLOTHES_COLOUR = _colour_axis("clothes_colour", "clothesColor", tuple(COLOURS))
EXPRESSION = Axis(
    "expression",
    (
        _face("smiling", "default", "smile", "default", "a smile", "a smiling face"),
        _face("serious", "default", "serious", "flatNatural", "a serious face", "a straight face"),
        _face("sad", "default", "sad", "sadConcerned", "a sad face", "a frown"),
        _face("angry", "squint", "grimace", "angry", "an angry face", "gritted teeth"),
        _face("surprised", "surprised", "disbelief", "raisedExcited", "a surprised face", "wide eyes"),
        _face("laughing", "happy", "smile", "raisedExcited", "a laughing face", "a big laugh"),
        _face("heart_eyes", "hearts", "smile", "default", "heart eyes", split=Split.DEVELOPMENT),
        _face("tongue_out", "default", "tongue", "default", "tongue out", split=Split.TEST),
    ),
)
BACKGROUND = Axis(
    "background",
    (
        _plain("white", "#fbfbfb"),
        _plain("sky blue", "#a9d8f5"),
        _plain("mint", "#b5e6cd"),
        _plain("yellow", "#f8e5a0"),
        _plain("pink", "#f6c6d4"),
        _plain("grey", "#b9bec6"),
        Value("curtain", (("background", "curtain"),), ("a curtain background", "a curtain behind")),
        Value("brick", (("background", "brick"),), ("a brick wall background", "a brick wall behind")),
    ),
)

AXES: Final[tuple[Axis, ...]] = (
    SKIN,
    HAIR_STYLE,
    HAIR_COLOUR,
    HEADWEAR,
    HEADWEAR_COLOUR,
    GLASSES,
    FACIAL_HAIR,
    CLOTHES,
    CLOTHES_COLOUR,
    EXPRESSION,
    BACKGROUND,
)
AXIS: Final[dict[str, Axis]] = {axis.name: axis for axis in AXES}


def held_back(*splits: Split) -> dict[str, tuple[str, str]]:
    """Target phrase → (axis, value) of the attributes that the shipped U-Net has never seen.

    Args:
        splits: Which of them; by default all, those for development and those for the test.
    """
    wanted = splits or (Split.DEVELOPMENT, Split.TEST)
    return {
        value.phrases[0]: (axis.name, value.name) for axis in AXES for value in axis.values if value.split in wanted
    }
