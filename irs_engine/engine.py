"""The engine: every verb of the package, on models that are loaded once and kept."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

from irs_engine.batches import in_batches, pictures_in, read_ahead
from irs_engine.device import check_device, check_threads, choose_device, choose_threads, is_cpu
from irs_engine.errors import IrsError, ParameterError
from irs_engine.registry import Range, get_operator, operator
from irs_engine.registry import list_operators as list_operators  # complete once this is imported
from irs_engine.results import DetectionResult, MusicResult, RecaptureResult, TaggingResult, VideoResult
from irs_engine.weights import Given

if TYPE_CHECKING:
    import torch

    from irs_engine.enhance.defog import Defogger
    from irs_engine.enhance.super_resolution import SuperResolver
    from irs_engine.image import ImageInput, ImageOutput, Rgb
    from irs_engine.media.opening import MediaInput
    from irs_engine.music.catalogue import MusicCatalogue
    from irs_engine.video.tagging import OnProgress
    from irs_engine.vision.detecting_tagger import DetectingTagger
    from irs_engine.vision.detectors import AnyDetector
    from irs_engine.vision.recapture import RecaptureDetector
    from irs_engine.vision.tagger import Tagger

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
OnError = Callable[[Any, IrsError], None]


class Engine:
    """Keep one for many images; several threads may use it at the same time.

    Args:
        device: auto, cpu, cuda or cuda:N; auto is $IRS_DEVICE, else CUDA where it works.
        threads: CPU threads of the process; $IRS_NUM_THREADS, else the CPUs that it may use.
        precision: auto, fp32 or bf16.
        weights: A .safetensors file to use in place of the shipped one for the same job (a detector or a
            classifier of your own), a name from `irs-engine weights list`, a directory to look in before the
            usual places, or several of these.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "auto",
        weights: Given = None,
    ):
        if precision not in ("auto", "fp32", "bf16"):
            raise ParameterError(f"precision={precision!r}: expected auto, fp32 or bf16")
        self._wanted = check_device(device)
        self._threads = check_threads(threads)
        self.precision = precision
        self.weights = weights
        self._loading = threading.RLock()  # of what needs another one too
        self._tagger: Tagger | None = None
        self._detector: AnyDetector | None = None
        self._detecting_tagger: DetectingTagger | None = None
        self._recapture_detector: RecaptureDetector | None = None
        self._defogger: Defogger | None = None
        self._super_resolvers: dict[tuple[str, int, bool], SuperResolver] = {}
        self._catalogues: dict[tuple[Path, int, int], MusicCatalogue] = {}

    @functools.cached_property
    def device(self) -> torch.device:
        return choose_device(self._wanted)

    @property
    def threads(self) -> int:
        return choose_threads(self._threads)

    @operator
    def tag(
        self,
        image: ImageInput,
        *,
        threshold: Annotated[float, Range(0, 100)] = 60,
        limit: Annotated[int, Range(1, 1000)] | None = None,
        language: Literal["en", "zh"] = "en",
        detect: bool = True,
    ) -> TaggingResult:
        """Name what a picture shows: objects, scenes and concepts.

        Args:
            threshold: Confidence that a tag needs to be shown, 0 to 100.
            limit: Show at most so many tags, the most confident ones.
            language: Language of the names; results carry both.
            detect: Look for things in the picture too; their tags then say where they are.
        """
        picture = self.read_for_tagging(image, detect)
        tagger = self.load_detecting_tagger() if detect else self.load_tagger()
        return tagger.tag_batch([picture], threshold=threshold, limit=limit, language=language)[0]

    def read_for_tagging(self, image: ImageInput, detect: bool = True) -> Rgb:
        """A picture as `tag` reads it, no larger than the networks need it."""
        return _reader_for_tagging(detect)(image)

    def tag_many(
        self,
        images: Iterable[ImageInput],
        *,
        batch_size: int = 8,
        on_error: OnError | None = None,
        **options: Any,
    ) -> Iterator[tuple[Any, TaggingResult]]:
        """Yield (image, result) in order; the next pictures are read while the network works.

        Args:
            on_error: Called with (image, error) in place of a result; without it the first bad image raises.
            options: Those of `tag`.
        """
        if batch_size < 1:
            raise ParameterError(f"batch_size={batch_size}: expected 1 or more")
        verb = get_operator("tag")
        checked = {**verb.defaults, **verb.check(options)}
        return self._tag_many(images, batch_size, on_error or _raise, checked)

    def tag_folder(
        self,
        folder: str | os.PathLike[str],
        *,
        recursive: bool = False,
        batch_size: int = 8,
        on_error: OnError | None = None,
        **options: Any,
    ) -> Iterator[tuple[Path, TaggingResult]]:
        """Yield (path, result) for the pictures of a folder; bad ones are logged, or given to `on_error`."""
        return self.tag_many(
            pictures_in(folder, recursive), batch_size=batch_size, on_error=on_error or _log_error, **options
        )

    def tag_video(
        self,
        video: MediaInput,
        *,
        every: float = 2.0,
        most: int = 600,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> VideoResult:
        """Name what a video shows, and when: frames are looked at by scene, as they are decoded.

        Args:
            video: A path, the bytes of a file, or an open binary file.
            every: Seconds after which a scene that goes on is looked at again, 0.1 to 3600.
            most: Frames that are looked at, about, at most: those of a long video are further apart.
            on_progress: Called with the seconds that were seen, and those that the video has, 0 if not known.
            options: Those of `tag`.

        Raises:
            MediaError: The video is missing, damaged, or beyond a limit.
            MissingExtra: PyAV is not installed.
        """
        from irs_engine.video import tagging
        from irs_engine.video.frames import open_video
        from irs_engine.video.options import EVERY, MOST

        verb = get_operator("tag")
        checked = {**verb.defaults, **verb.check(options)}
        every, most = EVERY.check(every), MOST.check(most)
        detect = checked.pop("detect")
        with open_video(video, self.threads) as opened:
            return tagging.tag_video(
                opened,
                self.load_detecting_tagger() if detect else self.load_tagger(),
                at_least=_side_for_tagging(detect),
                every=every,
                most=most,
                on_progress=on_progress,
                **checked,
            )

    @operator
    def detect_objects(
        self,
        image: ImageInput,
        *,
        threshold: Annotated[float, Range(1, 100)] = 50,
        tiles: bool = False,
    ) -> DetectionResult:
        """Find things in a picture: what they are, and where.

        Args:
            threshold: Confidence that a thing needs to be told, 1 to 100.
            tiles: Look at parts of a large picture too, so that small things are found; takes longer.
        """
        from irs_engine.image import read_rgb
        from irs_engine.vision.detector import SIDE

        picture = read_rgb(image, at_least=None if tiles else SIDE)
        return self.load_detector().detect(picture, threshold, tiles)

    @operator
    def detect_recapture(
        self, image: ImageInput, *, threshold: Annotated[float, Range(0, 1)] = 0.95
    ) -> RecaptureResult:
        """Tell whether a photo is an original, or a photo of a screen or of a print.

        Args:
            threshold: Confidence that either answer needs, 0 to 1; below it the answer is "uncertainty".
        """
        from irs_engine.image import read_rgb

        return self.load_recapture_detector().detect(read_rgb(image), threshold)

    def recognize_music(
        self,
        video: MediaInput,
        *,
        catalogue: MusicCatalogue | str | os.PathLike[str] | None = None,
        all_songs: bool = False,
    ) -> MusicResult:
        """Name the song of a catalogue that plays in a video, or in its background.

        Args:
            video: A path, the bytes of a file, or an open binary file: any video, or sound alone.
            catalogue: The songs, or the folder with them: by default $IRS_MUSIC_CATALOGUE, else
                ~/.irs_engine/music.
            all_songs: Listen to all of it and tell every song with its times; else the first that is certain
                ends it.

        Raises:
            MediaError: The video is missing, damaged, or beyond a limit. Without sound it is no error.
            CatalogueError: There is no such catalogue, or it cannot be used.
            MissingExtra: PyAV is not installed.
        """
        from irs_engine.music.catalogue import MusicCatalogue
        from irs_engine.music.recognition import recognize

        songs = catalogue if isinstance(catalogue, MusicCatalogue) else self.load_catalogue(catalogue)
        return recognize(video, songs.snapshot(), all_songs=all_songs)

    def load_catalogue(self, folder: str | os.PathLike[str] | None = None) -> MusicCatalogue:
        """The songs in a folder, opened for reading at the first call; what is added later is seen."""
        from irs_engine.music.catalogue import MusicCatalogue, default_folder

        path = default_folder() if folder is None else Path(folder).expanduser()
        with self._loading:
            about = os.stat(path) if path.is_dir() else None  # another folder may come to be in its place
            key = (path, about.st_dev, about.st_ino) if about else (path, 0, 0)
            if key not in self._catalogues:
                self._catalogues[key] = MusicCatalogue(path, read_only=True)
            return self._catalogues[key]

    def load_recapture_detector(self) -> RecaptureDetector:
        """The network that tells recaptured photos, loaded at the first call."""
        with self._loading:
            if self._recapture_detector is None:
                from irs_engine.vision.recapture import RecaptureDetector

                self._recapture_detector = RecaptureDetector(
                    device=self.device,
                    precision=self.precision,
                    weights=self.weights,
                    threads=self.threads,
                    tagger=self.load_tagger,
                )
            return self._recapture_detector

    @operator
    def defog(
        self,
        image: ImageInput,
        *,
        gamma: Annotated[float, Range(0.1, 10)] = 1.5,
        natural_look: bool = True,
    ) -> ImageOutput:
        """Take away haze and fog, even or in patches.

        Args:
            gamma: Brightness of the result: more is brighter, 1.5 leaves it as it is.
            natural_look: Keep the look of the scene; without it more haze is taken away than is seen.
        """
        from irs_engine.image import read_picture

        picture = read_picture(image)
        return picture.restore(self.load_defogger().clear(picture.pixels, gamma, natural_look))

    def load_defogger(self) -> Defogger:
        """The network that sees haze, loaded at the first call."""
        with self._loading:
            if self._defogger is None:
                from irs_engine.enhance.defog import Defogger

                self._defogger = Defogger(self._enhancing_device(), self.weights)
            return self._defogger

    @operator
    def dark_enhance(
        self, image: ImageInput, *, brightness: Annotated[float, Range(0, 1)] = 0.9
    ) -> ImageOutput:
        """Lift dark photos, and dark parts of photos, so that objects become visible.

        Args:
            brightness: How far to lift them, 0 (the picture as it is) to 1.
        """
        from irs_engine.enhance.dark_enhance import enhance
        from irs_engine.image import read_picture

        picture = read_picture(image)
        return picture.restore(enhance(picture.pixels, brightness, self._enhancing_device()))

    @operator
    def super_resolve(
        self,
        image: ImageInput,
        *,
        scale: Annotated[int, Range(3, 4)] = 3,
        model: Literal["ESPCN", "SRCNN"] = "ESPCN",
        repair: Literal["auto", "on", "off"] = "auto",
    ) -> ImageOutput:
        """Enlarge a picture with sharper detail than interpolation gives.

        Args:
            scale: How many times as wide and as high, 3 or 4.
            model: ESPCN, fast, or SRCNN, which works at the enlarged size.
            repair: Remove the traces of JPEG compression; auto does for JPEG files that show them.
        """
        from irs_engine.enhance.super_resolution import needs_repair
        from irs_engine.image import read_picture

        picture = read_picture(image)
        repairing = needs_repair(picture.jpeg_quality) if repair == "auto" else repair == "on"
        resolver = self.load_super_resolver(model, scale, repairing)
        return picture.restore(*resolver.enlarge(picture.pixels, picture.alpha))

    def load_super_resolver(self, model: str, scale: int, repair: bool = False) -> SuperResolver:
        """The super-resolution network "ESPCN" or "SRCNN", loaded at the first call."""
        with self._loading:
            key = model, scale, repair
            if key not in self._super_resolvers:
                from irs_engine.enhance.super_resolution import SuperResolver

                self._super_resolvers[key] = SuperResolver(
                    model, scale, self._enhancing_device(), self.precision, self.weights, repair
                )
            return self._super_resolvers[key]

    def _enhancing_device(self) -> torch.device | str:
        """Where enhancements run: on the CPU natively, with the threads of this engine and without torch."""
        from irs_engine import _native

        _native.set_num_threads(self.threads)
        return "cpu" if is_cpu(self._wanted) else self.device

    def load_tagger(self) -> Tagger:
        """The tagging model, loaded at the first call."""
        with self._loading:
            if self._tagger is None:
                from irs_engine import _native
                from irs_engine.vision.tagger import Tagger

                _native.set_num_threads(self.threads)
                self._tagger = Tagger(
                    device=self.device, precision=self.precision, weights=self.weights, threads=self.threads
                )
            return self._tagger

    def load_detector(self) -> AnyDetector:
        """The network that finds things, loaded at the first call."""
        with self._loading:
            if self._detector is None:
                from irs_engine.vision.detectors import load_detector

                self._detector = load_detector(
                    device=self.device, precision=self.precision, weights=self.weights, threads=self.threads
                )
            return self._detector

    def load_detecting_tagger(self) -> DetectingTagger:
        """Both together, loaded at the first call."""
        tagger, detector = self.load_tagger(), self.load_detector()
        with self._loading:
            if self._detecting_tagger is None:
                from irs_engine.vision.detecting_tagger import DetectingTagger

                self._detecting_tagger = DetectingTagger(tagger, detector)
            return self._detecting_tagger

    def _tag_many(
        self, images: Iterable[ImageInput], batch_size: int, on_error: OnError, options: dict[str, Any]
    ) -> Iterator[tuple[Any, TaggingResult]]:
        detect = options.pop("detect")
        tagger = self.load_detecting_tagger() if detect else self.load_tagger()
        readers = 1 if self.device.type == "cpu" else self.threads
        pictures = read_ahead(images, _reader_for_tagging(detect), readers=readers, depth=batch_size)
        for batch in in_batches(pictures, batch_size):
            good = [picture for _, picture in batch if not isinstance(picture, IrsError)]
            results = iter(tagger.tag_batch(good, **options) if good else ())
            for image, picture in batch:
                if isinstance(picture, IrsError):
                    on_error(image, picture)
                else:
                    yield image, next(results)


def _reader_for_tagging(detect: bool) -> Callable[[ImageInput], Rgb]:
    """Reads pictures as large as the networks need them."""
    from irs_engine.image import read_rgb

    return functools.partial(read_rgb, at_least=_side_for_tagging(detect))


def _side_for_tagging(detect: bool) -> int:
    """The short side of pictures that the networks need, in pixels."""
    from irs_engine.vision.detector import SIDE
    from irs_engine.vision.tagger import SHORT_SIDE

    return SIDE if detect else SHORT_SIDE


def _raise(image: Any, error: IrsError) -> None:
    raise error


def _log_error(image: Any, error: IrsError) -> None:
    log.warning("%s: %s", image, error)


_default = Engine()


def default_engine() -> Engine:
    """The engine behind the functions of the package."""
    return _default


def _verb(method: Callable[Concatenate[Engine, P], R]) -> Callable[P, R]:
    """A method of the engine as a function on the default engine."""

    @functools.wraps(method)
    def call(*args: P.args, **options: P.kwargs) -> R:
        return method(_default, *args, **options)

    _, *parameters = inspect.signature(method).parameters.values()
    call.__signature__ = inspect.signature(method).replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


tag = _verb(Engine.tag)
detect_objects = _verb(Engine.detect_objects)
detect_recapture = _verb(Engine.detect_recapture)
recognize_music = _verb(Engine.recognize_music)
dark_enhance = _verb(Engine.dark_enhance)
defog = _verb(Engine.defog)
super_resolve = _verb(Engine.super_resolve)
tag_video = _verb(Engine.tag_video)
