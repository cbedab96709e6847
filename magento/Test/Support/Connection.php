<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

/** A connection of the store to a database, as far as its transactions go. */
class Connection
{
    public function __construct(public int $level = 0)
    {
    }

    public function getTransactionLevel(): int
    {
        return $this->level;
    }
}
