// writer_test.cpp - what was read is written back byte for byte, and a failure leaves nothing behind.
#include <sys/resource.h>

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/gguf/writer.hpp>
#include <support/expect_error.hpp>
#include <support/malformed_gguf.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::gguf::writer_test {
namespace {

using tests::bytes_of;
using tests::expect_error;
using tests::FileBytes;
using tests::read_file;
using tests::TemporaryFolder;
using tests::write_file;

/// A file with every value type, made without the writer. Tensors: two, an empty one, and one after it.
std::string complete_file(std::uint32_t version, std::uint32_t alignment, bool says_alignment) {
  FileBytes f;
  f.header(version, 4, says_alignment ? 16 : 15);
  f.string("z.first").u32(0).u8(200).string("i8").u32(1).u8(0x80).string("u16").u32(2).u16(65'535);
  f.string("i16").u32(3).u16(0x8000).string("u32").u32(4).u32(1).string("i32").u32(5).u32(0x80000000);
  f.string("f32").u32(6).u32(0x7fc00001).string("bool").u32(7).u8(0).string("string").u32(8).string("text");
  f.string("u64").u32(10).u64(UINT64_MAX).string("i64").u32(11).u64(UINT64_MAX).string("f64").u32(12).u64(1);
  if (says_alignment) f.string("general.alignment").u32(4).u32(alignment);
  f.string("strings").u32(9).u32(8).u64(3).string("").string("one").string("two");
  f.string("empty").u32(9).u32(8).u64(0).string("bools").u32(9).u32(7).u64(3).u8(1).u8(0).u8(1);
  const auto padded = [&](std::uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  f.tensor("q", {32, 3}, 8, 0).tensor("f", {5, 1, 1, 1}, 0, padded(102));
  f.tensor("nothing", {0, 4}, 1, padded(102) + padded(20)).tensor("last", {3}, 24, padded(102) + padded(20));
  f.pad(alignment).raw(std::string(102, 'q')).pad(alignment).raw(std::string(20, 'f')).pad(alignment);
  return f.raw("end").pad(alignment).str();
}

TEST(Writer, RoundTripsByteForByte) {
  const TemporaryFolder folder;
  for (const std::uint32_t version : {2u, 3u})
    for (const std::uint32_t alignment : {1u, 8u, 32u, 64u, 4096u}) {
      const std::string original = complete_file(version, alignment, true);
      write_file(folder / "in", original);
      const File file = File::open(folder / "in");
      const Writer writer = Writer::copy_of(file);
      EXPECT_EQ(writer.file_size(), original.size());
      writer.write(folder / "out");
      EXPECT_TRUE(read_file(folder / "out") == original)
          << "version " << version << ", alignment " << alignment;
    }
  const std::string original = complete_file(3, 32, false);
  Writer::copy_of(File::parse(bytes_of(original))).write(folder / "out");
  EXPECT_TRUE(read_file(folder / "out") == original);
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"in", "out"}));
}

TEST(Writer, WritesOverTheFileThatItReads) {
  const TemporaryFolder folder;
  const std::string original = complete_file(3, 32, true);
  write_file(folder / "model", original);
  const File file = File::open(folder / "model");
  Writer writer = Writer::copy_of(file);
  writer.metadata.set("added", true);
  writer.write(folder / "model");
  EXPECT_TRUE(File::open(folder / "model").metadata().boolean("added"));
  EXPECT_EQ(file.metadata().text("string"), "text");  // the mapping is of the old file still
}

Value random_value(std::mt19937& random) {
  const auto number = random();
  switch (random() % 8) {
    case 0:
      return static_cast<std::uint8_t>(number);
    case 1:
      return static_cast<std::int16_t>(number);
    case 2:
      return std::uint64_t{number} << 31;
    case 3:
      return std::string(number % 50, 'x');
    case 4:
      return std::vector<float>(number % 20, 0.5f);
    case 5:
      return std::vector<std::string>(number % 9, "token");
    case 6:
      return std::vector<bool>(number % 9, true);
    default:
      return static_cast<double>(number);
  }
}

TEST(Writer, RandomFilesRoundTrip) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    Writer writer;
    writer.version = 2 + random() % 2;
    if (random() % 2) writer.metadata.set(alignment_key, std::uint32_t{1} << random() % 10);
    for (auto i = random() % 20; i > 0; --i)
      writer.metadata.set(concat("key.", random() % 30), random_value(random));
    std::vector<std::string> data;
    for (std::uint32_t i = 0; i < random() % 6; ++i) {
      const DTypeInfo& type = dtype_table[random() % std::size(dtype_table)];
      const auto cols = static_cast<std::int64_t>(random() % 3) * type.block_length;
      const auto rows = static_cast<std::int64_t>(random() % 4);
      writer.add_tensor(concat("t", i), type.type, {cols, rows, 2});
      data.emplace_back(static_cast<std::size_t>(byte_size(type.type, cols * rows * 2)),
                        static_cast<char>('a' + i));
    }
    std::size_t next = 0;
    writer.write(folder / "first", [&](const Tensor&, TensorSink& sink) {
      const auto bytes = bytes_of(data[next++]);
      const std::size_t half = bytes.size() / 3;
      sink.append(bytes.first(half));  // in chunks
      sink.append(bytes.subspan(half));
    });
    const File file = File::open(folder / "first");
    EXPECT_TRUE(file.warnings().empty());
    EXPECT_EQ(file.size(), writer.file_size());
    ASSERT_EQ(file.metadata().size(), writer.metadata.size());
    for (const auto& [key, value] : writer.metadata) EXPECT_TRUE(*file.metadata().find(key) == value) << key;
    ASSERT_EQ(file.tensors().size(), data.size());
    for (std::size_t i = 0; i < data.size(); ++i) {
      const TensorView& view = file.tensors()[i].view;
      EXPECT_EQ(view.shape, writer.tensors()[i].view.shape);
      EXPECT_TRUE(std::equal(view.data, view.data + view.bytes(), bytes_of(data[i]).begin(),
                             bytes_of(data[i]).end()));
    }
    Writer::copy_of(file).write(folder / "second");
    EXPECT_TRUE(read_file(folder / "first") == read_file(folder / "second"));
  }
}

TEST(Writer, RefusesWhatAFileCannotHold) {
  Writer writer;
  const auto refused = [&](std::string_view text, auto&&... arguments) {
    expect_error(ErrorCode::invalid_argument, text, [&] { writer.add_tensor(arguments...); });
  };
  using Shape = std::initializer_list<std::int64_t>;
  refused("name of 1 to 64 bytes", "", DType::f32, Shape{1});
  refused("found 65 bytes", std::string(65, 'n'), DType::f32, Shape{1});
  refused("name", std::string_view("a\0b", 3), DType::f32, Shape{1});
  refused("1 to 4 dimensions, found 0", "t", DType::f32, Shape{});
  refused("1 to 4 dimensions, found 5", "t", DType::f32, Shape{1, 1, 1, 1, 1});
  refused("[-1]", "t", DType::f32, Shape{-1});
  refused("Q4_K blocks of 256", "t", DType::q4_k, Shape{128});
  refused("more bytes", "t", DType::f32, Shape{INT64_MAX / 4, 2});
  EXPECT_TRUE(writer.tensors().empty());
  writer.add_tensor("t", DType::f32, {1});
  refused("before", "t", DType::f32, Shape{1});

  const TemporaryFolder folder;
  const auto supply = [](const Tensor&, TensorSink& sink) { sink.append(std::as_bytes(std::span("abc"))); };
  expect_error(ErrorCode::invalid_argument, "without data", [&] { writer.write(folder / "x"); });
  writer.metadata.set(alignment_key, 33u);
  expect_error(ErrorCode::invalid_argument, "general.alignment", [&] { writer.write(folder / "x", supply); });
  writer.metadata.set(alignment_key, 32);  // an i32
  expect_error(ErrorCode::invalid_argument, "general.alignment", [&] { writer.write(folder / "x", supply); });
  writer.metadata.erase(alignment_key);
  writer.version = 1;
  expect_error(ErrorCode::invalid_argument, "version 1", [&] { writer.write(folder / "x", supply); });
  writer.version = 3;
  writer.add_tensor("u", DType::i8, {INT64_MAX});
  writer.add_tensor("v", DType::i8, {INT64_MAX});
  writer.add_tensor("w", DType::i8, {INT64_MAX});
  expect_error(ErrorCode::invalid_argument, "together", [&] { writer.write(folder / "x", supply); });
  EXPECT_TRUE(folder.names().empty());
}

// Failures leave nothing, and what was there before stays.

class WriterFailure : public testing::Test {
 protected:
  WriterFailure() {
    write_file(folder_ / "model.gguf", "before");
    writer_.add_tensor("a", DType::i8, {4 << 20});
    writer_.add_tensor("b", DType::i8, {4 << 20});
  }
  ~WriterFailure() override {
    EXPECT_EQ(folder_.names(), std::vector<std::string>{"model.gguf"});
    EXPECT_EQ(read_file(folder_ / "model.gguf"), "before");
  }
  void write(const Writer::Supply& supply) const { writer_.write(folder_ / "model.gguf", supply); }

  static constexpr std::size_t chunk_bytes = 1 << 20;
  const std::vector<std::byte> chunk_ = std::vector<std::byte>(chunk_bytes);
  TemporaryFolder folder_;
  Writer writer_;
};

TEST_F(WriterFailure, TooFewBytes) {
  expect_error(ErrorCode::invalid_argument, "tensor 'a': expected 4194304 bytes of data, found 3145728 fewer",
               [&] { write([&](const Tensor&, TensorSink& sink) { sink.append(chunk_); }); });
}

TEST_F(WriterFailure, TooManyBytes) {
  expect_error(ErrorCode::invalid_argument,
               "tensor 'a': expected 4194304 bytes of data, found at least 1048576 more", [&] {
                 write([&](const Tensor&, TensorSink& sink) {
                   for (int i = 0; i < 5; ++i) sink.append(chunk_);
                 });
               });
}

TEST_F(WriterFailure, Cancelled) {
  expect_error(ErrorCode::cancelled, "stop", [&] {
    write([&](const Tensor& tensor, TensorSink& sink) {
      if (tensor.name == "b") fail(ErrorCode::cancelled, "stop");
      while (sink.remaining() > 0) sink.append(chunk_);
    });
  });
}

/// Lowers the size that this process may give files, and has the system say so by an error instead of a
/// signal.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit lowered{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &lowered);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

TEST_F(WriterFailure, FileSizeLimitIsFoundBeforeTheFirstByte) {
  const FileSizeLimit limit(1 << 20);
  std::signal(SIGXFSZ, SIG_DFL);  // a write beyond the limit would end this test
  bool called = false;
  expect_error(ErrorCode::io, "ulimit -f",
               [&] { write([&](const Tensor&, TensorSink&) { called = true; }); });
  EXPECT_FALSE(called);
}

TEST_F(WriterFailure, NoRoomIsFoundBeforeTheFirstByte) {
  writer_.add_tensor("huge", DType::i8, {std::int64_t{1} << 60});
  expect_error(ErrorCode::io, "left; free some", [&] { write([](const Tensor&, TensorSink&) {}); });
}

TEST_F(WriterFailure, WritingFailsHalfWay) {
  std::optional<FileSizeLimit> limit;  // stands for a disk that fills up while it is written to
  expect_error(ErrorCode::io, "cannot write", [&] {
    write([&](const Tensor& tensor, TensorSink& sink) {
      if (tensor.name == "b") limit.emplace(6 << 20);
      while (sink.remaining() > 0) sink.append(chunk_);
    });
  });
}

TEST(Writer, RefusesPathsThatCannotBecomeAFile) {
  const TemporaryFolder folder;
  const Writer writer;
  expect_error(ErrorCode::io, "is no file", [&] { writer.write("/dev/full"); });
  expect_error(ErrorCode::io, "is no file", [&] { writer.write(folder.path()); });
  expect_error(ErrorCode::io, "No such file", [&] { writer.write(folder / "missing" / "x.gguf"); });
  EXPECT_TRUE(folder.names().empty());
}

TEST(Writer, FollowsALinkAndReplacesAnOldPartFile) {
  const TemporaryFolder folder;
  write_file(folder / "target", "before");
  write_file(folder / "target.part", "left by a run that was killed");
  std::filesystem::create_symlink(folder / "target", folder / "link");
  Writer().write(folder / "link");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"link", "target"}));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(File::open(folder / "target").tensors().size(), 0u);
}

TEST(Writer, TheLaterOfTwoWritersWins) {
  const TemporaryFolder folder;
  Writer outer, inner;
  outer.add_tensor("outer", DType::i8, {1});
  inner.metadata.set("inner", true);
  expect_error(ErrorCode::io, "another program", [&] {
    outer.write(folder / "x", [&](const Tensor&, TensorSink& sink) {
      inner.write(folder / "x");
      sink.append(std::as_bytes(std::span("", 1)));
    });
  });
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x"});
  EXPECT_TRUE(File::open(folder / "x").metadata().boolean("inner"));
}

}  // namespace
}  // namespace linnet::gguf::writer_test
