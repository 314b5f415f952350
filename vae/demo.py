"""The demo data set: procedural phantoms resembling frontal chest X-rays. No download."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from vae.errors import StudioError
from vae.files import atomic_write
from vae.language import _

COUNT = 256
SIZE = 256
JPEG_QUALITY = 92
# Beside phantoms only what systems leave in folders by themselves.
NAME = re.compile(r"phantom_\d{4}\.jpg|\..*|Thumbs\.db|desktop\.ini", re.IGNORECASE)

Rng = np.random.Generator
Image = np.ndarray


def make_demo_data(
    folder: Path,
    count: int = COUNT,
    size: int = SIZE,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Make grey JPEGs phantom_0000.jpg ... in a folder, and return those that are there.

    Each depends on (seed, its number) alone. Files already there stay, so that a second call
    returns at once. Raises StudioError if the folder holds anything else, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if other := next((p.name for p in folder.iterdir() if not NAME.fullmatch(p.name)), ""):
        text = _(
            "{folder} holds other files ({other}), and phantoms must not be mixed with images of "
            "patients. Nothing was made: name a new or an empty folder."
        )
        raise StudioError(text.format(folder=folder, other=other))
    paths = [folder / f"phantom_{i:04d}.jpg" for i in range(count)]

    def make(i: int) -> None:
        if should_stop() or (paths[i].exists() and paths[i].stat().st_size > 0):
            return
        pixels = phantom(np.random.default_rng([seed, i]), size)
        _encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        with atomic_write(paths[i], private=False, durable=False) as file:
            file.write(data.tobytes())

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(pool.map(make, range(count)))
    return [path for path in paths if path.exists()]


def phantom(rng: Rng, size: int) -> Image:
    """One chest X-ray, uint8 (size, size): absorption is added up, then exposed and blurred."""
    # Drawn in a unit square: x from -1 (patient's right) to 1, y from 0 (neck) to 1.
    body = _body(rng, size)
    lungs, heart = _lungs(rng, size), _heart(rng, size)
    air = cv2.GaussianBlur(lungs, (0, 0), size / 90)
    density = 0.62 * body
    density -= air * rng.uniform(0.38, 0.46)
    density += heart * rng.uniform(0.24, 0.32) * (0.35 + 0.65 * air)
    density += _mediastinum(rng, size) * rng.uniform(0.15, 0.24)
    density += _ribs(rng, size) * rng.uniform(0.05, 0.09) * np.minimum(body, 1)
    density += _vessels(rng, size) * rng.uniform(0.09, 0.15) * air
    density += _noise(rng, size, 12) * 0.035 * body
    return _expose(rng, density)


def _points(size: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Unit coordinates to OpenCV's fixed-point pixels with four fractional bits."""
    pixels = np.stack([(x + 1) / 2 * size, y * size], axis=-1)
    fixed: np.ndarray = np.rint(pixels * 16).astype(np.int32)
    return fixed


def _fill(size: int, x: np.ndarray, y: np.ndarray) -> Image:
    canvas = np.zeros((size, size), np.float32)
    cv2.fillPoly(canvas, [_points(size, x, y)], 1.0, cv2.LINE_AA, shift=4)
    return canvas


def _blob(size: int, x: float, y: float, width: float, height: float, power: float = 2.0) -> Image:
    """A smooth superellipse that falls from 1 in its middle to 0 at its edge."""
    grid_y, grid_x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    u, v = np.abs((grid_x * 2 - 1 - x) / width), np.abs((grid_y - y) / height)
    blob: Image = np.clip(1 - u**power - v**power, 0, 1).astype(np.float32)
    return blob


def _noise(rng: Rng, size: int, cells: int) -> Image:
    coarse = rng.normal(size=(cells, cells)).astype(np.float32)
    field: Image = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return field


def _body(rng: Rng, size: int) -> Image:
    """Trunk, shoulders and neck, rounder towards the edges."""
    shoulder, waist, neck = rng.uniform(0.10, 0.20), rng.uniform(0.78, 0.95), rng.uniform(0.2, 0.28)
    x = np.array([neck, neck * 1.2, 0.7, 1.1, 1.1, waist, waist])
    y = np.array([-0.1, shoulder * 0.5, shoulder, shoulder + 0.08, 0.42, 0.55, 1.1])
    trunk = _fill(size, np.concatenate([x, -x[::-1]]), np.concatenate([y, y[::-1]]))
    thick = 0.75 + 0.4 * _blob(size, 0, 0.7, 1.4, 1.0)
    body: Image = cv2.GaussianBlur(trunk, (0, 0), size / 60) * thick
    return body


def _lungs(rng: Rng, size: int) -> Image:
    """Both lungs with domed bases; the patient's right (left in the picture) is the wider."""
    top, base = rng.uniform(0.12, 0.2), rng.uniform(0.74, 0.86)
    width, gap = rng.uniform(0.50, 0.62), rng.uniform(0.13, 0.19)
    both = np.zeros((size, size), np.float32)
    for side, scale, drop in ((-1, 1.0, 0.0), (1, rng.uniform(0.88, 0.98), 0.025)):
        t = np.linspace(0, 1, 24)
        outer = gap + width * scale * (0.30 + 0.70 * np.sin(np.pi * (0.12 + 0.43 * t)) ** 1.5)
        outer_y = top + (base + drop + 0.06 - top) * t
        u = np.linspace(1, 0, 16)
        dome_x = gap + (outer[-1] - gap) * u
        dome_y = base + drop + 0.06 * u**2 - rng.uniform(0.05, 0.08) * np.sin(np.pi * u)
        x = np.concatenate([[gap + 0.12], outer, dome_x, [gap, gap + 0.02]])
        y = np.concatenate([[top - 0.03], outer_y, dome_y, [0.5, top + 0.06]])
        both = np.maximum(both, _fill(size, side * x, y))
    return both


def _heart(rng: Rng, size: int) -> Image:
    """A silhouette that leans to the patient's left; its width varies as in life."""
    width = rng.uniform(0.26, 0.44)
    x, y = rng.uniform(0.08, 0.2), rng.uniform(0.64, 0.72)
    heart = _blob(size, x, y, width, rng.uniform(0.18, 0.24), 2.4)
    atrium = _blob(size, -0.08, y - 0.03, 0.22, 0.17)
    both = np.minimum(1, 3 * np.maximum(heart, atrium))
    soft: Image = cv2.GaussianBlur(both, (0, 0), size / 80)
    return soft


def _mediastinum(rng: Rng, size: int) -> Image:
    """Spine with discs, aortic knob, and the darker trachea."""
    spine = _blob(size, rng.uniform(-0.02, 0.02), 0.5, rng.uniform(0.14, 0.18), 3, 4)
    discs = 0.5 + 0.5 * np.cos(np.arange(size) / size * 2 * np.pi * rng.uniform(13, 16))
    column = spine * (0.8 + 0.2 * discs[:, None] ** 2)
    knob = _blob(size, rng.uniform(0.12, 0.18), rng.uniform(0.36, 0.41), 0.14, 0.09)
    trachea = _blob(size, rng.uniform(-0.03, 0.02), 0.15, 0.06, 0.22, 6)
    total: Image = (column + np.minimum(1, 2 * knob) - 0.55 * trachea).astype(np.float32)
    return total


def _ribs(rng: Rng, size: int) -> Image:
    """Posterior ribs falling outwards, fainter anterior ones rising inwards, and clavicles."""
    canvas = np.zeros((size, size), np.float32)
    count, spacing = int(rng.integers(8, 11)), rng.uniform(0.078, 0.092)
    tilt, bow, start = rng.uniform(0.06, 0.14), rng.uniform(0.05, 0.09), rng.uniform(0.1, 0.15)
    thick = max(1, round(size * rng.uniform(0.018, 0.026)))
    t = np.linspace(0, 1, 24)
    for side in (-1, 1):
        for i in range(count):
            reach = 0.86 * np.sin(np.pi * (0.22 + 0.36 * i / count))
            layer = np.zeros_like(canvas)
            y = start + spacing * i + tilt * t**1.5 - bow * np.sin(np.pi * t)
            lines = [_points(size, side * (0.08 + reach * t), y)]
            cv2.polylines(layer, lines, False, 1.0, thick, cv2.LINE_AA, shift=4)
            front = [_points(size, side * (0.08 + reach * (1 - 0.55 * t)), y[-1] + 0.13 * t)]
            cv2.polylines(layer, front, False, 0.55, thick, cv2.LINE_AA, shift=4)
            canvas += layer
        rise = rng.uniform(0.0, 0.05)
        clavicle = [_points(size, side * (0.1 + 0.65 * t), 0.2 - rise * t - 0.04 * np.sin(6 * t))]
        bone = np.zeros_like(canvas)
        cv2.polylines(bone, clavicle, False, 1.3, round(thick * 1.4), cv2.LINE_AA, shift=4)
        canvas += bone
    bones: Image = cv2.GaussianBlur(canvas, (0, 0), size / 200)
    return bones


def _vessels(rng: Rng, size: int) -> Image:
    """Branching vessels that thin out from each hilum."""
    canvas = np.zeros((size, size), np.float32)
    for side in (-1, 1):
        for _vessel in range(22):
            angle = rng.uniform(-1.3, 1.3)
            x, y = side * rng.uniform(0.16, 0.22), rng.uniform(0.42, 0.52)
            steps = int(rng.integers(6, 11))
            xs, ys = [x], [y]
            for _step in range(steps):
                angle += rng.normal(0, 0.18)
                x, y = x + side * 0.055 * np.cos(angle), y + 0.038 * np.sin(angle)
                xs.append(x)
                ys.append(y)
            path = _points(size, np.array(xs), np.array(ys))
            for i in range(steps):
                width = max(1, round(size * 0.014 * (1 - i / steps)))
                value = float(1 - 0.7 * i / steps)
                cv2.polylines(canvas, [path[i : i + 2]], False, value, width, cv2.LINE_AA, shift=4)
    vessels: Image = cv2.GaussianBlur(canvas, (0, 0), size / 180)
    return vessels


def _expose(rng: Rng, density: Image) -> Image:
    """Positioning, exposure, detector noise: absorption to grey levels, dense is bright."""
    size = len(density)
    centre, angle = (size / 2, size / 2), rng.normal(0, 2.5)
    turn = cv2.getRotationMatrix2D(centre, angle, rng.uniform(0.94, 1.1))
    turn[:, 2] = turn[:, 2] + rng.normal(0, size * 0.015, 2)
    density = cv2.warpAffine(density, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    grey: Image = np.clip(density, 0, None) ** rng.uniform(0.8, 1.15)
    grey = rng.uniform(0.02, 0.09) + grey * rng.uniform(0.85, 1.25)
    grey = grey + rng.normal(0, rng.uniform(0.008, 0.018), (size, size))
    soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), size / 400)
    pixels: Image = np.rint(255 * np.clip(soft, 0, 1)).astype(np.uint8)
    return pixels
