import os
from xml.dom.minidom import parseString

import pytest
from PIL import Image

from irs_engine.album.sidecars import DC, DIGIKAM, LR, Keyword, merged
from irs_engine.album.xmp import XmpPacket
from irs_engine.errors import AlbumError, ParameterError

DOG = Keyword("dog", ("animal", "mammal", "dog"))
ANIMAL = Keyword("animal", ("animal",))
DIGIKAM_SIDECAR = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <!-- edited by hand -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:d="http://purl.org/dc/elements/1.1/"
    xmp:Rating="4">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Family/Ann</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <d:subject>
    <rdf:Bag>
     <rdf:li>Ann</rdf:li>
     <rdf:li>Dog</rdf:li>
    </rdf:Bag>
   </d:subject>
   <d:title><rdf:Alt><rdf:li xml:lang="x-default">A &lt; B</rdf:li></rdf:Alt></d:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()


def lists(data):
    """dc:subject, lr:hierarchicalSubject and digiKam:TagsList."""
    packet = XmpPacket(data)
    return [
        packet.values(*name) for name in ((DC, "subject"), (LR, "hierarchicalSubject"), (DIGIKAM, "TagsList"))
    ]


def test_a_new_sidecar():
    data = merged(None, [DOG, ANIMAL])
    assert lists(data) == [["dog", "animal"], ["animal|mammal|dog", "animal"], []]
    assert data.startswith(b"<?xpacket begin=") and data.rstrip().endswith(b'<?xpacket end="w"?>')


def test_pillow_reads_it(tmp_path):
    """An independent reader: what a sidecar says is what a photo with it inside would say."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=merged(None, [DOG]))
    with Image.open(tmp_path / "a.jpg") as photo:
        described = photo.getxmp()["xmpmeta"]["RDF"]["Description"]
    assert described["subject"]["Bag"]["li"] == "dog"
    assert described["hierarchicalSubject"]["Bag"]["li"] == "animal|mammal|dog"


def test_what_is_there_stays():
    data = merged(DIGIKAM_SIDECAR, [DOG, ANIMAL])
    assert lists(data) == [
        ["Ann", "Dog", "animal"],  # Dog is there
        ["animal|mammal|dog", "animal"],
        ["Family/Ann", "animal/mammal/dog", "animal"],  # digiKam reads this one first
    ]
    text = data.decode()
    for kept in ("<!-- edited by hand -->", 'xmp:Rating="4"', "A &lt; B", 'x:xmptk="XMP Core', "xml:lang="):
        assert kept in text
    assert "<d:subject>" in text and text.count("purl.org/dc") == 1
    assert parseString(data)


def test_twice_is_once():
    for before in (None, DIGIKAM_SIDECAR):
        once = merged(before, [DOG, ANIMAL])
        assert merged(once, [DOG, ANIMAL]) is once


def test_what_was_ours_can_go_and_what_was_theirs_cannot():
    data = merged(merged(DIGIKAM_SIDECAR, [DOG, ANIMAL]), [])
    assert lists(data) == lists(DIGIKAM_SIDECAR)
    assert b"irs" not in data
    data = merged(merged(None, [DOG, ANIMAL]), [ANIMAL])
    assert lists(data) == [["animal"], ["animal"], []]


def test_names_that_xml_cannot_hold_or_that_separate():
    odd = Keyword("a\x00b|c/d\n <&> 狗", ("x/y", "a\x00b|c/d\n <&> 狗"))
    subject, tree, _ = lists(merged(None, [odd]))
    assert subject == ["ab|c/d <&> 狗"] and tree == ["x/y|ab-c/d <&> 狗"]


def rdf(inside):
    return (
        f'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="{DC}">{inside}</r:RDF>'
    ).encode()


@pytest.mark.parametrize(
    ("inside", "before"),
    [
        ("", []),
        ('<r:Description r:about=""><dc:subject>plain</dc:subject></r:Description>', ["plain"]),
        (
            '<r:Description r:about=""/><r:Description><dc:subject><r:Seq><r:li>a</r:li></r:Seq></dc:subject>'
            "</r:Description>",
            ["a"],
        ),
        ("<r:Description><dc:subject/></r:Description>", []),
        (
            '<r:Description xmlns:lr="urn:other" lr:x="1"><lr:hierarchicalSubject>y</lr:hierarchicalSubject>'
            "</r:Description>",
            [],
        ),
    ],
)
def test_other_ways_to_write_it(inside, before):
    data = merged(rdf(inside), [DOG])
    assert lists(data)[:2] == [[*before, "dog"], ["animal|mammal|dog"]]
    assert merged(data, [DOG]) is data
    if "urn:other" in inside:
        assert b">y<" in data


@pytest.mark.parametrize(
    "data", [b"", b"no xml", b"<a/>", DIGIKAM_SIDECAR[:-60], b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_what_is_no_xmp_is_refused(data):
    with pytest.raises(AlbumError):
        merged(data, [DOG])


@pytest.fixture
def photos(album, put, folder):
    put(folder / "a.jpg", {"dog": 97, "mammal": 98, "animal": 99, "bench": 52})
    put(folder / "b.png", {})
    put(folder / "gone.jpg", {"cat": 88})
    return album


def test_sidecars_are_written_beside_photos(photos, folder):
    before = (folder / "a.jpg").read_bytes()
    report = photos.write_xmp(threshold=60)
    assert (report.written, report.unchanged) == (1, 1)
    assert [failure.error for failure in report.failed] == ["the photo is gone"]
    subject, tree, _ = lists((folder / "a.jpg.xmp").read_bytes())
    assert subject == ["animal", "mammal", "dog"] and "dog" in tree[2].split("|")
    assert tree[2].split("|")[0] == tree[0] or tree[2].startswith(tree[0])
    assert sorted(path.name for path in folder.glob("*.xmp")) == ["a.jpg.xmp"]
    assert (folder / "a.jpg").read_bytes() == before
    modified = (folder / "a.jpg.xmp").stat().st_mtime_ns
    assert photos.write_xmp(threshold=60).written == 0
    assert (folder / "a.jpg.xmp").stat().st_mtime_ns == modified


def test_corrections_and_renames_are_followed(photos, folder):
    photos.write_xmp()
    photos.correct(folder / "a.jpg", remove=["bench"], add=["我的 dog club"])
    photos.rename_tag("animal", en="beast")
    photos.write_xmp(language="both")
    subject, tree, _ = lists((folder / "a.jpg.xmp").read_bytes())
    assert "bench" not in subject and {"dog", "狗", "beast", "我的 dog club"} <= set(subject)
    assert "animal" not in subject and any(path.startswith("beast|") for path in tree)


def test_a_sidecar_that_is_none_stays_as_it_is(photos, folder):
    (folder / "a.jpg.xmp").write_bytes(b"my notes")
    report = photos.write_xmp(query="dog")
    assert report.written == 0 and "stays as it is" in report.failed[0].error
    assert (folder / "a.jpg.xmp").read_bytes() == b"my notes"


def test_stems_are_shared_by_no_two_photos(photos, put, folder):
    (folder / "a.webp").write_bytes(b"")
    put(folder / "a.webp", {"cat": 90})
    report = photos.write_xmp(naming="stem", query="dog OR cat")
    assert (folder / "a.xmp").exists() and report.written == 1
    assert any("a.xmp is that of a.jpg already" in failure.error for failure in report.failed)


def test_links_are_followed(photos, folder, tmp_path):
    kept = tmp_path / "kept.xmp"
    kept.write_bytes(DIGIKAM_SIDECAR)
    os.symlink(kept, folder / "a.jpg.xmp")
    photos.write_xmp(query="dog")
    assert (folder / "a.jpg.xmp").is_symlink() and "animal" in lists(kept.read_bytes())[0]


@pytest.mark.parametrize("options", [{"language": "fr"}, {"naming": "short"}])
def test_bad_options(photos, options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        photos.write_xmp(**options)
