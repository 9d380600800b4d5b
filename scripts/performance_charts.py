"""Charts of docs/PERFORMANCE.md as SVG, drawn with lines and rectangles alone."""
import math
import os
from xml.sax.saxutils import escape

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
NAMES = {"daemon": "Childvault", "postgres": "PostgreSQL", "slapd": "slapd"}
COLOURS = {"daemon": "#1f6f8b", "postgres": "#d08c2f", "slapd": "#8a8f98", "A": "#8a8f98", "W": "#d08c2f", "warm": "#1f6f8b", "cold": "#b5483a"}


def number(value):
    """A figure as people read it."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.4g}"


def svg(name, width, height, parts):
    text = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12" fill="#222"><rect width="{width}" height="{height}" fill="#fff"/>\n')
    with open(os.path.join(ROOT, "docs", name), "w", encoding="utf-8") as f:
        f.write(text + "\n".join(parts) + "\n</svg>\n")
    return name


def text_at(x, y, text, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(str(text))}</text>'


def ratio_chart(name, rows):
    """A bar for each row, its floor and goal as marks on it; the scale is the ratio to the row's limit."""
    left, right, step, top = 320, 720, 28, 40
    scale = (right - left) / max([1.0] + [max(r["ratio"], r["goal"] or 0) for r in rows])
    parts = [text_at(10, 20, "Ratio to the limit measured in the same rounds; | floor, ◆ goal", more=' font-weight="bold"')]
    for i, row in enumerate(rows):
        y = top + i * step
        good = not row["below"]
        parts.append(text_at(left - 8, y + 13, row["row"] + (f" / {row['of'].split('/')[0]}" if not row["row"].startswith("the same, of") else ""), "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{row["ratio"] * scale:.1f}" height="18" fill="{"#1f6f8b" if good else "#b5483a"}"/>')
        if row["floor"] is not None:
            x = left + row["floor"] * scale
            parts.append(f'<line x1="{x:.1f}" y1="{y - 3}" x2="{x:.1f}" y2="{y + 21}" stroke="#222" stroke-width="2"/>')
        if row["goal"] is not None:
            parts.append(text_at(left + row["goal"] * scale, y + 14, "◆", "middle", ' fill="#d08c2f"'))
        ends = max(row["ratio"], row["goal"] or 0, row["floor"] or 0)
        parts.append(text_at(left + ends * scale + 10, y + 13, f"{row['ratio']:.2f}"))
    return svg(name, 800, top + len(rows) * step + 10, parts)


def line_chart(name, title, lines, ticks, unit):
    """lines: (label, colour, values by tick). Ticks stand at equal distances; the vertical axis begins at 0."""
    left, right, top, bottom = 70, 560, 40, 270
    highest = max(max(values) for _, _, values in lines) / 4
    magnitude = 10 ** math.floor(math.log10(highest))
    highest = 4 * magnitude * next(k for k in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if k * magnitude >= highest)
    parts = [text_at(10, 20, title, more=' font-weight="bold"')]
    for k in range(5):
        y = bottom - (bottom - top) * k / 4
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>' + text_at(left - 6, y + 4, number(highest * k / 4), "end"))
    xs = [left + 30 + (right - left - 60) * i / max(1, len(ticks) - 1) for i in range(len(ticks))]
    parts += [text_at(x, bottom + 18, f"{t:,}", "middle") for x, t in zip(xs, ticks)]
    parts.append(text_at((left + right) / 2, bottom + 38, unit, "middle"))
    for i, (label, colour, values) in enumerate(lines):
        points = [(x, bottom - (bottom - top) * v / highest) for x, v in zip(xs, values)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        y = top + 10 + i * 20
        parts.append(f'<rect x="{right + 15}" y="{y - 10}" width="12" height="12" fill="{colour}"/>' + text_at(right + 33, y, label))
    return svg(name, 760, bottom + 50, parts)


def group_chart(name, title, groups):
    """groups: (title, [(who, value)]): bars side by side, each group on a scale of its own, since rates grow with connections."""
    top, bottom, wide = 60, 220, 230
    parts = [text_at(10, 20, title, more=' font-weight="bold"')]
    for g, (head, bars) in enumerate(groups):
        left, highest = 20 + g * wide, max(v for _, v in bars)
        parts.append(text_at(left, 42, head))
        for i, (who, value) in enumerate(bars):
            h, x = (bottom - top - 14) * value / highest, left + i * 66
            parts.append(f'<rect x="{x}" y="{bottom - h:.1f}" width="52" height="{h:.1f}" fill="{COLOURS[who]}"/>')
            parts.append(text_at(x + 26, bottom - h - 5, number(value), "middle") + text_at(x + 26, bottom + 16, NAMES[who], "middle", ' font-size="10"'))
    return svg(name, 20 + len(groups) * wide, bottom + 30, parts)
