// adapter_test.cpp - LoRA adapters against models whose weights were merged in float; swapping them, and
// files that are none.
#include <cmath>
#include <functional>
#include <limits>
#include <list>
#include <random>

#include <gtest/gtest.h>
#include <linnet/model/adapter.hpp>
#include <model/edited_model.hpp>
#include <support/expect_error.hpp>

namespace linnet::adapter_test {
namespace {

using namespace tests;

/// An adapter in the making, for the matrices of a model.
class AdapterFile {
 public:
  explicit AdapterFile(const Model& model) {
    writer_.metadata.set("general.type", "adapter");
    writer_.metadata.set("general.architecture", model.spec().architecture);
    writer_.metadata.set("adapter.type", "lora");
    writer_.metadata.set("adapter.lora.alpha", alpha);
  }

  static constexpr float alpha = 12;

  gguf::Metadata& metadata() { return writer_.metadata; }

  AdapterFile& add(std::string_view name, std::vector<std::int64_t> shape, std::vector<float> values,
                   DType type = DType::f32) {
    TensorView view{.type = type, .shape = {1, 1, 1, 1}, .data = nullptr};
    std::copy(shape.begin(), shape.end(), view.shape.begin());
    auto& bytes = owned_.emplace_back(static_cast<std::size_t>(view.bytes()));
    quant::quantize(type, values, bytes.data());
    view.data = bytes.data();
    writer_.add_tensor(name, view, static_cast<int>(shape.size()));
    return *this;
  }

  /// A pair of random values for a matrix of this shape [in, out, ...].
  AdapterFile& add_pair(const std::string& name, const gguf::Tensor& matrix, std::int64_t rank,
                        DType type = DType::f32) {
    const Shape& shape = matrix.view.shape;
    std::vector<std::int64_t> a = {shape[0], rank}, b = {rank, shape[1]};
    if (matrix.dims == 3) a.push_back(shape[2]), b.push_back(shape[2]);
    add(name + ".lora_a", a, random(shape[0] * rank * shape[2], 0.3f), type);
    return add(name + ".lora_b", b, random(rank * shape[1] * shape[2], 0.3f), type);
  }

  std::filesystem::path write() const {
    writer_.write(folder_ / "adapter.gguf");
    return folder_ / "adapter.gguf";
  }
  std::shared_ptr<const Adapter> load(std::shared_ptr<const Model> model) const {
    return Adapter::load(write(), std::move(model));
  }

  /// Makes this adapter another than the one before it.
  void skip_random() { random_.discard(1000); }

  std::vector<float> random(std::int64_t count, float size) {
    std::normal_distribution<float> normal(0, size);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random_);
    return values;
  }

 private:
  gguf::Writer writer_;
  std::list<std::vector<std::byte>> owned_;
  std::mt19937 random_{7};
  TemporaryFolder folder_;
};

bool is_matrix(const gguf::Tensor& tensor) {
  return tensor.dims >= 2 && tensor.name.ends_with(".weight") && tensor.name != "token_embd.weight";
}

/// An adapter of every matrix, of different ranks.
void add_all(AdapterFile& adapter, const Model& model, DType type = DType::f32) {
  std::int64_t rank = 1;
  for (const gguf::Tensor& tensor : model.file().tensors())
    if (is_matrix(tensor)) adapter.add_pair(tensor.name, tensor, 1 + rank++ % 9, type);
}

/// Adds scale * alpha / rank * B A to the model's weights.
void merge(EditedModel& model, const gguf::File& adapter, double scale) {
  for (const gguf::Tensor& a : adapter.tensors()) {
    if (!a.name.ends_with(".lora_a")) continue;
    const std::string name = a.name.substr(0, a.name.size() - 7);
    const gguf::Tensor& b = *adapter.find(name + ".lora_b");
    const auto low = read_floats(a), high = read_floats(b);
    // By name, since clang 14 lets no lambda capture a structured binding.
    const std::int64_t in = a.view.shape[0], rank = a.view.shape[1], slices = a.view.shape[2];
    const std::int64_t out = b.view.shape[1];
    const double factor = scale * AdapterFile::alpha / static_cast<double>(rank);
    const auto at = [](std::int64_t index) { return static_cast<std::size_t>(index); };
    model.change(name, [&](std::span<float> weights) {
      for (std::int64_t row = 0; row < slices * out; ++row)
        for (std::int64_t c = 0; c < in; ++c) {
          double sum = 0;
          for (std::int64_t k = 0; k < rank; ++k)
            sum += static_cast<double>(high[at(row * rank + k)]) * low[at((row / out * rank + k) * in + c)];
          float& weight = weights[at(row * in + c)];
          weight = static_cast<float>(weight + factor * sum);
        }
    });
  }
}

Logits adapted_logits(const std::shared_ptr<const Model>& model, std::span<const AdapterUse> uses,
                      std::span<const Token> tokens, int threads = 1, std::int64_t batch = 1024) {
  Engine engine(model, {.threads = threads,
                        .every_thread = true,
                        .cache = {.type = DType::f32, .tokens = 1024, .max_batch = batch}});
  engine.set_adapters(uses);
  return forward(engine, engine.create(), tokens, LogitRows::all);
}

class AdapterOf : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, AdapterOf, testing::ValuesIn(fixture_names()), FixtureName());

TEST_P(AdapterOf, GivesTheLogitsOfTheMergedModel) {
  EditedModel source(GetParam());
  const auto model = source.convert(DType::f32).load();
  if (model->spec().routing == Routing::sparse_mixer)
    GTEST_SKIP() << "which experts count is a threshold: rounding may choose others";
  AdapterFile file(*model);
  add_all(file, *model);
  const auto adapter = file.load(model);
  const auto tokens = some_tokens(24);
  const Logits plain = fresh_logits(model, tokens, LogitRows::all);
  for (const float scale : {1.0f, -0.25f}) {
    EditedModel copy(GetParam());
    merge(copy.convert(DType::f32), gguf::File::open(file.write()), scale);
    const AdapterUse use{adapter, scale};
    const Logits found = adapted_logits(model, {&use, 1}, tokens);
    EXPECT_GT(relative_error(found, plain), 0.02) << "does the adapter do anything?";
    const double error = relative_error(found, fresh_logits(copy.load(), tokens, LogitRows::all));
    RecordProperty("error", std::to_string(error));
    EXPECT_LT(error, 1e-4) << scale;
  }
}

TEST_P(AdapterOf, BitsDependNeitherOnThreadsNorOnPieces) {
  const auto model = fixture(GetParam());
  AdapterFile file(*model);
  add_all(file, *model);
  const AdapterUse use{file.load(model), 0.5f};
  const auto tokens = some_tokens(40);
  const Logits expected = adapted_logits(model, {&use, 1}, tokens);
  for (const int threads : {2, 3})
    EXPECT_TRUE(same_bits(adapted_logits(model, {&use, 1}, tokens, threads), expected)) << threads;
  for (const std::int64_t batch : {1, 7})
    EXPECT_TRUE(same_bits(adapted_logits(model, {&use, 1}, tokens, 2, batch), expected)) << batch;
}

TEST(Adapter, SeveralAddUpAndScaleZeroIsNone) {
  EditedModel source("llama"), copy("llama");
  const auto model = source.convert(DType::f32).load();
  AdapterFile one(*model), two(*model);
  two.skip_random();
  add_all(one, *model);
  two.add_pair("blk.1.ffn_down.weight", *model->file().find("blk.1.ffn_down.weight"), 4);
  two.add_pair("output.weight", *model->file().find("output.weight"), 2);
  const AdapterUse uses[] = {{one.load(model), 0.5f}, {two.load(model), 2}};
  const auto tokens = some_tokens(20);
  merge(copy.convert(DType::f32), gguf::File::open(one.write()), 0.5);
  const AdapterUse first[] = {uses[0], {uses[1].adapter, 0}};
  EXPECT_LT(
      relative_error(adapted_logits(model, first, tokens), fresh_logits(copy.load(), tokens, LogitRows::all)),
      2e-5);
  merge(copy, gguf::File::open(two.write()), 2);
  EXPECT_LT(
      relative_error(adapted_logits(model, uses, tokens), fresh_logits(copy.load(), tokens, LogitRows::all)),
      2e-5);
}

TEST(Adapter, SwappedAndRemovedItLeavesNoTrace) {
  const auto model = fixture("gemma2");
  AdapterFile one(*model), two(*model);
  two.skip_random();
  add_all(one, *model);
  add_all(two, *model);
  const AdapterUse first{one.load(model)}, second{two.load(model)};
  const auto tokens = some_tokens(40);
  Engine engine(
      model,
      {.threads = 2, .cache = {.type = DType::f32, .tokens = 1024, .max_sequences = 2, .max_batch = 1024}});
  const SequenceId sequence = engine.create();
  const auto again = [&] {
    engine.truncate(sequence, 0);
    return forward(engine, sequence, tokens, LogitRows::all);
  };
  const Logits plain = again();
  engine.set_adapters({&first, 1});
  const Logits with_first = again();
  engine.set_adapters({&second, 1});
  const Logits with_second = again();
  EXPECT_FALSE(same_bits(with_first, plain));
  EXPECT_FALSE(same_bits(with_first, with_second));
  EXPECT_TRUE(same_bits(with_second, adapted_logits(model, {&second, 1}, tokens)));
  engine.set_adapters({});
  EXPECT_TRUE(same_bits(again(), plain));
  engine.set_adapters({&first, 1});
  EXPECT_TRUE(same_bits(again(), with_first));
}

TEST(Adapter, PrefixesOfOtherAdaptersAreNotAdopted) {
  const auto model = fixture("llama");
  AdapterFile file(*model);
  add_all(file, *model);
  const AdapterUse use{file.load(model)};
  const auto tokens = some_tokens(100);
  Engine engine(
      model,
      {.threads = 1, .cache = {.type = DType::f32, .tokens = 1024, .max_sequences = 4, .max_batch = 1024}});
  const SequenceId before = engine.create(), across = engine.create();
  forward(engine, before, tokens);
  forward(engine, across, std::span(tokens).first(20));
  engine.set_adapters({&use, 1});
  forward(engine, across, std::span(tokens).subspan(20));  // its first page was begun without the adapter
  const SequenceId after = engine.create();
  EXPECT_EQ(engine.adopt_prefix(after, tokens), 0);
  const Logits logits = forward(engine, after, tokens);
  EXPECT_TRUE(same_bits(logits, row(adapted_logits(model, {&use, 1}, tokens), 99, model->spec().vocabulary)));
  const SequenceId same = engine.create();
  EXPECT_EQ(engine.adopt_prefix(same, tokens), 96) << "those computed with it are";
  EXPECT_TRUE(same_bits(forward(engine, same, std::span(tokens).last(4)), logits));
}

TEST(Adapter, TakesAnyTypeBesidePackedWeights) {
  EditedModel source("llama");
  const auto model = source.convert(DType::q8_0, 32).load();
  const auto tokens = some_tokens(20);
  for (const DType type : {DType::f16, DType::bf16, DType::q8_0}) {
    AdapterFile exact(*model), rounded(*model);
    for (const gguf::Tensor& tensor : model->file().tensors())
      if (is_matrix(tensor) && tensor.view.cols() % 32 == 0) {
        exact.add_pair(tensor.name, tensor, 32);
        rounded.add_pair(tensor.name, tensor, 32, type);
      }
    const AdapterUse expected{exact.load(model), 0.2f}, use{rounded.load(model), 0.2f};
    EXPECT_LT(relative_error(adapted_logits(model, {&use, 1}, tokens),
                             adapted_logits(model, {&expected, 1}, tokens)),
              0.1)
        << to_string(type);
  }
}

TEST(Adapter, NoAlphaMeansTheScaleAlone) {
  const auto model = fixture("llama");
  AdapterFile file(*model), same(*model);
  for (AdapterFile* one : {&file, &same})
    one->add_pair("blk.0.attn_q.weight", *model->file().find("blk.0.attn_q.weight"), 4);
  file.metadata().erase("adapter.lora.alpha");
  const AdapterUse use{file.load(model), AdapterFile::alpha / 4}, expected{same.load(model), 1};
  const auto tokens = some_tokens(20);
  EXPECT_TRUE(
      same_bits(adapted_logits(model, {&use, 1}, tokens), adapted_logits(model, {&expected, 1}, tokens)));
}

struct BadCase {
  const char* name;
  ErrorCode code;
  const char* text;
  std::function<void(AdapterFile&, const gguf::Tensor& query)> edit;
};
void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadAdapter : public testing::TestWithParam<BadCase> {};

std::function<void(AdapterFile&, const gguf::Tensor&)> set(const char* key, gguf::Value value) {
  return [=](AdapterFile& file, const gguf::Tensor&) { file.metadata().set(key, value); };
}
/// A tensor of zeros.
std::function<void(AdapterFile&, const gguf::Tensor&)> zeros(const char* name, std::int64_t cols,
                                                             std::int64_t rows) {
  return [=](AdapterFile& file, const gguf::Tensor&) {
    file.add(name, {cols, rows}, std::vector<float>(static_cast<std::size_t>(cols * rows)));
  };
}
template <class First, class Second>
auto both(First first, Second second) {
  return [=](AdapterFile& file, const gguf::Tensor& query) { first(file, query), second(file, query); };
}

// The query matrix of the fixture is [64, 64].
INSTANTIATE_TEST_SUITE_P(
    Files, BadAdapter,
    testing::Values(
        BadCase{"AModel", ErrorCode::bad_model, "general.type", set("general.type", "model")},
        BadCase{"ControlVector", ErrorCode::unsupported, "adapter.type", set("adapter.type", "control")},
        BadCase{"OtherArchitecture", ErrorCode::bad_model, "gemma2", set("general.architecture", "gemma2")},
        BadCase{"KeyOfAnotherType", ErrorCode::bad_model, "adapter.lora.alpha",
                set("adapter.lora.alpha", "twelve")},
        BadCase{"InfiniteAlpha", ErrorCode::bad_model, "adapter.lora.alpha",
                set("adapter.lora.alpha", std::numeric_limits<float>::infinity())},
        BadCase{"Activated", ErrorCode::unsupported, "invocation_tokens",
                set("adapter.alora.invocation_tokens", std::vector<std::uint32_t>{1, 2})},
        BadCase{"NoMatrix", ErrorCode::bad_model, "blk.9.attn_q.weight",
                both(zeros("blk.9.attn_q.weight.lora_a", 64, 4), zeros("blk.9.attn_q.weight.lora_b", 4, 64))},
        BadCase{"Embeddings", ErrorCode::unsupported, "token_embd",
                both(zeros("token_embd.weight.lora_a", 64, 4), zeros("token_embd.weight.lora_b", 4, 101))},
        BadCase{"Norm", ErrorCode::unsupported, "attn_norm", zeros("blk.0.attn_norm.weight", 64, 1)},
        BadCase{"HalfAPair", ErrorCode::bad_model, "blk.1.attn_q.weight.lora_b",
                zeros("blk.1.attn_q.weight.lora_a", 64, 4)},
        BadCase{"TheOtherHalf", ErrorCode::bad_model, "blk.1.attn_q.weight.lora_a",
                zeros("blk.1.attn_q.weight.lora_b", 4, 64)},
        BadCase{"LongRows", ErrorCode::bad_model, "[64, 4]",
                both(zeros("blk.1.attn_q.weight.lora_a", 65, 4), zeros("blk.1.attn_q.weight.lora_b", 4, 64))},
        BadCase{"FewRows", ErrorCode::bad_model, "[4, 64]",
                both(zeros("blk.1.attn_q.weight.lora_a", 64, 4), zeros("blk.1.attn_q.weight.lora_b", 4, 63))},
        BadCase{"OtherRank", ErrorCode::bad_model, "[4, 64]",
                both(zeros("blk.1.attn_q.weight.lora_a", 64, 4), zeros("blk.1.attn_q.weight.lora_b", 5, 64))},
        BadCase{
            "RankZero", ErrorCode::bad_model, "rank",
            both(zeros("blk.1.attn_q.weight.lora_a", 64, 0), zeros("blk.1.attn_q.weight.lora_b", 0, 64))}),
    [](const auto& info) { return info.param.name; });

TEST_P(BadAdapter, IsRefused) {
  const auto model = fixture("llama");
  const gguf::Tensor& query = *model->file().find("blk.0.attn_q.weight");
  AdapterFile file(*model);
  file.add_pair("blk.0.attn_q.weight", query, 4);
  EXPECT_EQ(file.load(model)->size(), 1u);
  GetParam().edit(file, query);
  expect_error(GetParam().code, GetParam().text, [&] { file.load(model); });
  expect_error(GetParam().code, "adapter.gguf", [&] { file.load(model); });
}

TEST(Adapter, IsRefusedByOtherModelsAndWithImpossibleScales) {
  const auto model = fixture("llama");
  AdapterFile file(*model);
  expect_error(ErrorCode::bad_model, "no tensors", [&] { file.load(model); });
  file.add_pair("blk.0.attn_q.weight", *model->file().find("blk.0.attn_q.weight"), 4);
  const auto adapter = file.load(model);
  const auto use = [&](const std::shared_ptr<const Model>& of, std::shared_ptr<const Adapter> which,
                       float scale) {
    Engine engine(of, {.threads = 1, .cache = {.tokens = 64, .max_batch = 8}});
    const AdapterUse one{std::move(which), scale};
    engine.set_adapters({&one, 1});
  };
  expect_error(ErrorCode::invalid_argument, "another model", [&] { use(fixture("llama-bias"), adapter, 1); });
  expect_error(ErrorCode::invalid_argument, "null pointer", [&] { use(model, nullptr, 1); });
  expect_error(ErrorCode::invalid_argument, "finite", [&] { use(model, adapter, std::nanf("")); });
  expect_error(ErrorCode::bad_model, "general.type", [&] { Adapter::load(fixture_path("llama"), model); });
}

}  // namespace
}  // namespace linnet::adapter_test
