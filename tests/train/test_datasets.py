"""Labelled photos in three layouts: the same boxes from each, and every mistake by its name."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from irs_engine.errors import DatasetError
from irs_engine.train.datasets import read_dataset

NAMES = ["cat", "dog"]
BOXES = {  # of two photos of 200 x 100
    "first": [(0, (20, 10, 60, 50)), (1, (100, 0, 200, 100))],
    "second": [(1, (0, 50, 30, 90))],
}


def photos(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in BOXES:
        Image.new("RGB", (200, 100), (90, 120, 150)).save(folder / f"{name}.jpg")


@pytest.fixture
def coco(tmp_path):
    photos(tmp_path / "images")
    numbers = {name: number for number, name in enumerate(BOXES, 1)}
    content = {
        "images": [{"id": number, "file_name": f"{name}.jpg"} for name, number in numbers.items()],
        "categories": [{"id": 10 * (i + 1), "name": name} for i, name in enumerate(NAMES)],
        "annotations": [
            {
                "id": 7,
                "image_id": numbers[name],
                "category_id": 10 * (label + 1),
                "bbox": [x, y, r - x, b - y],
            }
            for name, boxes in BOXES.items()
            for label, (x, y, r, b) in boxes
        ],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def yolo(tmp_path):
    photos(tmp_path / "images" / "train")
    (tmp_path / "labels" / "train").mkdir(parents=True)
    for name, boxes in BOXES.items():
        lines = [
            f"{label} {(x + r) / 400} {(y + b) / 200} {(r - x) / 200} {(b - y) / 100}"
            for label, (x, y, r, b) in boxes
        ]
        (tmp_path / "labels" / "train" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    return tmp_path


@pytest.fixture
def voc(tmp_path):
    photos(tmp_path / "JPEGImages")
    (tmp_path / "Annotations").mkdir()
    for name, boxes in BOXES.items():
        things = "".join(
            f"<object><name>{NAMES[label]}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
            f"<xmax>{r}</xmax><ymax>{b}</ymax></bndbox></object>"
            for label, (x, y, r, b) in boxes
        )
        xml = f"<annotation><filename>{name}.jpg</filename>{things}</annotation>"
        (tmp_path / "Annotations" / f"{name}.xml").write_text(xml)
    return tmp_path


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_the_same_boxes_from_every_layout(layout, request):
    dataset = read_dataset(request.getfixturevalue(layout))
    assert dataset.names == tuple(NAMES) and len(dataset.photos) == 2
    for photo in dataset.photos:
        labels, boxes = zip(*BOXES[photo.path.stem], strict=True)
        assert photo.labels.tolist() == list(labels)
        np.testing.assert_allclose(photo.boxes, boxes, atol=1e-3)


@pytest.mark.parametrize("names", ["names: [cat, dog]", "names:\n  0: cat\n  1: dog", "names:\n- cat\n- dog"])
def test_names_of_yolo_in_yaml(yolo, names):
    (yolo / "classes.txt").unlink()
    (yolo / "data.yaml").write_text(f"train: images/train\n{names}\n")
    assert read_dataset(yolo).names == ("cat", "dog")


def test_yolo_with_a_folder_for_each_part(yolo):
    for kind in ("images", "labels"):
        (yolo / "train").mkdir(exist_ok=True)
        shutil.move(yolo / kind / "train", yolo / "train" / kind)
        (yolo / kind).rmdir()
    assert len(read_dataset(yolo).photos) == 2


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_classes_of_a_model(layout, request):
    folder = request.getfixturevalue(layout)
    (folder / "classes.txt").unlink(missing_ok=True)
    names = ["cat", "dog", "owl"] if layout == "yolo" else ["owl", "dog", "cat"]
    dataset = read_dataset(folder, names)
    assert dataset.names == tuple(names)
    first = next(photo for photo in dataset.photos if photo.path.stem == "first")
    assert [dataset.names[label] for label in first.labels] == ["cat", "dog"]
    if layout != "yolo":
        with pytest.raises(DatasetError, match="'dog' is not known: there are cat, owl"):
            read_dataset(folder, ["cat", "owl"])


def test_links_are_followed(yolo, tmp_path_factory):
    linked = tmp_path_factory.mktemp("linked")
    for name in ("images", "labels", "classes.txt"):
        (linked / name).symlink_to(yolo / name)
    assert len(read_dataset(linked).photos) == 2


def test_a_photo_without_boxes_is_one_of_nothing(yolo):
    Image.new("RGB", (64, 64)).save(yolo / "images" / "train" / "empty.png")
    by_name = {photo.path.name: photo for photo in read_dataset(yolo).photos}
    assert by_name["empty.png"].boxes.shape == (0, 4) and by_name["empty.png"].labels.shape == (0,)


def test_boxes_stand_on_the_photo_as_shown(voc):
    turned = Image.new("RGB", (100, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(voc / "JPEGImages" / "first.jpg", exif=exif)
    assert len(read_dataset(voc).photos) == 2


def test_crowds_are_left_out(coco):
    content = json.loads((coco / "boxes.json").read_text())
    content["annotations"].append(
        {"id": 8, "image_id": 1, "category_id": 10, "bbox": [0, 0, 200, 100], "iscrowd": 1}
    )
    (coco / "boxes.json").write_text(json.dumps(content))
    assert sum(len(photo.boxes) for photo in read_dataset(coco).photos) == 3


def changed(coco, change):
    content = json.loads((coco / "boxes.json").read_text())
    change(content)
    (coco / "boxes.json").write_text(json.dumps(content))
    return coco


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["images"][0].update(file_name="gone.jpg"), "there is no photo .*gone.jpg"),
        (lambda c: c["annotations"][0].update(image_id=99), "annotation 7: there is no image 99"),
        (lambda c: c["annotations"][0].update(category_id=99), "annotation 7: there is no category 99"),
        (lambda c: c["annotations"][0].update(bbox=[10, 10, 0, 5]), "a box without an area: 10, 10, 10, 15"),
        (lambda c: c["annotations"][0].update(bbox=[150, 10, 90, 5]), "outside of its photo of 200 x 100"),
        (lambda c: c["categories"].append({"id": 5, "name": "owl"}), "'owl' has no box"),
    ],
)
def test_mistakes_in_coco(coco, change, message):
    with pytest.raises(DatasetError, match=message):
        read_dataset(changed(coco, change))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.1", r"labels/train/first.txt, line 1: expected a class and four numbers"),
        ("cat 0.5 0.5 0.1 0.1", "expected a class and four numbers"),
        ("2 0.5 0.5 0.1 0.1", "class 2 has no name, there are 2"),
        ("0 0.5 0.5 0 0.1", "a box without an area"),
        ("0 0.9 0.5 0.4 0.1", "outside of its photo"),
        ("0 nan 0.5 0.4 0.1", "a box without an area"),
    ],
)
def test_mistakes_in_yolo(yolo, line, message):
    (yolo / "labels" / "train" / "first.txt").write_text(line)
    with pytest.raises(DatasetError, match=message):
        read_dataset(yolo)


def test_labels_without_a_photo(yolo):
    (yolo / "images" / "train" / "first.jpg").unlink()
    with pytest.raises(DatasetError, match=r"labels/train/first.txt: there is no photo of that name"):
        read_dataset(yolo)


def test_damaged_photos_and_annotations(voc):
    (voc / "JPEGImages" / "first.jpg").write_bytes(b"no photo")
    (voc / "Annotations" / "second.xml").write_text("<annotation>")
    with pytest.raises(DatasetError) as error:
        read_dataset(voc)
    assert "not a readable photo" in str(error.value) and "not a readable annotation" in str(error.value)


def test_a_box_at_the_border_is_cut(yolo):
    (yolo / "labels" / "train" / "first.txt").write_text("0 0.5 0.5 1.01 1.0\n")
    first = next(photo for photo in read_dataset(yolo).photos if photo.path.stem == "first")
    assert first.boxes.tolist() == [[0, 0, 200, 100]]


def test_many_mistakes_are_counted(yolo):
    (yolo / "labels" / "train" / "first.txt").write_text("0 2 2 0.1 0.1\n" * 30)
    with pytest.raises(DatasetError, match=r"30 problem\(s\)(?s:.*)and 18 more"):
        read_dataset(yolo)


def test_no_layout(tmp_path):
    (tmp_path / "notes.json").write_text("[1]")
    with pytest.raises(DatasetError, match="in none of the known layouts"):
        read_dataset(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        read_dataset(tmp_path / "gone")


def test_the_split_is_the_same_every_time(yolo):
    for number in range(18):
        Image.new("RGB", (32, 32)).save(yolo / "images" / "train" / f"{number}.png")
    dataset = read_dataset(yolo)
    learn, judge = dataset.split(0.2)
    assert (len(learn.photos), len(judge.photos)) == (16, 4) and learn.names == dataset.names
    again = read_dataset(yolo).split(0.2)[1]
    assert [photo.path for photo in again.photos] == [photo.path for photo in judge.photos]
