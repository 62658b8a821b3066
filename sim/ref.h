// Ref<T>: a counted reference to a T that carries its own count. What is referenced twice is never changed: it is
// copied first (`own`). That makes the copy of a whole simulated disk as cheap as copying a few pointers.
//
// T has `mutable uint32_t references = 0`, and a copy constructor that starts a new count. Threads: one at a time.
#pragma once

#include <cstdint>
#include <utility>

namespace holdfast::sim {

template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) { add(); }
  Ref(const Ref& other) : object_(other.object_) { add(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(const Ref& other) {
    Ref copy(other);
    std::swap(object_, copy.object_);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref taken(std::move(other));
    std::swap(object_, taken.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && --object_->references == 0) {
      delete object_;
    }
  }

  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref&) const = default;
  const T* get() const { return object_; }
  const T& operator*() const { return *object_; }
  const T* operator->() const { return object_; }
  bool shared() const { return object_ != nullptr && object_->references > 1; }

  // The object, to be changed: a copy of its own if somebody else sees it too. Pre: not null.
  T& own() {
    if (shared()) {
      *this = Ref(new T(*object_));
    }
    return *object_;
  }

 private:
  void add() {
    if (object_ != nullptr) {
      ++object_->references;
    }
  }
  T* object_ = nullptr;
};

}  // namespace holdfast::sim
