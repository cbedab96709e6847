<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/** Whose settings count for a delivery: an order's store view, a customer's website. */
class Scope
{
    public const STORES = 'stores';
    public const WEBSITES = 'websites';
    public const EVERYWHERE = 'default';

    public function __construct(
        public readonly string $type = self::EVERYWHERE,
        public readonly int $id = 0,
    ) {
        if (!in_array($type, [self::STORES, self::WEBSITES, self::EVERYWHERE], true)) {
            throw new \InvalidArgumentException('a scope is of a store view, of a website, or of everywhere');
        }
    }
}
