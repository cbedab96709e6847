<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Orderstream\Webhook\Sending\LogInterface;
use Psr\Log\LoggerInterface;

/** var/log/system.log */
class PsrLog implements LogInterface
{
    public function __construct(private readonly LoggerInterface $logger)
    {
    }

    public function trouble(string $text, ?\Throwable $cause = null): void
    {
        $this->logger->error("orderstream: $text", $cause === null ? [] : ['exception' => $cause]);
    }
}
