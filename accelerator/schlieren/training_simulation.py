"""Compressed pictures by the thousand, for training: the forward model of `simulate.forward` as tensors.

The same formulas on a grid of 256 x 16 (rows x averaged columns); noise is normal with the law's variance, which it is
to a per cent after averaging 16 pixels. A test holds the two models against each other.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from accelerator.schlieren.channel import Vapour
from accelerator.schlieren.features import COLUMNS, FIELD_UM, ROWS
from accelerator.schlieren.fit_parameters import BLUR2
from accelerator.schlieren.network_targets import target_names
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask, Range
from accelerator.schlieren.simulate.camera import RIPPLES, ripple_modes
from accelerator.schlieren.simulate.physics import phase_per_mm, wavelength_m
from accelerator.schlieren.simulate.plan import CHANNELS, DENSITIES_CM3, PHASES_RAD, REFERENCE_MM

_NODES, _TABLE, _REACH = 12, 640, 6.0
_MARGIN = ROWS // 4
"""Rows of the field beyond either end of the picture (`simulate.optics.field_grid`)."""
_BIN = 256 // COLUMNS
_FOCAL_MM = 250.0
_WIDTH_GHZ = 6.067e-3
_LENGTH_MM = 40.0
_GHZ_RAD = 60 * phase_per_mm(Vapour(1.0, -60.0))


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Settings of many shots by name, each (n,); phase (rad) and optical depth of the vapour per mm."""

    values: Mapping[str, Tensor]
    phase_rad_per_mm: Tensor
    depth_per_mm: Tensor

    def targets(self, mask: Mask) -> Tensor:
        """Return what a network is to tell, in the order of `network_targets.target_names`: (n, targets)."""
        values = self.values
        told = {
            **values,
            "peak_ionisation": values["peak_ionisation"] * self.phase_rad_per_mm,
            "electrons": values["electrons"] * values["gain_adu"],
            BLUR2: values["blur_um"] ** 2,
        }
        return torch.stack([told[name] for name in target_names(mask)], 1)


def draw(
    count: int,
    generator: torch.Generator,
    channels: Mapping[str, Range] = CHANNELS,
    ranges: Mapping[str, Range] = NOMINAL,
) -> Drawn:
    """Draw settings, uniform between their ranges."""

    def uniform(between: Range) -> Tensor:
        low, high = between
        return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)

    values = {name: uniform(between) for name, between in {**channels, **ranges}.items()}
    phase = uniform(PHASES_RAD) / REFERENCE_MM
    density_cm3 = torch.exp(uniform((math.log(DENSITIES_CM3[0]), math.log(DENSITIES_CM3[1]))))
    detuning_ghz = _GHZ_RAD * density_cm3 / phase
    return Drawn(values, phase, phase * _WIDTH_GHZ / detuning_ghz)


def pictures(drawn: Drawn, mask: Mask, generator: torch.Generator | None = None) -> Tensor:
    """Return compressed pictures in ADU (n, 256, 16); with noise if there is a generator."""
    values = drawn.values
    field = _field(drawn)
    spectrum = torch.fft.fft2(field) * _transfer(values, mask)
    image = torch.fft.ifft2(spectrum)
    light = _averaged(image.real**2 + image.imag**2, values["blur_um"]) * _column(values["electrons"])
    if generator is None:
        return light * _column(values["gain_adu"]) + _column(values["offset_adu"])
    return _exposed(_uneven(light, values["ripple"], generator), values, generator)


def _column(values: Tensor) -> Tensor:
    return values[:, None, None]


def _axes(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Places (um) and frequencies (per mm) of rows and columns."""
    arrays = []
    for count, step in ((ROWS + 2 * _MARGIN, FIELD_UM / ROWS), (COLUMNS, FIELD_UM / COLUMNS)):
        arrays += [(np.arange(count) - (count - 1) / 2) * step, np.fft.fftfreq(count, step / 1000)]
    y, fy, x, fx = (torch.tensor(array, dtype=torch.float32, device=device) for array in arrays)
    return y[:, None], x[None, :], fy[:, None], fx[None, :]


def _field(drawn: Drawn) -> Tensor:
    """A exp(i dphi - OD / 2), as `simulate.forward.object_field`."""
    values = drawn.values
    y_um, x_um, _, _ = _axes(values["position_um"].device)
    slope = _column(values["tilt_mrad"]) / 1000
    across = (y_um - _column(values["position_um"]) - slope * x_um).abs() * torch.cos(torch.atan(slope))
    ionised_mm = _chord_um(across, values) * _column(values["peak_ionisation"]) / 1000
    phase = -ionised_mm * _column(drawn.phase_rad_per_mm)
    away = (y_um / 1000 - _column(values["probe_y_mm"])) ** 2 + (x_um / 1000 - _column(values["probe_x_mm"])) ** 2
    absorbed = _column(drawn.depth_per_mm) / 2 * (ionised_mm - _LENGTH_MM)
    return torch.polar(torch.exp(absorbed - away / _column(values["probe_radius_mm"]) ** 2), phase)


def _chord_um(across_um: Tensor, values: Mapping[str, Tensor]) -> Tensor:
    """The chord integral of `simulate.profile`, tabulated for each shot on even steps."""
    radius, width = values["core_radius_um"][:, None], values["transition_width_um"][:, None]
    step = (radius + _REACH * width) / (_TABLE - 2)
    y = step * torch.arange(_TABLE, device=step.device)
    nodes, weights = (torch.tensor(a, dtype=y.dtype, device=y.device) for a in np.polynomial.legendre.leggauss(_NODES))
    low = (radius - y).clamp(min=0).sqrt()
    length = (radius + _REACH * width - y).clamp(min=0).sqrt() - low
    s = low[..., None] + length[..., None] * (nodes + 1) / 2
    r = y[..., None] + s**2
    falling = torch.exp(-(((r - radius[..., None]) / width[..., None]) ** 2))
    outer = (4 * falling * r / (r + y[..., None]).clamp(min=1e-6).sqrt()) @ (weights / 2) * length
    table = outer + 2 * (radius**2 - y**2).clamp(min=0).sqrt()
    table[:, -1] = 0.0
    at = (across_um / step[..., None]).clamp(max=_TABLE - 2 + 0.999).flatten(1)
    index = at.floor().long()
    below, above = table.gather(1, index), table.gather(1, (index + 1).clamp(max=_TABLE - 1))
    return (below + (above - below) * (at - index)).reshape(across_um.shape)


def _transfer(values: Mapping[str, Tensor], mask: Mask) -> Tensor:
    """Mask and defocus, as `simulate.optics`."""
    _, _, fy, fx = _axes(values["electrons"].device)
    wavelength = wavelength_m(-60.0)
    scale_um = wavelength * _FOCAL_MM * 1e6
    lag: Tensor = -np.pi * wavelength * 1e3 * _column(values["defocus_mm"]) * (fy**2 + fx**2)
    turn = torch.polar(torch.ones_like(lag), lag)
    if mask is Mask.KNIFE:
        edge = (scale_um * fy - _column(values["knife_um"])) / _column(values["knife_width_um"])
        cut: Tensor = turn * 0.5 * (1 + torch.tanh(edge))
        return cut
    rim = scale_um / (FIELD_UM / 1000)
    distance = torch.sqrt((scale_um * fy - _column(values["stop_y_um"])) ** 2 + (scale_um * fx) ** 2)
    passed: Tensor = turn * torch.sigmoid(4 * (distance - _column(values["stop_um"]) / 2) / rim)
    return passed


def _averaged(light: Tensor, blur_um: Tensor) -> Tensor:
    """Averages over pixels, columns and vibration, as `simulate.optics.integrate_pixels`."""
    _, _, fy, fx = _axes(light.device)
    shake = torch.exp(-2 * (np.pi * fy * _column(blur_um) / 1000) ** 2)
    pixel = torch.sinc(fy * FIELD_UM / 1000 / ROWS) * torch.sinc(fx * FIELD_UM / 1000 / COLUMNS)
    kept = COLUMNS // 2 + 1
    averaged: Tensor = torch.fft.irfft2(torch.fft.rfft2(light) * shake * pixel[:, :kept], s=light.shape[1:])
    return averaged[:, _MARGIN:-_MARGIN]


def _uneven(light: Tensor, ripple: Tensor, generator: torch.Generator) -> Tensor:
    modes = torch.tensor(ripple_modes((ROWS, COLUMNS)), device=light.device)
    drawn = torch.randn(len(light), RIPPLES, generator=generator, device=light.device)
    strengths = drawn * ripple[:, None] / RIPPLES**0.5
    return light * (1 + torch.einsum("nk,kyx->nyx", strengths, modes))


def _exposed(light: Tensor, values: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
    gain, offset = _column(values["gain_adu"]), _column(values["offset_adu"])
    variance = light.clamp(min=0) + _column(values["read_noise_e"]) ** 2 + (_column(values["speckle"]) * light) ** 2
    noise = torch.randn(light.shape, generator=generator, device=light.device)
    return (light + noise * (variance / _BIN + 1 / 12 / _BIN).sqrt()) * gain + offset
