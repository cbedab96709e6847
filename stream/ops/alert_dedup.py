"""Which alerts a person is told of, and when: once, again after hours, and when it is over.

A fault that comes and goes (a breaker that closes for one call) would ring every few seconds, so
'resolved' is said only after a calm spell, and a return within it says nothing.

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.ops.alerts import Alert
from stream.ops.masking import mask_text
from stream.ops.quoted_masking import LONG_NUMBER

CALM_SECONDS = 60.0
DETAIL_CHARACTERS = 400
# Fired anew for another kind only, and a day has few of them.
NEWS_EACH_TIME = frozenset({Alert.DEAD_LETTER})
# A process' last words: nobody is there to end or repeat them.
LAST_WORDS = frozenset({Alert.WORKER_FROZEN, Alert.WORKER_STALLED})


NO_END = "this process has ended: no RESOLVED follows, its supervisor starts it again"


@dataclass(slots=True)
class _Told:
    detail: str
    since: float
    told_at: float
    ended_at: float | None = None


class Notices:
    """Turns changes of alerts into texts. `source` names the process, e.g. `worker w-1`."""

    def __init__(self, *, source: str, repeat_seconds: float) -> None:
        self._source = source
        self._repeat_seconds = repeat_seconds
        self._told: dict[Alert, _Told] = {}

    def take_over(self, alert: Alert, detail: str, *, since: float, told_at: float) -> None:
        """Go on with an alert that an earlier process has told."""
        self._told[alert] = _Told(detail, since, told_at)

    def changed(self, alert: Alert, detail: str | None, now: float) -> str | None:
        """Note that an alert fired, or was resolved (detail None); return what to say now."""
        told = self._told.get(alert)
        if detail is None:
            if told is not None and told.ended_at is None:
                told.ended_at = now
            return None
        if told is not None:
            told.ended_at, told.detail = None, detail
            if alert not in NEWS_EACH_TIME:
                return None
            told.told_at = now
            return self._text("ALERT", alert, safe_text(detail))
        self._told[alert] = _Told(detail, since=now, told_at=now)
        text = self._text("ALERT", alert, safe_text(detail))
        return f"{text} ({NO_END})" if alert in LAST_WORDS else text

    def last(self, now: float) -> list[str]:
        """Return what is to be said by a process that ends: it has no calm spell to wait for."""
        return self.due(now, calm_seconds=0.0)

    def due(self, now: float, *, calm_seconds: float = CALM_SECONDS) -> list[str]:
        """Return what is to be said because time has passed."""
        texts = []
        for alert, told in list(self._told.items()):
            lasted = _minutes((told.ended_at or now) - told.since)
            if told.ended_at is not None:
                if now - told.ended_at >= calm_seconds:
                    del self._told[alert]
                    texts.append(self._text("RESOLVED", alert, f"it lasted {lasted}"))
            elif now - told.told_at >= self._repeat_seconds:
                told.told_at = now
                detail = f"for {lasted}: {safe_text(told.detail)}"
                texts.append(self._text("STILL ACTIVE", alert, detail))
        return texts

    def _text(self, what: str, alert: Alert, detail: str) -> str:
        return f"{what} {alert.value} ({self._source}): {detail}"


def safe_text(text: str) -> str:
    """Return the text without e-mail addresses and long numbers (telephone, card), cut short."""
    return LONG_NUMBER.sub("***", mask_text(text))[:DETAIL_CHARACTERS]


def _minutes(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
