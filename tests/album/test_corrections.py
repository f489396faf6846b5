import pytest

from irs_engine.album.records import delete_photos
from irs_engine.errors import AlbumError, ParameterError

DOG, LABRADOR, ANIMAL, PET = "n02084071", "n02099712", "n00015388", "n01318894"
SEEN = {"dog": 90, "Labrador retriever": 70, "animal": 95, "pet": 80, "tree": 60}


@pytest.fixture
def photo(put):
    return put("/p/a.jpg", SEEN, digest=b"a" * 16)


def tags(album, photo, **options):
    return {tag.en: tag.confidence for tag in album.photo(photo, **options).tags}


def test_a_photo_has_the_tags_that_were_seen(album, photo):
    assert tags(album, photo) == SEEN
    assert tags(album, photo, threshold=85) == {"dog": 90, "animal": 95}
    found = album.photo("/p/a.jpg")
    assert [tag.en for tag in found.tags] == ["animal", "dog", "pet", "Labrador retriever", "tree"]
    assert found.corrected == () and found.tags[1].instances[0].box.left == 10
    assert album.photo(photo, language="zh").tags[1].name == "狗"


def test_what_is_added_brings_what_it_is_a_kind_of(album, put):
    photo = put("/p/a.jpg", {"tree": 60})
    album.correct(photo, add="Labrador retriever")
    found = tags(album, photo)
    assert found["Labrador retriever"] == found["dog"] == found["animal"] == 100 and found["tree"] == 60
    assert {LABRADOR, DOG, ANIMAL} <= set(album.photo(photo).corrected)


def test_what_is_removed_takes_its_kinds_with_it(album, photo):
    album.correct(photo, remove=["狗"])
    assert tags(album, photo, threshold=0) == {"animal": 95, "pet": 80, "tree": 60}
    assert {tag.en for tag in album.tags(threshold=0)} == {"animal", "pet", "tree"}


def test_the_later_word_counts_and_in_one_breath_the_explicit_one(album, photo):
    album.correct(photo, remove=["dog"])
    album.correct(photo, add=["Labrador retriever"])
    assert tags(album, photo)["dog"] == 100
    album.correct(photo, remove=["animal"])
    assert tags(album, photo) == {"tree": 60}
    album.correct(photo, add=["dog"], remove=["pet"])
    assert tags(album, photo)["dog"] == 100 and "pet" not in tags(album, photo)


def test_what_is_forgotten_is_as_it_was_seen(album, photo):
    album.correct(photo, add=["sofa", "Rex"], remove=["dog"])
    album.correct(photo, forget=["sofa", "Rex", DOG])
    assert tags(album, photo, threshold=0) == SEEN
    assert album.info().corrections == 0


def test_corrections_are_of_a_content(album, photo, put):
    twin = put("/p/twin.jpg", SEEN, digest=b"a" * 16)
    other = put("/p/other.jpg", SEEN)
    album.correct(photo, remove=["tree"], add=["Grandma"])
    assert "tree" not in tags(album, twin) and tags(album, twin)["Grandma"] == 100
    assert tags(album, other) == SEEN


def test_they_outlive_the_photo_and_other_weights(album, photo, put):
    album.correct(photo, remove=["tree"], add=["Grandma"])
    with album.database.write() as connection:
        delete_photos(connection, [photo])
    again = put("/elsewhere/a.jpg", {"tree": 99, "cat": 50}, digest=b"a" * 16, model="later")
    assert tags(album, again) == {"cat": 50, "Grandma": 100}


def test_tags_of_ones_own(album, photo):
    album.correct(photo, add=["C", "C++", " 奶奶  家"])
    own = [tag for tag in album.photo(photo).tags if tag.id.startswith("user:")]
    assert {tag.en for tag in own} == {"C", "C++", "奶奶 家"} and len({tag.id for tag in own}) == 3
    album.correct(photo, remove=["c"])
    assert "C" not in tags(album, photo) and "C++" in tags(album, photo)
    for nothing in ("", "  ", "++"):
        with pytest.raises(ParameterError):
            album.correct(photo, add=[nothing])


def test_a_tag_is_called_otherwise_for_good(album, photo, put):
    album.rename_tag("dog", en="Rex", zh="雷克斯")
    assert "Rex" in tags(album, photo) and "dog" not in tags(album, photo)
    assert "Rex" in tags(album, put("/p/b.jpg", SEEN))  # which brings the vocabulary's names
    assert album.photo(photo, language="zh").tags[1].name == "雷克斯"
    for name in ("rex", "dog", "雷克斯", DOG):
        album.correct(photo, remove=[name])
        assert "Rex" not in tags(album, photo)
        album.correct(photo, forget=[name])
    with pytest.raises(AlbumError, match="is called so"):
        album.rename_tag("cat", en="REX")


def test_unknown_photos_and_tags_are_told(album, photo):
    with pytest.raises(AlbumError, match="labrador retriever"):
        album.correct(photo, remove=["Labrador retrever"])
    with pytest.raises(AlbumError, match="not in the album"):
        album.correct("/p/none.jpg", add=["dog"])
    with pytest.raises(AlbumError, match="not in the album"):
        album.correct(99, add=["dog"])
    with pytest.raises(ParameterError, match="say one of them"):
        album.correct(photo, add=["dog"], remove=["狗"])
    assert tags(album, photo) == SEEN and album.info().corrections == 0


def test_tags_are_counted(album, photo, put):
    put("/p/b.jpg", {"dog": 40, "tree": 90})
    assert {tag.en: tag.photos for tag in album.tags()}["dog"] == 1
    (first, *_) = album.tags(threshold=30, language="zh")
    assert first.photos == 2 and first.name == first.zh and first.category.zh
    assert album.tags(threshold=96) == []
