<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Posts bytes. Whatever goes wrong is an Answer with status 0, never an exception. */
interface TransportInterface
{
    /** @param array<string, string> $headers */
    public function post(string $url, array $headers, string $body, int $timeoutSeconds): Answer;
}
