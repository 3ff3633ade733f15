// gguf_fuzz.cpp - libFuzzer target: any bytes through the GGUF reader and every typed read of what it
// accepts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <linnet/gguf/reader.hpp>

namespace {

/// Calls a typed read that may refuse, and nothing but an Error may come out.
template <class Read>
void attempt(Read&& read) {
  try {
    read();
  } catch (const linnet::Error& error) {
    if (error.code() != linnet::ErrorCode::bad_model) std::abort();
  }
}

void read_every_way(const linnet::gguf::Metadata& metadata) {
  for (const auto& entry : metadata) {
    const std::string_view key = entry.key;
    const linnet::gguf::Value& value = entry.value;
    if (metadata.find(key) != &value) std::abort();
    attempt([&] { metadata.integer(key); });
    attempt([&] { metadata.real(key); });
    attempt([&] { metadata.boolean(key); });
    attempt([&] { metadata.text(key); });
    attempt([&] { metadata.integers(key); });
    attempt([&] { metadata.reals(key); });
    attempt([&] {
      std::size_t bytes = 0;
      for (const std::string_view text : metadata.texts(key)) bytes += text.size() + 8;
      if (bytes != value.element_bytes().size()) std::abort();
    });
  }
}

void read_every_tensor(const linnet::gguf::File& file, std::span<const std::byte> bytes) {
  for (const auto& tensor : file.tensors()) {
    if (file.find(tensor.name) != &tensor) std::abort();
    if (tensor.view.data != bytes.data() + tensor.offset) std::abort();
    if (const auto size = tensor.view.bytes(); size > 0) {
      const volatile std::byte* data = tensor.view.data;  // volatile: the reads are the test
      static_cast<void>(data[0]);
      static_cast<void>(data[size - 1]);
    }
    file.release(tensor);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto file = linnet::gguf::File::parse(bytes);
    read_every_way(file.metadata());
    read_every_tensor(file, bytes);
  } catch (const linnet::Error&) {
    // A typed error is a right answer; anything else reaches libFuzzer.
  }
  return 0;
}
