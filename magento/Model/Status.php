<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Sql\Expression;
use Orderstream\Webhook\Sending\Delivery;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Sending\TargetsInterface;

/** How deliveries stand: for the line above the grid and below the settings, and for the admin's bell. */
class Status
{
    /** Cron looks every minute: what is this old was not sent for a reason. */
    public const LATE_SECONDS = 900;

    /** @var ?array{waiting: int, failed: int, oldestSeconds: int, lastSuccess: string, answer: string} */
    private ?array $read = null;

    public function __construct(
        private readonly ResourceConnection $resource,
        private readonly Lease $lease,
        private readonly TargetsInterface $targets,
    ) {
    }

    /**
     * @return array{waiting: int, failed: int, oldestSeconds: int, lastSuccess: string, answer: string}
     */
    public function read(): array
    {
        return $this->read ??= $this->counts() + $this->lastAnswers();
    }

    public function isLate(): bool
    {
        return $this->read()['oldestSeconds'] > self::LATE_SECONDS;
    }

    /** @return array{waiting: int, failed: int, oldestSeconds: int} */
    private function counts(): array
    {
        $counts = [Delivery::WAITING => 0, Delivery::FAILED => 0];
        $oldest = $now = $this->lease->now();
        foreach ($this->rows() as $row) {
            if ($row['state'] === Delivery::WAITING) {
                $oldest = min($oldest, $this->lease->unixSeconds($row['oldest']));
            }
            $counts[$row['state']] += (int) $row['rows'];
        }

        return [
            'waiting' => $counts[Delivery::WAITING],
            'failed' => $counts[Delivery::FAILED],
            'oldestSeconds' => $now - $oldest,
        ];
    }

    /**
     * Without what waits for nobody: cron and imports note the saves of a switched-off store too.
     *
     * @return list<array<string, mixed>>
     */
    private function rows(): array
    {
        $connection = $this->resource->getConnection();
        $rows = $connection->fetchAll(
            $connection->select()
                ->from($this->resource->getTableName(Outbox::TABLE), [
                    'state', 'scope', 'scope_id',
                    'rows' => new Expression('COUNT(*)'), 'oldest' => new Expression('MIN(noted_at)'),
                ])
                ->where('state IN (?)', [Delivery::WAITING, Delivery::FAILED])
                ->group(['state', 'scope', 'scope_id']),
        );

        return array_filter($rows, fn (array $row): bool => $row['state'] === Delivery::FAILED
            || $this->targets->of(new Scope($row['scope'], (int) $row['scope_id']))->problem !== Target::SWITCHED_OFF);
    }

    /** @return array{lastSuccess: string, answer: string} */
    private function lastAnswers(): array
    {
        $connection = $this->resource->getConnection();
        $rows = $connection->fetchAll(
            $connection->select()
                ->from($this->resource->getTableName(Destinations::TABLE), ['took_at', 'failures', 'answer']),
        );
        $failing = array_filter($rows, fn (array $row): bool => (int) $row['failures'] > 0);

        return [
            'lastSuccess' => (string) max(['', ...array_column($rows, 'took_at')]),
            'answer' => (string) (reset($failing)['answer'] ?? ''),
        ];
    }
}
