"""The demonstration data: photo-like pictures of a sheet surface with one of three defects.

Made with Pillow and numpy from a fixed seed, so that nothing is shipped or downloaded. Light, tint,
grain and brushing vary far more than a defect changes the mean colour: the classes can only be told
apart by form.
"""

import io
import math
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEED = 20_26
SIZE = 200
EACH = 100  # pictures of a class
DATE = (2026, 1, 1, 0, 0, 0)  # the same bytes whenever it is made

Field = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Defect = Callable[[Field, np.random.Generator, random.Random], Field]


def write(path: Path) -> None:
    """The zip: a folder for each class, 100 JPEG pictures in each."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for label, (name, draw) in enumerate(DEFECTS.items()):
            for number in range(EACH):
                seed = SEED + label * 10_000 + number
                image = picture(draw, seed)
                out = io.BytesIO()
                image.save(out, "JPEG", quality=88)
                entry = zipfile.ZipInfo(f"{name}/{name}_{number + 1:03d}.jpg", date_time=DATE)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, out.getvalue())


def picture(draw: Defect, seed: int) -> Image.Image:
    """A surface with one defect on it, as a camera would see it."""
    noise, chance = np.random.default_rng(seed), random.Random(seed)
    surface = _surface(noise, chance)
    surface = draw(surface, noise, chance)
    lit = surface * _light(chance)[..., None]
    lit += noise.normal(0, chance.uniform(2, 6), lit.shape)
    image = Image.fromarray(lit.clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 0.9)))


def _surface(noise: np.random.Generator, chance: random.Random) -> Field:
    """Brushed metal, woven cloth or painted sheet, in any of many tints."""
    kind = chance.choice((_brushed, _woven, _painted))
    grey = chance.uniform(95, 175) + kind(noise, chance)
    tint = np.array([chance.uniform(0.88, 1.12) for _ in range(3)])
    return np.asarray(grey[..., None] * tint)


def _brushed(noise: np.random.Generator, chance: random.Random) -> Field:
    lines = noise.normal(0, 1, (SIZE * 2, 1)) + 0.5 * noise.normal(0, 1, (SIZE * 2, SIZE * 2))
    return _turned(_smooth(lines, 1.0), chance.uniform(0, 180)) * chance.uniform(8, 16)


def _woven(noise: np.random.Generator, chance: random.Random) -> Field:
    down, across = np.mgrid[0 : SIZE * 2, 0 : SIZE * 2]
    pitch = chance.uniform(4, 7)
    threads = np.sin(across * 2 * math.pi / pitch) * np.sin(down * 2 * math.pi / pitch)
    threads = threads + noise.normal(0, 0.4, threads.shape)
    return _turned(threads, chance.uniform(0, 90)) * chance.uniform(7, 14)


def _painted(noise: np.random.Generator, chance: random.Random) -> Field:
    return _smooth(noise.normal(0, 1, (SIZE, SIZE)), chance.uniform(0.8, 2)) * 12


def _light(chance: random.Random) -> Field:
    """A lamp from one side and a soft highlight."""
    down, across = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    angle = chance.uniform(0, 2 * math.pi)
    slope = chance.uniform(0, 0.25) * (across * math.cos(angle) + down * math.sin(angle))
    x, y = chance.uniform(-1, 1), chance.uniform(-1, 1)
    glow = np.exp(-((across - x) ** 2 + (down - y) ** 2) / chance.uniform(0.3, 1.2))
    return np.asarray(0.9 + slope + chance.uniform(0, 0.3) * glow)


def _scratch(surface: Field, noise: np.random.Generator, chance: random.Random) -> Field:
    """One to three long thin cuts: a bright edge beside a dark one."""
    mark, edge = Image.new("L", (SIZE, SIZE)), Image.new("L", (SIZE, SIZE))
    for _ in range(chance.choice((1, 1, 2, 3))):
        points = _path(chance, chance.uniform(60, 150))
        ImageDraw.Draw(mark).line(points, fill=255, width=chance.choice((1, 2, 2, 3)))
        beside = [(x + 1.5, y + 1.5) for x, y in points]
        ImageDraw.Draw(edge).line(beside, fill=255, width=1)
    depth = chance.uniform(40, 75) * chance.choice((-1, 1))
    return surface + (_mask(mark, 0.5) * depth - _mask(edge, 0.6) * depth * 0.7)[..., None]


def _dent(surface: Field, noise: np.random.Generator, chance: random.Random) -> Field:
    """A round hollow: lit on one flank, dark on the other, and level in the mean."""
    down, across = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    for _ in range(chance.choice((1, 1, 2))):
        x, y = chance.uniform(45, 155), chance.uniform(45, 155)
        wide, high = chance.uniform(13, 30), chance.uniform(13, 30)
        u, v = (across - x) / wide, (down - y) / high
        bump = np.exp(-(u**2 + v**2))
        angle = chance.uniform(0, 2 * math.pi)
        shade = (u * math.cos(angle) + v * math.sin(angle)) * bump
        surface = surface + (shade * chance.uniform(55, 95))[..., None]
    return surface


def _stain(surface: Field, noise: np.random.Generator, chance: random.Random) -> Field:
    """A flat blot with a ragged rim, lighter or darker, a little off in colour."""
    blot = Image.new("L", (SIZE, SIZE))
    x, y, radius = chance.uniform(50, 150), chance.uniform(50, 150), chance.uniform(16, 38)
    rim = []
    ragged = [chance.uniform(0.6, 1.3) for _ in range(14)]
    for step, share in enumerate(ragged):
        angle = step * 2 * math.pi / len(ragged)
        rim.append((x + radius * share * math.cos(angle), y + radius * share * math.sin(angle)))
    ImageDraw.Draw(blot).polygon(rim, fill=255)
    for _ in range(chance.randrange(2, 7)):
        a, b, r = x + chance.uniform(-55, 55), y + chance.uniform(-55, 55), chance.uniform(1.5, 5)
        ImageDraw.Draw(blot).ellipse((a - r, b - r, a + r, b + r), fill=255)
    cloud = 1 + 0.25 * _smooth(noise.normal(0, 1, (SIZE, SIZE)), 6)
    mask = _mask(blot, chance.uniform(1, 2.5)) * cloud
    tone = chance.uniform(18, 38) * chance.choice((-1, 1))
    colour = np.array([tone * chance.uniform(0.6, 1.3) for _ in range(3)])
    return np.asarray(surface + mask[..., None] * colour)


def _path(chance: random.Random, length: float) -> list[tuple[float, float]]:
    """A slightly bent line that stays mostly inside the picture."""
    x, y = chance.uniform(60, 140), chance.uniform(60, 140)
    angle = chance.uniform(0, 2 * math.pi)
    x, y = x - math.cos(angle) * length / 2, y - math.sin(angle) * length / 2
    points = [(x, y)]
    for _ in range(12):
        angle += chance.uniform(-0.09, 0.09)
        x, y = x + math.cos(angle) * length / 12, y + math.sin(angle) * length / 12
        points.append((x, y))
    return points


def _mask(image: Image.Image, blur: float) -> Field:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(blur)), dtype=float) / 255


def _smooth(values: Field, radius: float) -> Field:
    """Blurred, with mean 0 and spread 1."""
    reach = math.ceil(3 * radius)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * radius**2))
    field = values
    for axis in (0, 1):
        shifts = (np.roll(field, step, axis) for step in range(-reach, reach + 1))
        field = sum((w * one for w, one in zip(weights, shifts, strict=True)), np.zeros(1))
    return np.asarray((field - field.mean()) / (field.std() + 1e-9))


def _turned(values: Field, degrees: float) -> Field:
    """The middle of a larger field, turned."""
    image = Image.fromarray(values.astype(np.float32))
    turned = image.rotate(degrees, Image.Resampling.BILINEAR)
    start = (values.shape[0] - SIZE) // 2
    field = np.asarray(turned, dtype=float)
    return field[start : start + SIZE, start : start + SIZE]


DEFECTS = {"dent": _dent, "scratch": _scratch, "stain": _stain}
