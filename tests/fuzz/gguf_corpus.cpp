// gguf_corpus.cpp - writes the seed corpus of gguf_fuzz: the forty malformed files and some valid ones.
#include <exception>
#include <filesystem>
#include <iostream>

#include <support/malformed_gguf.hpp>
#include <support/temporary_folder.hpp>

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: gguf_corpus FOLDER");
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  namespace tests = linnet::tests;
  tests::write_file(folder / "base", tests::base_gguf());
  tests::write_file(folder / "version_2", tests::overwrite(tests::at::version, tests::FileBytes().u32(2)));
  for (const tests::MalformedCase& c : tests::malformed_cases())
    if (c.bytes.size() < 10'000) tests::write_file(folder / c.name, c.bytes);  // libFuzzer likes small seeds

  // Every value type alone and in an array, so that no mutation has to find a type by luck.
  for (std::uint32_t type = 0; type < 13; ++type) {
    tests::FileBytes scalar, array;
    scalar.header(3, 0, 1).string("k").u32(type);
    array.header(3, 0, 1).string("k").u32(9).u32(type).u64(2);
    for (tests::FileBytes* file : {&scalar, &array}) {
      if (type == 8) file->string("one").string("two");
      file->zeros(16);
    }
    tests::write_file(folder / ("scalar_" + std::to_string(type)), scalar.str());
    tests::write_file(folder / ("array_" + std::to_string(type)), array.str());
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
