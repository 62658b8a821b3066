#include "sim/settings.h"

#include <algorithm>
#include <array>
#include <type_traits>

namespace holdfast::sim {

namespace {

using enum Setting::Between;

// `Member`: a function from a configuration to one of its numbers.
template <class Member>
constexpr Setting setting(std::string_view name, Setting::Between between, uint64_t min, uint64_t max,
                          Member /*member*/) {
  return {name,
          between,
          min,
          max,
          [](const RunConfig& config) { return uint64_t{Member{}(config)}; },
          [](RunConfig& config, uint64_t value) {
            auto& number = Member{}(config);
            number = static_cast<std::remove_reference_t<decltype(number)>>(value);
          }};
}

// In the order in which a shrinker best tries them.
constexpr std::array kSettings = {
    setting("clock_jump", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.clock_jump.one_in; }),
    setting("short_transfer", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.short_transfer.one_in; }),
    setting("cache_eviction", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.cache_eviction.one_in; }),
    setting("no_space", kNothing, 0, 1'000'000, [](auto& config) -> auto& { return config.faults.no_space.one_in; }),
    setting("io_error_read", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.io_error.read_one_in; }),
    setting("io_error_write", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.io_error.write_one_in; }),
    setting("io_error_name_change", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.io_error.name_change_one_in; }),
    setting("sync_fails", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.sync_fails.one_in; }),
    setting("directory_sync_fails", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.faults.directory_sync_fails.one_in; }),
    setting("background", kNothing, 0, 1, [](auto& config) -> auto& { return config.background; }),
    setting("clients", kNothing, 1, 64, [](auto& config) -> auto& { return config.clients; }),
    setting("lanes_max", kSimpler, 0, 8, [](auto& config) -> auto& { return config.lanes_max; }),
    setting("deferred_percent", kNothing, 0, 100, [](auto& config) -> auto& { return config.deferred_percent; }),
    setting("serializable_percent", kNothing, 0, 100,
            [](auto& config) -> auto& { return config.serializable_percent; }),
    setting("large_value_one_in", kNothing, 0, 1'000'000,
            [](auto& config) -> auto& { return config.large_value_one_in; }),
    setting("large_value_bytes_max", kSimpler, 0, 1'000'000,
            [](auto& config) -> auto& { return config.large_value_bytes_max; }),
    setting("value_bytes_max", kSimpler, 0, 100'000, [](auto& config) -> auto& { return config.value_bytes_max; }),
    setting("steps_max", kSimpler, 1, 1'000, [](auto& config) -> auto& { return config.steps_max; }),
    setting("bucket_count", kSimpler, 1, 100, [](auto& config) -> auto& { return config.bucket_count; }),
    setting("key_count", kSimpler, 1, 100'000, [](auto& config) -> auto& { return config.key_count; }),
    setting("hot_percent", kNothing, 0, 100, [](auto& config) -> auto& { return config.hot_percent; }),
    setting("scattered_ledger", kNothing, 0, 1, [](auto& config) -> auto& { return config.scattered_ledger; }),
    setting("rot_probes", kSimpler, 0, 100, [](auto& config) -> auto& { return config.rot_probes; }),
    setting("loss_probes", kSimpler, 0, 100, [](auto& config) -> auto& { return config.loss_probes; }),
};

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

const Setting* setting_named(std::string_view name) {
  const auto found = std::ranges::find(kSettings, name, &Setting::name);
  return found == kSettings.end() ? nullptr : &*found;
}

}  // namespace holdfast::sim
