// TxnView: the model's state after one commit with a transaction's own writes over it: what the transaction must see.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/model.h"

namespace holdfast::sim {

class TxnView {
 public:
  TxnView(const Model& model, uint64_t csn) : model_(model), csn_(csn) {}

  const ValueMark* get(BucketId bucket, std::string_view key) const;
  bool exists(BucketId bucket) const;
  std::vector<std::string> bucket_names() const;
  std::optional<Model::Found> at_or_after(BucketId bucket, std::string_view key, bool strictly) const;
  std::optional<Model::Found> before(BucketId bucket, std::optional<std::string_view> key) const;

  void put(BucketId bucket, std::string_view key, const ValueMark& value);
  void erase(BucketId bucket, std::string_view key);
  void erase_range(BucketId bucket, std::string_view lo, const std::optional<std::string>& hi);
  void create_bucket(BucketId bucket);
  void drop_bucket(BucketId bucket);
  void savepoint() { savepoints_.push_back(own_); }
  void rollback_to(size_t savepoint);

 private:
  struct Own {
    bool hides_model = false;  // dropped here: what the model has is gone
    std::optional<bool> there;
    std::map<std::string, std::optional<ValueMark>, std::less<>> rows;  // nullopt: erased
  };
  using AllOwn = std::map<BucketId, Own>;
  const Own* own(BucketId bucket) const;

  const Model& model_;
  uint64_t csn_;
  AllOwn own_;
  std::vector<AllOwn> savepoints_;
};

}  // namespace holdfast::sim
