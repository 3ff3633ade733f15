# phrases.py - the words of the home commands, as data; it never chooses anything (commands.py does).
"""A phrasing may use

    {d} {v}       the device and the value, as they are said
    {r} {k} {r0}  the room as " in the kitchen", as "kitchen " and as "kitchen": at most one of the three
"""

ROOMS = {
    "kitchen": ["kitchen"], "bedroom": ["bedroom"], "living_room": ["living room", "lounge", "sitting room"],
    "bathroom": ["bathroom"], "office": ["office", "study"], "hallway": ["hallway", "hall", "corridor"],
    "garage": ["garage"], "dining_room": ["dining room"], "basement": ["basement", "cellar"],
    "attic": ["attic", "loft"], "nursery": ["nursery", "baby's room"],
    "guest_room": ["guest room", "spare room"], "garden": ["garden", "yard"],
    "balcony": ["balcony", "terrace"],
}
SWITCHES = {
    "light": ["light", "lights", "lamp", "lamps"], "fan": ["fan", "ceiling fan"],
    "heater": ["heater", "heating", "radiator"], "tv": ["tv", "television"],
    "speaker": ["speaker", "speakers", "stereo"], "radio": ["radio"],
    "air_conditioner": ["air conditioner", "air conditioning", "ac"], "humidifier": ["humidifier"],
    "coffee_maker": ["coffee maker", "coffee machine"], "oven": ["oven"], "dishwasher": ["dishwasher"],
    "washing_machine": ["washing machine", "washer"], "kettle": ["kettle"],
    "sprinkler": ["sprinkler", "sprinklers"], "camera": ["camera", "security camera"],
    "alarm": ["alarm", "alarm system"],
}
COVERS = {
    "blinds": ["blinds", "blind", "shades"], "curtains": ["curtains", "drapes"],
    "window": ["window", "windows"], "shutters": ["shutters"],
}
DOORS = {
    "front_door": ["front door", "main door"], "back_door": ["back door"], "garage_door": ["garage door"],
    "gate": ["gate", "garden gate"], "balcony_door": ["balcony door", "terrace door"],
}
LIGHT, THERMOSTAT, TIMER = {"light": SWITCHES["light"]}, {"thermostat": ["thermostat"]}, {"timer": ["timer"]}
SPEAKER = {"speaker": SWITCHES["speaker"]}
SOUND = {name: SWITCHES[name] for name in ("tv", "speaker", "radio")}
VACUUM = {"vacuum": ["vacuum", "robot vacuum", "vacuum cleaner"]}
COLORS = "red blue green yellow purple orange white pink".split()
MUSIC = "jazz rock classical pop folk blues piano dance reggae country".split()

ROOM, HOUSE, MAYBE = "always a room", "never a room", "a room, all of them, or none"

# intent: (devices, room, values, phrasings)
INTENTS = {
    "turn_on": (SWITCHES, MAYBE, None, [
        "turn on the {k}{d}", "turn the {k}{d} on", "switch on the {k}{d}", "switch the {k}{d} on",
        "power on the {d}{r}", "put the {k}{d} on", "turn on the {d}{r}", "switch on the {d}{r}",
        "start the {k}{d}", "i want the {k}{d} on", "activate the {k}{d}", "get the {d}{r} going",
        "i need the {d}{r}", "power up the {k}{d}"]),
    "turn_off": (SWITCHES, MAYBE, None, [
        "turn off the {k}{d}", "turn the {k}{d} off", "switch off the {k}{d}", "switch the {k}{d} off",
        "power off the {d}{r}", "shut off the {k}{d}", "turn off the {d}{r}", "switch off the {d}{r}",
        "stop the {k}{d}", "kill the {k}{d}", "deactivate the {k}{d}", "i don't need the {d}{r} anymore",
        "shut down the {d}{r}", "power down the {k}{d}"]),
    "set_brightness": (LIGHT, MAYBE, "percent", [
        "dim the {k}{d} to {v}", "set the {k}{d} to {v}", "set the {d}{r} to {v}",
        "set the brightness of the {k}{d} to {v}", "bring the {k}{d} to {v}", "make the {k}{d} {v} bright",
        "put the {d}{r} at {v}", "i want the {k}{d} at {v}", "adjust the {d}{r} to {v}",
        "change the {k}{d} brightness to {v}", "brighten the {k}{d} to {v}", "dim the {d}{r} to {v}",
        "lower the {k}{d} to {v}", "raise the {d}{r} to {v}"]),
    "increase_brightness": (LIGHT, MAYBE, None, [
        "brighten the {k}{d}", "make the {k}{d} brighter", "i want the {d}{r} brighter", "turn up the {k}{d}",
        "make it brighter{r}", "more light{r}", "it is too dark{r}"]),
    "decrease_brightness": (LIGHT, MAYBE, None, [
        "dim the {k}{d}", "dim the {d}{r}", "make the {k}{d} darker", "i want the {d}{r} dimmer",
        "turn down the {k}{d}", "make it darker{r}", "less light{r}", "it is too bright{r}"]),
    "set_color": (LIGHT, MAYBE, COLORS, [
        "make the {k}{d} {v}", "turn the {k}{d} {v}", "set the {d}{r} to {v}", "change the {k}{d} to {v}",
        "change the color of the {k}{d} to {v}", "i want {v} light{r}", "give me {v} light{r}",
        "paint the {d}{r} {v}"]),
    "set_temperature": (THERMOSTAT, MAYBE, "degrees", [
        "set the {k}{d} to {v}", "set the temperature{r} to {v}", "make it {v}{r}", "heat the {r0} to {v}",
        "warm up the {r0} to {v}", "cool the {r0} to {v}", "i want {v}{r}",
        "change the {k}temperature to {v}", "adjust the {k}{d} to {v}", "bring the {r0} to {v}",
        "keep the {r0} at {v}", "cool down the {r0} to {v}"]),
    "increase_temperature": (THERMOSTAT, MAYBE, None, [
        "make it warmer{r}", "make the {r0} warmer", "warm up the {r0}", "it is too cold{r}", "i am cold{r}",
        "heat the {r0}", "turn up the {k}{d}", "raise the temperature{r}"]),
    "decrease_temperature": (THERMOSTAT, MAYBE, None, [
        "make it cooler{r}", "make the {r0} cooler", "cool down the {r0}", "it is too hot{r}", "i am hot{r}",
        "cool the {r0}", "turn down the {k}{d}", "lower the temperature{r}"]),
    "get_temperature": (THERMOSTAT, MAYBE, None, [
        "how warm is it{r}", "how cold is it{r}", "what is the temperature{r}", "what's the temperature{r}",
        "tell me the {k}temperature", "what does the {k}{d} say", "is it cold{r}", "how hot is it{r}"]),
    "set_position": (COVERS, MAYBE, "percent", [
        "set the {k}{d} to {v}", "open the {k}{d} to {v}", "close the {k}{d} to {v}",
        "move the {d}{r} to {v}", "put the {k}{d} at {v}", "raise the {d}{r} to {v}",
        "lower the {k}{d} to {v}", "adjust the {k}{d} to {v}", "i want the {d}{r} {v} open"]),
    "open": (COVERS, MAYBE, None, [
        "open the {k}{d}", "open the {d}{r}", "raise the {k}{d}", "pull up the {d}{r}", "open up the {k}{d}",
        "let some light in through the {k}{d}"]),
    "close": (COVERS, MAYBE, None, [
        "close the {k}{d}", "close the {d}{r}", "shut the {k}{d}", "lower the {k}{d}", "pull down the {d}{r}",
        "shut the {d}{r}"]),
    "lock": (DOORS, HOUSE, None, [
        "lock the {d}", "lock up the {d}", "make sure the {d} is locked", "secure the {d}", "bolt the {d}",
        "keep the {d} locked"]),
    "unlock": (DOORS, HOUSE, None, [
        "unlock the {d}", "open the lock of the {d}", "unbolt the {d}", "take the lock off the {d}",
        "let me in through the {d}"]),
    "set_timer": (TIMER, HOUSE, "minutes", [
        "set a timer for {v}", "start a {d} for {v}", "remind me in {v}", "count down {v}", "wake me in {v}",
        "give me a timer of {v}", "set the {d} to {v}", "let me know in {v}", "start a countdown of {v}"]),
    "cancel_timer": (TIMER, HOUSE, None, [
        "cancel the {d}", "stop the {d}", "delete my {d}", "forget the {d}", "i don't need the {d} anymore",
        "clear the {d}"]),
    "set_volume": (SOUND, MAYBE, "percent", [
        "set the volume of the {k}{d} to {v}", "turn the {k}{d} up to {v}", "turn the {d}{r} down to {v}",
        "set the {k}{d} volume to {v}", "put the {k}{d} volume at {v}",
        "change the volume of the {d}{r} to {v}", "make the {k}{d} {v} loud"]),
    "increase_volume": (SOUND, MAYBE, None, [
        "turn up the {k}{d}", "make the {k}{d} louder", "turn the {d}{r} up",
        "raise the volume of the {k}{d}", "the {k}{d} is too quiet"]),
    "decrease_volume": (SOUND, MAYBE, None, [
        "turn down the {k}{d}", "make the {k}{d} quieter", "turn the {d}{r} down",
        "lower the volume of the {k}{d}", "the {k}{d} is too loud"]),
    "play_music": (SPEAKER, MAYBE, MUSIC, [
        "play {v} music{r}", "play some {v}{r}", "put on some {v}{r}", "i want to hear {v} music{r}",
        "play {v} on the {k}{d}", "let me hear some {v}{r}", "start some {v} music{r}",
        "i feel like {v} music{r}"]),
    "stop_music": (SPEAKER, MAYBE, None, [
        "stop the music{r}", "pause the music{r}", "turn off the music{r}", "no more music{r}",
        "silence the {k}{d}", "mute the {k}{d}", "make the {k}{d} stop playing"]),
    "start_cleaning": (VACUUM, ROOM, None, [
        "vacuum the {r0}", "clean the {r0}", "send the {d} to the {r0}", "let the {d} clean the {r0}",
        "start the {d}{r}", "hoover the {r0}", "have the {d} do the {r0}", "the {r0} needs a clean",
        "clean the floor{r}"]),
}
OFTEN = dict(turn_on=3, turn_off=3, set_brightness=4, set_temperature=3, set_position=3)
RARELY = dict.fromkeys([name for name in INTENTS if name.startswith(("increase", "decrease"))], 0.7)
WEIGHTS = dict.fromkeys(INTENTS, 1.5) | OFTEN | RARELY

# No home command: the answer is the intent "unknown". {x} is one of OTHER_X.
OTHER = [
    "hello", "good morning", "how are you", "thank you", "who are you", "what is your name", "tell me a joke",
    "good night", "what time is it", "what day is it", "i love you", "are you a robot", "what can you do",
    "sing me a song", "never mind", "what is the capital of {x}", "how far is {x}", "book a flight to {x}",
    "what is the weather in {x}", "tell me about {x}", "who is the mayor of {x}",
    "how many people live in {x}", "how do i get to {x}", "write a letter to {x}", "call {x}",
    "send an email to {x}", "order a pizza for {x}", "when is the next train to {x}",
    "translate this for {x}", "is {x} nice",
]
OTHER_X = [
    "paris", "london", "rome", "berlin", "tokyo", "madrid", "vienna", "oslo", "lisbon", "cairo", "my mother",
    "my father", "anna", "peter", "grandma", "the doctor",
]

BEFORE = [
    "", "", "", "", "", "please ", "please ", "can you ", "could you ", "could you please ", "would you ",
    "can you please ", "hey, ", "ok, ", "now ", "i'd like you to ", "be so kind and ", "quickly ",
]
BEFORE_ANYTHING = ("", "hey, ", "ok, ")  # the others ask for an action, and need a verb
NOT_A_VERB = "i it more less i'd what what's how is who when no the hello good thank never are".split()
AFTER = [
    "", "", "", "", "", "", " please", ", please", " now", " right now", ", thanks", " for me", " thank you",
]
LOOSE_PERCENT = {
    0: ["zero", "nothing"], 10: ["the minimum"], 25: ["a quarter"], 50: ["half", "halfway"],
    75: ["three quarters"], 100: ["the maximum", "full", "the max"],
}
LOOSE_MINUTES = [
    (60, "an hour"), (60, "one hour"), (30, "half an hour"), (15, "a quarter of an hour"), (120, "two hours"),
    (90, "an hour and a half"), (180, "three hours"), (45, "three quarters of an hour"), (120, "2 hours"),
    (180, "3 hours"), (1, "one minute"), (1, "a minute"), (60, "1 hour"),
]
ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen").split()
TENS = "? ? twenty thirty forty fifty sixty seventy eighty ninety".split()
