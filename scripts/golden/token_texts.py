#!/usr/bin/env python3
"""Writes tests/golden/ten_thousand_tokens.gz: texts and the published tokenizer's ids for them, a JSON list [text, ids] a line.

python3 scripts/golden/token_texts.py VOCABULARY [--count N] [--seed S] [--out FILE]

Needs sam3 0.1.4, ftfy 6.3.1 and regex 2026.11.15 under Python 3.11. The ids depend on the Unicode versions of the last two: see
docs/reference/parity.md.
"""
import argparse
import gzip
import html.entities
import json
import pathlib
import random
import re
import unicodedata

import regex
from sam3.model.tokenizer_ve import SimpleTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIDES = "left|right|both|bilateral|upper|lower|anterior|posterior|medial|lateral|proximal|distal|superficial|deep".split("|")
PARTS = ("lung|kidney|adrenal gland|liver|spleen|pancreas|gallbladder|duodenum|aorta|inferior vena cava|urinary bladder|prostate|uterus|"
         "femur|femoral head|hip joint|sacroiliac joint|L5/S1 disc|C1-C2|rib 7|7th rib|sternum|scapula|clavicle|thyroid|oesophagus|"
         "esophagus|trachea|bronchus|bronchiole|alveolus|optic disc|optic cup|fovea|retinal vessel|hippocampus|corpus callosum|"
         "substantia nigra|caudate nucleus|lateral ventricle|cerebellum|left anterior descending artery (LAD)|mitral valve|myocardium|"
         "polyp|adenoma|carcinoma in situ|ductal carcinoma|lymph node|nucleus|cell membrane|mitochondrion|glomerulus|villus|crypt|"
         "keratinocyte|melanoma|nevus|lesion|tumour|tumor core|oedema|edema|necrosis|haemorrhage|infarct|plaque|stenosis|aneurysm|"
         "calcification|implant|catheter|stent|needle|grasper|clip applier|instrument shaft|polyp (Paris Is)|Barrett's mucosa").split("|")
MARKS = ("T1w|T2-FLAIR|DWI|ADC|CT|CBCT|PET/CT|H&E|IHC Ki-67|CD8+|HER2 3+|HbA1c|µm|5 mm|3.5cm|10⁻³ mm²/s|37°C|>20%|±0.5|≥ grade II|stage IIIb|"
         "pT2N0M0|BI-RADS 4c|PI-RADS v2.1|LI-RADS-5|Gleason 3+4=7|ICD-10: C34.1|SNOMED 363358000|x400|1:1000|α-SMA|β-catenin|γδ T|IL-6|"
         "Crohn's|Hodgkin's|Ménière’s|Sjögren|Guillain–Barré|Langerhans’|Müller|Purkinje|Schwann|naïve|façade|don't|it's|we'll|I'd|they've"
         ).split("|")
FOREIGN = ("Ødem, Ärzte, Größe|lésion hépatique à gauche|corazón, riñón, niño|пухлина печінки|опухоль лёгкого|πνεύμονας ΟΔΥΣΣΕΥΣ|"
           "akciğer ışını İstanbul|płuco, żołądek|plíce, žaludek|肺結節|左肺上葉|폐 결절|ปอดซ้าย|फेफड़ा|رئة يسرى|ריאה שמאלית|tüdő ő ű|"
           "phổi trái|Ǆ ǅ ǆ Ǉ|ﬁbroadenoma ﬀ|ＦＵＬＬ ｗｉｄｔｈ １２３|ſtraße ẞ ß|ﾊﾝｶｸ|①②③ ½ ¾ Ⅷ ⅷ|K Å Ω").split("|")
EMOJI = "🫁 🧠 🫀 🦷 🦴 👁️ 👩‍⚕️ 👨🏽‍⚕️ 🏥 💉 🩻 🩺 🔬 🧬 🇬🇧 🇯🇵 1️⃣ ❤️‍🔥 👨‍👩‍👧 ☠️ ✅ ➡️ ⚕️ 😀 🙂‍↔️".split(" ")
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680", "\u2000", "\u2003",
          "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\xad"]
WRONG = ["latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2", "mac-roman", "cp437"]
NAMES = sorted(html.entities.html5)


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        known = regex.compile(r"\P{C}")
        self.every = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and known.fullmatch(chr(c))]
        self.any = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
        # Blocks of 128 characters that hold something; each as likely as another, so that rare scripts come up.
        self.blocks = sorted({c >> 7 for c in self.every})
        self.by_block = {}
        for c in self.every:
            self.by_block.setdefault(c >> 7, []).append(chr(c))
        # What Python's own tables and the pattern's disagree on.
        self.newer = [chr(c) for c in self.every if unicodedata.category(chr(c)) == "Cn"]

    def pick(self, some):
        return self.random.choice(some)

    def some(self, low, high, make):
        return [make() for _ in range(self.random.randint(low, high))]

    def medical(self):
        words = self.some(1, 3, lambda: self.pick(self.pick((SIDES, PARTS, PARTS, MARKS))))
        text = self.pick((" ", " ", " ", ", ", "/", "-", " of the ", " & ")).join(words)
        return self.pick((str, str, str, str.upper, str.title, str.capitalize, lambda t: t + ".", lambda t: f"({t})", lambda t: f"“{t}”"))(text)

    def script(self):
        block = self.by_block[self.pick(self.blocks)]
        return "".join(self.some(1, 8, lambda: self.pick(block if self.random.random() < 0.8 else self.by_block[self.pick(self.blocks)])))

    def new(self):
        return "".join(self.some(1, 4, lambda: self.pick((self.pick(self.newer), self.pick("aΣσ\u0301\u0316 7'"), self.pick(FOREIGN)[:3]))))

    def foreign(self):
        return self.pick((str, str.lower, str.upper, str.title, str.swapcase))(self.pick(FOREIGN)) + self.pick(("", " ", " 3", "'s", "…"))

    def emoji(self):
        return self.pick(("", " ")).join(self.some(1, 4, lambda: self.pick(self.pick((EMOJI, EMOJI, PARTS)))))

    def spaces(self):
        parts = self.some(0, 4, lambda: self.pick((self.pick(PARTS), self.pick(MARKS), self.pick("aZ9.'"), "")))
        return self.pick(SPACES) + "".join(p + "".join(self.some(0, 3, lambda: self.pick(SPACES))) for p in parts)

    def entity(self):
        name = self.pick(NAMES)
        number = self.pick((self.random.randrange(0x180), self.pick(self.any), self.random.randrange(0x120000)))
        made = self.pick(("&" + name, "&" + name.rstrip(";") + self.pick((";", "", " ")), f"&#{number};", f"&#x{number:x};", f"&#X{number:X}",
                          f"&amp;{name}", f"&amp;amp;{name}", "&" + name.upper(), "&" + name.title(), "&" + name[:-2], "&#;", "&;", "&x#1;"))
        return self.pick(("", "<b>", "a", "1 ", "lung ")) + made + self.pick(("", "x", " y", "&gt;", "</b>", made))

    def mojibake(self):
        text = self.pick((self.pick(FOREIGN), self.pick(MARKS), self.pick(EMOJI), "“" + self.pick(PARTS) + "” – it’s", self.script()))
        for _ in range(self.pick((1, 1, 1, 2))):
            text = text.encode("utf-8", "replace").decode(self.pick(WRONG), self.pick(("replace", "ignore")))
        if self.random.random() < 0.2:
            text = text.replace("\xa0", " ")
        return self.pick(("", self.pick(PARTS) + " ")) + text

    def noise(self):
        kinds = (lambda: chr(self.random.randrange(0x80)), lambda: chr(self.random.randrange(0x250)), lambda: chr(self.pick(self.any)),
                 lambda: chr(self.pick(self.every)), lambda: self.pick("'&;#<>_-.,  sSdDtTmM\u017f\u0345"))
        kind = self.pick(kinds)
        return "".join(self.some(1, 10, lambda: self.pick((kind, self.pick(kinds)))()))

    def special(self):
        return self.pick(("<start_of_text>", "<end_of_text>", "<START_OF_TEXT>", "<ſtart_of_text>", "'S", "'ſ", "'RE", "'ll", "''d", "\x1b[31m",
                          "\x1b[3٣m", "İ", "ΑΣ", "ΑΣ.", "ΑΣΑ", "'", "_", "a_b", "1234567890", "3.14e-10", "http://x.y/z?a=b&copy=1")) + self.pick(
                              ("", " ", "x", "'s", self.pick(PARTS)))

    def long(self):
        word = self.pick((self.pick(PARTS), self.pick(FOREIGN), "Σ" * 9, "a", "ab" * 20, "&amp;", "â€™", "9", "!?"))
        return (word + self.pick(("", " ", ", "))) * self.random.randint(50, 200)


def texts(seed, count):
    maker = Maker(seed)
    shares = {"medical": 24, "script": 14, "new": 6, "foreign": 6, "emoji": 6, "spaces": 10, "entity": 13, "mojibake": 13, "noise": 10,
              "special": 5, "long": 1}
    kinds, weights = list(shares), list(shares.values())
    seen = {"": None}
    while len(seen) < count:
        text = getattr(maker, maker.random.choices(kinds, weights)[0])()
        text = re.sub("[\ud800-\udfff]", "", text)  # what is no UTF-8 never reaches the tokenizer
        seen[text] = None
    return list(seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vocabulary")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=20250101)
    parser.add_argument("--out", default=ROOT / "tests/golden/ten_thousand_tokens.gz")
    options = parser.parse_args()
    tokenizer = SimpleTokenizer(options.vocabulary)
    lines = [json.dumps([text, tokenizer.encode(text)], ensure_ascii=False, separators=(",", ":"))
             for text in texts(options.seed, options.count)]
    data = gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)
    pathlib.Path(options.out).write_bytes(data)
    print(f"{len(lines)} texts, {len(data)} bytes")


main()
