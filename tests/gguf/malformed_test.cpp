// malformed_test.cpp - spoilt files give the right error or are read; never a signal, much memory or much
// time.
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <linnet/gguf/reader.hpp>
#include <support/malformed_gguf.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::malformed_test {
namespace {

/// How many of the 65,536 one-byte edits leave a valid file, by the reference reader with the types of
/// dtype.hpp.
constexpr int accepted_edits = 15'188;

using tests::base_gguf;
using tests::bytes_of;

struct Outcome {
  std::optional<ErrorCode> code;  // nothing: accepted
  std::string text;

  std::string name() const { return code ? std::string(to_string(*code)) : "OK"; }
};

Outcome read(const std::string& bytes) {
  try {
    const auto file = gguf::File::parse(bytes_of(bytes));
    // Sanitizers see whether every byte that was promised is there.
    unsigned sum = 0;
    for (const auto& tensor : file.tensors())
      for (std::int64_t i = 0; i < tensor.view.bytes(); ++i)
        sum += static_cast<unsigned>(tensor.view.data[i]);
    return {std::nullopt, std::to_string(sum)};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
}

/// Calls visit(offset, value, file) for the base file with each of its first 256 bytes set to each value.
template <class Visit>
void for_each_edit(Visit&& visit) {
  std::string file = base_gguf();
  for (std::size_t offset = 0; offset < 256; ++offset) {
    const char original = file[offset];
    for (int value = 0; value < 256; ++value) {
      file[offset] = static_cast<char>(value);
      visit(offset, value, file);
    }
    file[offset] = original;
  }
}

TEST(Malformed, FortyCases) {
  int count = 0;
  for (const auto& c : tests::malformed_cases()) {
    SCOPED_TRACE(testing::Message() << c.number << " " << c.name);
    EXPECT_EQ(c.number, ++count);
    const Outcome outcome = read(c.bytes);
    EXPECT_EQ(outcome.name(), c.expected ? to_string(*c.expected) : "OK") << outcome.text;
    EXPECT_EQ(outcome.text.find('\n'), std::string::npos) << outcome.text;
  }
  EXPECT_EQ(count, 40);
}

TEST(Malformed, ErrorsSayWhereAndWhat) {
  const auto text = [](int number) {
    return read(tests::malformed_cases()[static_cast<std::size_t>(number - 1)].bytes).text;
  };
  const auto contains = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos ? testing::AssertionSuccess()
                                                : testing::AssertionFailure() << text;
  };
  EXPECT_TRUE(contains(text(16), "key 'general.architecture' at byte 52"));
  EXPECT_TRUE(contains(text(13), "'general.\\x00rchitecture'"));
  EXPECT_TRUE(contains(text(21), "key 't.b' at byte 154: expected a bool of 0 or 1, found 2"));
  EXPECT_TRUE(contains(text(28), "tensor 'a' at byte 164"));
  EXPECT_TRUE(contains(text(32), "type 4 "));
  EXPECT_TRUE(contains(text(36), "tensor 'b' at byte 320"));
}

TEST(Malformed, CasesThatAreAccepted) {
  const auto cases = tests::malformed_cases();
  const auto empty = gguf::File::parse(bytes_of(cases[38].bytes));
  EXPECT_EQ(empty.find("a")->view.shape, (Shape{32, 0, 1, 1}));
  EXPECT_EQ(empty.find("a")->view.bytes(), 0);
  EXPECT_TRUE(empty.warnings().empty());
  const auto trailing = gguf::File::parse(bytes_of(cases[39].bytes));
  ASSERT_EQ(trailing.warnings().size(), 1u);
  EXPECT_NE(trailing.warnings()[0].find("4096 bytes"), std::string::npos);
}

TEST(Malformed, AllTruncations) {
  const std::string base = base_gguf();
  for (std::size_t length = 0; length < base.size(); ++length) {
    // The last tensor ends at 368; what follows is padding.
    const Outcome outcome = read(base.substr(0, length));
    EXPECT_EQ(outcome.name() == "OK", length >= 368) << length << ": " << outcome.text;
    if (length < 256) {
      EXPECT_TRUE(outcome.name() == "truncated" || outcome.name() == "count" || outcome.name() == "bounds")
          << length;
    }
  }
}

TEST(Malformed, AllOneByteEdits) {
  const auto start = std::chrono::steady_clock::now();
  int accepted = 0;
  for_each_edit([&](std::size_t, int, const std::string& file) { accepted += !read(file).code; });
  EXPECT_EQ(accepted, accepted_edits);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

// The limits that make the bounds on memory and time hold for a file of any size.

TEST(Malformed, MoreKeysOrTensorsThanTheLimit) {
  const std::uint64_t keys = gguf::max_keys + 1, tensors = gguf::max_tensors + 1;
  EXPECT_EQ(read(tests::FileBytes().header(3, 0, keys).zeros(13 * keys).str()).name(), "limit");
  EXPECT_EQ(read(tests::FileBytes().header(3, tensors, 0).zeros(24 * tensors).str()).name(), "limit");
}

TEST(Malformed, AStringLongerThanTheLimit) {
  const std::string text(gguf::max_string_length + 1, 'x');
  EXPECT_EQ(read(tests::FileBytes().header(3, 0, 1).string("k").u32(8).string(text).str()).name(), "limit");
}

TEST(Malformed, ExtentsBesideAZeroMustFitToo) {
  // Their product is 0, but that of some of them would wrap in a program that multiplies from the other end.
  EXPECT_EQ(read(tests::one_tensor_gguf(0, {0, 1ull << 40, 1ull << 40})).name(), "overflow");
  EXPECT_EQ(read(tests::one_tensor_gguf(0, {1ull << 62, 0})).name(), "overflow");
  EXPECT_EQ(read(tests::one_tensor_gguf(0, {0, 4})).name(), "OK");
}

TEST(Malformed, AnEmptyTensorMaySayAnyOffset) {
  const auto bytes = tests::FileBytes().header(3, 1, 0).tensor("t", {0}, 0, UINT64_MAX - 31).pad(32).str();
  const auto file = gguf::File::parse(bytes_of(bytes));
  EXPECT_LE(file.tensors()[0].offset, bytes.size());
}

// The reference reader, where the machine has it.

#ifdef LINNET_SOURCE_DIR
std::string reference_script() {
  return std::string(LINNET_SOURCE_DIR) + "/../shared/tools/malformed_gguf.py";
}

bool has_reference() {
  return std::filesystem::exists(reference_script()) && std::system("python3 -c '' >/dev/null 2>&1") == 0;
}

/// The library's name for an outcome of the reference reader.
std::string outcome_of_reference(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"OK", "OK"},
      {"E_TRUNC", "truncated"},
      {"E_MAGIC", "magic"},
      {"E_ENDIAN", "endian"},
      {"E_VERSION", "version"},
      {"E_COUNT", "count"},
      {"E_KEY", "key"},
      {"E_DUPKEY", "duplicate_key"},
      {"E_TYPE", "value_type"},
      {"E_DEPTH", "depth"},
      {"E_BOOL", "boolean"},
      {"E_LIMIT", "limit"},
      {"E_KVTYPE", "key_type"},
      {"E_ALIGN", "alignment"},
      {"E_NAME", "name"},
      {"E_DUPTENSOR", "duplicate_tensor"},
      {"E_NDIMS", "dimensions"},
      {"E_DIM", "dimension"},
      {"E_OVERFLOW", "overflow"},
      {"E_QTYPE", "tensor_type"},
      {"E_BLOCK", "block"},
      {"E_OFFSET", "offset"},
      {"E_BOUNDS", "bounds"},
      {"E_OVERLAP", "overlap"},
  };
  for (const auto& [from, to] : names)
    if (from == name) return std::string(to);
  return "no such outcome: " + std::string(name);
}

TEST(Malformed, FilesOfTheReference) {
  if (!has_reference()) GTEST_SKIP() << "no " << reference_script() << ", or no python3";
  const tests::TemporaryFolder folder;
  ASSERT_EQ(std::system(
                ("python3 '" + reference_script() + "' '" + folder.path().native() + "' >/dev/null").c_str()),
            0);
  int count = 0;
  const auto ours = tests::malformed_cases();
  for (const std::string& name : folder.names()) {
    const std::string wanted = name.substr(name.rfind("__") + 2, name.rfind('.') - name.rfind("__") - 2);
    const std::string bytes = tests::read_file(folder / name);
    EXPECT_EQ(read(bytes).name(), outcome_of_reference(wanted)) << name;
    EXPECT_TRUE(ours[static_cast<std::size_t>(std::stoi(name) - 1)].bytes == bytes)
        << name << ": ours differs";
    ++count;
  }
  EXPECT_EQ(count, 40);
}

TEST(Malformed, OneByteEditsAndTruncationsAsTheReference) {
  if (!has_reference()) GTEST_SKIP() << "no " << reference_script() << ", or no python3";
  const tests::TemporaryFolder folder;
  // Its reader knows fewer tensor types than dtype.hpp: teach it the rest, then let it judge every edit.
  std::ostringstream script;
  script << "import sys, importlib.util\n"
         << "sys.argv = ['x']\n"
         << "spec = importlib.util.spec_from_file_location('m', '" << reference_script() << "')\n"
         << "sys.dont_write_bytecode = True\n"
         << "m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)\n";
  for (const DTypeInfo& type : dtype_table)
    script << "m.QT[" << static_cast<std::uint32_t>(type.type) << "] = (" << type.block_length << ","
           << type.block_bytes << ")\n";
  script << "def judge(b):\n"
         << "  try: return m.check(b)\n"
         << "  except m.Bad as e: return str(e)\n"
         << "out = open('" << (folder / "outcomes").native() << "', 'w')\n"
         << "for k in range(256):\n"
         << "  for v in range(256): print(judge(m.B[:k] + bytes([v]) + m.B[k+1:]), file=out)\n"
         << "for k in range(384): print(judge(m.B[:k]), file=out)\n";
  tests::write_file(folder / "judge.py", script.str());
  ASSERT_EQ(std::system(("python3 '" + (folder / "judge.py").native() + "' >/dev/null").c_str()), 0);

  std::istringstream outcomes(tests::read_file(folder / "outcomes"));
  std::string wanted;
  int differences = 0, accepted = 0;
  const auto compare = [&](const std::string& file, std::size_t offset, int value) {
    ASSERT_TRUE(std::getline(outcomes, wanted));
    accepted += wanted == "OK";
    const Outcome outcome = read(file);
    if (outcome.name() == outcome_of_reference(wanted) || ++differences > 10) return;
    ADD_FAILURE() << "byte " << offset << " = " << value << ": reference " << wanted << ", found "
                  << outcome.name() << " " << outcome.text;
  };
  for_each_edit(
      [&](std::size_t offset, int value, const std::string& file) { compare(file, offset, value); });
  EXPECT_EQ(accepted, accepted_edits);
  for (std::size_t length = 0; length < 384; ++length) compare(base_gguf().substr(0, length), length, -1);
  EXPECT_EQ(differences, 0);
}
#endif

}  // namespace
}  // namespace linnet::malformed_test
