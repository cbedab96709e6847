<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Adapter\AdapterInterface;
use Magento\Framework\DB\Select;
use Magento\Framework\DB\Sql\Expression;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\OutboxInterface;
use Orderstream\Webhook\Sending\Scope;

/**
 * The table `orderstream_delivery`.
 *
 * Rows are added, never joined, in the transaction of a save: an insert without a unique key waits for
 * nobody, as long as nobody locks a gap. So everything else finds rows without locking them, and changes
 * one row at a time by its primary key: with a list of keys MySQL may as well read the whole table, and
 * locks its end then, where a checkout inserts (seen on a real server; it could end in a deadlock).
 */
class Outbox implements OutboxInterface
{
    public const TABLE = 'orderstream_delivery';

    private const ANSWER_CHARACTERS = 500;
    private const CLEANED_AT_ONCE = 1000;
    private const DAY_SECONDS = 86400;

    public function __construct(
        private readonly ResourceConnection $resource,
        private readonly Lease $lease,
    ) {
    }

    /** One save, inside its own transaction. */
    public function note(string $event, string $kind, int $id, Scope $scope, string $number = ''): void
    {
        $this->connection()->insert($this->table(), [
            'kind' => $kind,
            'entity_id' => $id,
            'number' => $number,
            'event' => $event,
            'scope' => $scope->type,
            'scope_id' => $scope->id,
            'state' => Delivery::WAITING,
            'noted_at' => new Expression('UTC_TIMESTAMP()'),
            'next_try_at' => new Expression('UTC_TIMESTAMP()'),
        ]);
    }

    public function now(): int
    {
        return $this->lease->now();
    }

    public function acquire(string $owner, int $seconds): bool
    {
        return $this->lease->acquire($owner, $seconds);
    }

    public function renew(string $owner, int $seconds): bool
    {
        return $this->lease->renew($owner, $seconds);
    }

    public function release(string $owner): void
    {
        $this->lease->release($owner);
    }

    public function dueScopes(): array
    {
        $select = $this->dueRows(['scope', 'scope_id'])
            ->group(['scope', 'scope_id'])
            ->order(new Expression('MIN(delivery_id) ASC'));

        return array_map(
            fn (array $row): Scope => new Scope($row['scope'], (int) $row['scope_id']),
            $this->connection()->fetchAll($select),
        );
    }

    public function due(Scope $scope): ?Delivery
    {
        $first = $this->connection()->fetchRow(
            $this->dueRows(['kind', 'entity_id'])
                ->where('scope = ?', $scope->type)
                ->where('scope_id = ?', $scope->id)
                ->order('delivery_id ASC')
                ->limit(1),
        );
        if (!$first) {
            return null;
        }
        $rows = $this->connection()->fetchAll(
            $this->connection()->select()
                ->from($this->table(), ['delivery_id', 'attempts', 'noted_at', 'tried_at'])
                ->where('kind = ?', $first['kind'])
                ->where('entity_id = ?', $first['entity_id'])
                ->where('state = ?', Delivery::WAITING)
                ->order('delivery_id ASC'),
        );

        return $rows === [] ? null : new Delivery(
            $first['kind'],
            (int) $first['entity_id'],
            $scope,
            array_map('intval', array_column($rows, 'delivery_id')),
            (int) max(array_column($rows, 'attempts')),
            $this->lease->unixSeconds(min(array_column($rows, 'noted_at'))),
            $this->lease->unixSeconds(max(array_column($rows, 'tried_at'))),
        );
    }

    public function end(Delivery $delivery, string $state, string $answer): void
    {
        $now = $this->lease->date($this->now());
        $this->change($delivery->rowIds, [
            'state' => $state,
            'attempts' => $delivery->attempts + 1,
            'answer' => $this->cut($answer),
            'tried_at' => $now,
            'ended_at' => $now,
        ]);
    }

    public function later(Delivery $delivery, int $retrySeconds, string $answer): void
    {
        $now = $this->now();
        $this->change($delivery->rowIds, [
            'attempts' => $delivery->attempts + 1,
            'answer' => $this->cut($answer),
            'tried_at' => $this->lease->date($now),
            'next_try_at' => $this->lease->date($now + $retrySeconds),
        ]);
    }

    public function again(Delivery $delivery): void
    {
        $this->note('orderstream_again', $delivery->kind, $delivery->id, $delivery->scope);
    }

    /**
     * A person wants these sent, whatever became of them.
     *
     * @param list<int> $ids of rows
     */
    public function sendAgain(array $ids): int
    {
        $now = $this->lease->date($this->now());

        return $this->changeAny($ids, [
            'state' => Delivery::WAITING,
            'attempts' => 0,
            'noted_at' => $now,
            'next_try_at' => $now,
            'tried_at' => null,
            'ended_at' => null,
        ]);
    }

    /**
     * A person wants these not to be sent, or not to be told of them any more.
     *
     * @param list<int> $ids of rows
     */
    public function giveUp(array $ids): int
    {
        return $this->changeAny(
            $ids,
            ['state' => Delivery::DISMISSED, 'ended_at' => $this->lease->date($this->now())],
            [Delivery::WAITING, Delivery::FAILED],
        );
    }

    /** Removes what ended that many days ago. What failed stays until a person has seen it. */
    public function clean(int $days): int
    {
        $select = $this->connection()->select()
            ->from($this->table(), ['delivery_id'])
            ->where('ended_at < ?', $this->lease->date($this->now() - $days * self::DAY_SECONDS))
            ->where('state <> ?', Delivery::FAILED)
            ->limit(self::CLEANED_AT_ONCE);
        $removed = 0;
        while (($ids = $this->connection()->fetchCol($select)) !== []) {
            foreach ($ids as $id) {
                $removed += $this->connection()->delete($this->table(), ['delivery_id = ?' => (int) $id]);
            }
        }

        return $removed;
    }

    /** What a switched-off store view or website noted that many days ago is not sent any more. */
    public function endOff(Scope $scope, int $days): int
    {
        $select = $this->connection()->select()
            ->from($this->table(), ['delivery_id'])
            ->where('state = ?', Delivery::WAITING)
            ->where('scope = ?', $scope->type)
            ->where('scope_id = ?', $scope->id)
            ->where('noted_at < ?', $this->lease->date($this->now() - $days * self::DAY_SECONDS))
            ->limit(self::CLEANED_AT_ONCE);
        $values = ['state' => Delivery::SWITCHED_OFF, 'ended_at' => $this->lease->date($this->now())];
        $ended = 0;
        while (($ids = $this->connection()->fetchCol($select)) !== []) {
            $ended += $this->changeAny($ids, $values, [Delivery::WAITING]);
        }

        return $ended;
    }

    /** @param list<string> $columns */
    private function dueRows(array $columns): Select
    {
        return $this->connection()->select()
            ->from($this->table(), $columns)
            ->where('state = ?', Delivery::WAITING)
            ->where('next_try_at <= ?', $this->lease->date($this->now()));
    }

    /**
     * @param list<int> $ids of rows that still wait: one that a person gave up meanwhile stays so
     * @param array<string, mixed> $values
     */
    private function change(array $ids, array $values): void
    {
        $this->changeAny($ids, $values, [Delivery::WAITING]);
    }

    /**
     * @param list<int> $ids
     * @param array<string, mixed> $values
     * @param list<string> $states every state when empty
     */
    private function changeAny(array $ids, array $values, array $states = []): int
    {
        // CONCAT keeps MySQL from finding the row by the index on `state`, and locking gaps there.
        $condition = $states === [] ? [] : ["CONCAT(state, '') IN (?)" => $states];
        $changed = 0;
        foreach ($ids as $id) {
            $where = ['delivery_id = ?' => (int) $id] + $condition;
            $changed += (int) $this->connection()->update($this->table(), $values, $where);
        }

        return $changed;
    }

    private function cut(string $answer): string
    {
        return mb_substr(mb_scrub($answer, 'UTF-8'), 0, self::ANSWER_CHARACTERS, 'UTF-8');
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
