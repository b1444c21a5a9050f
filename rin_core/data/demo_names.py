"""Names for the demo corpus: lists to combine, and how each type of entity is named.

Some surnames are cities, some first names are countries, and firms and books are named after
either: a name alone does not always give its type away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple


def _listed(text: str) -> list[str]:
    """Read a list of names, two-word names with a hyphen: it keeps the lists readable."""
    return [name.replace("-", " ") for name in text.split()]


_FIRST = _listed("""
    Anna Tom Ruth Carl Nora Ivan Lena Omar Hugo Iris Karim Paula Boris Clara Diego Ellen Felix
    Greta Henri Ines Jonas Kira Louis Maria Nils Olga Pedro Rosa Simon Tara Viktor Wanda Yusuf
    Zoe Amir Bella Cesar Dora Emil Fatima Gustav Hanna Igor Julia Kofi Lucia Marek Nadia Oscar
    Petra Rahul Sonia Tobias Ursula Vera Jordan Victoria Florence Sydney Georgia Chad Austin
    Madison Paris Chelsea Israel India
""")
_LAST = _listed("""
    Keller Novak Brandt Okafor Lindgren Moreau Petrov Castillo Haddad Fischer Rossi Yamada Jensen
    Kowalski Silva Dubois Larsen Mbeki Nakamura Orlov Quinn Reyes Santos Torres Ueda Vargas Weber
    Zhang Abbott Barnes Carver Dalton Emerson Foster Garner Hooper Ingram Aalto Bianchi Cohen
    Duarte Eriksen Farouk Gomez Horvat Ishida Janssen Kaplan Lehmann Mancini Nilsen Olsen Pavlov
    Rahman Schmidt Tanaka Ulrich Varga Wagner Zimmer Baxter Crane Doyle Fraser Gibson Hobbs
    Jordan Washington Lincoln Austin Houston Hamilton Wellington Kingston Madison Jackson Morgan
    Ford Porter Hill Rivers Victoria
""")
_CITIES = _listed("""
    Varna Lima Oslo Porto Ghent Turin Basel Malmo Leeds Quito Dakar Tunis Hanoi Osaka Perth Tampa
    Boise Lagos Accra Minsk Riga Cork Lyon Graz Brno Aarhus Bilbao Cadiz Delft Essen Fargo Gdansk
    Haifa Izmir Kobe Linz Mosul Nantes Odessa Pisa Rouen Sofia Tartu Utrecht Vigo Zagreb Washington
    Lincoln Austin Houston Hamilton Wellington Kingston Madison Jackson Victoria Florence Sydney
    Paris Jordan
""")
_COUNTRIES = _listed("""
    Norway Peru Kenya Chile Latvia Ghana Japan Brazil Canada Turkey Jordan Georgia Chad Israel
    India New-Zealand South-Korea Sri-Lanka Costa-Rica South-Africa Ivory-Coast El-Salvador
""")
_STEMS = _listed("""
    Nor Vel Bryn Kor Alt Mer Hal Tor Fen Lun Dra Sol Wex Cam Ost Ril Gar Pel Ash Zan Bel Cor Dun
    El Fal Gren Hol Iv Jar Kel Lor Mon Nev Or Pren Quel Ros Stan Tre Ul Vor Wil Yar Zel
""")
_FIRM_ENDS = _listed("dyne tex ron star vex land lyn mark")
_TOWN_ENDS = _listed("ford ton bury land mark wick haven")
_TRADES = _listed("Motors Systems Bank Airlines Foods Press Steel Energy Records Holdings Group")
_TOWN_OPENINGS = _listed("Port New San Fort Lake")
_TOWN_CLOSINGS = _listed("Falls Springs Hill Rivers")
_ADJECTIVES = _listed("Silent Broken Golden Last Hidden Burning Distant Winter Second Crooked")
_NOUNS = _listed("Harbor Garden River Bridge Daughter Letter Orchard Mirror Stranger Season")
DAYS = _listed("Monday Tuesday Wednesday Thursday Friday")


class Name(NamedTuple):
    """A name, and whether it shows its type without help from the sentence."""

    words: tuple[str, ...]
    evident: bool


def _coined(rng: Random, ends: Sequence[str]) -> str:
    return rng.choice(_STEMS) + rng.choice(ends)


def _person(rng: Random, _: Sequence[str]) -> Name:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    initial = f"{rng.choice('ABCDEFGHJKLMNPRST')}."
    forms = ((last,), (first, initial, last), (first, last))
    words = rng.choices(forms, (2, 1, 7))[0]
    return Name(words, len(words) > 1 and last not in _TOWN_CLOSINGS)


def _surname(rng: Random, heard: Sequence[str]) -> str:
    """Choose a surname for something named after a person, often one in the sentence."""
    return rng.choice(heard if heard and rng.random() < 0.4 else _LAST)


def _firm(rng: Random, heard: Sequence[str]) -> Name:
    namesake = rng.choice((_surname(rng, heard), rng.choice(_CITIES), _coined(rng, _FIRM_ENDS)))
    if rng.random() < 0.25:
        return Name((namesake,), evident=False)
    if rng.random() < 0.2:
        return Name((namesake, "&", rng.choice([*_LAST, "Sons"])), evident=True)
    return Name((namesake, rng.choice(_TRADES)), evident=True)


def _school(rng: Random, heard: Sequence[str]) -> Name:
    namesake, city = _surname(rng, heard), rng.choice(_CITIES)
    forms = (
        ("University", "of", city),
        (city, "University"),
        (namesake, "College"),
        (namesake, "School", "of", rng.choice(("Music", "Law", "Medicine"))),
    )
    return Name(rng.choice(forms), evident=True)


def _city(rng: Random, _: Sequence[str]) -> Name:
    form = rng.random()
    if form < 0.5:
        city = rng.choice(_CITIES)
        return Name((city,), city not in _LAST and city not in _FIRST)
    if form < 0.65:
        return Name((_coined(rng, _TOWN_ENDS),), evident=False)
    if form < 0.88:
        return Name((rng.choice(_TOWN_OPENINGS), _coined(rng, _TOWN_ENDS)), evident=True)
    return Name((rng.choice(_FIRST), rng.choice(_TOWN_CLOSINGS)), evident=False)


def _country(rng: Random, _: Sequence[str]) -> Name:
    words = tuple(rng.choice(_COUNTRIES).split())
    return Name(words, words[0] not in _FIRST and words[0] not in _LAST)


def _title(rng: Random, heard: Sequence[str]) -> Name:
    adjective, noun = rng.choice(_ADJECTIVES), rng.choice(_NOUNS)
    place = rng.choice(_CITIES)
    forms = (
        ("The", adjective, noun),
        ("The", noun, "of", place),
        (adjective, noun),
        (noun, "in", place),
        (place, noun),
        (_surname(rng, heard),),
    )
    return Name(rng.choice(forms), evident=False)


NAMERS: dict[str, Callable[[Random, Sequence[str]], Name]] = {
    "P": _person,
    "O": _firm,
    "S": _school,
    "C": _city,
    "N": _country,
    "B": _title,
    "F": _title,
}
