#!/usr/bin/env python3
"""Checks that includes point down: ci/layers.txt says which folder may include which.

Also: public headers include only public headers and the standard library, and every include is written in the one form
that names its folder ("page/page_store.h", <holdfast/env.h>). Prints one line per offence; exit code 1 if there is any.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
OUTSIDE = ("fault", "sim", "fuzz", "tests")


def read_layers():
    allowed = {}
    for line in (ROOT / "ci/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            layer, _, names = line.partition(":")
            allowed[layer] = set(names.split()) | {layer}
    return allowed


def layer_of(path):
    """The layer that a source file belongs to, or "public" for the public headers."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != "engine":
        return parts[0]
    return "public" if parts[1] == "include" else parts[1]


def offence(path, kind, target, allowed):
    layer = layer_of(path)
    if kind == "<":
        private = target.split("/")[0] in allowed and (ROOT / "engine" / target).exists()
        return "a private header is included with quotes" if private else None
    if layer == "public":
        return "a public header includes a private one"
    folder = target.split("/")[0] if "/" in target else None
    if folder is None or folder not in allowed:
        return "write the include with its folder, as ci/layers.txt names it"
    if target.startswith("engine/"):
        return "includes of the engine start below engine/"
    if folder not in allowed[layer]:
        return f"{layer} may not include {folder} (ci/layers.txt)"
    home = ROOT if folder in OUTSIDE else ROOT / "engine"
    return None if (home / target).exists() else "there is no such file"


def main():
    allowed = read_layers()
    offences = 0
    file_count = 0
    for top in ("engine",) + OUTSIDE:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix not in (".h", ".hpp", ".cc", ".c"):
                continue
            file_count += 1
            layer = layer_of(path)
            if layer != "public" and layer not in allowed:
                print(f"{path.relative_to(ROOT)}: folder {layer} is not in ci/layers.txt")
                offences += 1
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                reason = match and offence(path, match[1], match[2], allowed)
                if reason:
                    print(f"{path.relative_to(ROOT)}:{number}: {match[2]}: {reason}")
                    offences += 1
    print(f"layers: {file_count} files, {offences} offences")
    return 1 if offences or not file_count else 0


if __name__ == "__main__":
    sys.exit(main())
