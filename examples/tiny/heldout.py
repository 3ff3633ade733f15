# heldout.py - writes the held-out commands and stories, which corpus.py avoids; never read by training.

import json
from pathlib import Path

from corpus import held_out_commands, held_out_stories

FOLDER = Path(__file__).parent / "heldout"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    lines = [json.dumps(dict(text=text, json=reply)) for text, reply in held_out_commands()]
    (FOLDER / "commands.jsonl").write_text("\n".join(lines) + "\n")
    (FOLDER / "stories.txt").write_text("\n".join(held_out_stories()) + "\n")
