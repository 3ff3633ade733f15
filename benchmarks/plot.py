#!/usr/bin/env python3
"""plot.py - a roofline and a bar chart, as PNG and SVG, of what `linnet bench --json` or `linnet bench kernels --json`
printed. Reads every file given as one result; measures nothing.

    build/release/linnet bench kernels --json > kernels.json
    benchmarks/plot.py kernels.json -o docs/pictures --name kernels

Needs matplotlib (pip install matplotlib).
"""
import argparse
import json
import math
import pathlib
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("plot.py: matplotlib is missing: pip install matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]  # told apart by everyone
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h", "d", "8", "H", "1"]


def distinct(values):
    return list(dict.fromkeys(values))


class Point:
    """One measurement of either kind, in the words of the pictures."""

    def __init__(self, row, source):
        if "operation" in row:  # bench kernels
            self.type = row["type"]
            self.what = f"{row['tokens']} token" + ("s" if row["tokens"] > 1 else "")
            self.operation, self.subject = row["operation"], f"{row['operation']} {row['type']}"
            self.rate, self.spread = row["gflop_per_second"], None
            self.unit = "GFLOP/s"
            self.intensity = row["gflop_per_second"] / row["gb_per_second"] if row["gb_per_second"] else None
            self.share = row["bandwidth_percent"] if row["tokens"] == 1 else row["peak_percent"]
        else:  # bench
            self.type, self.operation = row["type"], "model"
            self.what = row["test"] + (f" at {row['depth']}" if row["depth"] else "") + \
                (f" x {row['batch']}" if row["batch"] > 1 else "")
            self.subject = f"{pathlib.Path(row['model']).stem} {row['type']}"
            self.rate = row["tokens_per_second"]
            self.spread = (row["tokens_per_second_min"], row["tokens_per_second_max"])
            self.unit = "tokens/s"
            self.intensity, self.share = row.get("flop_per_byte"), row.get("roofline_percent")
        self.isa, self.threads, self.source = row["isa"], row["threads"], source
        self.gflops = row.get("gflop_per_second")
        self.bandwidth = row.get("machine_gb_per_second")
        self.peak = row.get("machine_gflop_per_second")


def read_points(files):
    points = []
    for file in files:
        try:
            rows = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
            points += [Point(row, pathlib.Path(file).stem) for row in rows]
        except (OSError, json.JSONDecodeError, KeyError, TypeError) as problem:
            sys.exit(f"plot.py: {file}: expected what `linnet bench --json` prints: {problem!r}")
    if not points:
        sys.exit("plot.py: no measurements")
    return points


def draw_roofline(points):
    """GFLOP/s over operations per byte, under the roof of each instruction set: a mark for each type."""
    points = [p for p in points if p.gflops and p.intensity and p.bandwidth and p.peak]
    if not points:
        return None
    figure, axes = pyplot.subplots(figsize=(9, 6))
    low = min(p.intensity for p in points) / 2
    high = 4 * max(max(p.intensity for p in points), max(p.peak / p.bandwidth for p in points))
    types = distinct(p.type for p in points)
    for i, isa in enumerate(distinct(p.isa for p in points)):
        own = [p for p in points if p.isa == isa]
        colour, roof = COLOURS[i % len(COLOURS)], own[0]
        knee = roof.peak / roof.bandwidth
        axes.plot([low, knee, high], [low * roof.bandwidth, roof.peak, roof.peak], color=colour, linewidth=1,
                  label=f"{isa}: {roof.peak:,.0f} GFLOP/s")
        for p in own:
            axes.scatter(p.intensity, p.gflops, s=32, color=colour, alpha=0.75, linewidths=0,
                         marker=MARKERS[types.index(p.type) % len(MARKERS)])
    for k, type_ in enumerate(types):
        axes.scatter([], [], s=32, color="grey", linewidths=0, marker=MARKERS[k % len(MARKERS)], label=type_)
    for what in distinct(p.what for p in points):  # what work a cloud of marks is, written below it
        chosen = [p for p in points if p.what == what]
        centre = math.exp(sum(math.log(p.intensity) for p in chosen) / len(chosen))
        axes.annotate(what, (centre, min(p.gflops for p in chosen)), xytext=(0, -9), textcoords="offset points",
                      fontsize=8, ha="center", va="top")
    axes.set(xscale="log", yscale="log", xlabel="operations per byte of weights and cache", ylabel="GFLOP/s",
             title=f"Roofline: {points[0].bandwidth:.1f} GB/s read, {points[0].threads} threads")
    axes.grid(True, which="both", linewidth=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def draw_bars(points):
    """A panel for each kind of work, a group of bars for each subject, a bar for each instruction set."""
    whats = distinct(p.what for p in points)
    series = distinct((p.source, p.isa) for p in points)
    several_files = len(distinct(p.source for p in points)) > 1
    one_operation = len(distinct(p.operation for p in points)) == 1 and points[0].operation != "model"
    widest = max(len(distinct(p.subject for p in points if p.what == what)) for what in whats)
    width, height = 2 + 0.16 * widest * (len(series) + 1), (2.4 if one_operation else 3.2) * len(whats)
    figure, panels = pyplot.subplots(len(whats), 1, squeeze=False, figsize=(max(7, width), 0.8 + height))
    for axes, what in zip(panels[:, 0], whats):
        chosen = [p for p in points if p.what == what]
        subjects = distinct(p.subject for p in chosen)
        for i, (source, isa) in enumerate(series):
            own = [p for p in chosen if (p.source, p.isa) == (source, isa)]
            place = (i - (len(series) - 1) / 2) * bar_width(series)
            draw_series(axes, own, [subjects.index(p.subject) + place for p in own], bar_width(series),
                        COLOURS[i % len(COLOURS)], f"{source} {isa}" if several_files else isa)
        axes.set_xticks(range(len(subjects)))
        if one_operation:
            axes.set_xticklabels(distinct(p.type for p in chosen), fontsize=7)
        else:
            axes.set_xticklabels(subjects, rotation=60, ha="right", fontsize=7)
        axes.set(ylabel=chosen[0].unit, title=what)
        axes.margins(y=0.22)
        axes.grid(True, axis="y", linewidth=0.3)
        axes.set_axisbelow(True)
    if one_operation:
        figure.suptitle(points[0].operation)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), fontsize=8, loc="upper right", frameon=False)
    figure.supxlabel("% of what the machine allows: its read bandwidth for one token, else its peak", fontsize=7)
    return figure


def bar_width(series):
    return 0.8 / len(series)


def draw_series(axes, points, places, width, colour, label):
    """One instruction set's bars, each with its spread where it is known, and its share of the limit."""
    whiskers = None
    if points and points[0].spread:
        whiskers = [[p.rate - p.spread[0] for p in points], [p.spread[1] - p.rate for p in points]]
    axes.bar(places, [p.rate for p in points], width, color=colour, yerr=whiskers, error_kw={"linewidth": 0.7}, label=label)
    for x, p in zip(places, points):
        if p.share:
            axes.annotate(f"{p.share:.0f} %", (x, p.rate), rotation=90, fontsize=6, ha="center", va="bottom",
                          xytext=(0, 2), textcoords="offset points")


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=120)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    print(path.with_suffix(".png"), path.with_suffix(".svg"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE.json")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("."), help="the folder of the pictures")
    parser.add_argument("--name", help="their names begin so; default: the first file's name")
    arguments = parser.parse_args()
    pyplot.rcParams["svg.hashsalt"] = "linnet"  # the same picture, the same file
    points = read_points(arguments.files)
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = arguments.name or pathlib.Path(arguments.files[0]).stem
    roofline = draw_roofline(points)
    if roofline:
        save(roofline, arguments.output / f"{name}-roofline")
    else:
        print("plot.py: no roofline: the limits of the machine are not in these results", file=sys.stderr)
    save(draw_bars(points), arguments.output / f"{name}-bars")


if __name__ == "__main__":
    main()
