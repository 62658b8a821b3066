// Trees, streams, keys and proofs for the tests of engine/log.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <holdfast/proof.h>

#include "base/bytes.h"
#include "base/sha256.h"
#include "format/event_leaf.h"
#include "log/checkpoint_note.h"
#include "log/merkle.h"
#include "log/proof_text.h"
#include "log/signed_note.h"

namespace holdfast::log::samples {

inline Hash unhex(std::string_view digits) {
  Hash hash{};
  EXPECT_EQ(digits.size(), 2 * hash.size());
  const auto value = [&](size_t at) { return std::string_view("0123456789abcdef").find(digits[at]); };
  for (size_t index = 0; index < hash.size(); ++index) {
    hash[index] = static_cast<std::byte>(value(2 * index) * 16 + value(2 * index + 1));
  }
  return hash;
}

inline Hash leaf_hash(std::string_view leaf) {
  constexpr std::array kPrefix = {std::byte{0}};
  return sha256({kPrefix, as_bytes(leaf)});
}

// The definition of RFC 6962, 2.1, word by word.
inline Hash naive_root(std::span<const Hash> leaves) {
  if (leaves.empty()) {
    return sha256({});
  }
  if (leaves.size() == 1) {
    return leaves[0];
  }
  size_t k = 1;
  while (2 * k < leaves.size()) {
    k *= 2;
  }
  constexpr std::array kPrefix = {std::byte{1}};
  return sha256({kPrefix, naive_root(leaves.first(k)), naive_root(leaves.subspan(k))});
}

// All complete subtrees over some leaves.
class Tree {
 public:
  void append(const Hash& leaf) {
    range_.append(leaf, [&](uint8_t level, uint64_t index, const Hash& hash) {
      levels_.resize(std::max<size_t>(levels_.size(), level + 1U));
      EXPECT_EQ(levels_[level].size(), index);
      levels_[level].push_back(hash);
    });
  }
  // Counts what it is asked for; a subtree that is not complete is an error.
  HashSource source() const {
    return [this](uint8_t level, uint64_t index) -> Result<Hash> {
      if (level >= levels_.size() || index >= levels_[level].size()) {
        return fail(ErrorCode::kNotFound, "no such subtree");
      }
      return levels_[level][index];
    };
  }
  std::span<const Hash> leaves() const { return levels_.empty() ? std::span<const Hash>() : levels_[0]; }
  const CompactRange& range() const { return range_; }

 private:
  CompactRange range_;
  std::vector<std::vector<Hash>> levels_;
};

inline Tree tree_of(size_t leaves) {
  Tree tree;
  for (size_t index = 0; index < leaves; ++index) {
    tree.append(leaf_hash("leaf " + std::to_string(index)));
  }
  return tree;
}

inline constexpr const char* kOrigin = "example.com/orders/audit";

inline std::array<std::byte, 32> seed_of(uint8_t number) {
  std::array<std::byte, 32> seed;
  for (size_t index = 0; index < seed.size(); ++index) {
    seed[index] = static_cast<std::byte>(number + index);
  }
  return seed;
}
inline SignerKey signer(std::string_view name = kOrigin, uint8_t number = 1) {
  return SignerKey::of_seed(name, seed_of(number)).value();
}

inline std::string payload_of(int64_t offset) { return "event number " + std::to_string(offset); }

// A stream of records with the payloads of payload_of().
class Stream {
 public:
  explicit Stream(int64_t records) {
    format::DatabaseId id;
    for (size_t index = 0; index < id.size(); ++index) {
      id[index] = static_cast<std::byte>(index);
    }
    Hash previous{};
    for (int64_t offset = 0; offset < records; ++offset) {
      const std::string payload = payload_of(offset);
      leaves_.push_back({id, 1, offset, 0, static_cast<uint32_t>(payload.size()), previous, sha256(as_bytes(payload))});
      previous = chain_hash(leaves_.back());
      tree_.append(previous);
    }
  }
  const std::vector<format::EventLeaf>& leaves() const { return leaves_; }
  const Tree& tree() const { return tree_; }

  std::string checkpoint(uint64_t size, const SignerKey& key = signer(), std::string_view origin = kOrigin) const {
    const Hash root = root_of(size, tree_.source()).value();
    return sign_checkpoint({std::string(origin), size, root, ""}, std::span(&key, 1)).value();
  }
  proof::InclusionProof inclusion(uint64_t index, uint64_t size) const {
    const auto leaf = encode_event_leaf(leaves_[index]);
    return {proof::Bytes(leaf.begin(), leaf.end()), index, prove_inclusion(index, size, tree_.source()).value(),
            checkpoint(size)};
  }
  proof::ConsistencyProof consistency(uint64_t old_size, uint64_t new_size) const {
    return {old_size, new_size, prove_consistency(old_size, new_size, tree_.source()).value(), checkpoint(new_size)};
  }

 private:
  std::vector<format::EventLeaf> leaves_;
  Tree tree_;
};

}  // namespace holdfast::log::samples
