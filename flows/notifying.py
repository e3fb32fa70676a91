"""One round of notifications: queue what happened, send what each channel bears, note what failed."""

import logging
from collections.abc import Callable, Mapping

from core.alarms.notification import WITHIN, Wish, plan
from core.alarms.severity import Severity
from core.clock import Clock
from core.errors import NotifyError
from core.settings import ChannelSettings, NotifySettings
from core.store import Store, outbox

Deliver = Callable[[str, str, str], None]
SCOPE = "console"
log = logging.getLogger(__name__)


def wishes(channels: Mapping[str, ChannelSettings]) -> list[Wish]:
    """Return what each channel wants to be told."""
    return [
        Wish(
            name,
            frozenset(one.systems),
            frozenset(Severity[word] for word in one.severities),
            raised="raised" in one.on,
            overdue="overdue" in one.on,
            most_per_ten_minutes=one.most_per_10_min,
        )
        for name, one in channels.items()
    ]


def notify(store: Store, settings: NotifySettings, clock: Clock, deliver: Deliver) -> int:
    """Do one round; return how many messages went out. A channel that fails does not keep others from theirs."""
    if not settings.channels:
        return 0
    asked = wishes(settings.channels)
    outbox.enqueue(store.database, asked, clock.now())
    return sum(_channel(store, wish, settings, clock, deliver) for wish in asked)


def _channel(store: Store, wish: Wish, settings: NotifySettings, clock: Clock, deliver: Deliver) -> int:
    now, name = clock.now(), wish.channel
    with store.database.reading() as session:
        lines = outbox.waiting(session, name, now)
        sent = outbox.sent_within(session, name, now - WITHIN)
    if not lines:
        return 0
    with store.database.writing(SCOPE) as session:
        outbox.drop_needless(session, name, now)
        lines = outbox.waiting(session, name, now)
    delivered = 0
    for message in plan(lines, sent, wish.most_per_ten_minutes, settings.console_url):
        try:
            deliver(settings.channels[name].url.get_secret_value(), message.title, message.body)
        except NotifyError as error:
            log.warning("channel %s: %s", name, error)
            with store.database.writing(SCOPE) as session:
                outbox.mark_failed(session, name, message.event_ids, str(error), clock.now())
            break
        with store.database.writing(SCOPE) as session:
            outbox.mark_sent(session, name, message.event_ids, clock.now())
        delivered += 1
    return delivered
