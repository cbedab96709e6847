<?php

declare(strict_types=1);

namespace Orderstream\Webhook\Test\Unit;

use Magento\Framework\App\ResourceConnection;
use Magento\Framework\DB\Adapter\AdapterInterface;
use Magento\Framework\DB\Select;
use Orderstream\Webhook\Model\Lease;
use Orderstream\Webhook\Model\Status;
use Orderstream\Webhook\Sending\Scope;
use Orderstream\Webhook\Sending\Target;
use Orderstream\Webhook\Sending\TargetsInterface;
use PHPUnit\Framework\TestCase;

class StatusTest extends TestCase
{
    private const NOW = 1700000000;

    /** @return array<string, array{list<array<string, mixed>>, int, int, int}> rows, waiting, failed, seconds */
    public static function tables(): array
    {
        $old = ['rows' => '2', 'oldest' => (string) (self::NOW - 7200)];
        $new = ['rows' => '3', 'oldest' => (string) (self::NOW - 60)];
        $on = ['scope' => 'stores', 'scope_id' => '1'];
        $off = ['scope' => 'websites', 'scope_id' => '9'];

        return [
            'nothing' => [[], 0, 0, 0],
            'of two stores' => [[['state' => 'waiting'] + $on + $new, ['state' => 'waiting'] + $on + $old], 5, 0, 7200],
            'for a store that is off' => [[['state' => 'waiting'] + $off + $old], 0, 0, 0],
            'failed before it was off' => [[['state' => 'failed'] + $off + $old], 0, 2, 0],
        ];
    }

    /**
     * @dataProvider tables
     *
     * @param list<array<string, mixed>> $rows
     */
    public function testTheBellSpeaksOnlyOfWhatWillBeSent(array $rows, int $waiting, int $failed, int $seconds): void
    {
        $status = $this->status($rows);
        $read = $status->read();
        self::assertSame([$waiting, $failed, $seconds], [$read['waiting'], $read['failed'], $read['oldestSeconds']]);
        self::assertSame($seconds > Status::LATE_SECONDS, $status->isLate());
    }

    /** @param list<array<string, mixed>> $rows */
    private function status(array $rows): Status
    {
        $connection = $this->createStub(AdapterInterface::class);
        $select = $this->createStub(Select::class);
        foreach (['from', 'where', 'group'] as $part) {
            $select->method($part)->willReturnSelf();
        }
        $connection->method('select')->willReturn($select);
        $connection->method('fetchAll')->willReturnOnConsecutiveCalls($rows, []);
        $resource = $this->createStub(ResourceConnection::class);
        $resource->method('getConnection')->willReturn($connection);
        $lease = $this->createStub(Lease::class);
        $lease->method('now')->willReturn(self::NOW);
        $lease->method('unixSeconds')->willReturnCallback(fn (?string $date): int => (int) $date);
        $targets = $this->createStub(TargetsInterface::class);
        $targets->method('of')->willReturnCallback(
            fn (Scope $scope): Target => new Target('', '', problem: $scope->id === 9 ? Target::SWITCHED_OFF : 'no address'),
        );

        return new Status($resource, $lease, $targets);
    }
}
