"""Images: what counts as one, how it becomes a file, how the images of a series are called.

Arrays are (height, width) or (height, width, channels) with 1, 3 or 4 channels; integers from 0 to
255, floats from 0 to 1 (others are stretched onto that), or booleans; MLflow's rules.
"""

import re
import time
import uuid
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingFileError
from nbtrack.core.metric_values import INT64, whole_number
from nbtrack.core.warn import warn_user

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

# MLflow's rule; its interface reads the key back from the file name.
_KEY = re.compile(r"[A-Za-z0-9_\-. /]+")
_SMALL = 256
"""Pixels that the longer side of a small copy has at most; MLflow's interface shows those."""
_PNG_MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


class Image:
    """An image to log with `log_image` or as a cell of `log_table`.

    Args:
        image: An array, a tensor, nested lists of pixels, a Pillow image, or the path of a file.

    Raises:
        InvalidTypeError: It is nothing of that kind.
        InvalidValueError: It has another shape or range than images have.
        MissingFileError: There is no such file.
    """

    def __init__(self, image: Any) -> None:
        if isinstance(image, str | Path):
            self.image = _opened(str(image))
        else:
            self.image = as_pil(image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    def to_pil(self) -> "PilImage":
        """The image as Pillow has it."""
        return self.image

    def to_array(self) -> Any:
        """The pixels: (height, width) or (height, width, channels)."""
        import numpy as np

        return np.array(self.image)

    def to_list(self) -> list[Any]:
        """The pixels as nested lists, shaped as `to_array`."""
        return self.to_array().tolist()

    def resize(self, size: tuple[int, int]) -> "Image":
        """A copy, scaled to (width, height) pixels."""
        return Image(self.image.resize(size))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the image to a file, in the format that the ending names."""
        self.image.save(path)

    def __repr__(self) -> str:
        return f"<Image {self.size[0]}x{self.size[1]} {self.image.mode}>"

    def _repr_png_(self) -> bytes:
        return encoded(self.image, "png")


def is_image(value: Any) -> bool:
    """Whether a cell of a table is an image: an `Image` or one of Pillow's, but no array."""
    # Pillow is only asked where a value could be from it.
    return isinstance(value, Image) or type(value).__module__.startswith("PIL.")


def as_pil(image: Any) -> "PilImage":
    """An image as Pillow has it.

    Raises:
        InvalidTypeError: It is no image.
        InvalidValueError: It has another shape or range than images have.
    """
    from PIL import Image as pillow

    if isinstance(image, Image):
        return image.image
    if isinstance(image, pillow.Image):
        if image.mode == "F":
            return _from_array(image)
        try:
            image.load()
        except OSError as error:
            raise InvalidValueError(f"The image cannot be read: {error}.") from error
        return image
    if isinstance(image, list | tuple) or hasattr(image, "__array__"):
        return _from_array(image)
    advice = " Read the file with nbtrack.Image(path)." if isinstance(image, str | Path) else ""
    raise InvalidTypeError(
        f"An image is an array, a Pillow image or an nbtrack.Image, got {type(image).__name__}.{advice}"
    )


def encoded(image: "PilImage", ending: str) -> bytes:
    """The bytes of an image file.

    Args:
        image: What to write.
        ending: The ending of the file, such as `png`; says which format.

    Raises:
        InvalidValueError: There is no such format, or it cannot hold this image.
    """
    from PIL import Image as pillow

    image_format = pillow.registered_extensions().get(f".{ending}")
    if image_format is None or image_format not in pillow.SAVE:
        raise InvalidValueError(f"An image is saved as .png, .jpg, .webp and the like, not as {ending!r}.")
    if image_format == "JPEG" and image.mode in _ALPHA_MODES:
        raise InvalidValueError(f"JPEG has no transparency, the image ({image.mode}) has: save it as .png.")
    if image_format in ("PNG", "WEBP") and image.mode not in _PNG_MODES:
        image = image.convert("RGBA" if image.mode in _ALPHA_MODES else "RGB")
    written = BytesIO()
    try:
        image.save(written, format=image_format)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidValueError(f"The image ({image.mode}) cannot be saved as .{ending}: {error}.") from error
    return written.getvalue()


def small_copy(image: "PilImage") -> bytes:
    """A WebP of at most 256 pixels a side, which lists of images can show quickly."""
    copy = image.convert("RGBA" if image.mode in _ALPHA_MODES or "transparency" in image.info else "RGB")
    copy.thumbnail((_SMALL, _SMALL))
    return encoded(copy, "webp")


def series_path(key: Any, step: Any, timestamp: Any) -> str:
    """The artifact path, without an ending, of one image of a series; MLflow's form.

    Raises:
        InvalidTypeError: The key is no text, or step or timestamp no whole number.
        InvalidValueError: The key holds other letters than MLflow takes.
    """
    if not isinstance(key, str):
        raise InvalidTypeError(f"The key of an image is text, got {type(key).__name__} {key!r}.")
    if not _KEY.fullmatch(key):
        raise InvalidValueError(
            f"The key of an image is letters (a-z), digits, spaces and any of '_-./', got {key[:80]!r}."
        )
    step = whole_number(f"The step of image {key!r}", step or 0, INT64)
    timestamp = whole_number(
        f"The timestamp of image {key!r} (milliseconds since 1970)",
        timestamp or time.time_ns() // 1_000_000,
        range(2**63),
    )
    return f"images/{key.replace('/', '~')}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"


def _opened(path: str) -> "PilImage":
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    try:
        with pillow.open(path) as image:
            image.load()
            return image.copy()
    except FileNotFoundError:
        raise MissingFileError("file", path) from None
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidValueError(f"{path!r} cannot be read as an image: {error}.") from error


def _from_array(image: Any) -> "PilImage":
    import numpy as np
    from PIL import Image as pillow

    array = _as_array(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        advice = ""
        if array.ndim == 3 and array.shape[0] in (1, 3, 4):
            advice = " The channels come first: move them with numpy.moveaxis(image, 0, -1)."
        elif array.ndim == 4:
            advice = " Log the images of a batch one by one."
        raise InvalidValueError(
            "An image has the shape (height, width) or (height, width, 1, 3 or 4 channels), "
            f"got {tuple(array.shape)}.{advice}"
        )
    if not array.size:
        raise InvalidValueError(f"The image is empty: its shape is {tuple(array.shape)}.")
    if array.dtype.kind not in "biuf":
        raise InvalidTypeError(f"The pixels of an image are numbers or booleans, got {array.dtype}.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind == "b":
        pixels = array.astype(np.uint8) * np.uint8(255)
    else:
        if array.dtype.kind == "f":
            array = np.rint(_in_range(array) * 255.0)
        elif array.min() < 0 or array.max() > 255:
            raise InvalidValueError(
                f"The integer pixels of an image are 0 to 255, got {array.min()} to {array.max()}."
            )
        pixels = array.astype(np.uint8)
    return pillow.fromarray(np.ascontiguousarray(pixels))


def _in_range(pixels: Any) -> Any:
    """Float pixels between 0 and 1: those of another range are stretched onto it, as MLflow does."""
    import numpy as np

    low, high = pixels.min(), pixels.max()
    if low >= 0 and high <= 1:
        return pixels
    finite = pixels[np.isfinite(pixels)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    warn_user(
        "The float pixels of an image are 0.0 to 1.0. These are not "
        f"({pixels.min()} to {pixels.max()}) and were stretched onto that range."
    )
    # In 64 bits the range of any smaller float is finite; NaN is drawn black.
    wide = np.nan_to_num(pixels.astype(np.float64), nan=min(low, 0.0), posinf=high, neginf=low)
    if low >= 0 and high <= 1:
        return wide
    low = min(low, wide.min())
    return (wide - low) / (float(high) - float(low)) if high > low else np.clip(wide, 0, 1)


def _as_array(image: Any) -> Any:
    import numpy as np

    if hasattr(image, "detach"):
        # A torch tensor may lie on a GPU, belong to a graph, or have a type that numpy has not.
        image = image.detach().cpu()
        if str(image.dtype) in ("torch.bfloat16", "torch.float16"):
            image = image.float()
    try:
        return np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidTypeError(f"An image is an array, and this is none: {error}.") from error
