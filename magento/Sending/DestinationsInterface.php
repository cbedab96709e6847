<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** What is known of each address, kept where every process sees it. */
interface DestinationsInterface
{
    public function state(string $url): DestinationState;

    public function took(string $url, int $now): void;

    public function failed(string $url, int $now, int $pausedUntil, string $answer): void;
}
