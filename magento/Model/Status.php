<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Sql\Expression;
use Orderstream\Webhook\Sending\Delivery;

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
        $connection = $this->resource->getConnection();
        $rows = $connection->fetchAll(
            $connection->select()
                ->from(
                    $this->resource->getTableName(Outbox::TABLE),
                    ['state', 'rows' => new Expression('COUNT(*)'), 'oldest' => new Expression('MIN(noted_at)')],
                )
                ->where('state IN (?)', [Delivery::WAITING, Delivery::FAILED])
                ->group('state'),
        );
        $byState = array_column($rows, null, 'state');
        $oldest = $this->lease->unixSeconds($byState[Delivery::WAITING]['oldest'] ?? null);

        return [
            'waiting' => (int) ($byState[Delivery::WAITING]['rows'] ?? 0),
            'failed' => (int) ($byState[Delivery::FAILED]['rows'] ?? 0),
            'oldestSeconds' => $oldest === 0 ? 0 : max(0, $this->lease->now() - $oldest),
        ];
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
