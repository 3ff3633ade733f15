// session_file_test.cpp - saved, loaded and forked conversations go on as if nothing had happened; damaged
// files change nothing.
#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <linnet/base/checksum.hpp>
#include <linnet/gguf/writer.hpp>
#include <linnet/runtime/session.hpp>
#include <linnet/runtime/session_file.hpp>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::session_file_test {
namespace {

using namespace tests;

SessionOptions options(DType type = DType::f32, std::int64_t context = 512) {
  return {.context = context, .threads = 1, .cache_type = type, .max_batch = 64};
}

SamplingOptions greedy(std::int64_t max_tokens) {
  SamplingOptions options;
  options.max_tokens = max_tokens;
  options.temperature = 0;
  options.logit_bias = {{2, -std::numeric_limits<float>::infinity()}};
  return options;
}

std::vector<Token> write_on(Session& session, std::int64_t count) {
  Generation generation = session.generate(std::vector<Token>{}, greedy(count));
  while (generation.next()) {
  }
  return {generation.tokens().begin(), generation.tokens().end()};
}

std::vector<Token> as_vector(std::span<const Token> tokens) { return {tokens.begin(), tokens.end()}; }

/// A small adapter for the fixture "llama".
std::shared_ptr<const Adapter> adapter(const std::filesystem::path& folder, float value) {
  const auto model = fixture("llama");
  const std::string name = "blk.0.attn_q.weight";
  const Shape& shape = model->file().find(name)->view.shape;
  const std::vector<float> a(static_cast<std::size_t>(shape[0]), value),
      b(static_cast<std::size_t>(shape[1]), 1);
  gguf::Writer writer;
  writer.metadata.set("general.type", "adapter");
  writer.metadata.set("general.architecture", "llama");
  writer.metadata.set("adapter.type", "lora");
  const auto view = [](const std::vector<float>& values, Shape extents) {
    return TensorView{DType::f32, extents, reinterpret_cast<const std::byte*>(values.data())};
  };
  writer.add_tensor(name + ".lora_a", view(a, {shape[0], 1, 1, 1}), 2);
  writer.add_tensor(name + ".lora_b", view(b, {1, shape[1], 1, 1}), 2);
  writer.write(folder / "adapter.gguf");
  return Adapter::load(folder / "adapter.gguf", model);
}

class SavedSession : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, SavedSession, testing::ValuesIn(fixture_names()), FixtureName());

TEST_P(SavedSession, GoesOnWithTheSameBits) {
  const auto model = fixture(GetParam());
  const TemporaryFolder folder;
  for (const std::int64_t length : {1, 31, 32, 33, 100}) {
    Session session(model, options());
    session.append(some_tokens(length));
    session.save(folder / "s");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"s"});
    Session other(model, options(DType::f32, 300));
    other.append(some_tokens(40, 9));
    other.load(folder / "s");
    EXPECT_EQ(as_vector(other.tokens()), some_tokens(length));
    EXPECT_TRUE(same_bits(other.logits(), session.logits())) << length;
    session.append(some_tokens(20, 2));
    other.append(some_tokens(20, 2));
    EXPECT_TRUE(same_bits(other.logits(), session.logits())) << length;
    EXPECT_EQ(write_on(other, 20), write_on(session, 20));
    other.truncate(length / 2);
    session.truncate(length / 2);
    EXPECT_TRUE(same_bits(other.logits(), session.logits())) << length;
  }
}

TEST_P(SavedSession, ForksGoOnByThemselves) {
  const auto model = fixture(GetParam());
  Session session(model, options());
  session.append(some_tokens(75));
  Session fork = session.fork();
  EXPECT_EQ(as_vector(fork.tokens()), some_tokens(75));
  EXPECT_TRUE(same_bits(fork.logits(), session.logits()));
  Session third = fork.fork();
  std::vector<Token> texts[3] = {some_tokens(75), some_tokens(75), some_tokens(75)};
  Session* const all[] = {&session, &fork, &third};
  for (unsigned step = 0; step < 3; ++step)
    for (unsigned i = 0; i < 3; ++i) {
      const auto more = some_tokens(step == 1 ? 30 : 1, 10 * step + i);
      texts[i].insert(texts[i].end(), more.begin(), more.end());
      all[i]->append(more);
      EXPECT_TRUE(same_bits(all[i]->logits(), fresh_logits(model, texts[i]))) << step << ", " << i;
    }
}

TEST(SessionFile, HoldsEveryTypeOfCacheAndTokensThatArePending) {
  const auto model = fixture("gemma2");
  const TemporaryFolder folder;
  for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::q8_0}) {
    Session session(model, options(type)), other(model, options(type));
    session.append(some_tokens(50));
    write_on(session, 5);  // the last of them is not computed yet
    session.save(folder / "s");
    other.load(folder / "s");
    EXPECT_EQ(as_vector(other.tokens()), as_vector(session.tokens()));
    EXPECT_EQ(write_on(other, 30), write_on(session, 30)) << to_string(type);
  }
}

TEST(SessionFile, AnEmptySessionIsOne) {
  const TemporaryFolder folder;
  Session session(fixture("llama"), options()), other(fixture("llama"), options());
  session.save(folder / "s");
  other.append(some_tokens(40));
  other.load(folder / "s");
  EXPECT_EQ(other.length(), 0);
  EXPECT_TRUE(other.logits().empty());
  other.append(some_tokens(3));
  EXPECT_TRUE(same_bits(other.logits(), fresh_logits(fixture("llama"), some_tokens(3))));
}

TEST(SessionFile, FitsContextsThatWindowsSeeDifferently) {
  // With a context as short as the window the layers share one table of pages, with a longer one they do not.
  const auto model = fixture("gemma2");
  const TemporaryFolder folder;
  const std::int64_t window = model->spec().layers[0].window;
  ASSERT_GT(window, 0);
  for (const auto& [from, to] : {std::pair{window, 8 * window}, {8 * window, window}}) {
    Session session(model, options(DType::f32, from)), other(model, options(DType::f32, to));
    const auto text = some_tokens(window - 2);
    session.append(text);
    session.save(folder / "s");
    other.load(folder / "s");
    other.append(some_tokens(1, 4));
    session.append(some_tokens(1, 4));
    EXPECT_TRUE(same_bits(other.logits(), session.logits())) << from << " to " << to;
  }
}

/// A saved session, and another that must not change.
class Damaged : public testing::Test {
 protected:
  Damaged() : session_(fixture("llama"), options()), logits_() {
    Session saved(fixture("llama"), options());
    saved.append(some_tokens(40));
    saved.save(path());
    bytes_ = read_file(path());
    session_.append(some_tokens(35, 3));
    logits_.assign(session_.logits().begin(), session_.logits().end());
  }
  std::filesystem::path path() const { return folder_ / "session"; }

  void expect_refused(const std::string& bytes, ErrorCode code, std::string_view text) {
    write_file(path(), bytes);
    expect_error(code, text, [&] { session_.load(path()); });
    expect_error(code, "session", [&] { session_.load(path()); });
    EXPECT_EQ(as_vector(session_.tokens()), some_tokens(35, 3));
    EXPECT_TRUE(same_bits(session_.logits(), logits_));
  }
  /// The file with a value written over what is at an offset, and the checksum of that.
  template <class T>
  std::string with(std::size_t offset, T value) const {
    std::string bytes = bytes_;
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return summed(bytes);
  }
  static std::string summed(std::string bytes) {
    Checksum sum;
    sum.add(std::string_view(bytes).substr(0, bytes.size() - 8));
    const std::uint64_t value = sum.value();
    std::memcpy(bytes.data() + bytes.size() - 8, &value, sizeof value);
    return bytes;
  }

  TemporaryFolder folder_;
  Session session_;
  Logits logits_;
  std::string bytes_;
};

TEST_F(Damaged, CutShortAnywhereItIsRefused) {
  for (std::size_t length = 0; length < bytes_.size(); length += length < 100 ? 1 : 997) {
    write_file(path(), bytes_.substr(0, length));
    EXPECT_THROW(session_.load(path()), Error) << length;
  }
  expect_refused(bytes_.substr(0, bytes_.size() - 1), ErrorCode::truncated, "cut short");
  expect_refused(bytes_ + "x", ErrorCode::truncated, "damaged");
}

TEST_F(Damaged, OneWrongByteIsNoticedAnywhere) {
  for (std::size_t at = 0; at < bytes_.size(); at += at < 200 ? 1 : 499) {
    std::string bytes = bytes_;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    write_file(path(), bytes);
    EXPECT_THROW(session_.load(path()), Error) << at;
  }
  EXPECT_EQ(as_vector(session_.tokens()), some_tokens(35, 3));
}

TEST_F(Damaged, WhatNoSessionWritesIsRefusedThoughItsChecksumFits) {
  using detail::SessionHeader;
  constexpr std::size_t tokens = sizeof(SessionHeader), logits = tokens + 4 * 40,
                        layer = logits + 4 * 101;  // the fixture's vocabulary
  ASSERT_EQ(summed(bytes_), bytes_);
  constexpr std::uint64_t huge = 0x4000000000000001;
  expect_refused("GGUF" + bytes_.substr(4), ErrorCode::magic, "linnet-s");
  expect_refused(with<std::uint32_t>(offsetof(SessionHeader, version), 2), ErrorCode::version, "version");
  for (const std::uint32_t type : {1u, 39u, 1000u})
    expect_refused(with(offsetof(SessionHeader, cache_type), type), ErrorCode::invalid_argument, "cache");
  expect_refused(with<std::uint64_t>(offsetof(SessionHeader, fingerprint), 1), ErrorCode::invalid_argument,
                 "model");
  for (const std::uint64_t count : {huge, ~std::uint64_t{0}, std::uint64_t{bytes_.size()}})
    for (const std::size_t field : {offsetof(SessionHeader, tokens), offsetof(SessionHeader, computed),
                                    offsetof(SessionHeader, logits)})
      expect_refused(with(field, count), ErrorCode::bad_model, "");
  expect_refused(with<std::uint64_t>(offsetof(SessionHeader, tokens), 39), ErrorCode::bad_model, "");
  expect_refused(with<std::uint64_t>(offsetof(SessionHeader, computed), 0), ErrorCode::bad_model, "");
  expect_refused(with<std::uint64_t>(offsetof(SessionHeader, computed), 30), ErrorCode::bad_model, "pages");
  expect_refused(with<std::uint32_t>(offsetof(SessionHeader, long_factors), 2), ErrorCode::bad_model, "");
  expect_refused(with<std::uint32_t>(offsetof(SessionHeader, layers), 1), ErrorCode::bad_model, "");
  expect_refused(with<Token>(tokens + 8, 101), ErrorCode::bad_model, "101");
  expect_refused(with<Token>(tokens + 8, -1), ErrorCode::bad_model, "-1");
  expect_refused(with(logits + 4, std::numeric_limits<float>::quiet_NaN()), ErrorCode::bad_model, "logit");
  for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{1}, std::int64_t{7}, INT64_MAX, INT64_MIN})
    for (const std::size_t field : {0, 8, 16})
      expect_refused(with(layer + field, value), ErrorCode::bad_model, "pages");
  std::string longer = bytes_;
  longer.insert(longer.size() - 8, 8, '\0');
  const std::uint64_t size = longer.size();
  std::memcpy(longer.data() + offsetof(SessionHeader, file_bytes), &size, sizeof size);
  expect_refused(summed(longer), ErrorCode::bad_model, "longer");
  write_file(path(), bytes_);
  session_.load(path());
  EXPECT_EQ(as_vector(session_.tokens()), some_tokens(40));
}

TEST_F(Damaged, SessionsOfOthersAreRefused) {
  Session other_model(fixture("llama-bias"), options()), other_type(fixture("llama"), options(DType::f16)),
      small(fixture("llama"), options(DType::f32, 32));
  expect_error(ErrorCode::invalid_argument, "another model", [&] { other_model.load(path()); });
  expect_error(ErrorCode::invalid_argument, "F16", [&] { other_type.load(path()); });
  expect_error(ErrorCode::context_full, "32", [&] { small.load(path()); });
  expect_error(ErrorCode::io, "missing", [&] { session_.load(folder_ / "missing"); });
  expect_error(ErrorCode::io, "missing", [&] { session_.save(folder_ / "missing/file"); });
}

TEST_F(Damaged, AdaptersBelongToASession) {
  const AdapterUse use{adapter(folder_.path(), 0.5f)}, half{use.adapter, 0.5f},
      same{adapter(folder_.path(), 0.5f)}, other{adapter(folder_.path(), 0.25f)};
  expect_error(ErrorCode::invalid_argument, "adapters", [&] {
    session_.set_adapters({&use, 1});
    session_.load(path());
  });
  const Logits adapted(session_.logits().begin(), session_.logits().end());
  EXPECT_FALSE(same_bits(adapted, logits_)) << "what was said is computed again";
  session_.save(path());
  Session fork = session_.fork();
  fork.append(some_tokens(4));
  session_.append(some_tokens(4));
  EXPECT_TRUE(same_bits(fork.logits(), session_.logits()));

  Session second(fixture("llama"), options());
  for (const AdapterUse& wrong : {half, other}) {
    second.set_adapters({&wrong, 1});
    expect_error(ErrorCode::invalid_argument, "adapters", [&] { second.load(path()); });
  }
  second.set_adapters({&same, 1});
  second.load(path());
  EXPECT_TRUE(same_bits(second.logits(), adapted));
  second.set_adapters({});
  EXPECT_TRUE(same_bits(second.logits(), logits_));
}

}  // namespace
}  // namespace linnet::session_file_test
