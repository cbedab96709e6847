<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Sending;

/**
 * One order or customer that has to be sent: all of its saves that wait, joined. Not its content: the
 * dispatcher reads that when it sends, so what is sent is never older than the saves it stands for.
 */
class Delivery
{
    public const ORDER = 'order';
    public const CUSTOMER = 'customer';

    public const WAITING = 'waiting';
    public const SENT = 'sent';
    public const GONE = 'gone';
    public const FAILED = 'failed';
    public const DISMISSED = 'dismissed';
    public const SWITCHED_OFF = 'off';

    /**
     * @param list<int> $rowIds of the saves; exactly these are done when the document was taken
     * @param int $attempts so far
     * @param int $notedAt unix seconds of the oldest save
     * @param int $triedAt unix seconds of the last attempt, 0 before the first
     */
    public function __construct(
        public readonly string $kind,
        public readonly int $id,
        public readonly Scope $scope,
        public readonly array $rowIds,
        public readonly int $attempts = 0,
        public readonly int $notedAt = 0,
        public readonly int $triedAt = 0,
    ) {
        if (!in_array($kind, [self::ORDER, self::CUSTOMER], true) || $id <= 0) {
            throw new \InvalidArgumentException('a delivery is of an order or a customer, with its id');
        }
    }
}
