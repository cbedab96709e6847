<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** How one address has answered lately, as all processes know it. */
class DestinationState
{
    public function __construct(
        public readonly int $failuresInARow = 0,
        public readonly int $pausedUntil = 0,
        public readonly int $tookAt = 0,
    ) {
    }
}
