#!/usr/bin/env python3
"""Checks the rules of the house that no compiler knows: banned words (with what to use instead), the shape of files.

A banned word in a comment or a string is fine. Prints one line per offence; exit code 1 if there is any.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = (".h", ".hpp", ".cc", ".c")
TEXT = CODE + (".py", ".txt", ".cmake", ".json", ".md", "")
LINE_COLUMNS_MAX = 120
CODE_LINES_MAX = 500
BLOB_BYTES_MAX = 64 * 1024

# What the environment hides. Only these files may touch it.
ENVIRONMENT = r"engine/env/(posix_\w+|sync\w*)\.(h|cc)$"
# Code whose every run must be repeatable. The command line is not: it talks to terminals and pipes.
REPEATABLE = r"(engine/(?!cli/)|fault/)"

# (where it is banned, where it is allowed all the same, pattern, what to use instead)
BANNED = [
    (REPEATABLE, ENVIRONMENT, r"\bstd::chrono\b|<chrono>|<ctime>|<time\.h>", "Env::clock"),
    (r"", None, r"\bstd::random_device\b|(?<![\w:])s?rand\(", "Env::random, or a seed"),
    (r"(engine|fault|sim)/", None, r"\bmt19937|_distribution\b|<random>", "Env::random, or the simulator's streams"),
    (REPEATABLE, ENVIRONMENT, r"\bstd::(j?thread|async)\b|<thread>|<future>", "Env::threads"),
    (REPEATABLE, ENVIRONMENT, r"\bstd::(mutex|shared_mutex|condition_variable\w*|atomic)\b", "holdfast::sync"),
    (REPEATABLE, ENVIRONMENT, r"<(unistd|fcntl|pthread|dirent)\.h>|<sys/\w+\.h>|<(fstream|filesystem)>",
     "Env (system calls live in engine/env/posix_*)"),
    (r"(engine|fault|sim)/", None, r"\bgetenv\b", "an option"),
    (r"", None, r"(?<![\w])assert\(|<cassert>", "CHECK or VERIFY"),
    (r"(engine|fault|sim)/", r".*/main\.cc$", r"\busing\s+namespace\b", "names"),
    (r"engine/(?!cli/)", None, r"\bstd::(shared|weak)_ptr\b|\bmake_shared\b", "unique_ptr and references"),
    (r"(engine|fault|sim)/", None, r"\bstd::unordered_\w+",
     "an ordered container, or say beside it that it is looked up, never walked"),
    (r"(engine|fault|sim)/", None, r"\bstd::hash\b", "a key with an order"),
    (r"engine/(?!cli/)", None, r"\bcatch\s*\(|\bthrow\b|\btry\s*\{", "Result"),
    (r"engine/(?!cli/)", None, r"\bdynamic_cast\b|\btypeid\b|\bvolatile\b|\bgoto\b|\balloca\(", "something plainer"),
    (r"engine/(?!cli/)", None, r"<iostream>|<regex>|\bstd::(cout|cerr)\b", "Result and its message"),
    (r"", None, r"#\s*pragma\s+pack\b", "Le<T> fields"),
    (r"", None, r"\bstd::endl\b", "'\\n'"),
    (r"tests/", None, r"\bGTEST_SKIP\b|\bDISABLED_", "a test that runs"),
    (r"tests/", None, r"^\s*(RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP|TEST(_[FP])?)\(\w+, *(?!R\d+_)[A-Z]",
     "the promise in lower_case as the test's name (after the rule of the disk that it is about, R1_ to R30_)"),
]
BANNED = [(re.compile(at), unless and re.compile(unless), re.compile(what), use) for at, unless, what, use in BANNED]

# A comment that takes the sting out of a banned word on the same line.
EXCUSE = re.compile(r"//.*\blooked up, never walked\b")

# A comment to the end of the line, or a string or character literal, whichever starts first.
NOT_CODE = re.compile(r'//.*|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'')
UNFINISHED = re.compile(r"\b(FIX" r"ME|TO" r"DO|XX" r"X)\b")


def code_of(line):
    if line.lstrip().startswith("#include"):
        return line
    return NOT_CODE.sub(lambda found: " " if found[0].startswith("//") else '""', line)


def check_lines(name, lines):
    is_code = name.endswith(CODE)
    rules = [(what, use) for at, unless, what, use in BANNED
             if is_code and at.match(name) and not (unless and unless.match(name))]
    for number, line in enumerate(lines, 1):
        place = f"{name}:{number}"
        if not name.endswith(".md"):
            if len(line) > LINE_COLUMNS_MAX:
                yield f"{place}: longer than {LINE_COLUMNS_MAX} columns"
            if not line.isascii():
                yield f"{place}: not ASCII"
        if "\t" in line:
            yield f"{place}: a tab"
        if line != line.rstrip():
            yield f"{place}: space at the end of the line"
        if UNFINISHED.search(line):
            yield f"{place}: unfinished work; finish it or open an issue"
        code = code_of(line)
        for what, use in rules:
            found = what.search(code)
            if found and not ("unordered" in found[0] and EXCUSE.search(line)):
                yield f"{place}: {found[0].strip()}: use {use}"


def check_shape(name, lines):
    if name.endswith(CODE) and len(lines) > CODE_LINES_MAX:
        yield f"{name}: {len(lines)} lines; split it (at most {CODE_LINES_MAX})"
    if name.endswith((".h", ".hpp")):
        if "#pragma once" not in lines:
            yield f"{name}: no #pragma once"
        if not lines or not lines[0].startswith("//"):
            yield f"{name}: says at its top what it is"
    if name.startswith("ci/") and lines and lines[0].startswith("#!") and "bash" in lines[0]:
        if not any(re.fullmatch(r"set -E?euo pipefail", line) for line in lines):
            yield f"{name}: no `set -euo pipefail`"


def check_file(name):
    path = ROOT / name
    data = path.read_bytes()
    if len(data) > BLOB_BYTES_MAX:
        yield f"{name}: {len(data)} bytes; at most {BLOB_BYTES_MAX} belong into the repository"
    if name.startswith(("corpus/", "tests/golden/")) or path.suffix not in TEXT:
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield f"{name}: not UTF-8"
        return
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"
    lines = text.splitlines()
    yield from check_lines(name, lines)
    yield from check_shape(name, lines)


def main():
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                             cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = sorted(name for name in set(listing.split("\0")) if name and (ROOT / name).is_file())
    offences = [offence for name in names for offence in check_file(name)]
    print("\n".join(offences + [f"tidy: {len(names)} files, {len(offences)} offences"]))
    return 1 if offences or not names else 0


if __name__ == "__main__":
    sys.exit(main())
