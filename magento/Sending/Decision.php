<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** What becomes of a delivery after an attempt, and of its destination. */
class Decision
{
    /**
     * @param string $state of Delivery: SENT, WAITING or FAILED
     * @param int $retrySeconds until the next attempt, when it waits
     * @param int $pauseSeconds for which nothing at all is sent to this address
     */
    public function __construct(
        public readonly string $state,
        public readonly int $retrySeconds = 0,
        public readonly int $pauseSeconds = 0,
    ) {
    }
}
