"""The tables are written by hand: these tests keep them whole, and keep known absurdities out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest

from irs_engine.vision.vocabulary import Vocabulary, load_vocabulary

KINDS = {"object", "scene", "concept"}
CLASSES = {"imagenet": 1000, "objects": 630, "places": 365, "birds": 964, "insects": 1021, "coco": 80}
HAN = re.compile(r"[\u3400-\u9fff]")
WORDNET = re.compile(r"n\d{8}")
OWN = re.compile(r"[a-z0-9]+:[a-z0-9]+(-[a-z0-9]+)*")
INDOOR, OUTDOOR = "irs:indoor", "irs:outdoor"

# tag: hypernyms that it must have, then "-" and those that it must not have, all by English name
FACTS = """
Labrador retriever: retriever, dog, pet, mammal, animal - cat, feline
Siamese cat: cat, feline, animal - dog, big cat
tiger: big cat, feline - pet, cat
grey wolf: wolf, canine - dog, pet
goldfish: fish, pet, animal - mammal
killer whale: marine mammal, mammal, animal - fish
bat: mammal - bird, sports equipment
penguin: seabird, bird - fish
crane (bird): bird - machine, vehicle
construction crane: machine - bird, animal
kite: toy - bird, animal
kite (bird): bird of prey, bird - toy
mouse: rodent, mammal - computer accessory, electronic device
computer mouse: electronic device - animal, rodent
hot dog: fast food, food - animal, dog
teddy bear: toy - animal, bear, mammal
snowman:  - animal, person
baseball bat: sports equipment - animal, mammal
seahorse: fish - horse, mammal
sea lion: marine mammal - lion, feline
dragonfly: insect - fly
butterfly: insect - food, dairy product
mallard: duck, waterfowl, bird - goose
northern cardinal: songbird, bird
barn swallow: swallow, songbird, bird
Atlantic puffin: seabird, bird
song sparrow: American sparrow, songbird, bird
peregrine falcon: falcon, bird of prey
hawk moth: moth, insect - butterfly, hawk, bird
hummingbird hawk moth: hawk moth, moth, insect - bird, hummingbird
painted lady butterfly: butterfly, insect - moth
hoverfly: fly, insect - bee, wasp
bumblebee: bee, insect - fly, wasp
European stag beetle: beetle, insect - deer
jellyfish: marine animal - fish
starfish: marine animal - fish
guinea pig: rodent, pet - pig
red panda: mammal - bear
giant panda: bear - pet
koala: marsupial - bear
spider: arachnid - insect
snail: mollusk - insect
chicken: poultry, bird - food
turkey: bird - food
lobster: crustacean - insect
triceratops: dinosaur - pet
sparrow: songbird, bird - fish
monarch butterfly: butterfly, insect - bird
bald eagle: eagle, bird of prey - songbird
duck: waterfowl - toy
horse: livestock, ungulate - vehicle
horse cart: vehicle - animal, horse
toy train: toy - vehicle, train
toy vehicle: toy - vehicle
pizza: food - dish of clothing
ice cream: dessert, food - snow and ice
apple: fruit, food - electronic device, computer
green apple: apple, fruit
orange: citrus fruit, fruit
pumpkin: vegetable - animal
mushroom: fungus, plant - animal
espresso: coffee, drink
red wine: wine, alcoholic drink, drink
wine glass: drinkware, tableware - drink, food, eyewear
glasses: eyewear - drinkware
sunglasses: eyewear, fashion accessory - drinkware
coffee mug: cup, drinkware - drink, food
fire engine: truck, emergency vehicle, vehicle
ambulance: car, emergency vehicle, vehicle
school bus: bus, motor vehicle, vehicle
tank: military vehicle - container
airliner: airplane, aircraft, vehicle - bird
gondola: boat, watercraft, vehicle
cowboy hat: hat, headgear - person
cowboy boot: boot, footwear
sneakers: shoe, footwear - animal
jeans: trousers, clothing
bow tie: fashion accessory - weapon
bow and arrow: weapon - fashion accessory
T-shirt: clothing - drink
dining table: table, furniture
rocking chair: chair, furniture
bathtub: home fixture - vehicle
laptop: computer, electronic device - stationery
notebook: stationery - computer
tablet computer: computer - medical equipment
trumpet: brass instrument, musical instrument
French horn: musical instrument - animal
electric guitar: guitar, stringed instrument
drum: percussion instrument - container
grand piano: piano, musical instrument
soccer ball: ball, sports equipment
bowling alley: sports venue, indoor - cityscape
beach: coast, outdoor, natural landscape - indoor
snowfield: snow and ice, natural landscape - animal
snowy mountain: mountain, snow and ice, outdoor - animal
kitchen: home interior, indoor - outdoor
bedroom: home interior, indoor - place to eat or drink
coffee shop: place to eat or drink, indoor - drink, coffee
lighthouse: tower, building, outdoor - home fixture
castle: building, historic site
library interior: library, indoor
church interior: church, religious place, indoor
ski slope: snow and ice, sports venue, outdoor
aquarium: entertainment venue - animal
street: road, cityscape, outdoor
desert road: desert, road
train platform: transport facility - train, vehicle
airplane cabin: vehicle interior, indoor - airplane
waterfall: water scenery, natural landscape
corn field: farmland, countryside - food, vegetable
pet shop: shop - pet, animal
"""


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def facts() -> list:
    split = []
    for line in FACTS.strip().splitlines():
        name, _, rest = line.partition(": ")
        yes, no = ([one for one in part.split(", ") if one] for part in f"{rest} - ".split(" - ")[:2])
        split.append(pytest.param(name, yes, no, id=name))
    return split


@pytest.mark.parametrize(("name", "yes", "no"), facts())
def test_hypernyms(vocabulary, name, yes, no):
    by_name = {tag.en: tag.id for tag in vocabulary.tags}
    ancestors = {vocabulary[id].en for id in vocabulary.ancestors(by_name[name])}
    assert set(yes) <= ancestors
    assert not ancestors & set(no)


def test_ids_are_unique_and_well_formed(vocabulary):
    assert len({tag.id for tag in vocabulary.tags}) == len(vocabulary)
    assert all(WORDNET.fullmatch(tag.id) or OWN.fullmatch(tag.id) for tag in vocabulary.tags)


def test_kinds_and_categories_are_known_and_used(vocabulary):
    assert {tag.kind for tag in vocabulary.tags} == KINDS
    assert {tag.category for tag in vocabulary.tags} == set(vocabulary.categories)
    assert all(HAN.search(category.zh) and category.en for category in vocabulary.categories.values())


def test_a_concept_is_a_group(vocabulary):
    groups = {parent for tag in vocabulary.tags for parent in tag.parents}
    assert [tag for tag in vocabulary.tags if tag.kind == "concept" and tag.id not in groups] == []


def test_parents_exist_and_nothing_is_its_own_ancestor(vocabulary):
    for tag in vocabulary.tags:
        assert all(parent in vocabulary for parent in tag.parents), tag
        assert len(set(tag.parents)) == len(tag.parents), tag
    state: dict[str, bool] = {}  # False while a tag's parents are being followed

    def follow(id):
        assert state.get(id, True), f"{id} is its own ancestor"
        if id not in state:
            state[id] = False
            for parent in vocabulary[id].parents:
                follow(parent)
            state[id] = True

    for tag in vocabulary.tags:
        follow(tag.id)


def test_no_parent_is_also_reached_through_another(vocabulary):
    for tag in vocabulary.tags:
        further = {up for parent in tag.parents for up in vocabulary.ancestors(parent)}
        assert not further & set(tag.parents), tag


def test_a_parent_of_wordnet_has_the_category_of_its_children(vocabulary):
    for tag in vocabulary.tags:
        if WORDNET.fullmatch(tag.id) and tag.parents and WORDNET.fullmatch(tag.parents[0]):
            assert vocabulary[tag.parents[0]].category == tag.category, tag


def test_the_category_is_that_of_the_first_parent(vocabulary):
    for tag in vocabulary.tags:
        if tag.parents:
            assert vocabulary[tag.parents[0]].category == tag.category, tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_two_tags_share_a_name(vocabulary, language):
    names = Counter(getattr(tag, language).casefold() for tag in vocabulary.tags)
    assert [name for name, times in names.items() if times > 1] == []


def test_names_are_clean(vocabulary):
    for tag in vocabulary.tags:
        assert HAN.search(tag.zh), tag
        assert re.fullmatch(r"[\u3400-\u9fffA-Z]+", tag.zh), tag
        assert tag.en.strip() == tag.en and "_" not in tag.en and not HAN.search(tag.en), tag
        assert len(tag.zh) <= 14 and len(tag.en) <= 40, tag


def test_every_output_points_to_a_tag_or_is_hidden(vocabulary):
    for head in vocabulary.heads:
        labels = vocabulary.labels(head)
        assert all(label is None or label in vocabulary for label in labels)
        assert sum(label is None for label in labels) < 0.02 * len(labels)
    assert {head: len(vocabulary.labels(head)) for head in CLASSES} == CLASSES


def test_only_tags_that_an_output_can_give_are_listed(vocabulary):
    given = {label for head in vocabulary.heads for label in vocabulary.labels(head) if label}
    given |= {up for label in given for up in vocabulary.ancestors(label)}
    assert [tag for tag in vocabulary.tags if tag.id not in given] == []


def test_all_scenes_have_a_tag_of_their_own(vocabulary):
    labels = vocabulary.labels("places")
    assert len(set(labels)) == 365 and None not in labels
    assert {vocabulary[label].kind for label in labels} == {"scene"}


def test_no_place_is_both_indoor_and_outdoor(vocabulary):
    for tag in vocabulary.tags:
        assert not {INDOOR, OUTDOOR} <= set(vocabulary.ancestors(tag.id)), tag


def test_heads_share_their_tags(vocabulary):
    lighthouse, sunglasses, banana = "n02814860", "n04356056", "n07753592"
    for tag, heads in (
        (lighthouse, "imagenet objects places"),
        (sunglasses, "imagenet objects"),
        (banana, "imagenet objects coco"),
    ):
        assert all(tag in vocabulary.labels(head) for head in heads.split())
    imagenet = vocabulary.labels("imagenet")
    for one, other in ((638, 639), (836, 837), (657, 744), (987, 998), (620, 681), (281, 282), (461, 524)):
        assert imagenet[one] == imagenet[other]


def test_there_is_as_much_as_the_readme_says(vocabulary):
    kinds = Counter(tag.kind for tag in vocabulary.tags)
    assert kinds["object"] >= 1300 and kinds["scene"] >= 400 and kinds["concept"] >= 120


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("dog", "dog"),
        ("DOG", "dog"),
        ("  hot   dog ", "hot dog"),
        ("labr", "Labrador retriever"),
        ("狗", "dog"),
        ("猫", "cat"),
        ("厨房", "kitchen"),
        ("t恤", "T-shirt"),
        ("拉布拉多", "Labrador retriever"),
        ("n02084071", "dog"),
        ("couch", "sofa"),
        ("puma", "cougar"),
        ("cell phone", "mobile phone"),
    ],
)
def test_search_puts_the_best_first(vocabulary, text, first):
    assert vocabulary.search(text)[0].en == first


def test_search_finds_parts_and_nothing_for_nothing(vocabulary):
    found = [tag.en for tag in vocabulary.search("guitar")]
    assert found[0] == "guitar" and {"electric guitar", "acoustic guitar", "guitar pick"} <= set(found)
    assert vocabulary.search(" ") == [] and vocabulary.search("no such thing") == []


def test_ancestors_come_nearest_first(vocabulary):
    names = [vocabulary[id].en for id in vocabulary.ancestors("n02099712")]
    assert names[:2] == ["retriever", "dog"] and names[-1] == "animal" and len(names) == len(set(names))


def test_the_vocabulary_is_read_once_and_without_heavy_imports():
    assert load_vocabulary() is load_vocabulary()
    code = (
        "import sys; from irs_engine.vision.vocabulary import load_vocabulary; load_vocabulary(); "
        "sys.exit(bool({'numpy', 'torch', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
