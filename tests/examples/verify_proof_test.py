#!/usr/bin/env python3
"""verify_proof.py agrees with the engine about the proof files that the engine's tests wrote (tests/golden/proof)."""
import base64
import pathlib
import unittest

import verify_proof

FILES = pathlib.Path(__file__).resolve().parent.parent / "golden" / "proof"


def text(name):
    return verify_proof.read_text(FILES / name)


class VerifyProof(unittest.TestCase):
    def refused(self, *arguments):
        with self.assertRaises(verify_proof.NotProved):
            verify_proof.check(*arguments)

    def test_records_and_their_payloads_are_proved(self):
        payload = (FILES / "payload-7").read_bytes()
        shown = verify_proof.check(text("record-7-of-23.tlog-proof"), payload)
        self.assertTrue(shown.startswith("record 7 of example.com/orders/audit is among the 23 records"))
        self.assertIn("as recorded", shown)
        verify_proof.check(text("record-0-of-1.tlog-proof"))
        self.refused(text("record-7-of-23.tlog-proof"), payload + b" ")

    def test_growth_is_proved(self):
        for size in (0, 6, 8):
            shown = verify_proof.check(text(f"growth-{size}-to-23.proof"), None, text(f"checkpoint-{size}.note"))
            self.assertEqual(shown, f"example.com/orders/audit only grew, from {size} records to 23")
        self.refused(text("growth-6-to-23.proof"), None, text("checkpoint-8.note"))
        self.refused(text("growth-6-to-23.proof"))

    def test_every_changed_byte_of_the_proof_and_the_root_is_noticed(self):
        for name, old in (("record-7-of-23.tlog-proof", None), ("growth-6-to-23.proof", text("checkpoint-6.note"))):
            proof = text(name)
            # The origin, and of an inclusion proof also the size, are covered by the signature alone.
            origin = proof.index("example.com")
            root = proof.index("\n", proof.index("\n", origin) + 1) + 1
            for at in list(range(origin)) + list(range(root, proof.index("\u2014"))):
                changed = proof[:at] + chr(ord(proof[at]) ^ 1) + proof[at + 1:]
                with self.subTest(name=name, at=at):
                    self.refused(changed, None, old)

    def test_a_path_with_a_hash_more_or_less_is_refused(self):
        extra = base64.b64encode(bytes(32)).decode()
        for name, old in (("record-7-of-23.tlog-proof", None), ("growth-6-to-23.proof", text("checkpoint-6.note"))):
            lines = text(name).split("\n")
            end = lines.index("")
            self.refused("\n".join(lines[:end] + [extra] + lines[end:]), None, old)
            self.refused("\n".join(lines[:end - 1] + lines[end:]), None, old)

    def test_the_command_answers_with_its_exit_code(self):
        proof = str(FILES / "record-7-of-23.tlog-proof")
        self.assertEqual(verify_proof.main([proof, "--payload", str(FILES / "payload-7")]), 0)
        self.assertEqual(verify_proof.main([proof, "--payload", str(FILES / "key.pub")]), 1)
        self.assertEqual(verify_proof.main([str(FILES / "payload-7")]), 1)


if __name__ == "__main__":
    unittest.main()
