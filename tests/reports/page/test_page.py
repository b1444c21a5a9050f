"""The one page: every table and figure, every cell's runs, and nothing from elsewhere."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from reports.document.markup import inline
from reports.document.style import CSS_VARIABLES
from reports.document.table import Cell
from reports.frames.runs import commands_of, run_cards
from reports.frames.searches import read_search
from reports.frames.trials import read_ledger
from reports.page.command import main
from reports.page.page import RunLists
from study.ledger.fields import Options
from tests.conftest import Reported
from tests.ledgers import EXPERIMENT, Ledger, an_eventful_ledger, write_search

pytestmark = pytest.mark.slow


@pytest.fixture
def page(reported: Reported) -> str:
    return (reported.out / "index.html").read_text()


def test_every_run_is_there_with_its_command(reported: Reported, page: str) -> None:
    names = list(read_ledger(reported.runs)["fingerprint"])
    names += [f"f{number}" for number in range(6)]
    assert [n for n in names if f'id="run-{n}"' not in page] == []
    cards = run_cards(
        reported.runs, read_ledger(reported.runs), [read_search(reported.runs, "some")]
    )
    groups = unquoted(page[page.index('id="all-runs"') :]).split('<details class="group">')[1:]
    for name in names:
        (group,) = (g for g in groups if f'id="run-{name}"' in g)
        command = cards[name].command
        if cards[name].digest:  # finished runs share a command
            assert re.search(rf"rin-study rerun [\w ]*{name}\b", group), name
        else:
            assert f"{command}\n" in html.unescape(group), name


def test_a_command_is_one_that_works(reported: Reported) -> None:
    data = read_search(reported.runs, "some")
    cards = run_cards(reported.runs, read_ledger(reported.runs), [data])
    assert cards[f"{0:016x}"].command == (f"rin-study rerun {0:016x} --data webnlg_star")
    assert cards["f1"].command == "rin-study audit some"
    assert [cards["f3"].command] == data.commands == ["rin-study --space some"]
    places: Options = {"data": ["my corpus"], "embeddings": "glove.txt", "out": "runs2"}
    wanted = "rerun {} --data 'my corpus' --embeddings glove.txt --runs runs2"
    card = replace(cards[f"{0:016x}"], options={"space": ["s"], "arms": ["a", "b"], **places})
    assert card.command.endswith(wanted.format(card.fingerprint))
    several = replace(card, options={"data": ["a", "b"]})
    assert several.command.endswith(several.fingerprint)


def test_finished_runs_of_one_place_share_a_command(reported: Reported) -> None:
    data = read_search(reported.runs, "some")
    cards = run_cards(reported.runs, read_ledger(reported.runs), [data])
    first, second = (replace(cards[f"{n:016x}"], options={"data": ["a"]}) for n in (0, 1))
    moved = replace(first, fingerprint="c0", options={"data": ["b"]})
    assert commands_of([first, cards["f1"], moved, second]) == [
        f"rin-study rerun {0:016x} {1:016x} --data a",
        "rin-study rerun c0 --data b",
        "rin-study audit some",
    ]


def test_every_table_is_there_in_every_form(reported: Reported, page: str) -> None:
    tables = sorted(reported.out.glob("*/*.tex"))
    assert {path.parent.name for path in tables} == {
        *(EXPERIMENT, "some", "corpora", "costs", "paper-webnlg_star")
    }
    errors = (reported.out / EXPERIMENT / "errors.html").read_text()
    assert [p for p in tables if latex(p) not in unquoted(page) + unquoted(errors)] == []
    assert [p for p in tables if not p.with_suffix(".csv").exists()] == []
    figures = [p.stem for p in reported.out.glob("*/*.svg")]
    of_errors = [name for name in figures if name.startswith("errors_")]
    assert errors.count("<svg ") == len(of_errors) == 4
    # The figures of the first screen are drawn for wide and for narrow screens.
    assert page.count("<svg ") == len(figures) - len(of_errors) + 4
    assert page.count("<figure") == len(figures) - len(of_errors) + 2


def latex(path: Path) -> str:
    return html.escape(path.read_text(), quote=False)


def unquoted(page: str) -> str:
    return page.replace("&#39;", "'").replace("&#34;", '"')


def test_a_cell_opens_exactly_its_runs(page: str) -> None:
    lists = dict(part.split('"', 1) for part in page.split('<div popover id="')[1:])
    assert set(re.findall(r'popovertarget="([^"]+)"', page)) == set(lists)
    row = re.search(r'<th scope="row">RIN \(GRU, K = 2\)</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    cells = {text: name for name, text in re.findall(r'get="([^"]+)"[^>]*>([^<]*)<', row[1])}
    seeds, f1 = cells["1/3 (1 planned, 1 failed)"], cells["40.0"]
    assert re.findall(r'href="#run-(\w+)"', lists[seeds]) == [f"{k:016x}" for k in (4, 5, 6)]
    assert re.findall(r"rerun (\w+)", lists[f1]) == [f"{4:016x}"]
    assert 'class="warn">1/3' in row[1]


def test_ids_are_unique(page: str) -> None:
    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    # Letters that a figure draws twice are the figure's business, and the same shape.
    assert [name for name, count in ids.items() if count > 1 and "DejaVu" not in name] == []
    wanted = set(re.findall(r'href="#([^"]+)"', page))
    assert wanted - set(ids) == set()


def test_nothing_is_loaded_and_nothing_is_markup_that_should_be_text(page: str) -> None:
    links = re.findall(r'(?:src|href)="(?!#|data:|cases/|notebooks/)[^"]*"', page)
    assert links == [f'href="{EXPERIMENT}/errors.html"']
    assert set(re.findall(r"https?://[^\"' )]+", page)) == {
        *("http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg")
    }
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert page.count("<script") == 1


def test_figures_take_the_colours_of_the_page(page: str) -> None:
    drawn = "".join(re.findall(r"<svg .*?</svg>", page, re.DOTALL))
    for colour, variable in CSS_VARIABLES.items():
        assert re.search(f"(?<!, ){colour}", drawn) is None
        assert page.count(f"{variable}:") == 2, "one for the light, one for the dark"


def test_settings_and_versions_are_at_the_foot(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    provenance = {
        "code": {"version": "0.1.0", "commit": "a" * 40, "dirty": True},
        "packages": {"torch": "2.0"},
        "python": "3.11.7",
        "hardware": "a <processor>",
        "arithmetic": "AVX2 blas",
        "device": "cpu",
        "threads": 1,
        "started": 1.5e9,
    }
    ledger.finish(ledger.plan("gru-1", 0), 0.8, {"provenance": provenance})
    ledger.save()
    assert main(["--runs", str(ledger.runs), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "index.html").read_text()
    foot = page[page.index('id="made-with"') :]
    wanted = (
        *(f"0.1.0, commit {'a' * 12}, with changes", "torch 2.0", "3.11.7", "2017-07-14"),
        *("a &lt;processor&gt; AVX2 blas", "cpu, threads: 1", "training.max_epochs=15"),
    )
    assert [text for text in wanted if text not in foot] == []


def test_a_search_alone_has_a_page(tmp_path: Path) -> None:
    write_search(tmp_path / "runs")
    assert main(["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 0
    assert "6 runs of 1 experiment: 2 finished, " in (
        tmp_path / "out" / "index.html"
    ).read_text().replace("\n", " ")


def test_one_experiment_does_not_change_the_page(tmp_path: Path) -> None:
    ledger = an_eventful_ledger(tmp_path / "runs")
    arguments = ["--runs", str(ledger.runs), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--experiment", EXPERIMENT]) == 0
    assert not (tmp_path / "out" / "index.html").exists()


def test_states_of_runs(reported: Reported) -> None:
    runs = reported.runs
    cards = run_cards(runs, read_ledger(runs), [read_search(runs, "some")])
    states = {name: card.status for name, card in cards.items() if name.startswith("f")}
    assert states == {
        **{"f0": "finished", "f1": "pruned", "f2": "pruned", "f3": "failed"},
        **{"f4": "finished", "f5": "running"},
    }
    failed = cards[f"{6:016x}"]
    assert (failed.status, failed.reason[:8]) == ("failed", "<script>")
    runs_of = RunLists(cards=cards)
    assert runs_of.list_id(Cell(text="", fingerprints=("nobody",))) == ""
    first = runs_of.list_id(Cell(text="", fingerprints=("f0", "f1")))
    assert runs_of.list_id(Cell(text="x", fingerprints=("f0", "f1", "f0"))) == first
    assert not runs_of.all_finished(Cell(text="", fingerprints=("f0", "f1")))


def test_notes_keep_markdown_and_escape_html() -> None:
    assert inline("**a** `b` *c* <d>") == ("<strong>a</strong> <code>b</code> <em>c</em> &lt;d&gt;")


def test_every_latex_table_is_well_formed(reported: Reported) -> None:
    for path in reported.out.glob("*/*.tex"):
        *head, caption, begin = path.read_text().splitlines()[:4]
        assert head == [r"\begin{table}", r"\centering"]
        assert caption.startswith(r"\caption{")
        lines = path.read_text().splitlines()[4:]
        width = len(begin.removeprefix(r"\begin{tabular}{").rstrip("}"))
        rows = [line for line in lines if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {width - 1}, path
        text = "\n".join(lines)
        assert [line for line in lines if not line.endswith(r"\\")] == [
            r"\toprule",
            r"\midrule",
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
        assert not re.findall(r"(?<!\\)[%#_^~]", text), path
        assert all(ord(letter) < 0x250 or letter == "–" for letter in text), path
