"""Tables of measurements, as Markdown and as one SVG plot each."""
from dataclasses import dataclass, field
from html import escape
from statistics import median


def number(value):
    """Three significant digits, or all that is before the point, with thousands set apart."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{round(value):,}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


@dataclass
class Row:
    load: str
    subject: str
    #: One figure a round.
    values: list
    #: Further columns: header and text.
    more: dict = field(default_factory=dict)

    @property
    def median(self):
        return median(self.values)


@dataclass
class Table:
    name: str
    title: str
    unit: str
    #: What was done, and what is to be known about the figures.
    note: str
    #: The command that repeats it.
    command: str
    rows: list = field(default_factory=list)
    #: Whether a larger figure is the better one.
    rises: bool = True
    #: The subject that the others are compared with.
    ours: str = "chat-server"

    def add(self, load, subject, values, **more):
        if values:
            self.rows.append(Row(load, subject, list(values), {key.replace("_", " "): text for key, text in more.items()}))

    def find(self, load, subject):
        return next((row.median for row in self.rows if (row.load, row.subject) == (load, subject)), None)

    def ratio(self, row):
        ours = self.find(row.load, self.ours)
        if ours is None or row.subject == self.ours or not row.median or not ours:
            return ""
        value = ours / row.median if self.rises else row.median / ours
        return f"{number(value)} ×"

    def markdown(self):
        more = list(dict.fromkeys(key for row in self.rows for key in row.more))
        ratios = any(self.ratio(row) for row in self.rows)
        head = ["load", "server", f"{self.unit}, median", "min", "max"] + (["chat-server is better by"] if ratios else [])
        lines = ["| " + " | ".join(head + more) + " |", "|" + "---|" * (len(head) + len(more))]
        previous = None
        for row in self.rows:
            cells = ["" if row.load == previous else row.load, row.subject, f"**{number(row.median)}**",
                     number(min(row.values)), number(max(row.values))]
            cells += [self.ratio(row)] if ratios else []
            lines.append("| " + " | ".join(cells + [row.more.get(key, "") for key in more]) + " |")
            previous = row.load
        rounds = sorted({len(row.values) for row in self.rows})
        text = f"{self.note} Rounds: {' or '.join(map(str, rounds))}. Repeat: `{self.command}`"
        return f"## {self.title}\n\n![{escape(self.title)}](plots/{self.name}.svg)\n\n{text}\n\n" + "\n".join(lines) + "\n"


COLOURS = ["#2f6f4f", "#c0504d", "#4f81bd", "#e0a030", "#8064a2", "#7f7f7f", "#31859c"]


def plot(table):
    """Horizontal bars of the medians in groups by load, with whiskers from the smallest to the largest round. The scale is
    logarithmic when the medians differ by more than 30 times."""
    subjects = list(dict.fromkeys(row.subject for row in table.rows))
    # The same colour in every plot for what is measured here.
    others = [subject for subject in subjects if subject != table.ours]
    colour = {subject: COLOURS[1 + place % (len(COLOURS) - 1)] for place, subject in enumerate(others)}
    colour[table.ours] = COLOURS[0]
    largest = max(max(row.values) for row in table.rows) or 1
    smallest = min(row.median for row in table.rows)
    logarithmic = smallest > 0 and largest / smallest > 30
    left, width, bar, gap = 250, 420, 16, 12
    if logarithmic:
        import math
        floor = 10 ** math.floor(math.log10(smallest) - 0.001)
        ceiling = 10 ** math.ceil(math.log10(largest))
        span = math.log10(ceiling / floor)

        def place(value):
            return left + width * max(0.0, math.log10(max(value, floor) / floor)) / span
        ticks = [floor * 10 ** power for power in range(round(span) + 1)]
    else:
        ceiling = nice(largest)

        def place(value):
            return left + width * value / ceiling
        ticks = [ceiling * part / 4 for part in range(5)]
    body, y, previous = [], 58 + 18 * ((len(subjects) + 2) // 3), None
    top = y
    for row in table.rows:
        if row.load != previous:
            y += gap if previous is not None else 4
            body.append(text(left - 8, y + bar - 4, row.load, "end"))
            previous = row.load
        end = place(row.median)
        low, high = place(min(row.values)), place(max(row.values))
        middle = y + bar / 2
        body.append(f'<rect x="{left}" y="{y + 1:.1f}" width="{max(1.0, end - left):.1f}" height="{bar - 3}" '
                    f'fill="{colour[row.subject]}"/>')
        body.append(f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} {middle - 3:.1f}v6" '
                    f'stroke="#222" fill="none"/>')
        body.append(text(max(end, high) + 6, y + bar - 4, number(row.median)))
        y += bar
    height = y + 40
    frame = []
    for tick in ticks:
        x = place(tick)
        frame.append(f'<path d="M{x:.1f} {top}V{y + 4}" stroke="#ddd"/>')
        frame.append(text(x, y + 20, number(tick), "middle"))
    legend = []
    for index, subject in enumerate(subjects):
        x, line = 12 + index % 3 * 250, 40 + index // 3 * 18
        legend.append(f'<rect x="{x}" y="{line}" width="11" height="11" fill="{colour[subject]}"/>')
        legend.append(text(x + 17, line + 10, subject))
    scale = ", logarithmic scale" if logarithmic else ""
    better = "more is better" if table.rises else "less is better"
    heading = (f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(table.title)}</text>'
               + text(768, 22, f"{table.unit}; {better}{scale}", "end"))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="780" height="{height}" viewBox="0 0 780 {height}" '
            f'font-family="sans-serif" font-size="12"><rect width="780" height="{height}" fill="#fff"/>'
            + heading + "".join(legend + frame + body) + "</svg>\n")


def text(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def nice(value):
    """The next of 1, 2, 4, 8 with zeros."""
    scale = 1.0
    while scale > value:
        scale /= 10
    while scale * 10 < value:
        scale *= 10
    return next(scale * step for step in (1, 2, 4, 8, 10) if scale * step >= value)
