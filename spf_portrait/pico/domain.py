"""The attributes that a pico portrait has: axes, their values, and what each is called in a caption.

An axis takes exactly one value per portrait. A value with an empty `phrases` tuple is never named in captions
("no glasses" is simply silence). A value marked `held_back` is drawn by the renderer and known to CLIP, but the
shipped U-Net has never seen it: these are the attributes a user can teach.
"""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Value:
    """One value of an axis: how the renderer draws it and how captions name it."""

    name: str
    draw: tuple[tuple[str, str], ...] = ()
    phrases: tuple[str, ...] = ()
    held_back: bool = False
    hides: tuple[str, ...] = ()


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
    return Value(name, (("skinColor", colour),), (f"{name} skin",))


def _hair_colour(name: str, colour: str, *, held_back: bool = False) -> Value:
    draw = (("hairColor", colour), ("facialHairColor", colour))
    return Value(name, draw, (f"{name} hair",), held_back)


def _top(name: str, variant: str, *phrases: str, held_back: bool = False, hides: tuple[str, ...] = ()) -> Value:
    return Value(name, (("topVariant", variant),), phrases, held_back, hides)


def _colour_axis(axis: str, option: str, names: tuple[str, ...]) -> Axis:
    return Axis(axis, tuple(Value(name, ((option, COLOURS[name]),), (name,)) for name in names))


def _face(name: str, eyes: str, mouth: str, brows: str, *phrases: str, held_back: bool = False) -> Value:
    draw = (("eyesVariant", eyes), ("mouthVariant", mouth), ("eyebrowsVariant", brows))
    return Value(name, draw, phrases, held_back)


def _plain(name: str, colour: str) -> Value:
    return Value(name, (("background", colour),), (f"a {name} background", f"a plain {name} background"))


SKIN = Axis(
    "skin",
    (_skin("pale", "#ffdbb4"), _skin("tan", "#dc9a68"), _skin("brown", "#ae5d29"), _skin("dark", "#614335")),
)
HAIR_STYLE = Axis(
    "hair_style",
    (
        _top("short", "shortFlat", "short hair", "cropped hair"),
        _top("quiff", "shortWaved", "a quiff", "swept up hair"),
        _top("bob", "bob", "a bob haircut", "chin length hair"),
        _top("long", "straight02", "long hair", "long straight hair"),
        _top("curly", "curly", "curly hair", "big curls"),
        _top("shaggy", "shaggyMullet", "shaggy hair", "messy hair"),
        _top("balding", "sides", "a bald head", "a balding head"),
        _top("afro", "fro", "an afro", held_back=True),
        _top("bun", "bun", "a hair bun", held_back=True),
    ),
)
HAIR_COLOUR = Axis(
    "hair_colour",
    (
        _hair_colour("black", "#2c1b18"),
        _hair_colour("brown", "#7a4630"),
        _hair_colour("ginger", "#cf4a14"),
        _hair_colour("grey", "#a3a3ab"),
        _hair_colour("blonde", "#e9c65e", held_back=True),
        _hair_colour("pink", "#f478ab", held_back=True),
    ),
)
_UNDER_A_HAT: Final = ("hair_style", "hair_colour")
HEADWEAR = Axis(
    "headwear",
    (
        Value("none"),
        _top("hat", "hat", "hat", "wide hat", hides=_UNDER_A_HAT),
        _top("beanie", "winterHat03", "beanie", "woolly hat", hides=_UNDER_A_HAT),
        _top("hijab", "hijab", "hijab", "headscarf", hides=_UNDER_A_HAT),
        _top("trapper_hat", "winterHat1", "trapper hat", "fur hat", hides=_UNDER_A_HAT),
        _top("turban", "turban", "turban", held_back=True, hides=_UNDER_A_HAT),
        _top("cat_ear_hat", "winterHat04", "cat ear hat", held_back=True, hides=_UNDER_A_HAT),
    ),
)
HEADWEAR_COLOUR = _colour_axis("headwear_colour", "hatColor", ("red", "blue", "green", "yellow", "purple"))
GLASSES = Axis(
    "glasses",
    (
        Value("none"),
        Value("round", (("accessoriesVariant", "round"),), ("round glasses",)),
        Value("square", (("accessoriesVariant", "prescription02"),), ("square glasses", "thick glasses")),
        Value("sunglasses", (("accessoriesVariant", "kurt"),), ("sunglasses",), True, ("expression",)),
        Value("eyepatch", (("accessoriesVariant", "eyepatch"),), ("an eyepatch",), True, ("expression",)),
    ),
)
FACIAL_HAIR = Axis(
    "facial_hair",
    (
        Value("none"),
        Value("short_beard", (("facialHairVariant", "beardLight"),), ("a short beard", "a trimmed beard")),
        Value("moustache", (("facialHairVariant", "moustacheMagnum"),), ("a moustache",)),
        Value("full_beard", (("facialHairVariant", "beardMajestic"),), ("a full beard",), True),
        Value("curled_moustache", (("facialHairVariant", "moustacheFancy"),), ("a curled moustache",), True),
    ),
)
CLOTHES = Axis(
    "clothes",
    (
        Value("t_shirt", (("clothesVariant", "shirtCrewNeck"),), ("t-shirt", "shirt")),
        Value("hoodie", (("clothesVariant", "hoodie"),), ("hoodie",)),
        Value("jacket", (("clothesVariant", "blazerAndShirt"),), ("jacket", "blazer")),
        Value("sweater", (("clothesVariant", "collarAndSweater"),), ("sweater", "jumper")),
        Value("v_neck", (("clothesVariant", "shirtVNeck"),), ("v-neck shirt", "v-neck top")),
        Value("overalls", (("clothesVariant", "overall"),), ("overalls",), True),
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
        _face("heart_eyes", "hearts", "smile", "default", "heart eyes", held_back=True),
        _face("tongue_out", "default", "tongue", "default", "tongue out", held_back=True),
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


def held_back() -> dict[str, tuple[str, str]]:
    """Target phrase → (axis, value) of every attribute that the shipped U-Net has never seen."""
    return {value.phrases[0]: (axis.name, value.name) for axis in AXES for value in axis.values if value.held_back}
