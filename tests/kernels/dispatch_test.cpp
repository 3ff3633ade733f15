// dispatch_test.cpp - the tables of this build: complete, in order, found by name.
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <linnet/base/cpu.hpp>
#include <support/expect_error.hpp>

#include "tables.hpp"

namespace linnet::kernels::dispatch_test {
namespace {

TEST(Dispatch, TheScalarReferenceIsLastAndAlwaysThere) {
  ASSERT_FALSE(choices().empty());
  EXPECT_EQ(choices().back().table->isa, "scalar");
  EXPECT_TRUE(choices().back().available);
  std::set<std::string_view> names;
  for (const Choice& choice : choices()) EXPECT_TRUE(names.insert(choice.table->isa).second);
}

TEST(Dispatch, TablesAreFoundByName) {
  for (const Choice& choice : choices()) {
    const std::string name(choice.table->isa);
    if (choice.available) {
      EXPECT_EQ(&find_table(name), choice.table);
    } else {
      tests::expect_error(ErrorCode::invalid_argument, name, [&] { find_table(name); });
    }
  }
  for (const char* name : {"", "AVX2", "sse", "scalar "})
    tests::expect_error(ErrorCode::invalid_argument, "scalar", [&] { find_table(name); });
}

TEST(Dispatch, ActiveIsOneThatTheMachineCanRun) {
  EXPECT_EQ(&active(), &find_table(active().isa));
  EXPECT_EQ(&active(), &active());
}

TEST(Dispatch, EveryTableIsComplete) {
  for (const Choice& choice : choices()) {
    const Table& t = *choice.table;
    SCOPED_TRACE(t.isa);
    for (DType type : all_formats()) EXPECT_NE(entry(t.matmul, type), nullptr) << to_string(type);
    EXPECT_EQ(entry(t.matmul, DType::iq2_xxs), nullptr);
    for (DType type : {DType::f32, DType::f16, DType::bf16, DType::q8_0})
      EXPECT_NE(entry(t.attention, type), nullptr) << to_string(type);
    EXPECT_EQ(entry(t.attention, DType::q4_0), nullptr);
    EXPECT_TRUE(t.rms_norm && t.layer_norm && t.rope_interleaved && t.rope_halves && t.silu_gate &&
                t.gelu_gate && t.gelu && t.add_scaled && t.soft_cap);
  }
}

}  // namespace
}  // namespace linnet::kernels::dispatch_test
