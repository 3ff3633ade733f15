// laboratory/check.ipp - the body of check.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>

#include <linnet/base/error.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/product.hpp>
#include <linnet/laboratory/random_values.hpp>

namespace linnet::laboratory {
namespace detail {

/// Memory between margins of ones, which are NaN in every format of floats: who reads too far and uses it
/// gets NaN, and who writes too far is found before the heap is destroyed. The inside begins as ones, too.
class Guarded {
 public:
  explicit Guarded(std::size_t size) : bytes_(size + 2 * margin), size_(size) {
    std::memset(bytes_.data(), ones, bytes_.size());
  }
  std::byte* data() noexcept { return bytes_.data() + margin; }
  bool intact() const { return all_ones(bytes_.data()) && all_ones(bytes_.data() + margin + size_); }

 private:
  static constexpr std::size_t margin = 1 << 14;
  static constexpr int ones = 0xff;
  static bool all_ones(const std::byte* bytes) {  // the first byte, and each like the one before it
    return bytes[0] == std::byte{ones} && std::memcmp(bytes, bytes + 1, margin - 1) == 0;
  }

  Buffer bytes_;
  std::size_t size_;
};

/// Weights and tokens of one width, and what their products are.
struct Sample {
  std::string values;  // for messages
  std::int64_t rows, cols, tokens;
  std::vector<float> weights, x;                 // [rows, cols], what the blocks say; [tokens, cols]
  std::vector<std::byte> blocks = {};            // [rows, cols / block_length]
  std::vector<double> expected = {}, size = {};  // [tokens, rows]: the products; what errors are relative to
};

inline double norm(const float* values, std::int64_t count) {
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i)
    squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return std::sqrt(squares);
}

/// @param size  of a product with |w| |x| = 1
inline void complete(Sample& sample, const MatrixKernel& kernel, double size) {
  const std::int64_t cols = sample.cols;
  sample.blocks.resize(static_cast<std::size_t>(sample.rows * kernel.row_bytes(cols)));
  kernel.quantize(sample.weights, sample.blocks.data());
  kernel.dequantize(sample.blocks.data(), sample.weights);
  for (std::int64_t t = 0; t < sample.tokens; ++t)
    for (std::int64_t r = 0; r < sample.rows; ++r) {
      const float* const w = sample.weights.data() + r * cols;
      const float* const x = sample.x.data() + t * cols;
      double sum = 0;
      for (std::int64_t c = 0; c < cols; ++c) sum += static_cast<double>(w[c]) * static_cast<double>(x[c]);
      sample.expected.push_back(sum);
      sample.size.push_back(size * norm(w, cols) * norm(x, cols));
    }
}

constexpr std::int64_t zero_token = 2;

/// Values such as weights and activations have, with zeros where a scale may become 1 / 0: a token, a part of
/// another, and a block of weights in every fifth row.
inline Sample usual_sample(const MatrixKernel& kernel, std::int64_t cols) {
  constexpr std::int64_t rows = 33, tokens = 17, part = 32;
  Sample sample{
      "", rows, cols, tokens, normal_values(rows * cols, 0.02f, 1), normal_values(tokens * cols, 1, 2)};
  const std::int64_t length = kernel.block_length(), blocks = cols / length;
  for (std::int64_t r = 3; r < rows; r += 5)
    std::fill_n(sample.weights.begin() + r * cols + r % blocks * length, length, 0.0f);
  std::fill_n(sample.x.begin() + zero_token * cols, cols, 0.0f);
  std::fill_n(sample.x.begin() + 5 * cols + (cols - part), part, 0.0f);
  complete(sample, kernel, 1 / std::sqrt(static_cast<double>(cols)));
  return sample;
}

constexpr std::int64_t sign_patterns = 8;

/// Signs under which the levels of many weights and activations are the largest at once.
inline float sign(std::int64_t pattern, std::int64_t i) {
  const auto scrambled = static_cast<std::uint32_t>(i) * 2654435761u;  // Knuth's multiplicative hash
  const bool negative[sign_patterns] = {false,         true,        (i & 1) != 0, (i & 2) != 0,
                                        (i & 16) != 0, i % 32 == 0, i % 32 != 0,  scrambled >> 31 != 0};
  return negative[pattern] ? -1.0f : 1.0f;
}

/// Every value at full magnitude: sums of 16 bits that saturate with such values are wrong. Errors are
/// relative to |w| |x|, since roundings are alike here and add up.
inline Sample extreme_sample(const MatrixKernel& kernel, std::int64_t cols) {
  constexpr std::int64_t rows = 17, tokens = 17;
  Sample sample{" of extreme values", rows, cols, tokens, {}, {}};
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < cols; ++c) sample.weights.push_back(sign(r % sign_patterns, c));
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t c = 0; c < cols; ++c) sample.x.push_back(sign(t % sign_patterns, c));
  complete(sample, kernel, 1);
  return sample;
}

/// The first rows of a sample times some of its tokens.
class Trial {
 public:
  Trial(const MatrixKernel& kernel, const Sample& sample, std::int64_t rows, std::int64_t first_token,
        std::int64_t tokens)
      : kernel_(kernel),
        sample_(sample),
        rows_(rows),
        first_token_(first_token),
        tokens_(tokens),
        stride_(tokens % 2 == 0 ? rows + 5 : rows),
        prepared_(
            kernel.prepare(std::span(sample.x).subspan(static_cast<std::size_t>(first_token * sample.cols),
                                                       static_cast<std::size_t>(tokens * sample.cols)),
                           sample.cols, tokens)),
        weights_(static_cast<std::size_t>(kernel.packed_bytes(rows, sample.cols))),
        x_(prepared_.size()),
        y_(static_cast<std::size_t>(tokens * stride_) * sizeof(float)),
        scratch_(static_cast<std::size_t>(kernel.scratch_bytes(tokens))) {
    kernel.pack(sample.blocks.data(), rows, sample.cols, weights_.data());
    if (prepared_.size() > 0) std::memcpy(x_.data(), prepared_.data(), prepared_.size());
    prepared_ = Buffer();
  }

  /// What is wrong; else "".
  std::string run() {
    std::string found = outside();  // packing may have written there
    if (found.empty()) found = whole();
    if (found.empty()) found = parts();
    if (found.empty()) return "";
    return concat(rows_, " rows x ", sample_.cols, " columns, ", tokens_, tokens_ == 1 ? " token" : " tokens",
                  sample_.values, ": ", found);
  }

  bool intact() const { return weights_.intact() && x_.intact() && y_.intact() && scratch_.intact(); }

 private:
  static constexpr std::uint32_t untouched = 0x7fc5a5a5;  // NaN, and none that comes out of a sum

  std::string outside() const {
    if (!weights_.intact()) return "something was written outside of the weights";
    if (!x_.intact()) return "something was written outside of the tokens";
    if (!y_.intact()) return "something was written outside of y";
    return scratch_.intact() ? "" : "something was written outside of the scratch";
  }

  void forget() { std::fill_n(reinterpret_cast<std::uint32_t*>(y_.data()), tokens_ * stride_, untouched); }

  void multiply(std::int64_t begin, std::int64_t end) noexcept {
    kernel_.multiply({.weights = weights_.data(),
                      .x = x_.data(),
                      .cols = sample_.cols,
                      .tokens = tokens_,
                      .row_begin = begin,
                      .row_end = end,
                      .y = reinterpret_cast<float*>(y_.data()),
                      .y_stride = stride_,
                      .scratch = scratch_.data()});
  }

  static std::string place(std::int64_t token, std::int64_t row) {
    return concat("row ", row, " of token ", token);
  }

  std::uint32_t bits(std::int64_t token, std::int64_t row) {
    std::uint32_t found;
    std::memcpy(&found, y_.data() + (token * stride_ + row) * static_cast<std::int64_t>(sizeof found),
                sizeof found);
    return found;
  }

  std::string whole() {
    forget();
    multiply(0, rows_);
    if (std::string found = outside(); !found.empty()) return found;
    constexpr double most_of_one = 5;  // of some hundred roundings, the largest is hardly more than that
    RelativeError error;
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int64_t r = 0; r < stride_; ++r) {
        if (r >= rows_ && bits(t, r) != untouched)
          return concat(place(t, r), " was written, and there is no such row");
        if (r >= rows_) continue;
        if (bits(t, r) == untouched) return concat(place(t, r), " was not written");
        const auto at = static_cast<std::size_t>((first_token_ + t) * sample_.rows + r);
        const auto value = static_cast<double>(std::bit_cast<float>(bits(t, r)));
        const double expected = sample_.expected[at], size = sample_.size[at];
        if (!(std::fabs(value - expected) <= most_of_one * kernel_.tolerance() * size))
          return concat(place(t, r), " is ", value, ", expected ", expected);
        error.add(value, expected, size);
      }
    return error.value() <= kernel_.tolerance()
               ? ""
               : concat("an error of ", error.value(), ", expected at most ", kernel_.tolerance());
  }

  /// Every second group of rows, against all of them.
  std::string parts() {
    std::vector<std::uint32_t> all;
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int64_t r = 0; r < rows_; ++r) all.push_back(bits(t, r));
    forget();
    const std::int64_t group = kernel_.row_group(), first = rows_ > group ? tokens_ % 2 : 0;
    for (std::int64_t begin = first * group; begin < rows_; begin += 2 * group)
      multiply(begin, std::min(begin + group, rows_));
    if (std::string found = outside(); !found.empty()) return found;
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int64_t r = 0; r < rows_; ++r) {
        const bool asked = r / group % 2 == first;
        if (asked && bits(t, r) != all[static_cast<std::size_t>(t * rows_ + r)])
          return concat(place(t, r), " is another in a part of the rows");
        if (!asked && bits(t, r) != untouched) return concat(place(t, r), " was written and not asked for");
      }
    return "";
  }

  const MatrixKernel& kernel_;
  const Sample& sample_;
  std::int64_t rows_, first_token_, tokens_, stride_;
  Buffer prepared_;
  Guarded weights_, x_, y_, scratch_;
};

/// Collects findings until there are enough of them, or memory is no longer to be trusted.
class Findings {
 public:
  /// Returns whether to go on.
  bool add(std::string text) {
    constexpr std::size_t enough = 20;
    if (!text.empty()) all_.push_back(std::move(text));
    return all_.size() < enough;
  }
  bool add(Trial trial) { return add(trial.run()) && trial.intact(); }
  std::vector<std::string>& all() { return all_; }

 private:
  std::vector<std::string> all_;
};

inline bool check_usual(const MatrixKernel& kernel, std::int64_t cols, Findings& findings) {
  const Sample sample = usual_sample(kernel, cols);
  for (std::int64_t rows = 1; rows <= sample.rows; rows += rows == 17 ? 16 : 1)
    for (std::int64_t tokens = 1; tokens <= sample.tokens; ++tokens)
      if (!findings.add(Trial(kernel, sample, rows, 0, tokens))) return false;
  return findings.add(Trial(kernel, sample, sample.rows, zero_token, 1));
}

inline bool check_extremes(const MatrixKernel& kernel, std::int64_t cols, Findings& findings) {
  const Sample sample = extreme_sample(kernel, cols);
  for (std::int64_t pattern = 0; pattern < sign_patterns; ++pattern)
    for (std::int64_t tokens : {1, 3, 8})
      if (!findings.add(Trial(kernel, sample, sample.rows, pattern, tokens))) return false;
  return findings.add(Trial(kernel, sample, sample.rows, 0, sample.tokens));
}

/// Several threads against one, again and again for a while: a kernel with memory that threads share is found
/// if they meet.
inline std::string check_threads(const std::shared_ptr<const MatrixKernel>& kernel, std::int64_t cols,
                                 std::int64_t tokens) {
  constexpr std::int64_t rows = 321;
  constexpr int threads = 4, least = 8;
  constexpr std::chrono::milliseconds enough(50);
  Workspace workspace;
  Product product(kernel, {rows, cols}, tokens, workspace);
  product.run_rows(0, rows);
  const std::vector<float> one = product.y();
  ThreadTeam team(threads);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < least || std::chrono::steady_clock::now() - start < enough; ++i) {
    std::fill(product.y().begin(), product.y().end(), NAN);
    team.run([&](ThreadTeam::Member& member) { product.run(member); });
    if (std::memcmp(product.y().data(), one.data(), one.size() * sizeof(float)) != 0)
      return concat(rows, " rows x ", cols, " columns, ", tokens, " tokens: another product with ", threads,
                    " threads than with one");
  }
  return "";
}

inline std::string check_blocks(const MatrixKernel& kernel) {
  const double error = block_error(kernel), most = kernel.most_block_error();
  return error <= most
             ? ""
             : concat("blocks: weights come back with an error of ", error, ", expected at most ", most);
}

}  // namespace detail

LINNET_INLINE double block_error(const MatrixKernel& kernel) {
  constexpr std::int64_t count = 64;
  const std::vector<float> values = normal_values(count * kernel.block_length(), 0.02f, 8);
  std::vector<std::byte> blocks(static_cast<std::size_t>(count * kernel.block_bytes()));
  std::vector<float> back(values.size());
  kernel.quantize(values, blocks.data());
  kernel.dequantize(blocks.data(), back);
  RelativeError error;
  for (std::size_t i = 0; i < values.size(); ++i)
    error.add(static_cast<double>(back[i]), static_cast<double>(values[i]));
  return error.value();
}

LINNET_INLINE std::vector<std::string> check(const std::shared_ptr<const MatrixKernel>& kernel) {
  detail::Findings findings;
  findings.add(detail::check_blocks(*kernel));
  const std::int64_t unit = std::max<std::int64_t>(kernel->block_length(), 32);
  const auto whole_units = [&](std::int64_t cols) { return (cols + unit - 1) / unit * unit; };
  for (const std::int64_t cols : {unit, 3 * unit, whole_units(1024)})
    if (!detail::check_usual(*kernel, cols, findings)) return findings.all();
  for (const std::int64_t cols : {unit, whole_units(2048)})
    if (!detail::check_extremes(*kernel, cols, findings)) return findings.all();
  for (const std::int64_t tokens : {1, 5})
    findings.add(detail::check_threads(kernel, whole_units(1024), tokens));
  return findings.all();
}

}  // namespace linnet::laboratory
