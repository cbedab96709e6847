<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * What to do after an attempt that was not taken.
 *
 * | answer | next |
 * |---|---|
 * | none, 408, 429, 5xx | again soon: 1, 2, 4 … seconds, or Retry-After; then back into the queue |
 * | 401, 403, 404 and others | somebody has to set something right: back into the queue at once |
 * | 400, 413, 415 | the document itself is refused: given up |
 * | any, once the save is older than the limit | given up |
 */
final class RetryPolicy
{
    public const GIVE_UP = -1;
    public const QUEUE_AGAIN = -2;

    private const REFUSED_DOCUMENT = [400, 413, 415];
    private const MAX_WAIT_SECONDS = 60;

    public function __construct(
        private readonly int $attempts = 5,
        private readonly int $maxAgeSeconds = 604800,
    ) {
    }

    /** @return int seconds to wait before the next attempt, GIVE_UP or QUEUE_AGAIN */
    public function next(Answer $answer, int $attempt, int $ageSeconds): int
    {
        if ($ageSeconds > $this->maxAgeSeconds || in_array($answer->status, self::REFUSED_DOCUMENT, true)) {
            return self::GIVE_UP;
        }
        if (!$this->passesByItself($answer->status) || $attempt >= $this->attempts) {
            return self::QUEUE_AGAIN;
        }
        if (ctype_digit($answer->retryAfter)) {
            return min((int) $answer->retryAfter, self::MAX_WAIT_SECONDS);
        }

        return min(2 ** ($attempt - 1), self::MAX_WAIT_SECONDS);
    }

    private function passesByItself(int $status): bool
    {
        return $status === 0 || $status === 408 || $status === 429 || $status >= 500;
    }
}
