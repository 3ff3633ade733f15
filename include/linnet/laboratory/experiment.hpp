// laboratory/experiment.hpp - one thing to measure, and the list of all that the library has. Never measures.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/config.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/laboratory/matrix_kernel.hpp>

namespace linnet::laboratory {

/// A kernel with its data, ready to run.
class Experiment {
 public:
  virtual ~Experiment() = default;
  /// One repetition, shared out over a team; ends where all members are done. Successive repetitions read
  /// other copies of the weights, where there are some.
  virtual void run(ThreadTeam::Member& member) noexcept = 0;
  /// Called between repetitions by one thread.
  virtual void next() noexcept {}
  /// Relative rms error of what run() left, against the same in float64, over a sample of it.
  virtual double error() const = 0;

  std::int64_t bytes = 0;       // that a repetition must read and write
  std::int64_t operations = 0;  // multiplications and additions of a repetition
  bool from_memory = false;     // the bytes come from memory; otherwise from a cache
};

/// Memory that experiments use one after the other, so that its pages are mapped once.
struct Workspace {
  std::int64_t streaming_bytes = 0;  // see machine.hpp; 0: no copies of weights, all from the cache
  Buffer weights = {};

  /// At least this many bytes. @throws Error(out_of_memory).
  std::byte* reserve(std::int64_t size);
};

/// A name, and how to make ready what bears it.
struct Case {
  std::string operation, type, isa, shape;
  std::int64_t tokens;
  const kernels::Table* table;
  std::function<std::unique_ptr<Experiment>(Workspace&)> make;

  /// "packed_matmul/Q4_0/avx2/8192x2048/1"
  std::string name() const;
};

/// Rows and columns of a matrix of weights.
struct MatrixShape {
  std::int64_t rows, cols;
};
/// Gate and up of Llama 3.2 1B, whose other matrices behave alike.
inline constexpr MatrixShape usual_shape = {8192, 2048};
/// Decode, several sequences, a short and a long prompt.
inline constexpr std::int64_t usual_tokens[] = {1, 8, 64, 512};

/// The product of a kernel's weights with this many tokens.
Case product_case(std::shared_ptr<const MatrixKernel> kernel, MatrixShape shape, std::int64_t tokens);

/// Matrix products of every tensor type, attention of every cache type, and what lies between them, on every
/// instruction set that this machine can run; the best one first.
std::vector<Case> built_in_cases();

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/experiment.ipp>
#endif
