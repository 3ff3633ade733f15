# commands.py - writes home commands and the JSON that they mean; no sentence of it has two meanings.
"""A command is drawn as (intent, device, room, value), then said in one of many ways (phrases.py), politely
or not.

The held-out set is made of whole combinations (phrasing, device, room, value). `is_held_out` decides by a
hash: no such combination is ever seen in training, in whatever words of politeness.
"""

import json
import random
import re
import zlib

from phrases import (AFTER, BEFORE, BEFORE_ANYTHING, HOUSE, INTENTS, LOOSE_MINUTES, LOOSE_PERCENT, NOT_A_VERB,
                     ONES, OTHER, OTHER_X, ROOM, ROOMS, TENS, WEIGHTS)

HELD_OUT_ONE_IN = 12
OTHER_SHARE = 0.04


def is_held_out(*combination):
    return zlib.crc32(repr(combination).encode()) % HELD_OUT_ONE_IN == 0


def answer(intent, device, room, value):
    """The compact JSON with its keys in a fixed order."""
    return json.dumps(dict(intent=intent, device=device, room=room, value=value), separators=(",", ":"))


def bare(text):
    """A sentence without capitals and final punctuation: what counts when two sentences are compared."""
    return text.lower().rstrip(".!?")


def number_words(n):
    """An integer from 0 to 100 in words."""
    if n < 20:
        return ONES[n]
    if n == 100:
        return "one hundred"
    return TENS[n // 10] + (" " + ONES[n % 10] if n % 10 else "")


def draw_percent(rng):
    n = rng.choice([rng.randrange(0, 101, 10), rng.randrange(0, 101, 5), rng.randrange(1, 101)])
    if n in LOOSE_PERCENT and rng.random() < 0.3:
        return n, rng.choice(LOOSE_PERCENT[n])
    words = number_words(n)
    return n, rng.choice([f"{n} percent", f"{n}%"] * 2 + [f"{words} percent", f"{n}", words])


def draw_degrees(rng):
    n = rng.randrange(14, 31)
    words = number_words(n)
    return n, rng.choice([f"{n} degrees"] * 2 + [f"{n}", f"{words} degrees", words, f"{n} degrees celsius"])


def draw_minutes(rng):
    if rng.random() < 0.15:
        return rng.choice(LOOSE_MINUTES)
    n = rng.choice([rng.randrange(2, 31), rng.randrange(5, 61, 5), rng.randrange(2, 100)])
    return n, rng.choice([f"{n} minutes"] * 2 + [f"{number_words(n)} minutes", f"{n} min"])


def draw_value(rng, kind):
    """The value and how it is said."""
    if kind is None:
        return None, ""
    if isinstance(kind, list):
        word = rng.choice(kind)
        return word, word
    return dict(percent=draw_percent, degrees=draw_degrees, minutes=draw_minutes)[kind](rng)


def draw_room(rng, where, phrasing):
    """The room's key, and what {r}, {k} and {r0} become."""
    if where == HOUSE or not any(slot in phrasing for slot in ("{r}", "{k}", "{r0}")):
        return None, "", "", ""
    chance = rng.random()
    if chance < 0.08 and "{r}" in phrasing and "{r0}" not in phrasing:
        everywhere = rng.choice([" everywhere", " in the whole house", " in every room", " in all rooms"])
        return "all", everywhere, "", ""
    if chance < 0.08 and "{r0}" in phrasing:
        return "all", "", "", rng.choice(["whole house", "entire house"])
    if chance < 0.25 and "{r0}" not in phrasing and where != ROOM:
        return None, "", "", ""
    room = rng.choice(list(ROOMS))
    said = rng.choice(ROOMS[room])
    return room, (" on the " if room == "balcony" else " in the ") + said, said + " ", said


def decorate(rng, text):
    """Politeness, capitals and punctuation, none of which changes the meaning."""
    before, after = rng.choice(BEFORE), rng.choice(AFTER)
    is_statement = text.split()[0] in NOT_A_VERB
    if is_statement and before not in BEFORE_ANYTHING:
        before = ""
    if "please" in before and "please" in after or is_statement and after == " for me":
        after = ""
    text = before + text + after
    is_question = re.match(r"((hey|ok), )?(can|could|would|what|how|is|who|are|when)\b", text)
    text += rng.choice(["", "", "?"] if is_question else ["", "", ".", "!"])
    return text[0].upper() + text[1:] if rng.random() < 0.5 else text


def write_other(rng):
    phrasing, x = rng.choice(OTHER), rng.choice(OTHER_X)
    text = decorate(rng, phrasing.format(x=x))
    return text, answer("unknown", None, None, None), is_held_out(phrasing, x.replace(" ", "_"))


def write_command(rng):
    """One (sentence, JSON, is it held out)."""
    if rng.random() < OTHER_SHARE:
        return write_other(rng)
    intent = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    devices, where, kind, phrasings = INTENTS[intent]
    phrasing = rng.choice(phrasings)
    device = rng.choice(list(devices))
    if device != "light" and "light" in devices and rng.random() < 0.3:
        device = "light"
    room, r, k, r0 = draw_room(rng, where, phrasing)
    value, said = draw_value(rng, kind)
    text = phrasing.format(d=rng.choice(devices[device]), r=r, k=k, r0=r0, v=said)
    if room is None and " the lights" in text and rng.random() < 0.3:
        text, room = text.replace(" the lights", " all the lights"), "all"
    held_out = is_held_out(phrasing, device, room, value)
    return decorate(rng, text), answer(intent, device, room, value), held_out


def write_commands(count, seed, held_out=False, avoid=()):
    """`count` different (sentence, JSON) pairs, from held-out combinations or the others, none in `avoid`."""
    rng = random.Random(seed)
    seen, commands = {bare(text) for text in avoid}, []
    while len(commands) < count:
        text, reply, out = write_command(rng)
        if out == held_out and bare(text) not in seen:
            seen.add(bare(text))
            commands.append((text, reply))
    return commands


if __name__ == "__main__":
    for sentence, reply in write_commands(40, 0):
        print(sentence, "->", reply)
