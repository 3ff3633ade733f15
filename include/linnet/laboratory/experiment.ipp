// laboratory/experiment.ipp - the body of experiment.hpp: the list, made of the lists of tables and types.
#pragma once

#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/attention_experiment.hpp>
#include <linnet/laboratory/experiment.hpp>
#include <linnet/laboratory/product.hpp>
#include <linnet/laboratory/vector_experiment.hpp>

namespace linnet::laboratory {

LINNET_INLINE std::byte* Workspace::reserve(std::int64_t size) {
  if (weights.size() < static_cast<std::size_t>(size)) {
    weights = Buffer();  // first the old one goes
    weights = Buffer(static_cast<std::size_t>(size));
  }
  return weights.data();
}

LINNET_INLINE std::string Case::name() const {
  return concat(operation, "/", type, "/", isa, "/", shape, "/", tokens);
}

LINNET_INLINE Case product_case(std::shared_ptr<const MatrixKernel> kernel, MatrixShape shape,
                                std::int64_t tokens) {
  const MatrixKernel& k = *kernel;
  return {k.operation,
          k.type,
          k.isa,
          concat(shape.rows, "x", shape.cols),
          tokens,
          &k.table,
          [kernel = std::move(kernel), shape, tokens](Workspace& workspace) -> std::unique_ptr<Experiment> {
            return std::make_unique<Product>(kernel, shape, tokens, workspace);
          }};
}

namespace detail {

inline void add_attention(const kernels::Table& table, bool tiled, std::vector<Case>& all) {
  constexpr AttentionShape shape = usual_attention;
  for (const DTypeInfo& row : dtype_table) {
    const DType type = row.type;
    if (!kernels::entry(tiled ? table.tiled_attention : table.attention, type)) continue;
    for (std::int64_t tokens : usual_tokens) {
      if (tiled && tokens < table.tiled_from) continue;
      all.push_back(
          {tiled ? "tiled_attention" : "attention", std::string(to_string(type)), std::string(table.isa),
           concat(shape.kv_heads, "x", shape.heads_per_kv_head, "x", shape.head_dim, "@", shape.context),
           tokens, &table,
           [&table, type, tokens, tiled](Workspace& workspace) -> std::unique_ptr<Experiment> {
             return std::make_unique<AttentionExperiment>(table, type, usual_attention, tokens, tiled,
                                                          workspace);
           }});
    }
  }
}

inline void add_vectors(const kernels::Table& table, std::vector<Case>& all) {
  constexpr std::int64_t tokens = 512;
  for (const VectorOperation& operation : vector_operations())
    all.push_back({std::string(operation.name), "F32", std::string(table.isa), concat(usual_shape.cols),
                   tokens, &table, [&table, &operation, tokens](Workspace&) -> std::unique_ptr<Experiment> {
                     return std::make_unique<VectorExperiment>(table, operation, usual_shape.cols, tokens);
                   }});
}

}  // namespace detail

LINNET_INLINE std::vector<Case> built_in_cases() {
  std::vector<Case> all;
  const auto kernels = built_in_kernels();
  for (const kernels::Choice& choice : kernels::choices()) {
    if (!choice.available) continue;
    for (const auto& kernel : kernels)
      if (&kernel->table == choice.table)
        for (std::int64_t tokens : usual_tokens) all.push_back(product_case(kernel, usual_shape, tokens));
    for (const bool tiled : {false, true}) detail::add_attention(*choice.table, tiled, all);
    detail::add_vectors(*choice.table, all);
  }
  return all;
}

}  // namespace linnet::laboratory
