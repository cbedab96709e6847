<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Reads what a delivery is about, as it is now. May throw. */
interface DocumentsInterface
{
    /** @return ?array<string, mixed> null when it does not exist any more */
    public function read(string $kind, int $id): ?array;
}
