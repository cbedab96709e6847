<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Support;

/** What a collection of the store holds, as far as its data go. */
class Row
{
    /** @param array<string, mixed> $data */
    public function __construct(private readonly array $data)
    {
    }

    public function getData(string $name): mixed
    {
        return $this->data[$name] ?? null;
    }
}
