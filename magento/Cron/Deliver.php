<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Cron;

use Orderstream\Webhook\Sending\Dispatcher;

/** Looks every minute, whatever the queue does. */
class Deliver
{
    private const LOOK_SECONDS = 50;

    public function __construct(private readonly Dispatcher $dispatcher)
    {
    }

    public function execute(): void
    {
        $this->dispatcher->look(self::LOOK_SECONDS);
    }
}
