import cv2
import numpy as np
import pytest
import torch

from irs_engine.train.lessons import (
    HELD_OUT,
    LessonStore,
    Views,
    early_lessons,
    held_out,
    lessons,
    to_input,
)
from irs_engine.train.photos import PhotoPack, pack, random_view
from irs_engine.train.tagger import open_stores
from irs_engine.train.teachers import Faculty


@pytest.fixture
def packed(tmp_path):
    """40 pictures, each of one colour that tells its number, one of them unreadable."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        picture = np.full((100 + number, 300, 3), (0, 0, 6 * number), np.uint8)  # BGR: red tells
        cv2.imwrite(str(folder / f"{number:02}.png"), picture)
    (folder / "99.jpg").write_bytes(b"not a picture")
    assert pack(tmp_path / "pack", {"made": folder}) == 40
    return tmp_path / "pack"


def test_a_pack_gives_its_pictures_back(packed):
    pictures = PhotoPack(packed)
    assert len(pictures) == 40 and pictures.names[3] == "made\t03.png"
    assert pictures[30].shape == (130, 300, 3)
    assert abs(pictures[30][..., 0].astype(int) - 180).max() <= 3 and pictures[30][..., 2].max() <= 3  # RGB


def test_small_pictures_are_left_out(packed, tmp_path):
    assert pack(tmp_path / "other", {"made": tmp_path / "photos"}, smallest=120) == 20


def test_a_number_is_always_the_same_view_and_a_lap_sees_every_photo(packed):
    views = Views([str(packed)], 32)
    assert np.array_equal(views.view(7), views.view(7))
    trained_on = {i for i in range(40) if not held_out(i)}
    assert len(trained_on) == 39
    for lap in (0, 1):
        assert {views.photo(39 * lap + place)[1] for place in range(39)} == trained_on


def test_views_are_in_the_input_range(packed):
    batch = Views([str(packed)], 32).batch(range(5))
    assert batch.shape == (5, 3, 32, 32) and -1 <= batch.min() and batch.max() <= 1
    assert torch.equal(to_input(torch.zeros(1, 2, 2, 3, dtype=torch.uint8)), -torch.ones(1, 3, 2, 2))


def test_photos_of_validation_sets_are_left_out(packed, tmp_path):
    folder = tmp_path / "photos"
    (folder / "00.png").rename(folder / "ILSVRC2012_val_00000001.png")
    assert pack(tmp_path / "other", {"made": folder}) == 39


@pytest.mark.parametrize("shape", [(224, 300), (300, 224), (64, 64), (96, 500)])
def test_view_shapes(shape):
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for seed in range(5):
        view = random_view(photo, 160, np.random.default_rng(seed))
        assert view.shape == (160, 160, 3) and view.dtype == np.uint8


def drawn_faculty(pixels):
    """Answers that tell which picture was asked about: its mean colour, everywhere."""
    colour = pixels.mean((1, 2, 3))
    logits = {head: colour[:, None].expand(-1, classes) for head, classes in Faculty.HEADS.items()}
    sides = [16, 16, 8, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    maps = [
        colour[:, None, None, None].expand(-1, c, s, s)
        for c, s in zip(Faculty.MAP_CHANNELS, sides, strict=True)
    ]
    return logits, maps


class DrawnTeacher:
    """Its maps tell which pictures they are of."""

    def early_maps(self, pixels, last_map):
        return drawn_faculty(pixels)[1][: last_map + 1]


def test_the_members_of_a_team_learn_from_different_views(packed):
    views, batch = Views([str(packed)], 32), 4
    seen = []
    for member in (0, 1):
        live = early_lessons(views, DrawnTeacher(), batch, 5 + member, 2, 1)
        seen.append([next(live).pixels for _ in range(2)])
        live.close()
    for member, turn, first in ((0, 0, 5), (1, 0, 6), (0, 1, 7), (1, 1, 8)):
        expected = views.batch(range(first * batch, (first + 1) * batch))
        assert torch.equal(seen[member][turn], expected)


@pytest.fixture
def store(packed, tmp_path):
    store = LessonStore(tmp_path / "lessons", Views([str(packed)], 32), HELD_OUT + 50)
    assert list(store.fill(drawn_faculty, None))[-1] == store.filled == HELD_OUT + 50
    return store


def colour_of(lesson):
    return lesson.logits["places"][:, 0]


def test_a_store_goes_on_where_it_was_and_never_shrinks(store, packed):
    again = LessonStore(store.folder, Views([str(packed)], 32), 100)
    assert again.size == again.filled == HELD_OUT + 50
    assert list(again.fill(drawn_faculty, None)) == []
    longer = LessonStore(store.folder, Views([str(packed)], 32), HELD_OUT + 100)
    assert list(longer.fill(drawn_faculty, None)) == [HELD_OUT + 100]
    rows = np.array([3, HELD_OUT + 70])
    torch.testing.assert_close(
        colour_of(longer.lesson(rows, pixels=True)),
        longer.views.batch(rows).mean((1, 2, 3)),
        atol=2e-3,
        rtol=0,
    )


def test_lessons_come_from_all_stores_with_their_own_pixels_but_not_from_the_held_out(store, tmp_path):
    folder = tmp_path / "white"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((100, 100, 3), 255 - number, np.uint8))
    pack(tmp_path / "more", {"white": folder})
    other = LessonStore(tmp_path / "lessons2", Views([str(tmp_path / "more")], 32, 5), 50)
    list(other.fill(drawn_faculty, None))
    given = lessons([store, other], 8, np.random.default_rng(0), pixels=True)
    from_other = 0
    for _, lesson in zip(range(20), given, strict=False):
        bright = lesson.pixels.mean((1, 2, 3))
        torch.testing.assert_close(colour_of(lesson), bright, atol=2e-3, rtol=0)
        from_other += bool((bright > 0.5).all())
    given.close()
    assert 3 < from_other < 17


def test_the_first_views_of_the_first_store_are_held_out(store):
    store.arrays["logits_places"][:HELD_OUT] = 7
    given = lessons([store], 50, np.random.default_rng(0), pixels=True)
    assert all((colour_of(lesson) != 7).all() for _, lesson in zip(range(5), given, strict=False))
    given.close()


def test_packs_can_be_added_to_a_run(packed, tmp_path):
    folder = tmp_path / "white"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.full((100, 100, 3), 255, np.uint8))
    pack(tmp_path / "more", {"white": folder})

    def collect(packs, side, size):
        stores, current = open_stores(tmp_path, Views(packs, side), size, 0)
        list(current.fill(drawn_faculty, None))
        return [store.filled for store in stores], stores.index(current)

    first, both = [str(packed)], [str(packed), str(tmp_path / "more")]
    assert collect(first, 32, HELD_OUT + 50) == ([HELD_OUT + 50], 0)
    assert collect(both, 32, 100) == ([HELD_OUT + 50, 100], 1)
    assert collect(first, 32, HELD_OUT + 100) == ([HELD_OUT + 100, 100], 0)
    stores, current = open_stores(tmp_path, Views(first, 64), 50, 0)
    assert stores == [current] and current.folder.name == "lessons2"


def test_early_features_cannot_be_asked_of_a_store_without_them(store, packed):
    with pytest.raises(ValueError, match="without early features"):
        LessonStore(store.folder, Views([str(packed)], 32), 100, early_channels=8)
