"""Short stories from a grammar, for a model that is small and clear: who gave what to whom, where things lie, which word was secret.

    python3 samples/stories/generate.py stories.jsonl      # 60,000 stories, the same bytes every time

Each story has something that only attention can find again: a name, a colour, a place, a word without meaning.
"""
import json
import random
import sys

SEED, STORIES = 7, 60_000
GIRLS = "Anna Mary Lucy Emma Clara Nora Ruth Alice Helen Julia Sarah Ida".split()
BOYS = "Tom John Peter Paul Max Oscar Hugo Simon David Karl Leo Martin".split()
PLACES = "market park school library station garden river kitchen beach forest museum bakery harbour village theatre church".split()
HOLDERS = "box basket bag drawer cupboard pocket suitcase bucket".split()
THINGS = "ball hat book lamp coat cup kite key letter map ring boat shoe clock spoon stone".split()
FOOD = "apples pears plums bread cheese honey eggs nuts carrots onions".split()
COLOURS = "red green blue yellow white black brown golden".split()
ANIMALS = [("dog", "dogs"), ("cat", "cats"), ("horse", "horses"), ("bird", "birds"), ("cow", "cows"), ("fox", "foxes"), ("duck", "ducks")]
NEAR = [("house", "houses"), ("tree", "trees"), ("bridge", "bridges"), ("road", "roads"), ("wall", "walls")]
LOOKS = "loud quiet hungry tired happy small old young".split()
OPPOSITES = [("hot", "cold"), ("big", "small"), ("old", "new"), ("full", "empty"), ("dark", "bright"), ("dry", "wet"), ("heavy", "light")]
DRINKS = "tea soup milk coffee water".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NUMBERS = "one two three four five six seven eight nine ten".split()
SYLLABLES = "ba do fi ga ku lo mi na pe ro su ta vi wo zu ki ne to".split()
VERBS = [("walked", "walk"), ("worked", "work"), ("waited", "wait"), ("danced", "dance"), ("travelled", "travel")]
FEELS = "tired sad proud hungry happy angry".split()


def an(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


class Story:
    def __init__(self, r):
        self.r = r
        self.people = r.sample(GIRLS, 2) + r.sample(BOYS, 2)
        r.shuffle(self.people)
        self.a, self.b = self.people[0], self.people[1]

    def she(self, name):
        return "she" if name in GIRLS else "he"

    def her(self, name):
        return "her" if name in GIRLS else "him"

    def give(self):
        r, giver, taker = self.r, *self.r.sample([self.a, self.b], 2)
        first, second = r.sample([giver, taker], 2)
        where, thing = r.choice(PLACES), r.choice(THINGS)
        start = r.choice([f"When {first} and {second} went to the {where},", f"Then {first} and {second} came to the {where}, and",
                          f"After {first} and {second} met at the {where},"])
        verb = r.choice(["gave", "showed", "handed", "brought"])
        end = r.choice([f"{self.she(taker).capitalize()} was happy.", f"{taker} thanked {self.her(giver)}.", f"{taker} liked the {thing}."])
        return f"{start} {giver} {verb} {an(thing)} to {taker}. {end}"

    def place(self):
        r = self.r
        thing, other = r.sample(THINGS, 2)
        here, there = r.sample(HOLDERS, 2)
        asked = r.choice([(thing, here), (other, there)])
        return (f"{self.a} put the {thing} in the {here} and the {other} in the {there}. "
                f"{self.b} asked where the {asked[0]} was. It was in the {asked[1]}.")

    def colour(self):
        r = self.r
        thing, other = r.sample(THINGS, 2)
        one, two = r.sample(COLOURS, 2)
        lines = [f"the {thing} is {one}", f"the {other} is {two}"]
        r.shuffle(lines)
        return f"{self.a} has a {one} {thing} and {self.b} has a {two} {other}. So {lines[0]}, and {lines[1]}."

    def because(self):
        r, (verb, plain) = self.r, self.r.choice(VERBS)
        feel = r.choice(FEELS)
        return (f"{self.a} was {feel} because {self.she(self.a)} had {verb} all day. {self.b} asked {self.her(self.a)} to rest, "
                f"but {self.a} wanted to {plain} again.")

    def animals(self):
        r = self.r
        (animal, near), number, other = (r.choice(ANIMALS), r.choice(NEAR)), r.randrange(2), r.randrange(2)
        look = r.sample(LOOKS, 2)
        verb = ["is", "are"][number]
        they = ["It", "They"][number]
        return f"The {animal[number]} near the {near[other]} {verb} {look[0]}. {they} {verb} not {look[1]}."

    def opposite(self):
        one, two = self.r.choice(OPPOSITES)
        if self.r.random() < 0.5:
            one, two = two, one
        what = self.r.choice(DRINKS if "hot" in (one, two) else THINGS)
        return f"The {what} was not {one}. It was {two}."

    def shop(self):
        r = self.r
        food = r.sample(FOOD, 3)
        kept = r.choice(food)
        gone = [f for f in food if f != kept]
        return (f"{self.a} bought {food[0]}, {food[1]} and {food[2]} at the {r.choice(PLACES)}. {self.she(self.a).capitalize()} ate the "
                f"{gone[0]} and the {gone[1]}, and only the {kept} were left.")

    def secret(self):
        r = self.r
        word = "".join(r.choice(SYLLABLES) for _ in range(r.choice([2, 3, 3])))
        again = r.choice([f"Later {self.b} wrote the secret word: {word}.", f"\"{word},\" said {self.b}.", f"{self.b} did not forget {word}."])
        return f"The secret word is {word}. {self.a} told {self.b} to remember {word}. {again}"

    def week(self):
        d = self.r.randrange(7)
        return f"On {DAYS[d]} {self.a} went to the {self.r.choice(PLACES)}. The next day was {DAYS[(d + 1) % 7]}."

    def count(self):
        first = self.r.randrange(0, 6)
        return f"{self.b} counted the steps: {', '.join(NUMBERS[first:first + self.r.randrange(3, 6)])}."

    def text(self):
        parts = [self.give, self.place, self.colour, self.because, self.animals, self.opposite, self.shop, self.secret, self.week, self.count,
                 self.give, self.secret]
        return " ".join(part() for part in self.r.sample(parts, self.r.randrange(2, 5)))


def main():
    r = random.Random(SEED)
    with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as out:
        for _ in range(STORIES):
            out.write(json.dumps({"text": Story(r).text()}) + "\n")


main()
