"""A small corpus of our own in every layout that seal reads, and the words that are in it."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

from seal import words


def textgrid_file(tiers: dict[str, list[tuple[float, float, str]]]) -> str:
    """A TextGrid as Praat writes it."""
    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 9 \n'
    text += f"tiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        text += f'    item [{number}]:\n        class = "IntervalTier" \n        name = "{name}" \n'
        text += (
            f"        xmin = 0 \n        xmax = 9 \n        intervals: size = {len(intervals)} \n"
        )
        for k, (start, end, said) in enumerate(intervals, start=1):
            text += f"        intervals [{k}]:\n            xmin = {start} \n"
            text += f'            xmax = {end} \n            text = "{said}" \n'
    return text


NITE = '<nite:root nite:id="m" xmlns:nite="http://nite.sourceforge.net/">'
AMI_A = f"""<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>
{NITE}
 <w nite:id="m.words0" starttime="1.5" endtime="1.9">Hello</w>
 <w nite:id="m.words1" starttime="1.9" endtime="1.9" punc="true">,</w>
 <vocalsound nite:id="m.words2" starttime="2.0" endtime="2.2" type="laugh"/>
 <w nite:id="m.words3" starttime="2.5" endtime="9.75">T_V_s</w>
 <w nite:id="m.words4">untimed</w>
 <w nite:id="m.words5" starttime="9.75" endtime="9.8">..</w>
 <w nite:id="m.words6" starttime="10" endtime="9.5">anti-R_S_I_</w>
</nite:root>
"""
AMI_B = f"""{NITE}<w starttime="2.0" endtime="2.4">Right</w></nite:root>"""

CHAT = """@UTF8
@Begin
@Participants:\tA Adult, B Adult
*A:\tso &-um <I was> [//] I went (be)cause &=laughs xxx
\tice+cream ‡ okay . \x15500_4500\x15
%mor:\tco|so
*B:\tyes@l ! \x153500_4000\x15 no [/] no: (.) F_B_I \x15%snd:"x"_4100_5100\x15
*B:\tnever timed .
@End
"""

CABNC = "@UTF8\n@Begin\n@Participants:\tPS001 Ann, PS002 Bob\n" + "".join(
    f"*PS00{1 + k % 2}:\tthey did n't . \x15{k * 1000}_{k * 1000 + 850}\x15\n" for k in range(30)
)
"""Sixty words, when "did n't" is one."""

Expected = list[tuple[str, str, float]]
"""Speaker, word and start (rounded to hundredths)."""

Layout = tuple[dict[str, str], dict[str, Expected]]

LAYOUTS: dict[str, Layout] = {
    "ami": (
        {"words/EN2009z.A.words.xml": AMI_A, "words/EN2009z.B.words.xml": AMI_B},
        {
            "EN2009z": [
                ("A", "Hello,", 1.5),
                ("B", "Right", 2.0),
                ("A", "TVs", 2.5),
                ("A", "anti-RSI", 10.0),
            ]
        },
    ),
    "icsi": (
        {
            "database/Bdb001.dadb": "0.2,0.9,x,A,0.2+0.4+yeah|0.4+0.9+w-|XXXX+XXXX+so,z,x,me011,z\n"
            '0.3,0.6,x,B,0.3+0.6+"quoted",z,x,fe016,z\n'
            "1,2,x,A,1+1.5+is|1.5+2+it,qy^d,x,me011,qy\n3,4,x,A,3+4+well,fh|s,x,me011,fh\n"
            "5,6,x,A,5+6+no,s.%--,x,me011,s\n7,8,x,A,7+8+yes|XXXX+XXXX+so,s^aa,x,me011,s\n"
        },
        {
            "Bdb001": [
                ("me011", "yeah", 0.2),
                ("fe016", '"quoted"', 0.3),
                ("me011", "w", 0.4),
                ("me011", "is", 1.0),
                ("me011", "it?", 1.5),
                ("me011", "well,", 3.0),
                ("me011", "no", 5.0),
                ("me011", "yes.", 7.0),
            ]
        },
    ),
    "primock57": (
        {
            "transcripts/day1_consultation05_doctor.TextGrid": textgrid_file(
                {"Doctor": [(0, 1, ""), (1, 3, "<UNSURE>Hello</UNSURE>, <UNIN/> hi")]}
            ),
            "transcripts/day1_consultation05_patient.TextGrid": textgrid_file(
                {"Patient": [(2.5, 4, "Yes -")]}
            ),
        },
        {
            "day1_consultation05": [
                ("doctor", "Hello", 1.0),
                ("doctor", "hi", 2.33),
                ("patient", "Yes", 2.5),
            ]
        },
    ),
    "fisher": (
        {
            "p1/doc/fe_03_readme.txt": "not a call",
            "p1/data/trans/011/fe_03_01169.txt": "# fe_03_01169.sph\n# Transcribed at the LDC\n\n"
            "3.00 4.00 A: and i (( )) [laugh] n._b._a. \n\n3.50 4.50 B: (( oh yeah )) an-\n",
            "p1/data/bbn_orig/011/auto-segmented/fe_03_01169.trn": "never read",
            "p1/data/bbn_orig/001/auto-segmented/fe_03_00192.trn": "HI THERE (fe_03_00192-A-0001)\n"
            "[LAUGHTER] YEAH (fe_03_00192-B-0001)\n",
            "p1/data/bbn_orig/001/auto-segmented/fe_03_00192.ana": "fe_03_00192 -c 1 -t NIST_1A "
            "-f 8000-16000 -o fe_03_00192-A-0001\n"
            "fe_03_00192 -c 2 -t NIST_1A -f 12000-16000 -o fe_03_00192-B-0001\n",
            "p1/data/bbn_orig/001/rejected/fe_03_00192.trn": "SO (fe_03_00192-A-0002)\n",
            "p1/data/bbn_orig/001/rejected/fe_03_00192.ana": "fe_03_00192 -c 1 -t NIST_1A "
            "-f 4000-6000 -o fe_03_00192-A-0002\n",
        },
        {
            "fe_03_00192": [
                ("A", "SO", 0.5),
                ("A", "HI", 1.0),
                ("A", "THERE", 1.33),
                ("B", "YEAH", 1.5),
            ],
            "fe_03_01169": [
                ("A", "and", 3.0),
                ("A", "i", 3.31),
                ("A", "n.b.a.", 3.46),
                ("B", "oh", 3.5),
                ("B", "yeah", 3.77),
                ("B", "an", 4.23),
            ],
        },
    ),
    "callhome": (
        {
            "transcrpt/evaltest/en_4792.txt": "# a comment\n\n10.00 12.00 A: {laugh} %um &Lydia,\n"
            "went ((and)) --\n\n"
            "11.00 12.50 B1: [distortion] //yes// <Spanish hola> +prolly+ **boing**\n",
        },
        {
            "en_4792": [
                ("A", "um", 10.0),
                ("A", "Lydia,", 10.32),
                ("A", "went", 11.05),
                ("B1", "yes", 11.0),
                ("B1", "hola", 11.27),
                ("B1", "prolly", 11.61),
                ("A", "and", 11.58),
                ("B1", "boing", 12.09),
            ]
        },
    ),
    "rt03": (
        {
            "data/references/eval03/english/cts/ref.stm": ";; CATEGORY\n"
            "fsh_60682 1 fsh_60682_A 0.0 2.0 <O,FI,M,STANDARD> BEFORE IT\n"
            "fsh_60682 1 fsh_60682_A 5.0 7.0 <O,FI,M,STANDARD> (%HESITATION) { OK / OKAY } (GO-)\n"
            "fsh_60682 2 fsh_60682_B 6.0 6.5 <O,FI,F,STANDARD> <B_ASIDE> YES <E_ASIDE>\n"
            "fsh_60682 2 inter_segment_gap 6.5 8.0 <O,FI,F,STANDARD>\n"
            "sw_45727 2 sw_45727_B 1.0 2.0 <O,SW,F,STANDARD> IGNORE_TIME_SEGMENT_IN_SCORING\n"
            "sw_45727 2 sw_45727_B 2.0 3.0 <O,SW,F,STANDARD> WHOLE\n",
            "data/references/eval03/arabic/cts/ref.stm": "never read",
            "data/ctl/eval03.uem": ";; scored\nfsh_60682 A 4.0 10.0\nfsh_60682 B 4.0 10.0\n",
        },
        {
            "fsh_60682": [
                ("fsh_60682_A", "OK", 5.0),
                ("fsh_60682_A", "GO", 6.0),
                ("fsh_60682_B", "YES", 6.0),
            ],
            "sw_45727": [("sw_45727_B", "WHOLE", 2.0)],
        },
    ),
    "seglst": (
        {
            "call.json": json.dumps(
                [
                    {
                        "session_id": "c",
                        "speaker": "A",
                        "words": said,
                        "start_time": s,
                        "end_time": e,
                    }
                    for said, s, e in [("hi there - you", 2, 3), ("oh", 0.12345, 0.2), ("", 5, 6)]
                ]
            )
        },
        {"c": [("A", "oh", 0.12), ("A", "hi", 2.0), ("A", "there", 2.23), ("A", "you", 2.69)]},
    ),
    "stm": (
        {
            "a/x.stm": "x 1 Ann 1.0 2.0 <o,f0> hello { big / { small / } } world\n"
            "x 1 Bob 0.5 0.9 no\n"
        },
        {
            "x": [
                ("Bob", "no", 0.5),
                ("Ann", "hello", 1.0),
                ("Ann", "big", 1.38),
                ("Ann", "world", 1.62),
            ]
        },
    ),
    "ctm-rttm": (
        {
            "x.ctm": ";; words\nx 1 1.00 0.50 hello 0.9\nx 1 1.50 0.50 there\nx 1 5.00 0.25 far\n"
            "x 1 6.0 0.1 <eps>\ny A 0.5 0.5 one\ny B 0.5 0.5 two\n",
            "x.rttm": "SPKR-INFO x 1 <NA> <NA> <NA> unknown ann <NA> <NA>\n"
            "SPEAKER x 1 0.00 1.60 <NA> <NA> ann <NA> <NA>\n"
            "SPEAKER x 1 1.55 1.00 <NA> <NA> bob <NA> <NA>\n"
            "SPEAKER x 1 7.00 1.00 <NA> <NA> ann <NA> <NA>\n"
            "SPEAKER y 1 0 2 <NA> <NA> left <NA>\nSPEAKER y 2 0 2 <NA> <NA> right <NA>\n",
        },
        {
            "x": [("ann", "hello", 1.0), ("bob", "there", 1.5), ("ann", "far", 5.0)],
            "y": [("left", "one", 0.5), ("right", "two", 0.5)],
        },
    ),
    "textgrid": (
        {
            "both.TextGrid": textgrid_file(
                {
                    "Ann - words": [(0, 0.5, "say"), (0.5, 1, '""no""')],
                    "Ann - phones": [(0, 0.5, "s")],
                    "Bob": [(0.25, 0.75, "yes")],
                }
            ),
            "call_7_left.TextGrid": textgrid_file({"whoever": [(1, 2, "a\nb")]}),
            "call_7_right.TextGrid": textgrid_file({"whoever": [(1.25, 2, "c")]}),
        },
        {
            "both": [("Ann", "say", 0.0), ("Bob", "yes", 0.25), ("Ann", '"no"', 0.5)],
            "call_7": [("left", "a", 1.0), ("right", "c", 1.25), ("left", "b", 1.5)],
        },
    ),
    "cabnc": (
        {"KB0/KB0RE000.cha": CABNC + "@End\n", "KB0/KB0RE001.cha": CHAT},
        {
            "KB0RE000": [
                (f"PS00{1 + k % 2}", text, start)
                for k in range(30)
                for text, start in (("they", float(k)), ("didn't.", k + 0.33))
            ]
        },
    ),
    "chat": (
        {"eng/4065.cha": CHAT},
        {
            "4065": [
                ("A", "so", 0.5),
                ("A", "um", 0.8),
                ("A", "I", 1.1),
                ("A", "was", 1.3),
                ("A", "I", 1.7),
                ("A", "went", 1.9),
                ("A", "cause", 2.4),
                ("A", "ice", 3.0),
                ("A", "cream", 3.4),
                ("A", "okay.", 4.0),
                ("B", "yes!", 3.5),
                ("B", "no", 4.1),
                ("B", "no", 4.4),
                ("B", "FBI", 4.7),
            ]
        },
    ),
}


def laid_out(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def loader(corpus: str) -> Callable[[Path], dict[str, list[words.Word]]]:
    return importlib.import_module(f"seal.corpora.{corpus.replace('-', '_')}").load
