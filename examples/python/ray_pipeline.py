"""Documents scored by several processes, or machines: a Ray Data pipeline over actors that each hold the model.

Usage: ray_pipeline.py MODEL.gguf TEXT_FILE [WORKERS]           (needs ray: pip install '.[ray]')

Each line of the file is a document. Prints each with its mean log-probability per token.
"""

from __future__ import annotations

import logging
import os
import sys

from linnet.ray import Scorer


def main() -> None:
    """Runs the pipeline on this machine; `ray.init(address=...)` would run it on a cluster."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    import ray
    import ray.data

    workers = int(sys.argv[3]) if len(sys.argv) == 4 else 2
    ray.init(num_cpus=workers + 1, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    documents = ray.data.read_text(os.path.abspath(sys.argv[2]))
    scored = documents.map_batches(
        Scorer,
        fn_constructor_args=(os.path.abspath(sys.argv[1]),),
        fn_constructor_kwargs={"threads": 1},
        concurrency=workers,
        batch_size=16,
    )
    for row in scored.iter_rows():
        print(f"{row['text']}\t{row['score']:.6f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
