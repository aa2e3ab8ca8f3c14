"""A plan that empties a whole bucket, which the configuration file must allow."""

from __future__ import annotations

from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Place, Plan
from .assembly import seal_operations
from .desk import Desk
from .dooming import DELETES_TOGETHER, doomed_operations
from .listings import place_facts
from .spool import ScratchFolder


def plan_empty_bucket(desk: Desk, place: Place) -> Plan:
    """A sealed plan that removes every object, version and delete marker of a bucket for ever, each by its
    id, or by its ETag where there are no versions. The bucket is listed twice and both listings must agree.

    Raises Refused unless `empty_bucket` of the configuration file allows it, UsageError for anything but a
    whole bucket.
    """
    if place.scheme != "s3" or not place.bucket or place.prefix:
        raise UsageError("only a whole bucket is emptied", where=printable(place.uri),
                         next_step="Plan a delete of the prefix")  # fmt: skip
    if not desk.config.settings.empty_bucket:
        raise Refused("whole buckets are not emptied here", where=printable(place.uri),
                      next_step="Write empty_bucket = true into the configuration file and start again, "
                                "or delete prefix by prefix")  # fmt: skip
    facts = place_facts(desk, place)
    with ScratchFolder(desk.home.plans) as scratch:
        doomed = doomed_operations(desk, place, scratch, versions=True,
                                   unversioned=facts.versioning == "Unversioned")  # fmt: skip
        return seal_operations(desk, doomed, None, place, "", facts.versioning, notes={},
                               title=f"empty bucket {place.uri} with all versions",
                               batch_size=DELETES_TOGETHER)  # fmt: skip
