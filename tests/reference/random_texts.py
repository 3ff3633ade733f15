# random_texts.py - texts that find mistakes of tokenizers: every kind of character, in every order; no meaning.

import random
import unicodedata

# First and last character of the blocks that a text is drawn from.
SCRIPTS = {
    "latin": (0x41, 0x24F), "greek": (0x370, 0x3FF), "cyrillic": (0x400, 0x52F), "armenian": (0x531, 0x58F),
    "hebrew": (0x591, 0x5F4), "arabic": (0x600, 0x6FF), "devanagari": (0x900, 0x97F), "bengali": (0x980, 0x9FE),
    "tamil": (0xB82, 0xBFA), "telugu": (0xC00, 0xC7F), "thai": (0xE01, 0xE5B), "tibetan": (0xF00, 0xFDA),
    "georgian": (0x10A0, 0x10FF), "hangul jamo": (0x1100, 0x11FF), "ethiopic": (0x1200, 0x139F), "khmer": (0x1780, 0x17F9),
    "mongolian": (0x1800, 0x18AA), "vietnamese": (0x1E00, 0x1EFF), "old greek": (0x1F00, 0x1FFF), "kana": (0x3041, 0x30FF),
    "han": (0x4E00, 0x9FEF), "hangul": (0xAC00, 0xD7A3), "wide": (0xFF01, 0xFFEE), "gothic": (0x10330, 0x1034A),
    "mathematical": (0x1D400, 0x1D7FF), "rare han": (0x20000, 0x2A6D6),
}  # fmt: skip
MARKS = [chr(c) for c in range(0x300, 0x370)] + ["\u200d", "\ufe0f", "\u20e3", "\u0bcd", "\u3099"]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇺🇳", "❤️", "1️⃣", "🫠", "🧑🏿‍🚀", "☕", "™", "🎉🎉🎉"]
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2003\u2009\u200b\u2028\u2029\u202f\u205f\u3000"
NUMBERS = "0123456789٣४๔Ⅷ½²①৭"
SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§±«»¿…—“”’€₹∑≠→■※▁"
CODE = [
    "for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n\t}\n", "def f(x):\n    return x ** 2  # square\n",
    "SELECT * FROM t WHERE id=1;\r\n", "<div class=\"a\">\n  &nbsp;</div>", "#!/bin/sh\nset -euo pipefail\n",
    "fn main() { println!(\"{}\", 0x1F); }", "\\frac{a}{b}^{2}", "https://example.org/a?b=c&d=%20#e", "{\"k\": [1, 2.5e-3, null]}",
]  # fmt: skip
WORDS = ("The quick brown fox it's I'LL they've WE'RE don't I'm he'd 'tis O'Neill naïve Straße ŉ ſ'ſ İstanbul camelCase "
         "snake_case SHOUTING x86_64 v1.2.3 e.g. don’t 你好 мир שלום").split()  # fmt: skip


class Texts:
    """An endless supply; the same seed gives the same texts."""

    def __init__(self, seed: int, special: list[str]) -> None:
        self.random = random.Random(seed)
        self.special = special
        self.kinds = [self.script, self.script, self.words, self.words, self.code, self.digits, self.spaces, self.emoji,
                      self.control, self.run, self.marks, self.symbols, self.any]  # fmt: skip

    def text(self) -> str:
        """One to six pieces of any kinds, often with a space between them."""
        pieces = [self.random.choice(self.kinds)() for _ in range(self.random.choice((1, 1, 2, 3, 6)))]
        if self.special and self.random.random() < 0.05:
            pieces.insert(self.random.randrange(len(pieces) + 1), self.random.choice(self.special))
        return self.random.choice(("", " ", " ", "\n", "  ")).join(pieces)

    def broken(self) -> bytes:
        """A text with bytes changed, dropped or put in, so that it is no UTF-8."""
        data = bytearray(self.text().encode())
        while True:
            for _ in range(self.random.randint(1, 4)):
                at = self.random.randrange(len(data) + 1)
                data[at : at + self.random.randint(0, 2)] = bytes([self.random.choice((0x80, 0xBF, 0xC0, 0xE2, 0xF0, 0xFF))])
            try:
                data.decode()
            except UnicodeDecodeError:
                return bytes(data)

    def some(self, characters: str | list[str], most: int = 12) -> str:
        return "".join(self.random.choice(characters) for _ in range(self.random.randint(1, most)))

    def script(self) -> str:
        first, last = self.random.choice(list(SCRIPTS.values()))
        letters = [c for c in (chr(self.random.randint(first, last)) for _ in range(40)) if is_assigned(c)]
        return self.some(letters or ["a"]) + self.random.choice(("", " ")) + self.some(letters or ["a"])

    def words(self) -> str:
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(1, 8)))

    def code(self) -> str:
        return self.random.choice(CODE)

    def digits(self) -> str:
        return self.some("0123456789", 20) if self.random.random() < 0.6 else self.some(NUMBERS)

    def spaces(self) -> str:
        return self.some(" ", 30) if self.random.random() < 0.4 else self.some(SPACES)

    def emoji(self) -> str:
        return self.some(EMOJI, 5)

    def control(self) -> str:
        return self.some([chr(c) for c in (*range(32), *range(127, 160), 0xAD, 0x200E, 0x2066, 0xFEFF, 0xFFFD)])

    def run(self) -> str:
        """One character, or two or three in turn, up to some hundred times."""
        return self.some(SPACES + SYMBOLS + NUMBERS + "aAzéя你😀", 3) * self.random.randint(2, 150)

    def marks(self) -> str:
        return "".join(self.some("aeiouAoक你가") + self.some(MARKS, 3) for _ in range(3))

    def symbols(self) -> str:
        return self.some(SYMBOLS)

    def any(self) -> str:
        characters = [chr(self.random.choice((self.random.randrange(0x3000), self.random.randrange(0x20000)))) for _ in range(20)]
        return "".join(c for c in characters if is_assigned(c)) or "x"


def is_assigned(character: str) -> bool:
    """What Unicode had assigned by version 6: later characters are known to some tables and not to others."""
    return unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Cs", "Co")
