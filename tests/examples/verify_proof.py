#!/usr/bin/env python3
"""Checks the hashes of a proof that a Holdfast log gave, with Python's standard library and nothing of Holdfast.

    verify_proof.py PROOF [--payload FILE]      a record is in the log
    verify_proof.py PROOF --old CHECKPOINT      the log only grew since that checkpoint

It does NOT check signatures (the standard library has no Ed25519): it says what follows if the checkpoints are genuine,
and `holdfast verify-proof` or <holdfast/proof.h> says whether they are. Written from RFC 9162 and the C2SP formats, so
that it can disagree with the engine. Exit code 0: the hashes agree; 1: they do not, or a file is malformed; 2: wrong
usage.
"""
import argparse
import base64
import binascii
import hashlib
import re
import struct
import sys

LEAF = struct.Struct("<16s16sQqBI32s32s")  # tag, database, stream, offset, kind, length, previous, payload's digest
LEAF_TAG = b"holdfast event 1"
EMPTY_ROOT = hashlib.sha256(b"").digest()


class NotProved(Exception):
    """Why the proof shows nothing."""


def demand(condition, reason):
    if not condition:
        raise NotProved(reason)


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotProved(f"not base64: {text!r}") from None
    demand(base64.b64encode(data).decode() == text, f"base64 with stray bits: {text!r}")
    return data


def unhash(text):
    data = unbase64(text)
    demand(len(data) == 32, f"no hash: {text!r}")
    return data


def number(line, name):
    found = re.fullmatch(name + r" (0|[1-9][0-9]*)", line)
    demand(found, f"expected a line with '{name}' and a number, found {line!r}")
    return int(found[1])


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- files


def read_checkpoint(note):
    """Origin, size and root of a signed checkpoint."""
    text, separator, signatures = note.rpartition("\n\n")
    demand(separator and signatures.startswith("\u2014 "), "the checkpoint is not signed at all")
    lines = text.split("\n")
    demand(len(lines) >= 3 and lines[0] and all(lines), "the checkpoint is malformed")
    return lines[0], number("size " + lines[1], "size"), unhash(lines[2])


def read_proof(text):
    """Kind, head lines, hashes and checkpoint of a proof file."""
    head, separator, note = text.partition("\n\n")
    demand(separator, "the proof has no checkpoint")
    kind, *lines = head.split("\n")
    return kind, lines, note


# --- RFC 9162, 2.1.3.2 and 2.1.4.2


def check_inclusion(leaf_hash, index, size, path, root):
    demand(index < size, "the tree has no leaf with this index")
    fn, sn, result = index, size - 1, leaf_hash
    for sibling in path:
        demand(sn > 0, "the path has too many hashes")
        if fn % 2 == 1 or fn == sn:
            result = node(sibling, result)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, "the path has too few hashes")
    demand(result == root, "the path does not lead to the root")


def check_consistency(first, first_root, second, second_root, path):
    demand(first <= second, "the old tree is larger than the new one")
    if first in (0, second):
        demand(not path, "the path has too many hashes")
        demand(first != 0 or first_root == EMPTY_ROOT, "the empty tree has another root")
        demand(first != second or first_root == second_root, "two roots for one size")
        return
    if first & (first - 1) == 0:
        path = [first_root] + path
    demand(path, "the path has too few hashes")
    fn, sn = first - 1, second - 1
    while fn % 2 == 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        demand(sn > 0, "the path has too many hashes")
        if fn % 2 == 1 or fn == sn:
            fr, sr = node(sibling, fr), node(sibling, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, "the path has too few hashes")
    demand(fr == first_root and sr == second_root, "the path does not lead to both roots")


# --- the two questions


def check_record(lines, note, payload):
    demand(lines and lines[0].startswith("extra "), "the proof has no leaf")
    leaf = unbase64(lines[0][len("extra "):])
    demand(len(lines) >= 2 and len(leaf) == LEAF.size, "the proof or its leaf is malformed")
    index = number(lines[1], "index")
    tag, _, _, offset, _, length, previous, digest = LEAF.unpack(leaf)
    demand(tag == LEAF_TAG and offset == index, "the leaf is not that of this record")
    demand(offset != 0 or previous == bytes(32), "the first record has one before it")
    origin, size, root = read_checkpoint(note)
    leaf_hash = hashlib.sha256(b"\x00" + leaf).digest()
    check_inclusion(leaf_hash, index, size, [unhash(line) for line in lines[2:]], root)
    if payload is not None:
        demand(len(payload) == length and hashlib.sha256(payload).digest() == digest,
               "the payload is not the one that was recorded")
    compared = "not looked at" if payload is None else "as recorded"
    return (f"record {offset} of {origin} is among the {size} records of its checkpoint\n"
            f"payload: {length} bytes, {compared}\nchain hash: {leaf_hash.hex()}")


def check_growth(lines, note, old_note):
    demand(len(lines) >= 2, "the proof is malformed")
    sizes = number(lines[0], "old"), number(lines[1], "new")
    old_origin, old_size, old_root = read_checkpoint(old_note)
    origin, size, root = read_checkpoint(note)
    demand(old_origin == origin, "the checkpoints are of two logs")
    demand(sizes == (old_size, size), "the proof is of other sizes than the checkpoints")
    check_consistency(old_size, old_root, size, root, [unhash(line) for line in lines[2:]])
    return f"{origin} only grew, from {old_size} records to {size}"


def check(proof, payload=None, old_note=None):
    """What the proof shows, as a sentence. Raises NotProved."""
    kind, lines, note = read_proof(proof)
    if kind == "c2sp.org/tlog-proof@v1":
        return check_record(lines, note, payload)
    demand(kind == "holdfast-consistency-proof@v1", "this is no proof")
    demand(old_note is not None, "this proof goes with the checkpoint that you kept: --old")
    return check_growth(lines, note, old_note)


def read_text(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise NotProved(f"{path} is not UTF-8") from None


def main(arguments):
    parser = argparse.ArgumentParser(description="Check the hashes of a proof; signatures are not checked.")
    parser.add_argument("proof")
    parser.add_argument("--payload")
    parser.add_argument("--old")
    options = parser.parse_args(arguments)
    try:
        payload = None
        if options.payload:
            with open(options.payload, "rb") as file:
                payload = file.read()
        shown = check(read_text(options.proof), payload, read_text(options.old) if options.old else None)
    except NotProved as reason:
        print(f"not proved: {reason}", file=sys.stderr)
        return 1
    print(f"hashes agree: {shown}\n(signatures were not checked)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
