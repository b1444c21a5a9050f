"""The grammar of the demo corpus: wordings with what they assert.

A rule is a line ``weight template | facts``. In a template, ``P O S C N B F`` are slots for
a person, firm, school, city, country, book and film; digits tell slots of one type apart. ``_`` is
the name that a modifier describes. ``P?`` is a slot whose type the wording leaves open, so an
ambiguous name gets a cue there ("the painter Jordan"). ``P!`` takes no modifier, because one there
could be read as part of something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Fact(NamedTuple):
    """A relation between two slots."""

    subject: str
    relation: str
    object: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A template, as tokens, and what it asserts about its slots."""

    weight: float
    tokens: tuple[str, ...]
    facts: tuple[Fact, ...]

    def relations_of(self, slot: str) -> set[str]:
        """Return the relations that one slot takes part in."""
        return {fact.relation for fact in self.facts if slot in (fact.subject, fact.object)}


def rules(text: str) -> tuple[Rule, ...]:
    """Read rules, one a line: ``weight template | facts``."""
    found = []
    for line in text.strip().splitlines():
        weight, _, rest = line.partition(" ")
        template, _, facts = rest.partition("|")
        parsed = tuple(Fact(*fact.split()) for fact in facts.split(";") if fact.strip())
        found.append(Rule(float(weight), tuple(template.split()), parsed))
    return tuple(found)


CLAUSES = rules("""
9 P was born/VBN in C | P birthPlace C
1 P was born/VBN in C1! and now lives in C2 | P birthPlace C1 ; P residence C2
1 P was born/VBN in , and has never left/VBN , C | P birthPlace C ; P residence C
1 P1! and P2! were born/VBN in C1! and C2! respectively | P1 birthPlace C1 ; P2 birthPlace C2
1 P1! , unlike P2! , was born/VBN in C | P1 birthPlace C
9 P? moved from C1?! to C2? | P residence C2
9 P? moved from O1?! to O2? | P employer O2
9 O? moved from C1?! to C2? | O base C2
1 P? joined O? after leaving C?! | P employer O
1 P? went to C? after leaving O?! | P residence C
9 P? joined O? | P employer O
5 O1? joined O2? as a subsidiary | O1 owner O2
5 P joined S as a student | P almaMater S
5 P joined S as a lecturer | P employer S
3 P1? joined P2! on a visit to O?
5 O1? became part of O2? | O1 owner O2
1 C? became part of N? | C country N
9 P? took over O? | O leader P
9 O1? took over O2? | O2 owner O1
1 P? took over N?! after an election | N leader P
5 P founded O! and still runs the firm | O founder P ; O leader P
5 O was founded/VBN by P1! and is now run/VBN by P2 | O founder P1 ; O leader P2
1 P1! and P2! founded/VBD O1! and O2! respectively | O1 founder P1 ; O2 founder P2
1 P1! and P2! , both of whom work for O , met P3! | P1 employer O ; P2 employer O
1 P1! and P2! , both of whom sued P3! , founded/VBD O | O founder P1 ; O founder P2
1 P1! and P2! , the second of whom works for O1 , met P3 | P2 employer O1
1 the founder of O?! is not P1! but P2 | O founder P2
5 P1! works for O1! , and P2! for O2! | P1 employer O1 ; P2 employer O2
1 P1! , P2! and P3! all work for O | P1 employer O ; P2 employer O ; P3 employer O
2 O1! , and not O2! , is where P works | P employer O1
5 P wrote and directed/VBD F! | F author P ; F director P
5 F! was written/VBN by P1! and directed/VBN by P2 | F author P1 ; F director P2
5 B?! and F?! are by P | B author P ; F director P
1 F! was directed/VBN by P1! after P2! withdrew | F director P1
1 C1! , not C2! , is the capital of N! | N capital C1 ; C1 country N
1 N! moved the capital from C1! to C2! | N capital C2 ; C2 country N
5 P studied at S1! and lectures at S2 | P almaMater S1 ; P employer S2
1 P1! studied at S1! , and P2! at S2! | P1 almaMater S1 ; P2 almaMater S2
5 O1? was bought/VBN by O2? | O1 owner O2
5 O1? bought/VBD O2? from O3?! | O2 owner O1
5 O? was bought/VBN by P | O owner P
1 O1! failed to buy O2! , but O3! did | O2 owner O3
4 P1? met P2?! in C?!
4 P? praised B?
4 P? praised F?
3 critics praised F?
3 F? surprised critics in C?!
1 P1? sued P2?! and O?!
4 in a court in C?! , O1? sued O2?
4 P never worked for O
4 P has turned/VBN down a post at O?
4 P? visited C?! and N?!
""")

# A comma-modifier belongs to the name right before it; each name takes one at most.
MODIFIERS = {
    "P": rules("""
9 _ of O? | _ employer O
5 _ of S | _ employer S
9 _ of C? | _ residence C
5 _ , a native of C? , | _ birthPlace C
1 _ , a resident of C? , | _ residence C
5 _ , a graduate of S , | _ almaMater S
1 _ , a lecturer at S , | _ employer S
5 _ , the founder of O? , | O founder _
1 _ , the founder of S , | S founder _
5 _ , the director of F? , | F director _
5 _ , the director of O? , | O leader _
1 _ , the mayor of C , | C leader _
1 _ , the president of N , | N leader _
5 _ , the author of B? , | B author _
1 _ , an admirer of P?! ,
1 _ , a critic of O? ,
1 _ , who met P! in C! ,
1 _ , who owns O , | O owner _
1 _ , whose hero P! was born/VBN in C , | P birthPlace C
"""),
    "O": rules("""
9 _ of C? | _ base C
9 _ in C? | _ base C
1 C?! 's _ | _ base C
5 _ , based in C , | _ base C
1 _ , whose founder is P! , | _ founder P
1 _ , which P! founded/VBD , | _ founder P
3 _ , the employer of P! , | P employer _
1 _ , which P1! , a friend of P2! , founded/VBD , | _ founder P1
5 _ , founded/VBN by P! , | _ founder P
5 _ , run/VBN by P , | _ leader P
5 _ , owned by O? , | _ owner O
1 _ , the owner of O? , | O owner _
1 _ , a part of O? , | _ owner O
1 O?! 's _ | _ owner O
1 _ , a rival of O? ,
"""),
    "S": rules("""
9 _ in C? | _ base C
1 _ , whose director is P! , | _ leader P
5 _ , founded/VBN by P! , | _ founder P
1 _ , where P! lectures , | P employer _
1 _ , where P1! met P2! ,
"""),
    "C": rules("""
5 _ in N? | _ country N
1 N?! 's _ | _ country N
5 _ , N , | _ country N
1 _ , the capital of N! , | N capital _ ; _ country N
5 _ , where P! lives , | P residence _
1 _ , where O! is based/VBN , | O base _
1 _ , where P1! met P2! ,
1 _ , whose mayor is P! , | _ leader P
1 _ , the home of O? , | O base _
"""),
    "N": rules("""
5 _ , led by P! , | _ leader P
1 _ , whose capital is C! , | _ capital C ; C country _
1 _ , a neighbour of N! ,
"""),
    "B": rules("""
9 _ by P | _ author P
1 P! 's _ | _ author P
1 _ , a book about P! ,
1 _ , a portrait of C? ,
"""),
    "F": rules("""
9 _ by P | _ director P
1 P! 's _ | _ director P
1 _ , a film about P! ,
1 _ , written/VBN by P! , | _ author P
"""),
}

OPENERS = rules("""
9 in YEAR ,
2 last year ,
2 on DAY ,
2 according to O?! ,
2 at a dinner in C?! ,
2 reporters in C?! say that/IN
2 critics of B?! say that/IN
2 P! told reporters that/IN
""")
CLOSERS = rules("""
9 in YEAR
9 last year
2 on DAY
2 despite protests in C?!
1 after a trip to C?!
2 , as O?! announced
2 for the second time
2 after the Winter Olympics
2 during the Cold War
2 , days after winning the Nobel Prize
""")
CONNECTIVES = rules("""
9 , while
9 , and
2 , but
1 , weeks before
""")

CUES = {
    "P": ("the painter", "the engineer", "the banker", "the poet", "President", "Dr.", "Mrs."),
    "O": ("the firm", "the airline", "the brewery", "the insurer", "the bank"),
    "C": ("the town", "the port", "the city of", "the town of"),
    "N": ("the kingdom of", "the republic of"),
    "B": ("the novel", "the memoir", "the book"),
    "F": ("the film", "the comedy", "the thriller"),
}

WORD_TAGS = {
    word: tag
    for tag, words in {
        "DT": "the a an all both another",
        "IN": "in of at by from on to despite after before about during for as unlike while over",
        "VBD": "was were moved joined went became took founded wrote directed met praised sued "
        "worked visited returned failed bought withdrew surprised studied told announced did",
        "VBZ": "is has lives runs works lectures owns",
        "VBP": "are work say",
        "VBN": "based owned led",
        "VBG": "leaving according winning",
        "VB": "buy",
        "NN": "subsidiary student lecturer visit part staff election founder firm film capital "
        "school post dinner trip time native resident graduate director mayor president author "
        "admirer critic hero father friend owner rival employer home neighbour book portrait year "
        "painter engineer lawyer banker poet minister airline brewery insurer bank town port city "
        "kingdom republic novel memoir comedy thriller court",
        "NNP": "President Dr. Mrs. Winter Olympics Cold War Nobel Prize",
        "NNS": "reporters critics protests weeks days",
        "RB": "now never still respectively not down",
        "CC": "and but",
        "JJ": "last rival second",
        "WP": "who whom",
        "WP$": "whose",
        "WDT": "which",
        "WRB": "where",
        "POS": "'s",
        ",": ",",
        ".": ".",
    }.items()
    for word in words.split()
}
NAME_TAGS = {"The": "DT", "of": "IN", "in": "IN", "&": "CC"}
