<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * What to do after an attempt.
 *
 * | answer | the delivery | its address |
 * |---|---|---|
 * | 2xx with the receipt of an ingress | is sent | goes on |
 * | 400, 413, 415, 422 in the ingress' words | fails: the document itself is refused | goes on |
 * | anything else, or nothing | waits 10, 20, 40 … 120 seconds | pauses 5, 10, 20 … 60 seconds, or Retry-After |
 * | the same, while the address takes others | waits up to an hour; fails after the days of the settings | pauses |
 * | the document cannot be read | waits 1, 2, 4 … 60 minutes; fails after the days of the settings | goes on |
 *
 * An outage therefore gives nothing up, however long it lasts: nothing else is taken meanwhile.
 */
class RetryPolicy
{
    private const REFUSED_DOCUMENT = [400, 413, 415, 422];
    private const FIRST_RETRY_SECONDS = 10;
    private const LONGEST_RETRY_SECONDS = 120;
    private const FIRST_PAUSE_SECONDS = 5;
    private const LONGEST_PAUSE_SECONDS = 60;
    private const LONGEST_RETRY_AFTER_SECONDS = 300;
    private const MINUTE_SECONDS = 60;
    private const HOUR_SECONDS = 3600;

    public function after(
        Answer $answer,
        Delivery $delivery,
        DestinationState $destination,
        int $now,
        int $keepTryingSeconds,
    ): Decision {
        if ($answer->isTaken()) {
            return new Decision(Delivery::SENT);
        }
        if (in_array($answer->status, self::REFUSED_DOCUMENT, true) && $answer->isOfTheIngress()) {
            return new Decision(Delivery::FAILED);
        }
        $pause = $this->pause($answer, $destination->failuresInARow + 1);
        $othersWereTaken = $delivery->triedAt > 0 && $destination->tookAt > $delivery->triedAt;
        if ($othersWereTaken && $this->isTooOld($delivery, $now, $keepTryingSeconds)) {
            return new Decision(Delivery::FAILED, 0, $pause);
        }
        $longest = $othersWereTaken ? self::HOUR_SECONDS : self::LONGEST_RETRY_SECONDS;
        $retry = $this->doubled(self::FIRST_RETRY_SECONDS, $delivery->attempts + 1, $longest);

        return new Decision(Delivery::WAITING, max($retry, $pause), $pause);
    }

    public function afterUnreadable(Delivery $delivery, int $now, int $keepTryingSeconds): Decision
    {
        if ($this->isTooOld($delivery, $now, $keepTryingSeconds)) {
            return new Decision(Delivery::FAILED);
        }

        return new Decision(
            Delivery::WAITING,
            $this->doubled(self::MINUTE_SECONDS, $delivery->attempts + 1, self::HOUR_SECONDS),
        );
    }

    private function pause(Answer $answer, int $failures): int
    {
        if (ctype_digit($answer->retryAfter)) {
            return max(1, min((int) $answer->retryAfter, self::LONGEST_RETRY_AFTER_SECONDS));
        }

        return $this->doubled(self::FIRST_PAUSE_SECONDS, $failures, self::LONGEST_PAUSE_SECONDS);
    }

    private function isTooOld(Delivery $delivery, int $now, int $keepTryingSeconds): bool
    {
        return $now - $delivery->notedAt > $keepTryingSeconds;
    }

    /** $first, twice as much each further time, up to $longest. */
    private function doubled(int $first, int $time, int $longest): int
    {
        return min($first * 2 ** min($time - 1, 16), $longest);
    }
}
