// module.cpp - the compiled half of the Python package: linnet._core. Never called by users; the package
// documents it.
#include "bindings.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() =
      "The compiled half of linnet. Use the package's own modules: they check, document and type what is "
      "here.";
  m.attr("version") = LINNET_VERSION;
  using namespace linnet::python;
  bind_errors(m);
  bind_adapter(m);
  bind_model(m);
  bind_session(m);
  bind_scoring(m);
  bind_batch(m);
  py::module_ gguf = m.def_submodule("gguf");
  bind_gguf_file(gguf);
  bind_gguf_writer(gguf);
  py::module_ quant = m.def_submodule("quant");
  bind_quant(quant);
  py::module_ kernels = m.def_submodule("kernels");
  bind_kernels(kernels);
}
