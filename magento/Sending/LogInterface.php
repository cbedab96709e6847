<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Where the dispatcher says what a person should know. */
interface LogInterface
{
    public function trouble(string $text, ?\Throwable $cause = null): void;
}
