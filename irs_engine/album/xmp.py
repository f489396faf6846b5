"""An XMP packet that is read and changed in place: RDF in XML (ISO 16684-1), of which only lists are touched.

Everything else, comments and processing instructions included, stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.dom.minidom import Document, Element, Node, parseString
from xml.parsers.expat import ExpatError

from irs_engine.errors import AlbumError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS = "http://www.w3.org/2000/xmlns/"
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="' + RDF + '">\n'
    '  <rdf:Description rdf:about=""/>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
).encode()


class XmpPacket:
    """A packet, by default an empty one.

    Raises:
        AlbumError: It is no XMP.
    """

    def __init__(self, data: bytes = EMPTY):
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise AlbumError("a sidecar with a document type, which XMP never has")
        try:
            self._document: Document = parseString(data)
        except (ExpatError, ValueError, LookupError) as error:
            raise AlbumError(f"no XMP: {error}") from error
        roots = self._document.getElementsByTagNameNS(RDF, "RDF")
        if len(roots) != 1:
            raise AlbumError(f"no XMP: it has {len(roots)} elements rdf:RDF")
        self._root = roots[0]
        self.changed = False

    def values(self, space: str, name: str) -> list[str]:
        """The items of a list, wherever it stands; also of one that is not written as a list."""
        found = []
        for element in self._properties(space, name):
            items = self._items(element)
            found += [_text(item) for item in items] if items or _children(element) else [_text(element)]
        return [text for text in found if text]

    def remove(self, space: str, name: str, values: set[str]) -> None:
        for element in self._properties(space, name):
            items = self._items(element)
            gone = [item for item in items if _text(item) in values]
            for item in gone:
                self._drop(item)
            if gone and len(gone) == len(items):
                self._drop(element)

    def add(self, space: str, prefix: str, name: str, kind: str, values: Sequence[str]) -> None:
        if not values:
            return
        elements = self._properties(space, name)
        element = elements[0] if elements else self._new_property(space, prefix, name)
        lists = [child for child in _children(element) if child.namespaceURI == RDF]
        if lists:
            container = lists[0]
        else:  # plain text becomes the first item of a list
            before = _text(element)
            while element.firstChild:
                element.removeChild(element.firstChild)
            container = self._append(element, self._element(RDF, "rdf", kind))
            values = [before, *values] if before else values
        for value in values:
            item = self._append(container, self._element(RDF, "rdf", "li"))
            item.appendChild(self._document.createTextNode(value))
        self.changed = True

    def data(self) -> bytes:
        """UTF-8."""
        # The XML declaration, if any, came first; minidom writes its own.
        text = "\n".join(node.toxml() for node in self._document.childNodes)
        return text.encode() + b"\n"

    def _descriptions(self) -> list[Element]:
        return [
            child
            for child in _children(self._root)
            if (child.namespaceURI, child.localName) == (RDF, "Description")
        ]

    def _properties(self, space: str, name: str) -> list[Element]:
        return [
            child
            for description in self._descriptions()
            for child in _children(description)
            if (child.namespaceURI, child.localName) == (space, name)
        ]

    @staticmethod
    def _items(element: Element) -> list[Element]:
        return [
            item
            for container in _children(element)
            if container.namespaceURI == RDF and container.localName in ("Bag", "Seq", "Alt")
            for item in _children(container)
            if (item.namespaceURI, item.localName) == (RDF, "li")
        ]

    def _new_property(self, space: str, prefix: str, name: str) -> Element:
        found = self._descriptions()
        if found:
            description = found[0]
        else:
            description = self._append(self._root, self._element(RDF, "rdf", "Description"))
            description.setAttributeNS(RDF, f"{self._prefix(description, RDF, 'rdf')}:about", "")
        element = self._element(space, prefix, name)
        return self._append(description, element)

    def _element(self, space: str, prefix: str, name: str) -> Element:
        """A new one; what its prefix stands for is declared when it is in its place."""
        return self._document.createElementNS(space, f"{prefix}:{name}")

    def _append(self, parent: Element, child: Element) -> Element:
        space, name = child.namespaceURI, child.localName
        assert space is not None and name is not None
        prefix = self._prefix(parent, space, child.tagName.partition(":")[0])
        if child.tagName != f"{prefix}:{name}":
            child = self._document.createElementNS(space, f"{prefix}:{name}")
        indent = "\n" + " " * (_depth(parent) + 1)
        _drop_space(parent.lastChild)
        parent.appendChild(self._document.createTextNode(indent))
        parent.appendChild(child)
        parent.appendChild(self._document.createTextNode(indent[:-1]))
        if self._declared(parent, prefix) != space:
            child.setAttributeNS(XMLNS, f"xmlns:{prefix}", space)
        self.changed = True
        return child

    def _prefix(self, parent: Element, space: str, wanted: str) -> str:
        """One that stands for the namespace there already, else one that stands for nothing else."""
        node: Node | None = parent
        while isinstance(node, Element):
            for name, value in node.attributes.items():
                if value == space and name.startswith("xmlns:") and self._declared(parent, name[6:]) == space:
                    return name[6:]
            node = node.parentNode
        prefix, number = wanted, 2
        while self._declared(parent, prefix) not in (None, space):
            prefix, number = f"{wanted}{number}", number + 1
        return prefix

    @staticmethod
    def _declared(element: Element, prefix: str) -> str | None:
        node: Node | None = element
        while isinstance(node, Element):
            if node.hasAttribute(f"xmlns:{prefix}"):
                return node.getAttribute(f"xmlns:{prefix}")
            node = node.parentNode
        return None

    def _drop(self, element: Element) -> None:
        """With the space before it."""
        _drop_space(element.previousSibling)
        assert element.parentNode is not None
        element.parentNode.removeChild(element)
        self.changed = True


def _children(element: Element) -> list[Element]:
    return [child for child in element.childNodes if isinstance(child, Element)]


def _drop_space(node: Any) -> None:
    """If it is nothing but space."""
    if node is not None and node.nodeType == Node.TEXT_NODE and not node.data.strip():
        node.parentNode.removeChild(node)


def _text(element: Element) -> str:
    return "".join(
        child.data
        for child in element.childNodes
        if child.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)
    ).strip()


def _depth(node: Node | None) -> int:
    depth = 0
    while node is not None and node.parentNode is not None:
        node, depth = node.parentNode, depth + 1
    return depth - 1
