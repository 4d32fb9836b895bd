"""Make ``demo/sample.pdf``: several pages with headings, a table and umlauts.

Run it again after a change of the text below: ``.venv/bin/python demo/make_sample.py``.
"""

from __future__ import annotations

from pathlib import Path

import pymupdf

TARGET = Path(__file__).with_name("sample.pdf")
MARGIN = 64
STYLE = """
body { font-family: sans-serif; font-size: 11pt; line-height: 1.45; }
h1 { font-size: 22pt; } h2 { font-size: 15pt; }
td, th { padding: 3pt 14pt 3pt 0; text-align: left; }
"""

PAGES = [
    """<h1>The Night Post of Lübeck</h1>
    <p>A small report about letters that must arrive, written as a sample for Secretary. It has a
    few pages, a heading on each, one table, and the letters that tell a careless program from a
    careful one: ä, ö, ü, Ä, Ö, Ü, ß, é, ø and the euro sign €.</p>
    <p>The post office at the Mühlentor never closes. A letter that was accepted there is written
    into the great ledger first; only then does someone ring the bell for a carrier. Should nobody
    hear the bell, the letter still stands in the ledger, and the next carrier who looks will
    find it.</p>""",
    """<h2>1. The ledger and the bell</h2>
    <p>The ledger is the truth, the bell is only a hint. A carrier who takes a letter signs for it
    with his name and the hour by which he will be back. Whoever comes too late finds another
    name in the ledger and gives the letter up: no letter is delivered under two signatures.</p>
    <p>When the bell was broken for a whole winter, the letters were a few seconds later, and
    not one was lost.</p>""",
    """<h2>2. A week in numbers</h2>
    <p>Letters and parcels of one week, counted each evening.</p>
    <table>
    <tr><th>Day</th><th>Letters</th><th>Parcels</th><th>Carrier</th></tr>
    <tr><td>Monday</td><td>412</td><td>38</td><td>Jörg Möller</td></tr>
    <tr><td>Tuesday</td><td>388</td><td>41</td><td>Käthe Groß</td></tr>
    <tr><td>Wednesday</td><td>455</td><td>29</td><td>Sören Böhm</td></tr>
    <tr><td>Thursday</td><td>401</td><td>52</td><td>Änne Schütz</td></tr>
    <tr><td>Friday</td><td>530</td><td>67</td><td>René Übermut</td></tr>
    </table>
    <p>In the whole week: 2186 letters and 227 parcels.</p>""",
    """<h2>3. Auf Deutsch</h2>
    <p>Fünfzig Boten übernehmen täglich größere Mengen Post. Sie prüfen die Anschriften, ordnen
    sie nach Straßen und bestätigen jede Übergabe mit ihrer Unterschrift. Falsch zugestellte
    Briefe gehören zu den Ausnahmen; über jeden einzelnen wird Buch geführt.</p>
    <p>Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.</p>""",
    """<h2>4. What happens when a carrier falls ill</h2>
    <p>He does not come back by the hour he wrote down. His colleague reads it in the ledger,
    waits for the hour to pass, crosses out the old name and takes the letter herself. The
    recipient notices a delay of minutes.</p>""",
    """<h2>5. Receipts</h2>
    <p>Each sender who asked for it gets a receipt: sealed, so that nobody else can have written
    it, and numbered, so that a receipt that came twice counts once.</p>
    <p>End of the report.</p>""",
]


def make(target: Path) -> None:
    """Write the sample to *target*; it writes the same bytes every time."""
    with pymupdf.open() as document:
        for html in PAGES:
            page = document.new_page()
            width, height = page.rect.br
            frame = pymupdf.Rect(MARGIN, MARGIN, width - MARGIN, height - MARGIN)
            page.insert_htmlbox(frame, html, css=STYLE)
        document.set_metadata({"title": "The Night Post of Lübeck", "author": "Secretary"})
        document.subset_fonts()
        document.save(target, garbage=4, deflate=True, no_new_id=True)


if __name__ == "__main__":
    make(TARGET)
