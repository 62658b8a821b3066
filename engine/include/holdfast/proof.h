// proof.h: checks what a Holdfast event stream proves, without Holdfast.
//
// For auditors: one header that needs the C++23 standard library and OpenSSL's libcrypto, and nothing else of Holdfast.
// Whoever keeps a verifier key, and perhaps an older checkpoint, can check with it that
//
//   a record is in the stream    check_record(): signature, Merkle path, leaf, and the payload if it is at hand
//   nothing was taken back       check_growth(): the stream of today begins with the stream of an older checkpoint
//
// Formats: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof, and RFC 9162 (2.1.3.2 and 2.1.4.2,
// which verify the trees of RFC 6962). The engine's own checks are these functions.
//
// Everything is a pure function, total on hostile input, in time and memory linear in it. What fails answers a Refusal,
// a sentence for people. Nothing in a note, a leaf or a proof counts before its check has returned.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace holdfast::proof {

using Bytes = std::vector<std::byte>;
using Hash = std::array<std::byte, 32>;

struct Refusal {
  std::string message;
};
template <class T>
class [[nodiscard]] Checked : public std::expected<T, Refusal> {
 public:
  using std::expected<T, Refusal>::expected;
};
inline std::unexpected<Refusal> refuse(std::string message) { return std::unexpected(Refusal{std::move(message)}); }

constexpr size_t kPathHashesMax = 64;              // a tree has at most 2^63 leaves; a path into it has no more hashes
constexpr size_t kSignaturesMax = 100;             // of a note
constexpr size_t kTextBytesMax = size_t{1} << 20;  // of a note

// --- bytes and text

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline Hash sha256(std::span<const std::byte> bytes) {
  Hash hash;
  auto* digest = reinterpret_cast<unsigned char*>(hash.data());
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  if (done != 1) std::abort();  // no memory, or a libcrypto without SHA-256: going on would prove anything
  return hash;
}

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648 section 4, strictly: one text per content; no other characters, padding always, and no stray bits in it.
inline std::optional<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (; !text.empty(); text.remove_prefix(4)) {
    const size_t padding = text.size() > 4 || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
    uint32_t group = 0;
    for (size_t digit = 0; digit < 4 - padding; ++digit) {
      const size_t value = kBase64Digits.find(text[digit]);
      if (value == std::string_view::npos) return std::nullopt;
      group |= static_cast<uint32_t>(value) << (18 - 6 * digit);
    }
    if ((group & ((1U << (8 * padding)) - 1)) != 0) return std::nullopt;
    for (size_t byte = 0; byte < 3 - padding; ++byte) {
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * byte) & 0xFF));
    }
  }
  return bytes;
}

inline std::optional<Hash> parse_hash(std::string_view base64) {
  const std::optional<Bytes> bytes = base64_decode(base64);
  if (!bytes || bytes->size() != sizeof(Hash)) return std::nullopt;
  Hash hash;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

// ASCII decimal without sign or leading zeros.
inline std::optional<uint64_t> parse_decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && (text.size() == 1 || text[0] != '0') ? std::optional(value) : std::nullopt;
}

// Takes a line off the front of `text`; none if no line feed is left.
inline std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// Takes `prefix` off the front of `text`, if it is there.
inline bool take_prefix(std::string_view& text, std::string_view prefix) {
  const bool there = text.starts_with(prefix);
  text.remove_prefix(there ? prefix.size() : 0);
  return there;
}

// Takes a character off the front of UTF-8; none if there is none (overlong forms and surrogates are none). Pre: not
// empty.
inline std::optional<uint32_t> take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || text.size() < length) return std::nullopt;
  uint32_t character = length == 1 ? lead : lead & (0x7FU >> length);
  for (size_t index = 1; index < length; ++index) {
    const auto byte = static_cast<unsigned char>(text[index]);
    if ((byte & 0xC0) != 0x80) return std::nullopt;
    character = character << 6 | (byte & 0x3FU);
  }
  const bool overlong = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
  if (overlong || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000)) return std::nullopt;
  text.remove_prefix(length);
  return character;
}

constexpr bool is_space(uint32_t character) {
  return character == ' ' || (character >= '\t' && character <= '\r') || character == 0x85 || character == 0xA0 ||
         character == 0x1680 || (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
         character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

// --- the Merkle tree of RFC 6962

inline Hash empty_root() { return sha256({}); }

inline Hash node_hash(const Hash& left, const Hash& right) {
  std::array<std::byte, 1 + 2 * sizeof(Hash)> bytes{std::byte{1}};
  std::ranges::copy(left, bytes.begin() + 1);
  std::ranges::copy(right, bytes.begin() + 1 + sizeof(Hash));
  return sha256(bytes);
}

// From node number `node` of a level, whose last node is `last`, up to the root: `hash` takes in all siblings on the
// way, `old_hash` those to the left. Returns what is wrong with the number of siblings, if anything.
inline const char* climb(uint64_t node, uint64_t last, std::span<const Hash> siblings, Hash& hash, Hash* old_hash) {
  for (const Hash& sibling : siblings) {
    if (last == 0) return "the path has too many hashes";
    if ((node & 1) == 1 || node == last) {
      hash = node_hash(sibling, hash);
      if (old_hash != nullptr) *old_hash = node_hash(sibling, *old_hash);
      for (; (node & 1) == 0 && node != 0; node >>= 1) last >>= 1;
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 ? nullptr : "the path has too few hashes";
}

// The leaf with this hash is number `index` (from 0) of the `size` leaves under `root`. RFC 9162, 2.1.3.2.
inline Checked<void> check_inclusion(const Hash& leaf_hash, uint64_t index, uint64_t size, const Hash& root,
                                     std::span<const Hash> path) {
  if (index >= size) return refuse("the tree has no leaf with this index");
  Hash hash = leaf_hash;
  if (const char* fault = climb(index, size - 1, path, hash, nullptr)) return refuse(fault);
  return hash == root ? Checked<void>() : refuse("the path does not lead to the root");
}

// The tree of `old_size` leaves under `old_root` is the beginning of that of `new_size` under `new_root`. Of an empty
// old tree, and of equal trees, the path is empty. RFC 9162, 2.1.4.2.
inline Checked<void> check_consistency(uint64_t old_size, const Hash& old_root, uint64_t new_size, const Hash& new_root,
                                       std::span<const Hash> path) {
  if (old_size > new_size) return refuse("the old tree is larger than the new one");
  if (old_size == 0 || old_size == new_size) {
    const bool agree = path.empty() && (old_size == 0 ? old_root == empty_root() : old_root == new_root) &&
                       (new_size != 0 || new_root == empty_root());
    return agree ? Checked<void>() : refuse("the roots contradict each other, or the path is not empty");
  }
  uint64_t node = old_size - 1;
  uint64_t last = new_size - 1;
  for (; (node & 1) == 1; node >>= 1) last >>= 1;
  const bool complete = node == 0;  // an old tree that is one complete subtree starts the path itself
  if (!complete && path.empty()) return refuse("the path has too few hashes");
  Hash old_hash = complete ? old_root : path[0];
  Hash new_hash = old_hash;
  if (const char* fault = climb(node, last, path.subspan(complete ? 0 : 1), new_hash, &old_hash)) return refuse(fault);
  return old_hash == old_root && new_hash == new_root ? Checked<void>()
                                                      : refuse("the path does not lead to both roots");
}

// --- signed notes

struct VerifierKey {
  std::string name;
  uint32_t id = 0;
  std::array<std::byte, 32> public_key{};  // Ed25519
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

// UTF-8 without spaces and '+', and not empty.
inline bool is_key_name(std::string_view name) {
  bool good = !name.empty();
  while (good && !name.empty()) {
    const std::optional<uint32_t> character = take_character(name);
    good = character && *character >= 0x20 && *character != '+' && !is_space(*character);
  }
  return good;
}

// The first four bytes, big-endian.
inline uint32_t key_id_of(std::span<const std::byte> bytes) {
  uint32_t value = 0;
  for (const std::byte byte : bytes.first(4)) value = value << 8 | std::to_integer<uint32_t>(byte);
  return value;
}

// The key with the id that its name and bytes have.
inline VerifierKey verifier_key(std::string_view name, std::span<const std::byte, 32> public_key) {
  VerifierKey key{std::string(name), 0, {}};
  std::ranges::copy(public_key, key.public_key.begin());
  std::string identity = key.name + "\n\x01";
  identity.append(reinterpret_cast<const char*>(public_key.data()), public_key.size());
  key.id = key_id_of(sha256(bytes_of(identity)));
  return key;
}

// "name+id+base64", as c2sp.org/signed-note has it; Ed25519 only.
inline Checked<VerifierKey> parse_verifier_key(std::string_view text) {
  const size_t name_end = text.find('+');
  const size_t id_end = name_end == std::string_view::npos ? name_end : text.find('+', name_end + 1);
  if (id_end == std::string_view::npos || !is_key_name(text.substr(0, name_end))) {
    return refuse("a verifier key has the form name+id+base64");
  }
  const std::string_view id = text.substr(name_end + 1, id_end - name_end - 1);
  const std::optional<Bytes> bytes = base64_decode(text.substr(id_end + 1));
  const bool known = bytes && bytes->size() == 33 && bytes->front() == std::byte{1};
  if (!known) return refuse("the verifier key is no Ed25519 key");
  VerifierKey key = verifier_key(text.substr(0, name_end), std::span(*bytes).last<32>());
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string expected;
  for (int shift = 28; shift >= 0; shift -= 4) expected += kHex[key.id >> shift & 15];
  return id == expected ? Checked<VerifierKey>(std::move(key))
                        : refuse("the verifier key's id is not that of its name and key");
}

inline bool is_signed_by(const VerifierKey& key, std::string_view text, std::span<const std::byte> signature) {
  ERR_set_mark();  // what OpenSSL has to say of a wrong signature is not left to surprise its other users
  const auto* public_key = reinterpret_cast<const unsigned char*>(key.public_key.data());
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> handle(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key, key.public_key.size()), &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const bool good =
      handle && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  ERR_pop_to_mark();
  return good;
}

// The text of `note`, if a key of `trusted` has signed it. Signatures of other keys are passed over; a wrong one under
// a trusted key's name and id spoils the note. The view points into `note`.
inline Checked<std::string_view> open_note(std::string_view note, std::span<const VerifierKey> trusted) {
  if (note.size() > kTextBytesMax) return refuse("the note is too long");
  for (std::string_view rest = note; !rest.empty();) {
    const std::optional<uint32_t> character = take_character(rest);
    const bool good = character && (*character >= 0x20 || *character == '\n');
    if (!good) return refuse("the note is not UTF-8, or has a control character");
  }
  const size_t text_end = note.rfind("\n\n");
  if (text_end == std::string_view::npos || text_end + 2 == note.size()) return refuse("the note has no signatures");
  const std::string_view text = note.substr(0, text_end + 1);
  bool trustworthy = false;
  size_t count = 0;
  for (std::string_view rest = note.substr(text_end + 2); !rest.empty();) {
    std::optional<std::string_view> line = take_line(rest);
    if (++count > kSignaturesMax) return refuse("the note has too many signatures");
    if (!line || !take_prefix(*line, "\xE2\x80\x94 ")) return refuse("a signature line is malformed");
    const std::string_view name = line->substr(0, line->find(' '));
    const std::optional<Bytes> bytes = base64_decode(line->substr(std::min(line->size(), name.size() + 1)));
    if (!is_key_name(name) || !bytes || bytes->size() < 5) return refuse("a signature line is malformed");
    for (const VerifierKey& key : trusted) {
      if (key.name != name || key.id != key_id_of(*bytes)) continue;
      trustworthy = is_signed_by(key, text, std::span(*bytes).subspan(4));
      if (!trustworthy) return refuse("the signature of \"" + key.name + "\" is wrong");
    }
  }
  return trustworthy ? Checked<std::string_view>(text) : refuse("no trusted key has signed the note");
}

// --- checkpoints

struct Checkpoint {
  std::string origin;  // which log; by rule the name of the key that signs it
  uint64_t size = 0;   // leaves
  Hash root{};
  std::string extensions;  // further lines, each with its line feed
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

inline Checked<Checkpoint> parse_checkpoint(std::string_view text) {
  const std::string_view origin = take_line(text).value_or("");
  const std::optional<uint64_t> size = parse_decimal(take_line(text).value_or(""));
  const std::optional<Hash> root = parse_hash(take_line(text).value_or(""));
  if (origin.empty() || !size || !root) return refuse("a checkpoint is an origin, a size and a root, each on a line");
  Checkpoint checkpoint{std::string(origin), *size, *root, std::string(text)};
  while (!text.empty()) {
    if (take_line(text).value_or("").empty()) return refuse("the checkpoint has an empty line");
  }
  return checkpoint;
}

// The checkpoint of the log `origin` in `note`, signed by `key`.
inline Checked<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key, std::string_view origin) {
  const Checked<std::string_view> text = open_note(note, std::span(&key, 1));
  if (!text) return std::unexpected(text.error());
  Checked<Checkpoint> checkpoint = parse_checkpoint(*text);
  if (checkpoint && checkpoint->origin != origin) {
    return refuse("the checkpoint is of another log: \"" + checkpoint->origin + "\"");
  }
  return checkpoint;
}

// --- leaves: what a stream's tree holds of a record, in 117 bytes; integers are little-endian
//
//    0  16  "holdfast event 1"       40  8  offset, from 0                     53  32  chain hash of the record before;
//   16  16  id of the database       48  1  kind of the record                         zeros at offset 0
//   32   8  id of the stream         49  4  length of the payload in bytes     85  32  SHA-256 of the payload

constexpr std::string_view kLeafTag = "holdfast event 1";
constexpr size_t kLeafBytes = 117;

struct Leaf {
  std::array<std::byte, 16> database_id{};
  uint64_t stream_id = 0;
  uint64_t offset = 0;
  uint8_t kind = 0;
  uint32_t length = 0;
  Hash previous{};
  Hash payload_digest{};
};

inline Checked<Leaf> parse_leaf(std::span<const std::byte> bytes) {
  if (bytes.size() != kLeafBytes || !std::ranges::equal(bytes.first(kLeafTag.size()), bytes_of(kLeafTag))) {
    return refuse("this is no leaf of a Holdfast stream");
  }
  const auto load = [&]<class T>(T& field, size_t at) {
    uint64_t value = 0;
    for (size_t index = sizeof field; index-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[at + index]);
    field = static_cast<T>(value);
  };
  Leaf leaf;
  std::ranges::copy(bytes.subspan(16, 16), leaf.database_id.begin());
  load(leaf.stream_id, 32);
  load(leaf.offset, 40);
  load(leaf.kind, 48);
  load(leaf.length, 49);
  std::ranges::copy(bytes.subspan(53, 32), leaf.previous.begin());
  std::ranges::copy(bytes.subspan(85, 32), leaf.payload_digest.begin());
  const bool possible = leaf.offset >> 63 == 0 && (leaf.offset != 0 || leaf.previous == Hash{});
  return possible ? Checked<Leaf>(leaf) : refuse("the leaf's offset is impossible");
}

// The chain hash of the record with this leaf: by construction also the hash of the leaf in the Merkle tree.
inline Hash chain_hash(std::span<const std::byte, kLeafBytes> leaf) {
  std::array<std::byte, 1 + kLeafBytes> bytes{std::byte{0}};
  std::ranges::copy(leaf, bytes.begin() + 1);
  return sha256(bytes);
}

// The record with this leaf was appended with exactly this payload.
inline Checked<void> check_payload(const Leaf& leaf, std::span<const std::byte> payload) {
  const bool same = payload.size() == leaf.length && sha256(payload) == leaf.payload_digest;
  return same ? Checked<void>() : refuse("the payload is not the one that was recorded");
}

// --- proof files

constexpr std::string_view kInclusionTitle = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kConsistencyTitle = "holdfast-consistency-proof@v1\n";

struct InclusionProof {
  Bytes extra;  // of a Holdfast stream: the leaf
  uint64_t index = 0;
  std::vector<Hash> path;
  std::string note;  // a signed checkpoint
};
struct ConsistencyProof {
  uint64_t old_size = 0;
  uint64_t new_size = 0;
  std::vector<Hash> path;
  std::string note;  // the signed checkpoint of the new size
};

inline bool take_number(std::string_view& text, std::string_view name, uint64_t& number) {
  std::string_view line = take_line(text).value_or("");
  const std::optional<uint64_t> found = take_prefix(line, name) ? parse_decimal(line) : std::nullopt;
  number = found.value_or(0);
  return found.has_value();
}

// Hashes, up to and with an empty line.
inline bool take_path(std::string_view& text, std::vector<Hash>& path) {
  std::optional<std::string_view> line = take_line(text);
  for (; line && !line->empty(); line = take_line(text)) {
    const std::optional<Hash> hash = parse_hash(*line);
    if (!hash || path.size() == kPathHashesMax) return false;
    path.push_back(*hash);
  }
  return line.has_value();
}

inline Checked<InclusionProof> parse_inclusion_proof(std::string_view text) {
  InclusionProof proof;
  if (!take_prefix(text, kInclusionTitle)) return refuse("this is no inclusion proof");
  if (take_prefix(text, "extra ")) {
    proof.extra = base64_decode(take_line(text).value_or("")).value_or(Bytes());
    if (proof.extra.empty()) return refuse("the proof's extra line is malformed");
  }
  if (!take_number(text, "index ", proof.index) || !take_path(text, proof.path)) {
    return refuse("the proof's index or path is malformed");
  }
  proof.note = text;
  return proof;
}

inline Checked<ConsistencyProof> parse_consistency_proof(std::string_view text) {
  ConsistencyProof proof;
  if (!take_prefix(text, kConsistencyTitle)) return refuse("this is no consistency proof");
  if (!take_number(text, "old ", proof.old_size) || !take_number(text, "new ", proof.new_size) ||
      !take_path(text, proof.path)) {
    return refuse("the proof's sizes or path are malformed");
  }
  proof.note = text;
  return proof;
}

// --- the two questions

struct VerifiedRecord {
  Checkpoint checkpoint;  // the record was in the log at this size
  Leaf leaf;
  Hash chain_hash{};
};

// The proof file `text` shows that a record is in the log `origin`, whose checkpoints `key` signs. With the payload, if
// there is one, it also shows that the record was appended with exactly that.
inline Checked<VerifiedRecord> check_record(std::string_view text, const VerifierKey& key, std::string_view origin,
                                            std::optional<std::span<const std::byte>> payload) {
  const Checked<InclusionProof> proof = parse_inclusion_proof(text);
  if (!proof) return std::unexpected(proof.error());
  const Checked<Checkpoint> checkpoint = open_checkpoint(proof->note, key, origin);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  const Checked<Leaf> leaf = parse_leaf(proof->extra);
  if (!leaf) return std::unexpected(leaf.error());
  if (leaf->offset != proof->index) return refuse("the leaf is of another offset than the proof");
  const Hash hash = chain_hash(std::span(proof->extra).first<kLeafBytes>());
  const Checked<void> included = check_inclusion(hash, proof->index, checkpoint->size, checkpoint->root, proof->path);
  if (!included) return std::unexpected(included.error());
  const Checked<void> same = payload ? check_payload(*leaf, *payload) : Checked<void>();
  if (!same) return std::unexpected(same.error());
  return VerifiedRecord{*checkpoint, *leaf, hash};
}

struct VerifiedGrowth {
  Checkpoint before, after;
};

// The proof file `text` shows that the log `origin` only grew since the checkpoint in `old_note`; `key` signed both.
inline Checked<VerifiedGrowth> check_growth(std::string_view text, std::string_view old_note, const VerifierKey& key,
                                            std::string_view origin) {
  const Checked<ConsistencyProof> proof = parse_consistency_proof(text);
  if (!proof) return std::unexpected(proof.error());
  const Checked<Checkpoint> before = open_checkpoint(old_note, key, origin);
  if (!before) return refuse("the old checkpoint: " + before.error().message);
  const Checked<Checkpoint> after = open_checkpoint(proof->note, key, origin);
  if (!after) return std::unexpected(after.error());
  if (proof->old_size != before->size || proof->new_size != after->size) {
    return refuse("the proof is of other sizes than the checkpoints");
  }
  const Checked<void> grown = check_consistency(before->size, before->root, after->size, after->root, proof->path);
  if (!grown) return std::unexpected(grown.error());
  return VerifiedGrowth{*before, *after};
}

}  // namespace holdfast::proof
