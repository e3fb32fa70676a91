"""Pictures of a shot with what was measured laid over them, and the parameters as bars beside their floor."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from math import atan, degrees

from accelerator.schlieren.display_words import parameter_label, parameter_unit, value_of
from accelerator.schlieren.features import FIELD_UM
from accelerator.schlieren.result import Parameter, ShotResult

NAMES = {"image": "Camera", "fit": "Best fit", "residual": "Residual"}
_MEDIA = {"image": "jpeg", "fit": "jpeg", "residual": "png"}
_LONGEST = 2.0
"""The bars end at so many floors, or at the error if that is longer."""


def picture(name: str, content: bytes, alt: str, result: ShotResult | None, *, marked: bool) -> str:
    """Return one picture with its name; ``marked``: with axis and core of the channel at its sides."""
    source = f"data:image/{_MEDIA[name]};base64,{b64encode(content).decode()}"
    over = _marks(result) if marked and result is not None else ""
    bar = '<b class="mm">1 mm</b>' if name == "image" else ""
    return (
        f'<figure class="shot {name}"><div><img src="{source}" alt="{escape(alt)}">{over}{bar}</div>'
        f"<figcaption>{NAMES[name]}</figcaption></figure>"
    )


def no_picture(name: str) -> str:
    """Return what stands in the place of a picture that there is none of."""
    return f'<figure class="shot"><div class="no-picture">no fit</div><figcaption>{NAMES[name]}</figcaption></figure>'


def _marks(result: ShotResult) -> str:
    position, radius, tilt = (result.parameter(name).value for name in ("position_um", "core_radius_um", "tilt_mrad"))
    if position is None or radius is None or tilt is None:
        return ""
    turned = f"rotate({degrees(atan(tilt / 1000)):.3f}deg)"
    lines = (("axis", position), ("edge", position - radius), ("edge", position + radius))
    return "".join(
        f'<i class="{look}" style="top:{50 + 100 * at / FIELD_UM:.2f}%;transform:{turned}"></i>' for look, at in lines
    )


def parameters(found: Sequence[Parameter]) -> str:
    """Return a row for each parameter: value, one sigma, and a bar of it beside the floor."""
    head = (
        '<span></span><span></span><span class="p-key"><i class="p-sigma"></i>1 σ <i class="p-floor"></i>floor</span>'
    )
    return f'<div class="params">{head}{"".join(_row(one) for one in found)}</div>'


def _row(one: Parameter) -> str:
    label = f'<span class="p-name">{escape(parameter_label(one.name))}</span>'
    if one.value is None or one.sigma is None:
        return f'{label}<span class="p-none">withheld</span><span></span>'
    text = f"{value_of(one.value, one.sigma)} {parameter_unit(one.name)}".strip()
    return f'{label}<span class="p-value">{escape(text)}</span>{_bars(one.sigma, one.floor)}'


def _bars(sigma: float, floor: float | None) -> str:
    if floor is None:
        return '<span class="p-none">floor not known</span>'
    longest = max(_LONGEST * floor, sigma)
    ratio = sigma / floor
    wide = (f"width:{100 * part / longest:.0f}%" for part in (sigma, floor))
    return (
        f'<span class="p-bars" role="img" aria-label="{ratio:.1f} times the floor">'
        f'<span><i class="p-sigma" style="{next(wide)}"></i><i class="p-floor" style="{next(wide)}"></i></span>'
        f"<b>{ratio:.1f}×</b></span>"
    )
