#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write report.md, report.csv and what gnuplot makes report.svg of.

    report.py ROWS OUT

ROWS is the folder of the rows, whose comments say what the figures mean and what is
to be reached (see rig/bench.sh); OUT/raw/ has what was measured, a file for each row
and architecture.
"""
import pathlib
import re
import statistics
import sys

VARIANTS = ["none", "static", "dynamic", "cma", "off", "reclaim", "reclaim+dynamic"]


class Row:
    """What the comments of a row say."""

    def __init__(self, path):
        self.number = int(path.name.split("-")[0])
        self.facts = {"base": "static"}
        self.keys, self.targets, self.curves = {}, [], []
        self.cases, self.notes, self.causes = {}, [], []
        for line in path.read_text().splitlines():
            match = re.match(r"# (bench|case|key|target|curve|note|cause): (.*)", line)
            if not match:
                continue
            kind, text = match.groups()
            if kind == "bench":
                name, _, value = text.partition("=")
                self.facts[name] = value
            elif kind == "case":
                name, _, words = text.partition(" ")
                self.cases[name] = words
            elif kind == "key":
                name, unit, words = text.split(" ", 2)
                self.keys[name] = (unit, words)
            elif kind == "target":
                self.targets.append(text)
            elif kind == "curve":
                prefix, axes = text.split(" ", 1)
                self.curves.append((prefix, *[a.strip() for a in axes.split(",")]))
            elif kind == "note":
                self.notes.append(text)
            else:
                self.causes.append(text)
        if not self.cases:
            self.cases = {"-": ""}


class Figures:
    """Samples by (architecture, case, variant, key)."""

    def __init__(self):
        self.samples, self.about, self.lines = {}, {}, []

    def read(self, path, arch):
        for line in path.read_text().splitlines():
            if line.startswith("# "):
                name, _, value = line[2:].partition(": ")
                self.about.setdefault(arch, {})[name.rstrip(":")] = value
                continue
            self.lines.append(line)
            _, arch_, case, variant, _, key, value = line.split(",")
            self.add(arch_, case, variant, key, float(value))

    def add(self, arch, case, variant, key, value):
        self.samples.setdefault((arch, case, variant, key), []).append(value)

    def median(self, arch, case, variant, key):
        samples = self.samples.get((arch, case, variant, key))
        return statistics.median(samples) if samples else None

    def archs(self):
        return sorted({k[0] for k in self.samples}, reverse=True)

    def cases(self, row):
        seen = {k[1] for k in self.samples}
        return [c for c in row.cases if c in seen]

    def variants(self):
        seen = {k[2] for k in self.samples}
        return [v for v in VARIANTS if v in seen]


def metadata(figures):
    """What a pool costs that is neither bounce buffer nor lent, KiB for each MiB.

    The kernels differ in size, so it is the slope between two sizes of the pool.
    """
    for arch in figures.archs():
        for variant in figures.variants():
            points = sorted(
                (figures.median(arch, case, variant, "pool_kb"),
                 figures.median(arch, case, variant, "memory_kb"), case)
                for case in {k[1] for k in figures.samples}
                if figures.median(arch, case, variant, "pool_kb") is not None)
            if len(points) < 2 or points[-1][0] == points[0][0]:
                continue
            (pool0, memory0, _), (pool1, memory1, case) = points[0], points[-1]
            figures.add(arch, case, variant, "metadata",
                        (memory0 - memory1) * 1024 / (pool1 - pool0))


DERIVED = {13: metadata}


def number(value):
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def cell(figures, where, variant, key, base):
    samples = figures.samples.get((*where, variant, key))
    if not samples:
        return ""
    middle = statistics.median(samples)
    text = number(middle)
    if max(samples) - min(samples) > abs(middle) * 0.0005:
        text += f" ({number(min(samples))}..{number(max(samples))})"
    reference = figures.median(*where, base, key)
    if reference and variant != base:
        text += f" x{middle / reference:.3f}"
    return text


class Verdict:
    """One comparison that a target asks for."""

    def __init__(self, where, variant, key, value, op, limit):
        self.where, self.variant, self.key = where, variant, key
        self.value, self.limit = value, limit
        self.met = value <= limit if op == "<=" else value >= limit
        # How much of what is allowed was used up: 1 is just met
        if op == "<=":
            self.used = value / limit if limit > 0 else (1 if self.met else 10)
        else:
            self.used = limit / value if value > 0 else 10


def other_key(key, given):
    """The reference's key. "failed_*" is that with the same end after the first "_"."""
    if not given:
        return key
    if given.endswith("*"):
        return given[:-1] + key.split("_", 1)[1]
    return given


def judge(row, figures, text):
    match = re.match(r"(\S+) (\S+) (<=|>=) ([0-9.]+)(?: ([x+]) ([^ :]+)(?::(\S+))?)?"
                     r"(?: in (\S+))?$", text)
    if not match:
        sys.exit(f"report.py: row {row.number}: cannot read the target '{text}'")
    variants, keys, op, amount, how, ref, ref_key, cases = match.groups()
    verdicts = []
    for arch in figures.archs():
        for case in cases.split(",") if cases else figures.cases(row):
            for variant in variants.split(","):
                for key in keys.split(","):
                    value = figures.median(arch, case, variant, key)
                    limit = float(amount)
                    if how:
                        other = figures.median(arch, case, ref, other_key(key, ref_key))
                        if other is None:
                            continue
                        limit = other * limit if how == "x" else other + limit
                    if value is not None:
                        verdicts.append(
                            Verdict((arch, case), variant, key, value, op, limit))
    return verdicts


def table(row, figures):
    variants, lines = figures.variants(), []
    base = row.facts["base"]
    for arch in figures.archs():
        lines += [f"| {arch} | unit | " + " | ".join(variants) + " |",
                  "|---|---|" + "---|" * len(variants)]
        for case in figures.cases(row):
            for key, (unit, words) in row.keys.items():
                cells = [cell(figures, (arch, case), v, key, base) for v in variants]
                if any(cells):
                    name = words if case == "-" else f"{case}: {words}"
                    lines.append(f"| {name} | {unit} | " + " | ".join(cells) + " |")
        lines.append("")
    return lines


def disturbance(figures):
    """Whether all boots had the same machine, by what always the same took in each."""
    lines = []
    for arch in figures.archs():
        took = [s for k, v in figures.samples.items()
                if k[0] == arch and k[3] == "yardstick" for s in v]
        if took and max(took) > 1.25 * min(took):
            lines.append(f"**{arch}: the machine was disturbed**: always the same took "
                         f"{number(min(took))} to {number(max(took))} ms in the boots of this "
                         "row. What follows from times here is not to be relied upon.\n")
    return lines


def describe(row, figures, summary):
    lines = [f"## {row.number}. {row.facts.get('what', '')}", "",
             f"{row.facts.get('how', '')}.", ""]
    lines += table(row, figures)
    lines.append(f"xN: ratio to *{row.facts['base']}*. (a..b): the smallest and the "
                 "largest of several figures, whose median stands before it.")
    lines.append("")
    missed = False
    for text in row.targets:
        verdicts = judge(row, figures, text)
        if not verdicts:
            continue
        worst = max(verdicts, key=lambda v: v.used)
        bad = [v for v in verdicts if not v.met]
        word = "MISSED" if bad else "MET"
        missed |= bool(bad)
        summary.append((row.number, text, word, len(bad), len(verdicts), worst))
        lines.append(f"- **{word}**: {text}. Closest: {worst.where[0]} {worst.where[1]} "
                     f"{worst.variant} {worst.key} {number(worst.value)}, "
                     f"allowed {number(worst.limit)}.")
        lines += [f"  - missed: {v.where[0]} {v.where[1]} {v.variant} {v.key} "
                  f"{number(v.value)}, allowed {number(v.limit)}" for v in bad]
    lines.append("")
    lines += [f"{note}\n" for note in row.notes]
    if missed:
        lines += [f"Cause: {cause}\n" for cause in row.causes]
    lines += disturbance(figures)
    for arch, about in figures.about.items():
        what = ", ".join(f"{v}" for k, v in about.items() if v and k != "size")
        size = ", the quick part only" if about.get("size") else ""
        lines.append(f"*{arch}: {what}{size}.*")
    return lines + [""]


def curve_plots(row, figures):
    """Commands for each curve of a row, a line for each variant."""
    plots = []
    for prefix, x_axis, y_axis in row.curves:
        for arch in figures.archs():
            for case in figures.cases(row):
                blocks, data = [], []
                for variant in figures.variants():
                    points = sorted(
                        (int(k[3][len(prefix):]), statistics.median(s))
                        for k, s in figures.samples.items()
                        if k[:3] == (arch, case, variant)
                        and re.fullmatch(re.escape(prefix) + r"\d+", k[3]))
                    if points:
                        blocks.append(variant)
                        data.append("\n".join(f"{x} {y}" for x, y in points))
                if not blocks:
                    continue
                name = f"$d{len(plots)}_{row.number}_{arch}_{len(case)}"
                title = f"row {row.number}, {arch}" + ("" if case == "-" else f", {case}")
                plots.append(
                    f"{name} << END\n" + "\n\n\n".join(data) + "\nEND\n"
                    f"set title '{title}'\nset xlabel '{x_axis}'\nset ylabel '{y_axis}'\n"
                    "plot " + ", ".join(
                        f"{name} index {i} with linespoints title '{v}'"
                        for i, v in enumerate(blocks)) + "\n")
    return plots


def picture(out, summary, plots):
    """For gnuplot: how much of each limit was used up, then the curves."""
    count = 1 + len(plots)
    rows = (count + 1) // 2
    labels = ", ".join(f"'row {s[0]}: {s[1][:44]}' {i}" for i, s in enumerate(summary))
    data = "\n".join(f"{max(s[5].used, 0.001)} {i} {0 if s[2] == 'MET' else 1}"
                     for i, s in enumerate(summary))
    height = max(420 * rows, 120 + 20 * len(summary))
    text = (f"set terminal svg noenhanced size 1300,{height} font 'sans,11' "
            "background rgb 'white'\n"
            f"set output '{out}/report.svg'\n"
            f"set multiplot layout {rows},2\n"
            f"$targets << END\n{data}\nEND\n"
            "set title 'used up of what each target allows; right of 1 is missed'\n"
            "set logscale x\nset grid x lc rgb '#dddddd'\nset key off\n"
            "set arrow 1 from 1, graph 0 to 1, graph 1 nohead dt 2\n"
            f"set yrange [{len(summary)}:-1]\nset ytics ({labels}) font ',8'\n"
            "set palette defined (0 '#1b7837', 1 '#d6604d')\nunset colorbox\n"
            "set cbrange [0:1]\n"
            "plot $targets using 1:2:3 with points pt 7 ps 0.8 palette\n"
            "unset arrow 1\nset yrange [0:*]\nset ytics auto font ',10'\n"
            "set key outside right\nset grid y\nset logscale x 2\n")
    (out / "report.gp").write_text(text + "".join(plots))


def main():
    rows_dir, out = map(pathlib.Path, sys.argv[1:3])
    body, summary, plots, csv = [], [], [], []
    for path in sorted(rows_dir.glob("*.sh")):
        row = Row(path)
        figures = Figures()
        for raw in sorted((out / "raw").glob(f"{path.stem}.*.csv"), reverse=True):
            figures.read(raw, raw.stem.split(".")[1])
        if not figures.samples:
            continue
        csv += figures.lines
        if row.number in DERIVED:
            DERIVED[row.number](figures)
        body += describe(row, figures, summary)
        plots += curve_plots(row, figures)

    head = ["# Side by side with stock swiotlb, SWIOTLB_DYNAMIC and CMA", "",
            "*none*: stock with the smallest pool. *static*: stock with a pool as large "
            "as ours. *dynamic*: stock with SWIOTLB_DYNAMIC, booted with our floor. "
            "*off*: ours, without the boot parameter. *reclaim*, *reclaim+dynamic*: ours.",
            "", "Instructions are counted by QEMU and repeat; they see neither caches nor "
            "contention. Times measured without hardware virtualisation are good for "
            "ratios only, and only if the host had little else to do (its load before the "
            "measurement stands below each row).", "",
            "| row | target | | missed | closest |", "|---|---|---|---|---|"]
    for n, text, word, bad, of, worst in summary:
        head.append(f"| {n} | {text} | **{word}** | {bad} of {of} | {worst.where[0]} "
                    f"{worst.where[1]} {worst.variant} {worst.key} {number(worst.value)}, "
                    f"allowed {number(worst.limit)} |")
    (out / "report.md").write_text("\n".join(head + [""] + body))
    (out / "report.csv").write_text(
        "row,arch,case,variant,repetition,key,value\n" + "\n".join(csv) + "\n")
    picture(out, summary, plots)


if __name__ == "__main__":
    main()
