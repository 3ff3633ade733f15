# stories.py - writes short stories from a small grammar with a state; it never repeats a text in one set.
"""A story has a hero, usually a friend, a plot and its props, drawn once: names, pronouns, things and places
therefore stay the same from the first sentence to the last. The plots are in plots.py."""

import random
import re

from plots import PLOTS

SHE = ("Mia Luna Ruby Daisy Hazel Poppy Ivy Nell Tilly Wren Rosie Bea Clara Flora Juno Maple Olive Penny "
       "Willa Zoe").split()
HE = ("Pip Tom Max Finn Oscar Milo Hugo Bruno Felix Jasper Leo Ned Otto Rusty Sam Theo Toby Barney Casper "
      "Gus").split()

KINDS = ("fox rabbit mouse bear hedgehog squirrel duck otter frog owl mole badger kitten puppy lamb goat "
         "turtle raccoon beaver pig pony robot dragon").split()
TRAITS = ("small little brave clever curious young cheerful gentle shy quick funny friendly tiny clumsy kind "
          "sleepy busy merry").split()
FRIEND_TRAITS = "kind old wise gentle friendly quiet big cheerful clever young grey polite".split()
HOMES = [
    "in a hollow tree", "in a little blue house by the river", "at the edge of a quiet forest",
    "under an old bridge",
    "on a green hill", "beside a sleepy pond", "in a cosy burrow", "in a village by the sea",
    "in a cottage with a red roof",
    "next to a windmill", "in a valley full of flowers", "behind the bakery", "at the end of a long lane",
    "near the harbour",
]
LIKES = [
    "to explore", "to sing in the rain", "to look at the clouds", "to collect round stones",
    "to tell riddles",
    "to run in the fields", "to make new friends", "to ask questions", "to draw maps", "to eat warm bread",
]
INTROS = [
    "Once upon a time, there was a {trait} {kind} named {h}. {He} lived {home}.",
    "Once upon a time, a {trait} {kind} named {h} lived {home}.",
    "Once upon a time, there was a {trait} {kind} named {h} who loved {likes}.",
    "Once upon a time, {home}, there lived a {trait} {kind} named {h}.",
    "There once was a {trait} {kind} named {h}. {He} lived {home} and loved {likes}.",
    "{h} was a {trait} {kind} who lived {home}.",
    "Long ago, a {trait} {kind} named {h} lived {home}. {He} loved {likes}.",
    "In a faraway land, there was a {trait} {kind} named {h} who loved {likes}.",
]
HUMAN_SHARE = 0.15
DIRECT_SHARE = 0.4


def pronouns(she):
    return ("she", "her", "her") if she else ("he", "him", "his")


def character(rng, prefix, kind, taken):
    """Draws a name that is not taken, and returns the fields of that person, which start with `prefix`."""
    she = kind == "girl" if kind in ("girl", "boy") else rng.random() < 0.5
    name = rng.choice([n for n in (SHE if she else HE) if n not in taken])
    he, him, his = pronouns(she)
    fields = {prefix + "he": he, prefix + "him": him, prefix + "his": his}
    fields["He" if not prefix else "Fhe"] = he.capitalize()
    fields["His" if not prefix else "Fhis"] = his.capitalize()
    fields["h" if not prefix else "f"] = name
    fields[prefix + "kind"] = kind
    return fields


def fill(template, state):
    """Fills a template twice, because a prop may itself use the state."""
    return template.format(**state).format(**state)


def polish(text):
    """Puts "an" before vowels and a capital at the start of each sentence."""
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"(^|[.!?]\"? |\" )(\"?)([a-z])", capital_unless_speech_tag, text)


def capital_unless_speech_tag(match):
    before, quote, letter = match.groups()
    inside = before.endswith("\" ") and not quote  # `"Help!" he called`: what follows a closing quote goes on
    return match.group(0) if inside else before + quote + letter.upper()


def draw_state(rng, plot):
    kind = rng.choice(["girl", "boy"]) if rng.random() < HUMAN_SHARE else rng.choice(KINDS)
    state = dict(rng.choice(plot["props"]))
    state.update(character(rng, "", kind, ()))
    helper = dict(rng.choice(plot["friends"])) if plot["friends"] else dict(fkind=rng.choice(KINDS))
    helpers = {f["fkind"] for f in plot["friends"] or [helper]}
    if kind in helpers:  # no two of a kind, and no otter that cannot swim
        return draw_state(rng, plot)
    state.update(helper)
    state.update(character(rng, "f", helper["fkind"], (state["h"],)))
    state["friend"] = f"a {rng.choice(FRIEND_TRAITS)} {state['fkind']} named {state['f']}"
    state.update(trait=rng.choice(TRAITS), home=rng.choice(HOMES), likes=rng.choice(LIKES))
    return state


def write_story(rng, plot):
    """One story as one line of text."""
    state = draw_state(rng, plot)
    when, start = rng.choice(plot["when"]), rng.choice(plot["start"])
    if rng.random() < DIRECT_SHARE:
        simple = rng.choice([when, when, when.split()[-1] if "in" not in when.split() else when])
        parts = ["One " + simple + ", a {trait} {kind} named {h} " + start + "."]
    else:
        parts = [rng.choice(INTROS), "One " + when + ", " + rng.choice(["{he}", "{h}"]) + " " + start + "."]
    parts += [rng.choice(beat) for beat in plot["beats"]]
    return polish(" ".join(fill(part, state) for part in parts))


def write_stories(count, seed, avoid=()):
    """`count` different stories, none of which is in `avoid`; every plot is used equally often."""
    rng = random.Random(seed)
    seen, stories = set(avoid), []
    while len(stories) < count:
        story = write_story(rng, PLOTS[len(stories) % len(PLOTS)])
        if story not in seen:
            seen.add(story)
            stories.append(story)
    rng.shuffle(stories)
    return stories


if __name__ == "__main__":
    for line in write_stories(12, 0):
        print(line, end="\n\n")
