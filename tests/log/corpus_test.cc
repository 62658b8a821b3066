// The hand-made inputs of the fuzz targets for leaves, trees, notes, proofs and tiles (tests/corpus.h).
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/little_endian.h"
#include "tests/corpus.h"
#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using Bytes = std::vector<std::byte>;
using samples::signer;
using samples::Stream;

Bytes bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

template <class Change>
Bytes changed(Bytes bytes, Change change) {
  change(bytes);
  return bytes;
}

TEST(Corpus, leaves_and_edges) {
  const auto encoded = encode_event_leaf(Stream(2).leaves()[1]);
  const Bytes leaf(encoded.begin(), encoded.end());
  expect_inputs("event_leaf_fuzz",
                {{"valid", leaf},
                 {"empty", {}},
                 {"cut_short", Bytes(leaf.begin(), leaf.begin() + 85)},
                 {"one_byte_more", changed(leaf, [](Bytes& bytes) { bytes.emplace_back(); })},
                 {"another_tag", changed(leaf, [](Bytes& bytes) { bytes[15] = std::byte{'2'}; })},
                 {"negative_offset", changed(leaf, [](Bytes& bytes) { bytes[47] = std::byte{0x80}; })},
                 {"first_with_one_before", changed(leaf, [](Bytes& bytes) { bytes[40] = std::byte{0}; })}});
  const Bytes edge = samples::tree_of(11).range().encode();
  expect_inputs("compact_range_fuzz",
                {{"valid", edge},
                 {"empty_tree", CompactRange().encode()},
                 {"one_peak_too_few", Bytes(edge.begin(), edge.end() - 32)},
                 {"largest", changed(Bytes(8 + 63 * 32), [](Bytes& b) { store_le(b.data(), kLeavesMax); })},
                 {"too_large", changed(Bytes(8 + 32), [](Bytes& b) { store_le(b.data(), uint64_t{1} << 63); })}});
}

// As fuzz/merkle_fuzz.cc reads it: a byte that chooses, two sizes, hashes.
Bytes paths(uint8_t choice, uint64_t size, uint64_t other, size_t hashes) {
  Bytes bytes(17 + hashes * sizeof(Hash), std::byte{7});
  bytes[0] = std::byte{choice};
  store_le(bytes.data() + 1, size);
  store_le(bytes.data() + 9, other);
  return bytes;
}

TEST(Corpus, paths) {
  expect_inputs("merkle_fuzz", {{"inclusion", paths(0, 23, 7, 5)},
                                {"inclusion_in_the_largest_tree", paths(4, kLeavesMax, kLeavesMax - 1, 1)},
                                {"inclusion_of_the_only_leaf", paths(0, 1, 0, 0)},
                                {"consistency", paths(1, 23, 6, 5)},
                                {"consistency_of_a_complete_tree", paths(3, 23, 8, 2)},
                                {"consistency_with_nothing", paths(1, 23, 0, 0)},
                                {"consistency_of_equal_trees", paths(1, kLeavesMax, kLeavesMax, 0)},
                                {"sizes_that_no_tree_has", paths(1, ~uint64_t{0}, ~uint64_t{0} - 1, 64)}});
}

TEST(Corpus, notes_and_keys) {
  const SignerKey key = SignerKey::of_seed("example.com/log", std::array<std::byte, 32>{}).value();
  const std::string note = Stream(3).checkpoint(3, key, "example.com/log");
  const size_t signature = note.rfind("\n\n") + 2;
  expect_inputs("signed_note_fuzz",
                {{"checkpoint", bytes_of(note)},
                 {"text_of_a_checkpoint", bytes_of(note.substr(0, signature - 1))},
                 {"extension_lines", bytes_of("log\n0\n" + base64_encode(Hash{}) + "\none\ntwo\n")},
                 {"signature_alone", bytes_of(note.substr(signature))},
                 {"cut_in_a_signature", bytes_of(note.substr(0, note.size() - 10))},
                 {"wrong_signature", changed(bytes_of(note), [](Bytes& b) { b[b.size() - 20] = std::byte{'A'}; })},
                 {"short_signature", bytes_of("text\n\n\xE2\x80\x94 example.com/log AAAA\n")},
                 {"overlong_utf8", bytes_of("\xC0\x80\n\n" + note.substr(signature))},
                 {"cut_utf8", bytes_of("text\n\n\xE2\x80")},
                 {"verifier_key", bytes_of(verifier_text(key.verifier()))},
                 {"private_key", bytes_of(key.private_text())}});
}

TEST(Corpus, proofs_and_tiles) {
  const Stream stream(23);
  const std::string record = encode_proof(stream.inclusion(7, 23));
  expect_inputs("proof_text_fuzz", {{"record", bytes_of(record)},
                                    {"record_without_leaf", bytes_of("c2sp.org/tlog-proof@v1\nindex 0\n\nnote")},
                                    {"growth", bytes_of(encode_proof(stream.consistency(6, 23)))},
                                    {"cut_in_a_hash", bytes_of(record.substr(0, record.find("index 7") + 30))},
                                    {"index_with_a_zero", bytes_of("c2sp.org/tlog-proof@v1\nindex 07\n\n")},
                                    {"base64", bytes_of("AAECAwQ=")},
                                    {"base64_with_stray_bits", bytes_of("AAECAwR=")}});
  expect_inputs("tiles_fuzz", {{"path", bytes_of("tile/0/x001/x234/067.p/5")},
                               {"path_of_entries", bytes_of("tile/entries/000")},
                               {"path_with_a_group_of_zeros", bytes_of("tile/0/x000/001")},
                               {"index_huge", bytes_of("tile/0/x999/x999/x999/x999/x999/x999/999")},
                               {"bundle", bytes_of(std::string_view("\1\0\3one\0\0", 8))},
                               {"bundle_cut_in_a_length", bytes_of(std::string_view("\1\0\3one\0", 7))},
                               {"bundle_longer_than_its_width", bytes_of(std::string_view("\0\0\0\0\0", 5))}});
}

}  // namespace
}  // namespace holdfast::log
