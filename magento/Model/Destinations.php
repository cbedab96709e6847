<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Model;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Sql\Expression;
use Orderstream\Webhook\Sending\DestinationsInterface;
use Orderstream\Webhook\Sending\DestinationState;

/** The table `orderstream_destination`: one row for each address. */
class Destinations implements DestinationsInterface
{
    public const TABLE = 'orderstream_destination';

    private const URL_CHARACTERS = 255;
    private const ANSWER_CHARACTERS = 500;

    public function __construct(
        private readonly ResourceConnection $resource,
        private readonly Lease $lease,
    ) {
    }

    public function state(string $url): DestinationState
    {
        $connection = $this->resource->getConnection();
        $row = $connection->fetchRow(
            $connection->select()
                ->from($this->table(), ['failures', 'paused_until', 'took_at'])
                ->where('url_hash = ?', $this->key($url)),
        );

        return !$row ? new DestinationState() : new DestinationState(
            (int) $row['failures'],
            $this->lease->unixSeconds($row['paused_until']),
            $this->lease->unixSeconds($row['took_at']),
        );
    }

    public function took(string $url, int $now): void
    {
        $this->write($url, ['failures' => 0, 'paused_until' => null, 'took_at' => $this->lease->date($now)]);
    }

    public function failed(string $url, int $now, int $pausedUntil, string $answer): void
    {
        $this->write($url, [
            'failures' => 1,
            'paused_until' => $this->lease->date($pausedUntil),
            'failed_at' => $this->lease->date($now),
            'answer' => mb_substr(mb_scrub($answer, 'UTF-8'), 0, self::ANSWER_CHARACTERS, 'UTF-8'),
        ], ['failures' => new Expression('failures + 1')]);
    }

    /**
     * @param array<string, mixed> $values of a new row, and of one that is there
     * @param array<string, mixed> $instead what one that is there gets instead
     */
    private function write(string $url, array $values, array $instead = []): void
    {
        $row = ['url_hash' => $this->key($url), 'url' => mb_substr($url, 0, self::URL_CHARACTERS)] + $values;
        $plain = array_diff(array_keys($values), array_keys($instead));
        $this->resource->getConnection()->insertOnDuplicate($this->table(), $row, $instead + array_values($plain));
    }

    private function key(string $url): string
    {
        return hash('sha256', $url);
    }

    private function table(): string
    {
        return $this->resource->getTableName(self::TABLE);
    }
}
