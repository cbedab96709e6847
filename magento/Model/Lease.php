<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Adapter\AdapterInterface;
use Magento\Framework\DB\Sql\Expression;

/**
 * One row says which process sends. Every step is one statement with a condition, so two processes
 * cannot both have it; a killed one loses it by time.
 */
class Lease
{
    public const TABLE = 'orderstream_lease';

    private const NAME = 'dispatcher';
    private const ASKED_SECONDS = 60;

    public function __construct(private readonly ResourceConnection $resource)
    {
    }

    /** The database's clock, unix seconds. */
    public function now(): int
    {
        $select = $this->connection()->select()
            ->from($this->table(), [new Expression('UNIX_TIMESTAMP()')])
            ->where('name = ?', self::NAME);
        $now = $this->connection()->fetchOne($select);
        if ($now === false || $now === null) {
            $this->connection()->insertOnDuplicate($this->table(), ['name' => self::NAME], ['name']);
            $now = $this->connection()->fetchOne($select);
        }

        return (int) $now;
    }

    public function acquire(string $owner, int $seconds): bool
    {
        $now = $this->now();

        return $this->change(
            ['owner' => $owner, 'until_at' => $this->date($now + $seconds), 'asked_at' => null],
            ["owner = '' OR until_at IS NULL OR until_at < ?" => $this->date($now)],
        );
    }

    public function renew(string $owner, int $seconds): bool
    {
        return $this->change(['until_at' => $this->date($this->now() + $seconds)], ['owner = ?' => $owner]);
    }

    public function release(string $owner): void
    {
        $this->change(['owner' => '', 'asked_at' => null], ['owner = ?' => $owner]);
    }

    /** Whether a message has to be put into the queue: not when one is there that nobody answered yet. */
    public function ask(): bool
    {
        $now = $this->now();

        return $this->change(
            ['asked_at' => $this->date($now)],
            ['asked_at IS NULL OR asked_at < ?' => $this->date($now - self::ASKED_SECONDS)],
        );
    }

    public function date(int $unixSeconds): string
    {
        return gmdate('Y-m-d H:i:s', $unixSeconds);
    }

    public function unixSeconds(?string $date): int
    {
        return $date === null || $date === '' ? 0 : (int) strtotime($date . ' UTC');
    }

    /**
     * @param array<string, mixed> $values
     * @param array<string, mixed> $where
     */
    private function change(array $values, array $where): bool
    {
        // MySQL counts changed rows only: without `beats` a renewal in the same second is none.
        $values['beats'] = new Expression('beats + 1');

        return $this->connection()->update($this->table(), $values, ['name = ?' => self::NAME] + $where) > 0;
    }

    private function connection(): AdapterInterface
    {
        return $this->resource->getConnection();
    }

    private function table(): string
    {
        return $this->resource->getTableName(self::TABLE);
    }
}
