"""When a photo was taken, as its EXIF data says (EXIF 2.32: DateTimeOriginal 0x9003, OffsetTimeOriginal 0x9011)."""

import re
import warnings
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

from PIL import Image

from inspection.flex.images import FORMATS

_EXIF_DIRECTORY = 0x8769
_TAKEN, _OFFSET = 0x9003, 0x9011
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def taken_at(content: bytes) -> datetime | None:
    """Return when a photo was taken (UTC), or None if it does not say or says nonsense.

    A time without offset is taken in the time zone of this machine, which stands beside the camera.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(content), formats=FORMATS) as picture:
                tags = picture.getexif().get_ifd(_EXIF_DIRECTORY)
            return _instant(tags.get(_TAKEN), tags.get(_OFFSET))
        except Exception:  # hostile EXIF raises anything; then the photo just does not say
            return None


def _instant(taken: object, offset: object) -> datetime | None:
    if not isinstance(taken, str):
        return None
    local = datetime.strptime(taken.strip("\x00 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", offset.strip("\x00 ")) if isinstance(offset, str) else None
    if match:
        shift = timedelta(hours=int(match[2]), minutes=int(match[3]))
        instant = local.replace(tzinfo=timezone(-shift if match[1] == "-" else shift)).astimezone(UTC)
    else:
        instant = local.astimezone(UTC)
    return instant if instant >= _EARLIEST else None
