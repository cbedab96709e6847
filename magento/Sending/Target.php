<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Where a scope's deliveries go, as the settings say at this moment. */
class Target
{
    public const SWITCHED_OFF = 'it is switched off';

    /** @param string $problem why nothing can be sent now, '' when it can */
    public function __construct(
        public readonly string $url,
        public readonly string $secret,
        public readonly int $timeoutSeconds = 15,
        public readonly int $keepTryingSeconds = 604800,
        public readonly string $problem = '',
    ) {
    }
}
