"""The same sentence in every format that a corpus comes in."""

from __future__ import annotations

from rin_core.data.corpus import Span, Triple
from tests.corpora import Record

WORDS = ("Ann", "Lee", "met", "Bob", ".")


ANN, BOB = Span(0, 2), Span(3, 4)


MET = Triple(ANN, "met", BOB)


TEXT = "Ann Lee met Bob."


SPERT: Record = {
    "tokens": WORDS,
    "entities": [{"type": "PER", "start": 0, "end": 2}, {"type": "PER", "start": 3, "end": 4}],
    "relations": [{"type": "met", "head": 0, "tail": 1}],
}


TRIPLE_LIST: Record = {"text": TEXT, "triple_list": [["Ann Lee", "met", "Bob"]]}


COPYRE: Record = {
    "sentText": TEXT,
    "relationMentions": [{"em1Text": "Ann Lee", "em2Text": "Bob", "label": "met"}],
    "entityMentions": [],
}


DYGIE: Record = {
    "doc_key": "d",
    "sentences": [["He", "slept", "."], list(WORDS)],
    "ner": [[[0, 0, "PER"]], [[3, 4, "PER"], [6, 6, "PER"]]],
    "relations": [[], [[3, 4, 6, 6, "met"], [3, 4, 0, 0, "knows"]]],
}


TAGS: Record = {
    "tokens": WORDS,
    "tags": ["B-PER", "L-PER", "O", "U-PER", "O"],
    "relations": [{"type": "met", "head": 0, "tail": 1}],
}


_UIE_ENDS = [
    {"type": "PER", "offset": [0, 1], "text": "Ann Lee"},
    {"type": "PER", "offset": [3], "text": "Bob"},
]


UIE: Record = {
    "tokens": WORDS,
    "entity": _UIE_ENDS,
    "relation": [{"type": "met", "args": _UIE_ENDS}],
}


TPLINKER: Record = {
    "text": TEXT,
    "entity_list": [
        {"text": "Ann Lee", "type": "PER", "char_span": [0, 7]},
        {"text": "Bob", "type": "PER", "char_span": [12, 15]},
    ],
    "relation_list": [
        {
            "subject": "Ann Lee",
            "predicate": "met",
            "object": "Bob",
            "subj_char_span": [0, 7],
            "obj_char_span": [12, 15],
        }
    ],
}


DUIE: Record = {
    "text": TEXT,
    "spo_list": [
        {
            "subject": "Ann Lee",
            "subject_type": "PER",
            "predicate": "met",
            "object": {"@value": "Bob"},
            "object_type": {"@value": "PER"},
        }
    ],
}


TRIPLE_OBJECTS: Record = {
    "text": TEXT,
    "relations": [
        {
            "subject": "Ann Lee",
            "subject_type": "PER",
            "relation": "met",
            "object": "Bob",
            "object_type": "PER",
        }
    ],
}


DOCCANO: Record = {
    "text": TEXT,
    "entities": [
        {"id": 7, "label": "PER", "start_offset": 0, "end_offset": 7},
        {"id": 9, "label": "PER", "start_offset": 12, "end_offset": 15},
    ],
    "relations": [{"from_id": 7, "to_id": 9, "type": "met"}],
}


def labelled(name: str, start: int, end: int, text: str, *labels: str) -> Record:
    """Return a result of Label Studio, a person if it has no labels."""
    value = {"start": start, "end": end, "text": text, "labels": list(labels or ["PER"])}
    return {"id": name, "type": "labels", "value": value}


RELATION = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["met"]}


LABEL_STUDIO: Record = {
    "data": {"text": TEXT},
    "annotations": [
        {"result": [labelled("a", 0, 7, "Ann Lee"), labelled("b", 12, 15, "Bob"), RELATION]}
    ],
}


PRODIGY: Record = {
    "text": TEXT,
    "tokens": [
        {"text": TEXT[start:end], "id": k, "start": start, "end": end}
        for k, (start, end) in enumerate([(0, 3), (4, 7), (8, 11), (12, 15), (15, 16)])
    ],
    "spans": [{"start": 0, "end": 7, "token_start": 0, "token_end": 1, "label": "PER"}],
    "relations": [
        {
            "head": 1,
            "child": 3,
            "head_span": {"start": 0, "end": 7, "label": "PER"},
            "child_span": {"start": 12, "end": 15, "label": "PER"},
            "label": "met",
        }
    ],
    "answer": "accept",
}


COLUMNS = """#doc 1
0\tAnn\tB-PER\t['N']\t[0]
1\tLee\tI-PER\t['met']\t[3]
2\tmet\tO\t['N']\t[2]
3\tBob\tB-PER\t['N']\t[3]
4\t.\tO\t['N']\t[4]
#doc 2
0\tRain\tO\t['N']\t[0]
"""


CORP = """0\tPER\t0\tO\tNNP/NNP\tAnn/Lee\tO\tO\tO
0\tO\t1\tO\tVBD\tmet\tO\tO\tO
0\tPER\t2\tO\tNNP\tBob\tO\tO\tO
0\tO\t3\tO\t.\t.\tO\tO\tO

0\t2\tmet

1\tO\t0\tO\tNN\tRain\tO\tO\tO

"""


WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=org.POS|PosValue
#T_SP=webanno.custom.Entity|confidence|label
#T_RL=webanno.custom.Relation|label|BT_webanno.custom.Entity
#T_RL=org.Dependency|kind|BT_org.POS


#Text=Ann Lee met Bob.
1-1\t0-3\tAnn\tNNP\t*[1]\tPER[1]\t_\t_\t_\t_\t
1-2\t4-7\tLee\tNNP\t*[1]\tPER[1]\t_\t_\tnsubj\t1-3\t
1-3\t8-11\tmet\tVBD\t_\t_\t_\t_\t_\t_\t
1-4\t12-15\tBob\tNNP\t*\tPER\tmet\t1-1[1_0]\tobj\t1-3\t
1-5\t15-16\t.\t_\t_\t_\t_\t_\t_\t_\t

#Text=Rain
2-1\t17-21\tRain\tNN\t_\t_\t_\t_\t_\t_\t
"""


ANN_FILE = """T1\tPER 0 7\tAnn Lee
T2\tPER 12 15\tBob;
T3\tMEETS 8 11\tmet
T4\tPER 0 3;12 15\tAnn Bob
T5\tPER 17 19\tHe
E1\tmet:T3 Theme:T2 Agent:T1
R1\tknows Arg1:T1 Arg2:T5
"""


#: The sentence in every format, by the name of its reader: a record, or a whole file.
EXAMPLES: dict[str, Record | str] = {
    "SpERT": SPERT,
    "CopyRE": COPYRE,
    "triple lists": TRIPLE_LIST,
    "DyGIE++/PURE": DYGIE,
    "BIO or BILOU tags": TAGS,
    "UIE": UIE,
    "TPLinker": TPLINKER,
    "DuIE": DUIE,
    "triple objects": TRIPLE_OBJECTS,
    "doccano": DOCCANO,
    "Label Studio": LABEL_STUDIO,
    "Prodigy": PRODIGY,
    "CoNLL04 columns": COLUMNS,
    "CoNLL04 .corp": CORP,
    "brat": ANN_FILE,
    "WebAnno TSV": WEBANNO,
}
RECORDS = {name: example for name, example in EXAMPLES.items() if isinstance(example, dict)}
#: Files that hold a corpus alone: one of brat needs its text beside it.
FILES = {
    name: example
    for name, example in EXAMPLES.items()
    if isinstance(example, str) and name != "brat"
}
