<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** What came back for one attempt. Status 0 means that nothing did; $detail then says why. */
final class Answer
{
    public function __construct(
        public readonly int $status,
        public readonly string $detail = '',
        public readonly string $retryAfter = '',
    ) {
    }

    public function isTaken(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }
}
