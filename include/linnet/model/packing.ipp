// model/packing.ipp - the body of packing.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <vector>

#include <linnet/base/error.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/model/packing.hpp>

namespace linnet {
namespace detail {

/// Bytes of a matrix when packed, a whole number of cache lines.
inline std::size_t packed_bytes(const TensorView& weight, const kernels::Table& table) {
  constexpr std::int64_t line = 64;
  const std::int64_t group = table.interleaved_rows;
  const std::int64_t rows = (weight.rows() + group - 1) / group * group;
  return static_cast<std::size_t>((rows * weight.row_bytes() + line - 1) / line * line);
}

/// A run of rows that one thread packs at a time.
struct PackingTask {
  const TensorView* weight;
  std::byte* packed;  // of the whole matrix
  std::int64_t row_begin, row_end;
};

}  // namespace detail

LINNET_INLINE std::int64_t packed_bytes(const TensorView& weight, const kernels::Table& table) {
  const bool is_packed = kernels::entry(table.interleave, weight.type) != nullptr;
  return is_packed ? static_cast<std::int64_t>(detail::packed_bytes(weight, table)) : 0;
}

LINNET_INLINE std::int64_t rows_of_panel(const TensorView& weight) noexcept {
  constexpr std::int64_t cache = 128 << 10;
  const std::int64_t all = (weight.rows() + whole_groups - 1) / whole_groups * whole_groups;
  return std::min(all, std::max(whole_groups, cache / weight.row_bytes() / whole_groups * whole_groups));
}

LINNET_INLINE std::int64_t bytes_of_panel(const Weights& weights, const kernels::Table& table) {
  constexpr std::int64_t line = 64;
  std::int64_t most = 0;
  for_each_matrix(weights, [&](const Linear& matrix) {
    const TensorView& w = matrix.weight;
    if (kernels::entry(table.interleave, w.type)) most = std::max(most, rows_of_panel(w) * w.row_bytes());
  });
  return (most + line - 1) / line * line;
}

LINNET_INLINE void pack_weights(Weights& weights, const gguf::File& file, const kernels::Table& table,
                                int threads, const std::function<bool()>& should_stop) {
  std::vector<Linear*> matrices;
  std::size_t total = 0;
  for_each_matrix(weights, [&](Linear& matrix) {
    if (!kernels::entry(table.interleave, matrix.weight.type)) return;
    matrices.push_back(&matrix);
    total += detail::packed_bytes(matrix.weight, table);
  });
  Buffer& memory = weights.owned.emplace_back(total);

  constexpr std::int64_t task_bytes = 1 << 20;
  std::vector<detail::PackingTask> tasks;
  std::byte* next = memory.data();
  for (Linear* matrix : matrices) {
    const TensorView& w = matrix->weight;
    const std::int64_t group = table.interleaved_rows;
    const std::int64_t rows = std::max<std::int64_t>(1, task_bytes / w.row_bytes() / group) * group;
    for (std::int64_t row = 0; row < w.rows(); row += rows)
      tasks.push_back({&w, next, row, std::min(row + rows, w.rows())});
    matrix->packed = next;
    next += detail::packed_bytes(w, table);
  }
  std::atomic<bool> stopped = false;
  std::exception_ptr thrown;  // by should_stop: it must not leave the team's job
  const auto asks_to_stop = [&]() noexcept {
    try {
      return should_stop();
    } catch (...) {
      thrown = std::current_exception();
      return true;
    }
  };
  ThreadTeam team(threads);
  team.run([&](ThreadTeam::Member& member) {
    member.for_chunks(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t i, std::int64_t) {
      if (stopped.load(std::memory_order_relaxed)) return;
      if (should_stop && member.index() == 0 && asks_to_stop())
        return stopped.store(true, std::memory_order_relaxed);
      const detail::PackingTask& task = tasks[static_cast<std::size_t>(i)];
      const TensorView& w = *task.weight;
      kernels::entry(table.interleave, w.type)(w.data, w.row_bytes(), w.cols(), task.row_begin, task.row_end,
                                               task.packed);
      file.release({w.data + task.row_begin * w.row_bytes(),
                    static_cast<std::size_t>((task.row_end - task.row_begin) * w.row_bytes())});
    });
  });
  if (thrown) std::rethrow_exception(thrown);
  if (stopped) fail(ErrorCode::cancelled, "loading was stopped on request");
}

}  // namespace linnet
