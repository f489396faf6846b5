"""Every error that this package raises on purpose.

A message says what was given, what is accepted and what to do. All of them survive pickling, so that worker
processes can hand them back.
"""


class IrsError(Exception):
    """Any error of this package: catch this one to catch all."""


class ImageError(IrsError):
    """The given image cannot be used: wrong kind of object, missing file, or one of the three below."""


class ImageFormatError(ImageError):
    """The data is in none of the accepted formats, or in a variant that nothing here decodes."""


class ImageDataError(ImageError):
    """The data is damaged: truncated, or not what its header says."""


class ImageSizeError(ImageError):
    """Width, height, pixels or bytes are outside the limits."""


class ParameterError(IrsError, ValueError):
    """A parameter is unknown, of the wrong type or out of range."""


class WeightsError(IrsError):
    """A weights file is damaged or does not fit the network."""


class WeightsNotFound(WeightsError):
    """A weights file is nowhere to be found."""


class DatasetError(IrsError):
    """Photos and labels to learn from are missing, damaged, or do not fit each other."""


class MediaError(IrsError):
    """A video or a piece of music cannot be used: missing, no sound in it, damaged, or beyond a limit."""


class MediaFormatError(MediaError):
    """The data is in none of the accepted formats of audio and video."""


class AlbumError(IrsError):
    """An album, or what is asked of it, cannot be used: no such photo or tag, damaged, of a later version."""


class MissingExtra(IrsError):
    """An optional part of this package is not installed; the message says what installs it."""


class DeviceError(IrsError):
    """The requested device cannot be used on this machine."""
