# SPDX-License-Identifier: Apache-2.0
"""Draws the tables that read better as pictures, as SVG: the same results give the same files."""

import sys

from bench import AGE, FERNET, NULL_1_1, NULL_4_3
from peers import FLASK, NODE
from tables import GIB, KIB, MIB, size_text

COLORS = {FERNET: "#1f5fa8", AGE: "#2e8b57", NULL_4_3: "#8fb4dc", NULL_1_1: "#9fd3b4",
          FLASK: "#c0392b", NODE: "#d68910"}
COLORS |= {"Fernet, a form": "#7d5ba6"}
# Of the inner loops, which have a level in their names.
LEVELS = {", portable": "#a9c7e8", ", avx2": "#4f8fcf", ", avx512": "#1f5fa8"}
OTHER = "#7f8c8d"
# Only what the series of one table have.
DASHES = {NULL_4_3: "--", NULL_1_1: "--"}

STYLE = {
    "svg.hashsalt": "iigm-encrypter",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def draw(folder, tables):
    try:
        import matplotlib
    except ImportError:
        print("no plots: python3-matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams.update(STYLE)
    for name, (table, paint) in PLOTS.items():
        if table in tables:
            draw_one(folder / f"{name}.svg", tables[table], paint)


def draw_one(path, table, paint):
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    paint(axes, table)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def color_of(name):
    of_level = (color for level, color in LEVELS.items() if level in name)
    return COLORS.get(name) or next(of_level, OTHER)


def lines(axes, table, columns):
    """A line for each column, and how far the rounds were apart."""
    for column in columns:
        points = table.series(column)
        if not points:
            continue
        x, median, least, most = zip(*points)
        color = color_of(column.removesuffix(", decrypted"))
        style = ":" if "decrypted" in column else DASHES.get(column, "-")
        axes.plot(x, median, style, color=color, marker="o", markersize=3.5, label=column)
        axes.fill_between(x, least, most, color=color, alpha=0.15, linewidth=0)
    axes.legend()


def sizes_on_x(axes, table):
    from matplotlib import ticker
    axes.set_xscale("log", base=2)
    axes.set_xlabel("size of the file")
    ticks = [size for size in [KIB, 16 * KIB, 256 * KIB, 4 * MIB, 64 * MIB, GIB, 10 * GIB]
             if size <= max(table.x.values())]
    axes.xaxis.set_major_locator(ticker.FixedLocator(ticks))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_formatter(lambda size, _: size_text(int(size)))


def throughput_by_size(axes, table):
    lines(axes, table, table.columns)
    sizes_on_x(axes, table)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylabel("throughput, MiB/s")
    axes.set_title("One connection, files of many sizes")


def first_byte_by_size(axes, table):
    throughput_by_size(axes, table)
    axes.set_ylabel("time to the first byte, ms")
    axes.set_title("Time to the answer's first byte, one connection")


def throughput_by_concurrency(axes, table):
    lines(axes, table, [FERNET, NULL_4_3])
    axes.set_ylim(bottom=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(table.x.values()))
    axes.xaxis.set_major_formatter(lambda n, _: f"{n:g}")
    axes.set_xlabel("uploads at once")
    axes.set_ylabel("throughput of all, MiB/s")
    axes.set_title("Many uploads at once, one worker")


def memory_by_size(axes, table):
    lines(axes, table, table.columns)
    sizes_on_x(axes, table)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("a fresh worker's peak memory, MiB")
    axes.set_title("Memory against size")


def bars(axes, table, column, digits):
    names = list(table.cells)
    medians = [table.median(name, column) for name in names]
    colors = [color_of(name) for name in names]
    errors = [[median - min(table.cells[name][column]) for name, median in zip(names, medians)],
              [max(table.cells[name][column]) - median for name, median in zip(names, medians)]]
    drawn = axes.barh(names, medians, color=colors, xerr=errors, ecolor="#444444", capsize=2)
    axes.bar_label(drawn, [f"{median:,.{digits}f}" for median in medians], padding=4)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.margins(x=0.14)


def requests_of_each(axes, table):
    bars(axes, table, "requests/s", 0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("requests a second")
    axes.set_title("Forms of 1 KiB, 32 kept connections, one core")


def inner_loops(axes, table):
    axes.figure.set_size_inches(7, 0.24 * len(table.cells) + 1)
    bars(axes, table, "GB/s", 2)
    for label in axes.get_yticklabels():
        label.set_fontsize(8)
    axes.set_xlabel("GB for a second of the processor")
    axes.set_title("The inner loops alone")


PLOTS = {
    "throughput-by-size": ("sizes", throughput_by_size),
    "first-byte-by-size": ("first_byte", first_byte_by_size),
    "throughput-by-concurrency": ("concurrency", throughput_by_concurrency),
    "requests": ("requests", requests_of_each),
    "memory-by-size": ("memory", memory_by_size),
    "kernel": ("kernel", inner_loops),
}
