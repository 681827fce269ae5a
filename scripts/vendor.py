"""Copies the named front-end files from node_modules to static/vendor/ and draws the icon sprite.

Nothing that npm gives is served by its own layout: a page names `vendor/htmx.min.js`, and this list
says where that came from. A missing file or icon is an error, never a blank spot on a page.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "platform" / "trackside" / "ui" / "static" / "vendor"
ICONS = ROOT / "scripts" / "icons.txt"

FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "uplot.esm.js": "uplot/dist/uPlot.esm.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "jetbrains-mono-latin.woff2": (
        "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2"
    ),
}
# A browser fetches a face only for letters that lie in its range.
FONTS = [
    ("Inter Variable", "inter-latin.woff2", "inter", "inter-latin-wght-normal"),
    ("Inter Variable", "inter-latin-ext.woff2", "inter", "inter-latin-ext-wght-normal"),
    (
        "JetBrains Mono Variable",
        "jetbrains-mono-latin.woff2",
        "jetbrains-mono",
        "jetbrains-mono-latin-wght-normal",
    ),
]


class CannotVendor(Exception):
    """A named file, icon or licence is not in node_modules."""


def main() -> int:
    draft = VENDOR.with_name(".vendor")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        fill(draft)
    except CannotVendor as problem:
        shutil.rmtree(draft, ignore_errors=True)
        print(problem, file=sys.stderr)
        return 1
    shutil.rmtree(VENDOR, ignore_errors=True)
    draft.rename(VENDOR)
    print(f"{VENDOR.relative_to(ROOT)}: {len(list(VENDOR.iterdir()))} files")
    return 0


def fill(folder: Path) -> None:
    for name, source in FILES.items():
        shutil.copyfile(_module(source), folder / name)
    (folder / "fonts.css").write_text("\n".join(_face(*font) for font in FONTS))
    (folder / "icons.svg").write_text(sprite(ICONS.read_text()))
    (folder / "LICENSES.md").write_text(_licences())
    sums = [f"{_sha256(path)}  {path.name}" for path in sorted(folder.iterdir())]
    (folder / "sha256.txt").write_text("\n".join(sums) + "\n")


def sprite(names: str) -> str:
    """One <symbol> a line of `names`: our name, then Tabler's where it differs."""
    symbols = []
    for line in names.splitlines():
        words = line.split("#")[0].split()
        if words:
            symbols.append(_symbol(words[0], words[-1]))
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _symbol(name: str, tabler: str) -> str:
    path = MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{tabler}.svg"
    if not path.is_file():
        raise CannotVendor(
            f"scripts/icons.txt: Tabler has no outline icon {tabler!r} (for {name!r}). "
            "Choose one from node_modules/@tabler/icons/icons/outline."
        )
    inner = re.sub(r".*?<svg.*?>|</svg>.*", "", path.read_text(), flags=re.DOTALL)
    inner = re.sub(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "", inner)
    shapes = "".join(line.strip() for line in inner.strip().splitlines())
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
    )


def _face(family: str, file: str, package: str, face: str) -> str:
    css = _module(f"@fontsource-variable/{package}/index.css").read_text()
    found = re.search(rf"/\* {face} \*/.*?unicode-range: ([^;]+);", css, flags=re.DOTALL)
    if not found:
        raise CannotVendor(f"@fontsource-variable/{package}/index.css has no face {face!r}.")
    return (
        f"@font-face {{\n  font-family: '{family}';\n  font-style: normal;\n"
        f"  font-display: swap;\n  font-weight: 100 900;\n"
        f"  src: url('{file}') format('woff2');\n  unicode-range: {found.group(1)};\n}}\n"
    )


def _licences() -> str:
    packages = json.loads((ROOT / "package.json").read_text())["dependencies"]
    parts = ["# Licences of the files in this folder\n"]
    for package in sorted(packages):
        about = json.loads(_module(f"{package}/package.json").read_text())
        text = _module(f"{package}/LICENSE").read_text().strip()
        parts.append(f"## {package} {about['version']} ({about['license']})\n\n{text}\n")
    return "\n".join(parts)


def _module(relative: str) -> Path:
    path = MODULES / relative
    if not path.is_file():
        raise CannotVendor(
            f"node_modules/{relative} is missing: run `make assets`, which calls npm, "
            "or mend the list in scripts/vendor.py."
        )
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
