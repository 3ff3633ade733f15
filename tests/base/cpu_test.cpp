// cpu_test.cpp - the instruction sets that are found, against each other and against what Linux says.
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <linnet/base/cpu.hpp>

namespace linnet::cpu_test {
namespace {

TEST(CpuFeatures, LaterOnesNeedEarlierOnes) {
  const CpuFeatures& cpu = cpu_features();
  EXPECT_TRUE(cpu.avx2 || !cpu.avx_vnni);
  EXPECT_TRUE(cpu.avx2 || !cpu.avx512);
  EXPECT_TRUE(cpu.avx512 || !cpu.avx512_vnni);
  EXPECT_TRUE(cpu.avx512 || !cpu.avx512_bf16);
  EXPECT_TRUE(cpu.avx512_vnni || !cpu.amx);
  EXPECT_TRUE(cpu.neon || !cpu.neon_dotprod);
  EXPECT_TRUE(cpu.neon_dotprod || !cpu.neon_i8mm);
  EXPECT_FALSE(cpu.avx2 && cpu.neon);
}

TEST(CpuFeatures, AreReadOnce) { EXPECT_EQ(&cpu_features(), &cpu_features()); }

TEST(CpuFeatures, AreWhatLinuxFinds) {
#ifdef __aarch64__
  constexpr const char* key = "Features";
#else
  constexpr const char* key = "flags";
#endif
  std::ifstream in("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; std::getline(in, line) && flags.empty();) {
    if (!line.starts_with(key)) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no " << key << " here";
  const auto all = [&](std::initializer_list<const char*> names) {
    bool found = true;
    for (const char* name : names) found = found && flags.count(name) > 0;
    return found;
  };
  const CpuFeatures& cpu = cpu_features();
  EXPECT_EQ(cpu.avx2, all({"avx2", "fma", "f16c"}));
  EXPECT_EQ(cpu.avx_vnni, all({"avx2", "fma", "f16c", "avx_vnni"}));
  EXPECT_EQ(cpu.avx512, all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}));
  EXPECT_EQ(cpu.avx512_vnni, cpu.avx512 && all({"avx512_vnni"}));
  EXPECT_EQ(cpu.avx512_bf16, cpu.avx512 && all({"avx512_bf16"}));
  EXPECT_EQ(cpu.neon_dotprod, all({"asimddp"}));
  EXPECT_EQ(cpu.neon_i8mm, all({"asimddp", "i8mm"}));
}

}  // namespace
}  // namespace linnet::cpu_test
